/**
 * The peer ends its direction: behind whole requests, inside a head, and while
 * handlers are at work, in every split and with handlers of different speed.
 */

import { assert, assertEquals } from "@std/assert";
import { encodeOctets } from "../../codec/ascii.ts";
import { ProtocolError } from "../../codec/errors.ts";
import { Server } from "../../server/server.ts";
import { logOf, noteTeardown, runWire } from "../_helpers.ts";
import { everySplit } from "../_splits.ts";

/** How many microtasks a handler takes. */
const SPEEDS = [0, 1, 5, 30];

function serve(turns: number, body = "ok"): Server {
  return Server.builder("127.0.0.1:0")
    .connectionTeardownHook(noteTeardown)
    .fallbackRoute((ctx, res) => {
      logOf(ctx.conn).push(ctx.uri.path);
      if (turns === 0) return res.ok(body);
      return answerLater(turns, () => res.ok(body));
    })
    .build();
}

async function answerLater(turns: number, answer: () => void): Promise<void> {
  for (let turn = 0; turn < turns; turn++) await Promise.resolve();
  answer();
  for (let turn = 0; turn < turns; turn++) await Promise.resolve();
}

async function check(
  wire: string,
  log: readonly string[],
  statuses: readonly number[],
): Promise<void> {
  for (const turns of SPEEDS) {
    const server = serve(turns);
    for (const pieces of everySplit(encodeOctets(wire))) {
      const outcome = await runWire(server, pieces, {
        expectResponses: Infinity,
        endsAfterPieces: true,
      });
      const { responses, rest, teardownError } = outcome;
      const message = `${turns} turns, ${pieces.map((piece) => piece.length)}`;
      assertEquals(outcome.log, log, message);
      assertEquals(responses.map(({ status }) => status), statuses, message);
      assertEquals(rest, "", message);
      const isFault = statuses.at(-1) === 400;
      assertEquals(teardownError instanceof ProtocolError, isFault, message);
    }
  }
}

Deno.test("R108: requests that are complete are served behind the end", async () => {
  await check("GET /1 HTTP/1.1\r\nHost: a\r\n\r\n", ["/1"], [200]);
  await check(
    "GET /1 HTTP/1.1\r\nHost: a\r\n\r\nGET /2 HTTP/1.1\r\nHost: a\r\n\r\n",
    ["/1", "/2"],
    [200, 200],
  );
});

Deno.test("R108: many requests with long answers are served behind the end", async () => {
  const requests = Array.from(
    { length: 10 },
    (_, i) => `GET /${i} HTTP/1.1\r\nHost: a\r\n\r\n`,
  );
  for (const turns of SPEEDS) {
    const outcome = await runWire(
      serve(turns, "x".repeat(50_000)),
      [encodeOctets(requests.join(""))],
      {
        expectResponses: Infinity,
        endsAfterPieces: true,
        maxWriteBytes: 30_000,
      },
    );
    assertEquals(outcome.log.length, 10);
    assertEquals(outcome.responses.length, 10);
  }
});

Deno.test("R109: nothing, or one CRLF, is no request", async () => {
  await check("", [], []);
  await check("\r\n", [], []);
  await check("GET /1 HTTP/1.1\r\nHost: a\r\n\r\n\r\n", ["/1"], [200]);
});

Deno.test("R109: a head that breaks off is refused", async () => {
  await check("G", [], [400]);
  await check("GET / HTTP/1.1\r\nHost: a\r\n\r", [], [400]);
  await check(
    "GET /1 HTTP/1.1\r\nHost: a\r\n\r\nGET /2 HT",
    ["/1"],
    [200, 400],
  );
});

Deno.test("R109: the error of a head that breaks off has its code", async () => {
  const { teardownError } = await runWire(serve(0), [encodeOctets("GET /")], {
    endsAfterPieces: true,
  });
  assert(teardownError instanceof ProtocolError);
  assertEquals([teardownError.code, teardownError.status], [
    "TRUNCATED_HEAD",
    400,
  ]);
});
