/**
 * Errors that no caller sees: without an error hook they are reported with their
 * request, with one the hook decides. Answers that come too late are errors of
 * this kind. What the peer causes is reported to nothing but the hook.
 */

import { assert, assertEquals, assertThrows } from "@std/assert";
import { stub } from "@std/testing/mock";
import {
  type Handler,
  PreRoutingAction,
  Server,
  type ServerBuilder,
} from "../mod.ts";
import { type TestEngine, testEngines } from "./support/engines.ts";
import { RawClient } from "./support/raw_client.ts";
import { request } from "./support/serve.ts";
import { turn, until } from "./support/turns.ts";

const FAILURE = new Error("failure");
const LARGE = "x".repeat(10_000);

/** Serves an application without `onError`; gives what it prints while `run` runs. */
async function printedBy(
  engine: TestEngine,
  configure: (app: ServerBuilder) => void,
  run: (client: RawClient, lines: unknown[][]) => Promise<void>,
): Promise<unknown[][]> {
  const lines: unknown[][] = [];
  using _ = stub(console, "error", (...values) => void lines.push(values));
  const app = Server.builder("127.0.0.1:0", { maxBufferedBodyBytes: 2 });
  configure(app);
  await using handle = engine.start(app.build());
  const { port } = handle.addr as Deno.NetAddr; // a TCP address was given
  using client = await RawClient.connect(port);
  await run(client, lines);
  return lines;
}

/** Fails after one piece. */
async function* failingSource(): AsyncGenerator<string> {
  yield LARGE;
  throw FAILURE;
}

const failing: readonly (readonly [string, Handler, unknown])[] = [
  ["throws", () => {
    throw FAILURE;
  }, FAILURE],
  ["rejects later", async () => {
    await turn();
    throw FAILURE;
  }, FAILURE],
  ["throws a string", () => {
    throw "text";
  }, "text"],
  ["has a source that fails", (_, res) => res.ok(failingSource()), FAILURE],
  ["answers and throws", (_, res) => {
    res.ok();
    throw FAILURE;
  }, FAILURE],
];

for (const [what, handler, error] of failing) {
  testEngines(
    `the error of a handler that ${what} is printed once with its request`,
    async (engine) => {
      const lines = await printedBy(
        engine,
        (app) => app.get("/x/:id", handler),
        async (client, lines) => {
          await client.send(request("GET /x/1?a=b"));
          await until(() => lines.length > 0);
        },
      );
      assertEquals(lines, [["GET /x/1?a=b failed:", error]]);
    },
  );
}

testEngines("with an error hook, nothing is printed", async (engine) => {
  const seen: unknown[] = [];
  const lines = await printedBy(
    engine,
    (app) => {
      app.get("/", () => {
        throw FAILURE;
      });
      app.errorHook((error) => void seen.push(error));
    },
    async (client) => void await client.ask(request("GET /")),
  );
  assertEquals([lines, seen], [[], [FAILURE]]);
});

testEngines(
  "what an error hook throws is printed, and the error that it was called with",
  async (engine) => {
    const thrown = new Error("hook");
    for (
      const hook of [() => Promise.reject(thrown), () => {
        throw thrown;
      }]
    ) {
      const lines = await printedBy(
        engine,
        (app) => {
          app.get("/", () => {
            throw FAILURE;
          });
          app.errorHook(hook);
        },
        async (client) => {
          assertEquals((await client.ask(request("GET /"))).status, 500);
        },
      );
      assertEquals(lines, [
        ["the error hook for GET / failed:", thrown],
        ["GET / failed:", FAILURE],
      ]);
    }
  },
);

testEngines(
  "a pre-routing hook that throws is printed",
  async (engine) => {
    const lines = await printedBy(
      engine,
      (app) =>
        app.preRoutingHook(() => {
          throw FAILURE;
        }),
      async (client) => void await client.ask(request("GET /")),
    );
    assertEquals(lines, [["GET / failed:", FAILURE]]);
  },
);

testEngines(
  "what the peer causes is not printed",
  async (engine) => {
    const started: string[] = [];
    const lines = await printedBy(
      engine,
      (app) => {
        app.post("/", async (ctx, res) => res.ok(await ctx.body.text()));
      },
      async (client) => {
        const long = await client.ask(request("POST /", "", "abc"));
        assertEquals(long.status, 413);
      },
    );
    assertEquals(lines, []);
    const others = await printedBy(
      engine,
      (app) => {
        app.get("/:id", (ctx, res) => res.ok(ctx.params.decoded("id")));
        app.post("/slow", async (ctx) => {
          started.push("slow");
          const { promise, reject } = Promise.withResolvers<void>();
          const { signal } = ctx;
          signal.addEventListener("abort", () => reject(signal.reason));
          await promise;
        });
      },
      async (client) => {
        assertEquals((await client.ask(request("GET /%ff"))).status, 400);
        await client.send(request("POST /slow"));
        await until(() => started.length === 1);
        client.close();
      },
    );
    assertEquals(others, []);
  },
);

testEngines(
  "an answer after the server's 500 is reported once and throws nothing",
  async (engine) => {
    const late = Promise.withResolvers<void>();
    const ended = Promise.withResolvers<void>();
    const lines = await printedBy(
      engine,
      (app) =>
        app.get("/x", (_, res) => {
          late.promise.then(() => {
            res.ok("late");
            res.ok("again");
            res.sendContinue();
            res.informational(103);
            res.trailers({ a: "b" });
            res.json(1);
            res.hijack();
            res.upgrade("x");
            ended.resolve();
          }).catch(ended.reject);
        }),
      async (client) => {
        assertEquals((await client.ask(request("GET /x"))).status, 500);
        late.resolve();
        await ended.promise;
        assertEquals((await client.ask(request("GET /"))).status, 404);
      },
    );
    const messages = lines.map(([, error]) => (error as Error).message);
    assertEquals(messages, [
      "Cannot complete request: the handler sent no response; call res.ok() " +
      "or another method of res, and return or await what is asynchronous",
      "Cannot send response: GET /x was already answered with 500 because the " +
      "handler returned without sending; return or await the promise",
    ]);
  },
);

testEngines(
  "the error hook gets an answer that comes too late",
  async (engine) => {
    const seen: string[] = [];
    const lines = await printedBy(
      engine,
      (app) => {
        app.get("/", (_, res) => {
          res.ok("first");
          turn().then(() => res.ok("second"));
        });
        app.errorHook((error, _, res) => {
          res.send(500, "ignored");
          seen.push((error as Error).message);
        });
      },
      async (client) => {
        assertEquals((await client.ask(request("GET /"))).body, "first");
        await until(() => seen.length === 1);
        assertEquals((await client.ask(request("GET /nope"))).status, 404);
      },
    );
    assertEquals([lines, seen], [[], [
      "Cannot send response: the request was already answered with 200",
    ]]);
  },
);

testEngines(
  "a second response inside the handler throws",
  async (engine) => {
    const lines = await printedBy(
      engine,
      (app) =>
        app.get("/", async (_, res) => {
          res.ok("first");
          await turn();
          assertThrows(() => res.ok("second"), TypeError, "sent already");
        }),
      async (client) => {
        assertEquals((await client.ask(request("GET /"))).body, "first");
        assertEquals((await client.ask(request("GET /"))).body, "first");
      },
    );
    assertEquals(lines, []);
  },
);

testEngines(
  "onError gets the error and its request",
  async (engine) => {
    const calls: unknown[][] = [];
    const app = Server.builder("127.0.0.1:0");
    app.preRoutingHook(() => PreRoutingAction.proceed);
    app.get("/", () => {
      throw FAILURE;
    });
    await using handle = engine.start(app.build(), {
      onError: (...values) => void calls.push(values),
    });
    const { port } = handle.addr as Deno.NetAddr; // a TCP address was given
    using client = await RawClient.connect(port);
    for (let turn = 0; turn < 12; turn++) await client.ask(request("GET /"));
    assertEquals(calls[0], [FAILURE, "GET /"]);
    assert(calls.length >= 10, "different routes may fail at the same time");
  },
);
