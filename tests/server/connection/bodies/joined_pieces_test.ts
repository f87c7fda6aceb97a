/**
 * Streams on a transport that sends at once: what it is told of further pieces,
 * and how streams of several connections take turns to join theirs.
 */

import { assertEquals } from "@std/assert";
import { Connection } from "../../../../server/connection/connection.ts";
import { EngineContext } from "../../../../server/connection/engine_context.ts";
import type { Transport } from "../../../../server/connection/transport.ts";
import type { Handler } from "../../../../server/hooks.ts";
import { applicationOf } from "../../../support/application.ts";
import { testEngines } from "../../../support/engines.ts";
import { FakeClock } from "../../../support/fake_clock.ts";
import { encodeLatin1 } from "../../../support/latin1.ts";
import { request } from "../../../support/serve.ts";
import { turn, turns } from "../../../support/turns.ts";

const PIECE_BYTES = 16_384;
const PIECE = new Uint8Array(PIECE_BYTES);

/** Size of the size line and the last CRLF of a chunk with one piece. */
const FRAMING_BYTES = "4000\r\n\r\n".length;

/** What a transport sent when it was woken once. */
interface Sent {
  /** Body bytes with their framing. */
  readonly bodyBytes: number;
  /** Whether it was told that more would follow. */
  readonly moreFollows: boolean;
}

/** A connection whose transport sends all output at once. */
class PromptWire implements Transport {
  readonly duplex = {
    read: () => Promise.resolve(null),
    write: (bytes: Uint8Array) => Promise.resolve(bytes.length),
    close: () => {},
  };
  readonly connection: Connection;
  readonly sent: Sent[] = [];

  constructor(context: EngineContext) {
    this.connection = new Connection(context, this);
    this.connection.output.sendsAtOnce = true;
  }

  /** Receives a request. */
  ask(): void {
    const bytes = encodeLatin1(request("GET /"));
    this.connection.receive(bytes, 0, bytes.length);
  }

  wake(): void {
    const { output } = this.connection;
    let bodyBytes = 0;
    for (let next = output.take(); next !== null; next = output.take()) {
      const text = new TextDecoder("latin1").decode(
        next.bytes.subarray(0, next.end),
      );
      const headBytes = text.startsWith("HTTP/1.1")
        ? text.indexOf("\r\n\r\n") + 4
        : 0;
      bodyBytes += next.end - headBytes;
      output.sent(next.end);
    }
    const { moreFollows } = output;
    if (bodyBytes > 0) this.connection.outputSent();
    this.sent.push({ bodyBytes, moreFollows });
  }

  takeOver(): never {
    throw new TypeError("Cannot take over: no test does");
  }

  close(): void {}
}

/** Connections of one engine whose requests one handler answers. */
function wires(count: number, handler: Handler): PromptWire[] {
  const app = applicationOf(handler);
  const context = new EngineContext(app, new FakeClock(), false, () => {});
  return Array.from({ length: count }, () => new PromptWire(context));
}

/** What is sent for `count` pieces in one write. */
function pieces(count: number, moreFollows: boolean): Sent {
  return { bodyBytes: count * (PIECE_BYTES + FRAMING_BYTES), moreFollows };
}

for (const ready of [1, 4, 6]) {
  Deno.test(`${ready} ready pieces of a source that is slow afterwards are not held back`, async () => {
    const end = Promise.withResolvers<void>();
    const [wire] = wires(1, (_, res) => {
      async function* source(): AsyncGenerator<Uint8Array> {
        for (let n = 0; n < ready; n++) yield PIECE;
        await end.promise;
      }
      res.ok(source());
    }) as [PromptWire];
    wire.ask();
    await turns(2);
    const expected = ready < 4 ? [pieces(ready, false)] : [
      pieces(4, true),
      pieces(ready - 4, false), // after 4 pieces, the transport is woken without output
    ];
    assertEquals(wire.sent, expected);
    end.resolve();
    await turn();
    assertEquals(wire.sent.slice(expected.length), [
      { bodyBytes: "0\r\n\r\n".length, moreFollows: false },
    ]);
  });
}

/** Answers each request with pieces from a source that notes what it is asked for: "a0", "a1" for the first connection. */
function noting(
  log: string[],
  piecesOf: (name: string) => number,
): Handler {
  let connections = 0;
  return (_, res) => {
    const name = String.fromCharCode(0x61 + connections++);
    async function* source(): AsyncGenerator<Uint8Array> {
      const count = piecesOf(name);
      for (let n = 0; n < Math.abs(count); n++) {
        log.push(`${name}${n}`);
        yield PIECE;
      }
      if (count < 0) throw new Error("source");
    }
    res.ok(source());
  };
}

Deno.test("streams of a batch join large pieces one after another", async () => {
  const log: string[] = [];
  const served = wires(3, noting(log, () => 5));
  for (const wire of served) wire.ask();
  await turns(2);
  assertEquals(
    log.join(" "),
    "a0 b0 c0 a1 a2 a3 b1 a4 b2 b3 c1 b4 c2 c3 c4",
  );
  for (const { sent } of served) {
    const [first, last] = sent;
    assertEquals(sent.length, 2);
    assertEquals(first, pieces(4, true));
    assertEquals(last?.moreFollows, false);
  }
});

Deno.test("a stream that fails or is aborted lets the next one join", async () => {
  const log: string[] = [];
  const served = wires(4, noting(log, (name) => name === "a" ? -2 : 4));
  const [, b, c, d] = served as [
    PromptWire,
    PromptWire,
    PromptWire,
    PromptWire,
  ];
  for (const wire of served) wire.ask();
  c.connection.fail(); // while it waits
  const before = log.length;
  while (!log.includes("b2")) await Promise.resolve();
  b.connection.fail(); // while it has its turn
  await turns(2);
  assertEquals(log.slice(before).filter((entry) => entry.startsWith("d")), [
    "d1",
    "d2",
    "d3",
  ]);
  assertEquals(d.sent[0], pieces(4, true));
  assertEquals(log.includes("c1"), false);
});

/** What a source gives before it waits for the sources of other connections. */
const BEFORE: Readonly<Record<string, readonly string[]>> = {
  "nothing": [],
  "a short piece": ["x"],
  "a piece that fills a small buffer": ["x".repeat(5000)],
  "a large piece": ["x".repeat(70_000)],
  "several large pieces": Array.from(
    { length: 6 },
    () => "x".repeat(PIECE_BYTES),
  ),
  "many short pieces": Array.from({ length: 40 }, () => "x".repeat(300)),
};

for (const [what, before] of Object.entries(BEFORE)) {
  testEngines(
    `a stream may wait for others that were requested with it, after ${what}`,
    async (engine) => {
      const { promise, resolve } = Promise.withResolvers<void>();
      let left = 3;
      async function* waiting(): AsyncGenerator<string> {
        yield* before;
        if (--left === 0) resolve();
        await promise;
        yield "end";
      }
      await using server = engine.serve((app) => {
        app.get("/", (_, res) => res.ok(waiting()));
      });
      using first = await server.connect();
      using second = await server.connect();
      using third = await server.connect();
      const replies = await Promise.all(
        [first, second, third].map((client) => client.ask(request("GET /"))),
      );
      for (const { body } of replies) {
        assertEquals(body, `${before.join("")}end`);
      }
    },
  );
}
