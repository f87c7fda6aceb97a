/**
 * The types of params follow from the pattern. `deno check` checks the comments
 * that expect an error; the test checks that the values are as the types say.
 */

import { assertEquals } from "@std/assert";
import type {
  Handler,
  Params,
  RequestContext,
  ServerBuilder,
} from "../../mod.ts";
import { testEngines } from "../support/engines.ts";
import { request } from "../support/serve.ts";

/** For every route: a param that it lacks is `undefined`. */
const show: Handler = (ctx, res) => {
  const id: string | undefined = ctx.params.get("id");
  res.ok(id ?? "none");
};

/** For routes with a param `id`. */
function showId(ctx: RequestContext<Params<"id">>): string {
  return ctx.params.get("id");
}

function configure(app: ServerBuilder): void {
  app.get("/user/:id", (ctx, res) => {
    const id: string = ctx.params.get("id");
    // @ts-expect-error: the pattern has no such param
    const wrong: string | undefined = ctx.params.get("nmae");
    res.ok(`${id} ${wrong}`);
  });
  app.post("/user/:id/posts/:post", async (ctx, res) => {
    const post: string = ctx.params.decoded("post");
    await ctx.body.bytes();
    // @ts-expect-error: nor here
    const wrong: string | undefined = ctx.params.decoded("posts");
    res.ok(`${ctx.params.get("id")} ${post} ${wrong}`);
  });
  app.route("PURGE", "/cache", (ctx, res) => {
    // @ts-expect-error: the pattern has no params
    res.ok(`${ctx.params.get("id")}`);
  });
  app.put("/:id", (ctx, res) => res.ok(showId(ctx)));
  // @ts-expect-error: the handler needs a param that the pattern lacks
  app.patch("/:name", (ctx, res) => res.ok(showId(ctx)));
  app.get("/shared/:id", show).get("/shared", show);
  const pattern: string = ["", "late", ":id"].join("/");
  app.get(pattern, (ctx, res) => {
    const id: string | undefined = ctx.params.get("id"); // names are unknown
    res.ok(id);
  });
  // @ts-expect-error: with unknown names, a param may be missing
  app.delete(pattern, (ctx, res) => res.ok(ctx.params.get("id").trim()));
}

const answers: readonly (readonly [line: string, body: string])[] = [
  ["GET /user/7", "7 undefined"],
  ["POST /user/7/posts/a%20b", "7 a b undefined"],
  ["PURGE /cache", "undefined"],
  ["PUT /7", "7"],
  ["GET /shared/7", "7"],
  ["GET /shared", "none"],
  ["GET /late/7", "7"],
  ["DELETE /late/7", "7"],
];

testEngines("params are what their types say", async (engine) => {
  await using server = engine.serve(configure);
  using client = await server.connect();
  for (const [line, body] of answers) {
    assertEquals((await client.ask(request(line))).body, body, line);
  }
});
