/**
 * Bodies that are broken, or whole, behind handlers that do not read them or
 * do not mind: what follows a fault is never a request (R3, R67 to R80, R102),
 * and what follows a whole body is one (R66, R77).
 */

import { assert, assertEquals } from "@std/assert";
import { encodeOctets } from "../codec/ascii.ts";
import type { Handler } from "../server/hooks.ts";
import { Server } from "../server/server.ts";
import type { ConformanceCase } from "./conformance/_case.ts";
import { chunkedCases } from "./conformance/chunked_cases.ts";
import { trailerCases } from "./conformance/trailer_cases.ts";
import { logOf, noteTeardown, runWire } from "./_helpers.ts";
import { everySplit, seededSplits } from "./_splits.ts";

const BEHIND = "GET /behind HTTP/1.1\r\nHost: a\r\n\r\n";

const HANDLERS: Readonly<Record<string, Handler>> = {
  "answers at once": (_, res) => res.ok("ok"),
  "answers later": async (_, res) => {
    await Promise.resolve();
    res.ok("ok");
  },
  "reads one piece": async (ctx, res) => {
    for await (const piece of ctx.body) {
      assert(piece.length > 0);
      break;
    }
    res.ok("ok");
  },
  "swallows the error": async (ctx, res) => {
    await ctx.body.bytes().catch(() => {});
    res.ok("ok");
  },
};

function serve(testCase: ConformanceCase, handler: Handler): Server {
  return Server.builder("127.0.0.1:0", testCase.options)
    .connectionTeardownHook(noteTeardown)
    .fallbackRoute((ctx, res) => {
      logOf(ctx.conn).push(ctx.uri.path);
      return handler(ctx, res);
    })
    .build();
}

function* deliveries(bytes: Uint8Array): Generator<Uint8Array[]> {
  if (bytes.length < 512) yield* everySplit(bytes);
  else yield* seededSplits(bytes, 10, bytes.length);
}

async function checkBroken(
  testCase: ConformanceCase,
  handler: Handler,
): Promise<void> {
  const server = serve(testCase, handler);
  const isCut = testCase.ending === "ended by peer";
  const wire = testCase.wire + (isCut ? "" : BEHIND);
  for (const pieces of deliveries(encodeOctets(wire))) {
    const outcome = await runWire(server, pieces, {
      expectResponses: Infinity,
      endsAfterPieces: isCut,
    });
    const message = `${testCase.name} in ${pieces.length} pieces`;
    assertEquals(outcome.log, ["/"], message);
    assert(outcome.responses.length <= 1, message);
    assertEquals(outcome.rest, "", message);
    if (!isCut) assert(outcome.closedByServer, message);
  }
}

async function checkWhole(
  testCase: ConformanceCase,
  handler: Handler,
): Promise<void> {
  const server = serve(testCase, handler);
  for (const pieces of deliveries(encodeOctets(testCase.wire + BEHIND))) {
    const outcome = await runWire(server, pieces, { expectResponses: 2 });
    const message = `${testCase.name} in ${pieces.length} pieces`;
    assertEquals(outcome.log, ["/", "/behind"], message);
    assertEquals(outcome.responses.map(({ status }) => status), [200, 200]);
    assertEquals(outcome.rest, "", message);
  }
}

const cases = [...chunkedCases, ...trailerCases];

for (const [name, handler] of Object.entries(HANDLERS)) {
  Deno.test(`R67 to R80, R102: a broken body ends the connection of a handler that ${name}`, async () => {
    for (const testCase of cases) {
      if (testCase.ending !== "keeps") await checkBroken(testCase, handler);
    }
  });

  Deno.test(`R66, R77: a whole body keeps the connection of a handler that ${name}`, async () => {
    for (const testCase of cases) {
      if (testCase.ending === "keeps") await checkWhole(testCase, handler);
    }
  });
}
