/** Section 5: each request gets exactly one final response, or the connection ends visibly (R128), whatever the handler, the source and the error hook do. */

import { assert, assertEquals, assertThrows } from "@std/assert";
import type { Handler } from "../mod.ts";
import { testEngines } from "./support/engines.ts";
import { request } from "./support/serve.ts";
import { turn, turns } from "./support/turns.ts";

const LARGE = "x".repeat(10_000);

const FAILURE = new Error("scripted");

async function* failAfter(...pieces: string[]): AsyncGenerator<string> {
  yield* pieces;
  throw FAILURE;
}

/** A handler, and the expected outcome. */
interface Misdeed {
  readonly name: string;
  readonly handler: Handler;
  /** The status of the response, or `null` if its head is sent and the connection is then cut. */
  readonly status: number | null;
  /** Whether the connection closes if the body was not read. */
  readonly losesBody?: boolean;
  readonly body?: string;
}

const misdeeds: readonly Misdeed[] = [
  { name: "returns nothing", handler: () => {}, status: 500 },
  {
    name: "returns false",
    handler: (() => false) as unknown as Handler, // the server ignores the result
    status: 500,
  },
  { name: "resolves with nothing", handler: async () => {}, status: 500 },
  {
    name: "throws",
    handler: () => {
      throw FAILURE;
    },
    status: 500,
  },
  { name: "rejects", handler: () => Promise.reject(FAILURE), status: 500 },
  {
    name: "rejects later",
    handler: async () => {
      await turn();
      throw FAILURE;
    },
    status: 500,
  },
  {
    name: "rejects with nothing",
    handler: () => Promise.reject(),
    status: 500,
  },
  {
    name: "answers and throws",
    handler: (_, res) => {
      res.ok("first");
      throw FAILURE;
    },
    status: 200,
    body: "first",
  },
  {
    name: "answers and rejects later",
    handler: async (_, res) => {
      res.ok("first");
      await turn();
      throw FAILURE;
    },
    status: 200,
    body: "first",
  },
  {
    name: "answers twice",
    handler: (_, res) => {
      res.ok("first");
      res.ok("second");
    },
    status: 200,
    body: "first",
  },
  {
    name: "answers twice, the second time later",
    handler: async (_, res) => {
      res.ok("first");
      await turn();
      res.send(500, "second");
    },
    status: 200,
    body: "first",
  },
  {
    name: "answers a stream twice",
    handler: (_, res) => {
      res.ok(ReadableStream.from(["first"]));
      assertThrows(() => res.ok("second"), TypeError);
    },
    status: 200,
    body: "first",
  },
  {
    name: "has a source that fails before its head",
    handler: (_, res) => res.ok(failAfter("abc")),
    status: 500,
  },
  {
    name: "has a source that fails immediately, and throws",
    handler: (_, res) => {
      res.ok(failAfter());
      throw FAILURE;
    },
    status: 500,
    losesBody: true, // the source may have read a part of it
  },
  {
    name: "has a source that fails with nothing",
    handler: (_, res) =>
      res.ok(
        new ReadableStream({ start: (controller) => controller.error() }),
      ),
    status: 500,
  },
  {
    name: "has a source of the wrong type",
    handler: (_, res) => res.ok(ReadableStream.from([1]) as never),
    status: 500,
  },
  {
    name: "has a source that fails after its head",
    handler: (_, res) => res.ok(failAfter(LARGE, LARGE)),
    status: null,
  },
  {
    name: "has a source that fails after its head, and rejects",
    handler: async (_, res) => {
      res.ok(failAfter(LARGE, LARGE));
      await turn();
      throw FAILURE;
    },
    status: null,
  },
];

/** Records unhandled errors and rejections, and keeps them from ending the process. */
class Unhandled implements Disposable {
  readonly reasons: unknown[] = [];
  #note = (reason: unknown): void => void this.reasons.push(reason);

  constructor() {
    process.on("unhandledRejection", this.#note);
  }

  [Symbol.dispose](): void {
    process.off("unhandledRejection", this.#note);
  }
}

/** Error hooks; none of them changes the response. */
const errorHooks = {
  none: null,
  silent: (): void => {},
  throwing: (): void => {
    throw new Error("hook");
  },
  rejecting: (): Promise<void> => Promise.reject(new Error("hook")),
};

for (const misdeed of misdeeds) {
  const { name, handler, status, losesBody = false } = misdeed;
  const { body = status === 500 ? "Internal Server Error" : "" } = misdeed;
  testEngines(
    `R128: a handler that ${name} gets ${status ?? "one response that is cut"}`,
    async (engine) => {
      using unhandled = new Unhandled();
      for (const error of Object.values(errorHooks)) {
        for (const wire of ["GET /", "POST /"].map(withBody)) {
          const peer = engine.timed(
            (ctx, res) =>
              ctx.uri.path === "/next" ? res.ok("next") : handler(ctx, res),
            {},
            { error },
          );
          peer.send(wire + request("GET /next"));
          if (status === null) {
            const head = await peer.head();
            assert(head.includes("transfer-encoding: chunked"), head);
            const rest = await peer.finish();
            assert(rest.includes("x") && !rest.includes("0\r\n\r\n"), "cut");
            assert(!rest.includes("HTTP/1.1"));
            assertEquals(peer.error, FAILURE);
            continue;
          }
          const answer = await peer.response();
          assertEquals([answer.status, answer.body], [status, body]);
          const isLast = losesBody && wire.startsWith("POST");
          assertEquals(answer.headers.has("connection"), isLast);
          if (!isLast) assertEquals((await peer.response()).body, "next");
          peer.end();
          assertEquals(await peer.finish(), "");
        }
      }
      await turn();
      assertEquals(unhandled.reasons, []);
    },
  );
}

function withBody(line: string): string {
  return request(line, "", line.startsWith("POST") ? "hello" : "");
}

testEngines(
  "R128: a peer that disconnects during a request causes no unhandled rejection",
  async (engine) => {
    using unhandled = new Unhandled();
    for (const { handler } of misdeeds) {
      for (const turns of [0, 1, 2]) {
        const peer = engine.timed(handler);
        peer.holdWrites();
        peer.send(withBody("POST /"));
        for (let n = 0; n < turns; n++) await turn();
        peer.reset(new Error("reset"));
        await peer.ended;
      }
    }
    await turns(5);
    assertEquals(unhandled.reasons, []);
  },
);
