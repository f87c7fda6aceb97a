/**
 * The peer ends its direction after complete requests, inside a head, or while
 * handlers run, in every split and with handlers of different speed.
 */

import { assert, assertEquals } from "@std/assert";
import { encodeLatin1 } from "../../codec/ascii.ts";
import { ProtocolError } from "../../codec/errors.ts";
import { type TestEngine, testEngines } from "../support/engines.ts";
import { everySplit } from "../support/splits.ts";
import { runEach, type Wire } from "../support/wire.ts";

/** Numbers of microtasks that a handler takes. */
const SPEEDS = [0, 1, 5, 30];

function wireOf(engine: TestEngine, turns: number, body = "ok"): Wire {
  return engine.wire((app, logOf) =>
    app.fallbackRoute((ctx, res) => {
      logOf(ctx.conn).push(ctx.uri.path);
      if (turns === 0) return res.ok(body);
      return answerLater(turns, () => res.ok(body));
    })
  );
}

async function answerLater(turns: number, answer: () => void): Promise<void> {
  for (let turn = 0; turn < turns; turn++) await Promise.resolve();
  answer();
  for (let turn = 0; turn < turns; turn++) await Promise.resolve();
}

async function check(
  engine: TestEngine,
  wire: string,
  log: readonly string[],
  statuses: readonly number[],
): Promise<void> {
  for (const turns of SPEEDS) {
    await using server = wireOf(engine, turns);
    const options = { expectResponses: Infinity, endsAfterPieces: true };
    const deliveries = everySplit(encodeLatin1(wire));
    await runEach(server, deliveries, options, (outcome, pieces) => {
      const { responses, rest, teardownError } = outcome;
      const message = `${turns} turns, ${pieces.map((piece) => piece.length)}`;
      assertEquals(outcome.log, log, message);
      assertEquals(responses.map(({ status }) => status), statuses, message);
      assertEquals(rest, "", message);
      const isFault = statuses.at(-1) === 400;
      assertEquals(teardownError instanceof ProtocolError, isFault, message);
    });
  }
}

testEngines(
  "R108: complete requests are served after the end",
  async (engine) => {
    await check(engine, "GET /1 HTTP/1.1\r\nHost: a\r\n\r\n", ["/1"], [200]);
    await check(
      engine,
      "GET /1 HTTP/1.1\r\nHost: a\r\n\r\nGET /2 HTTP/1.1\r\nHost: a\r\n\r\n",
      ["/1", "/2"],
      [200, 200],
    );
  },
);

testEngines(
  "R108: many requests with long responses are served after the end",
  async (engine) => {
    const requests = Array.from(
      { length: 10 },
      (_, i) => `GET /${i} HTTP/1.1\r\nHost: a\r\n\r\n`,
    );
    for (const turns of SPEEDS) {
      await using server = wireOf(engine, turns, "x".repeat(50_000));
      const outcome = await server.run(
        [encodeLatin1(requests.join(""))],
        {
          expectResponses: Infinity,
          endsAfterPieces: true,
          maxWriteBytes: 30_000,
        },
      );
      assertEquals(outcome.log.length, 10);
      assertEquals(outcome.responses.length, 10);
    }
  },
);

testEngines(
  "R109: no bytes, or one CRLF, are not a request",
  async (engine) => {
    await check(engine, "", [], []);
    await check(engine, "\r\n", [], []);
    await check(engine, "GET /1 HTTP/1.1\r\nHost: a\r\n\r\n\r\n", ["/1"], [
      200,
    ]);
  },
);

testEngines("R109: an incomplete head is rejected", async (engine) => {
  await check(engine, "G", [], [400]);
  await check(engine, "GET / HTTP/1.1\r\nHost: a\r\n\r", [], [400]);
  await check(engine, "GET /1 HTTP/1.1\r\nHost: a\r\n\r\nGET /2 HT", ["/1"], [
    200,
    400,
  ]);
});

testEngines(
  "R109: the error for an incomplete head has its code",
  async (engine) => {
    await using server = wireOf(engine, 0);
    const { teardownError } = await server.run([encodeLatin1("GET /")], {
      endsAfterPieces: true,
    });
    assert(teardownError instanceof ProtocolError);
    assertEquals([teardownError.code, teardownError.status], [
      "TRUNCATED_HEAD",
      400,
    ]);
  },
);
