/**
 * Runs applications of web frameworks from npm, unmodified, on `Deno.serve()` and
 * on each engine of this package: all must give the same answers.
 * `framework_answers.ts` names the differences that remain.
 */

import type { FetchModule } from "../../fetch/mod.ts";
import { assertSameAnswers } from "../support/framework_answers.ts";
import { app as elysia } from "./frameworks/elysia.ts";
import { app as h3 } from "./frameworks/h3.ts";
import { app as hono } from "./frameworks/hono.ts";
import { app as itty } from "./frameworks/itty_router.ts";
import { app as oak } from "./frameworks/oak.ts";
import { app as reactRouter } from "./frameworks/react_router.ts";

const FRAMEWORKS: readonly (readonly [name: string, app: FetchModule])[] = [
  ["hono", hono],
  ["h3", h3],
  ["itty-router", itty],
  ["elysia", elysia],
  ["oak", oak],
  ["react-router", reactRouter],
];

for (const [name, app] of FRAMEWORKS) {
  Deno.test(`${name} gives the same answers as on Deno.serve()`, async () => {
    await assertSameAnswers(app);
  });
}
