/** Setup, pre-routing, teardown and error hooks over real sockets. */

import {
  assert,
  assertEquals,
  assertInstanceOf,
  assertMatch,
  assertRejects,
  assertThrows,
} from "@std/assert";
import { stub } from "@std/testing/mock";
import {
  type Accepted,
  ConnectionSetupAction,
  type Duplex,
  Headers,
  PreRoutingAction,
  ProtocolError,
  Server,
} from "../../mod.ts";
import { LISTEN, testEngine, testEngines } from "../support/engines.ts";
import { applicationOf } from "../support/application.ts";
import { FakeClock } from "../support/fake_clock.ts";
import { RawClient } from "../support/raw_client.ts";
import { request } from "../support/serve.ts";
import { Resetter } from "../support/sockets.ts";
import { turns, until, untilRefused } from "../support/turns.ts";

const { proceed, drop } = PreRoutingAction;

/** Decodes ASCII bytes. */
function decode(bytes: Uint8Array): string {
  return new TextDecoder().decode(bytes);
}

/** Replaces a listener: accept fails with each error in turn, then waits until it is closed. */
function failingListener(errors: Error[]): () => Deno.TcpListener {
  let end = (_: Error): void => {};
  const listener = {
    addr: { transport: "tcp", hostname: "127.0.0.1", port: 1 },
    accept(): Promise<never> {
      const error = errors.shift();
      if (error !== undefined) return Promise.reject(error);
      return new Promise((_, reject) => end = reject);
    },
    close: () => end(new Deno.errors.BadResource("closed")),
  };
  return () => listener as unknown as Deno.TcpListener; // the engine uses no other members
}

testEngine(
  LISTEN,
  "the setup hook receives failed accepts, and accepting continues",
  async () => {
    const full = Object.assign(new Error("too many open files"), {
      code: "EMFILE",
    });
    const aborted = new Deno.errors.ConnectionAborted("gone");
    const seen: Accepted[] = [];
    const enough = Promise.withResolvers<void>();
    using _ = stub(Deno, "listen", failingListener([full, aborted]) as never);
    const app = Server.builder("127.0.0.1:0");
    app.connectionSetupHook((accepted) => {
      if (seen.push(accepted) === 2) enough.resolve();
      return ConnectionSetupAction.drop;
    });
    const errors: unknown[] = [];
    const handle = app.build().serve({
      onError: (error) => void errors.push(error),
    });
    await enough.promise;
    assertEquals(seen, [{ ok: false, error: full }, {
      ok: false,
      error: aborted,
    }]);
    await handle.shutdown();
    assertEquals(errors, [full]); // at most one a second
  },
);

testEngine(
  LISTEN,
  "serving ends when accept fails permanently",
  async () => {
    const broken = new Error("the listener broke");
    using _ = stub(Deno, "listen", failingListener([broken]) as never);
    const errors: unknown[] = [];
    const handle = Server.builder("127.0.0.1:0").build().serve({
      onError: (error) => void errors.push(error),
    });
    assertEquals(await assertRejects(() => handle.finished), broken);
    assertEquals(errors, [broken]);
  },
);

testEngines(
  "the setup hook gets peer and connection, and may replace the connection",
  async (engine) => {
    const peers: (Deno.Addr | null)[] = [];
    const tornDown: Duplex[] = [];
    const replaced: Duplex[] = [];
    await using server = engine.serve((app) => {
      app.get(
        "/",
        (ctx, res) => res.ok(ctx.conn === replaced[0] ? "mine" : ""),
      );
      app.connectionSetupHook((accepted) => {
        assert(accepted.ok);
        const { conn, peer } = accepted;
        peers.push(peer);
        const other: Duplex = {
          read: (buffer) => conn.read(buffer),
          write: (bytes) => conn.write(bytes),
          close: () => conn.close(),
        };
        replaced.push(other);
        return ConnectionSetupAction.proceed(other);
      });
      app.connectionTeardownHook((conn) => void tornDown.push(conn));
    });
    const client = await server.connect();
    assertEquals((await client.ask(request("GET /"))).body, "mine");
    client.close();
    await server.handle.shutdown();
    assertEquals((peers[0] as Deno.NetAddr).hostname, "127.0.0.1");
    assertEquals(tornDown, replaced);
  },
);

for (const isAsync of [false, true]) {
  const kind = isAsync ? "an async" : "a sync";
  testEngines(
    `${kind} setup hook that drops closes the socket, and serving continues`,
    async (engine) => {
      let tornDown = 0;
      let count = 0;
      await using server = engine.serve((app) => {
        app.get("/", (_, res) => res.ok());
        app.connectionSetupHook((accepted) => {
          assert(accepted.ok);
          const action = count++ === 0
            ? ConnectionSetupAction.drop
            : ConnectionSetupAction.proceed(accepted.conn);
          return isAsync ? Promise.resolve(action) : action;
        });
        app.connectionTeardownHook(() => void tornDown++);
      });
      using dropped = await server.connect();
      assertEquals(await dropped.toEnd(), "");
      const served = await server.connect();
      assertEquals((await served.ask(request("GET /"))).status, 200);
      served.close();
      await server.handle.shutdown();
      assertEquals(tornDown, 1); // only for the connection that was accepted
    },
  );
}

testEngines(
  "a setup hook that throws drops the connection and is reported",
  async (engine) => {
    const error = new Error("setup");
    await using server = engine.serve((app) => {
      app.connectionSetupHook(() => {
        throw error;
      });
    });
    using client = await server.connect();
    assertEquals(await client.toEnd(), "");
    assertEquals(server.errors, [error]);
  },
);

testEngines(
  "stopAccepting lets active requests finish; then finished settles",
  async (engine) => {
    const { promise, resolve } = Promise.withResolvers<void>();
    const running = Promise.withResolvers<void>();
    let count = 0;
    await using server = engine.serve((app) => {
      app.get("/", async (_, res) => {
        running.resolve();
        await promise;
        res.ok("done");
      });
      app.connectionSetupHook((accepted) => {
        assert(accepted.ok);
        return count++ === 0
          ? ConnectionSetupAction.proceed(accepted.conn)
          : ConnectionSetupAction.stopAccepting;
      });
    });
    using first = await server.connect();
    await first.send(request("GET /"));
    await running.promise;
    using second = await server.connect();
    assertEquals(await second.toEnd(), "");
    let isFinished = false;
    server.handle.finished.then(() => isFinished = true);
    await untilRefused(server.port);
    await turns(1); // the end is announced after the close
    assertEquals(isFinished, false);
    resolve();
    const answer = await first.response();
    assertEquals([answer.body, answer.headers.get("connection")], [
      "done",
      "close",
    ]);
    first.close();
    await server.handle.finished;
  },
);

testEngines(
  "the teardown hook runs once for each connection, with the error if it failed",
  async (engine) => {
    const ends: (Error | undefined)[] = [];
    await using server = engine.serve((app) => {
      app.get("/", (_, res) => res.ok());
      app.connectionTeardownHook((_conn, error) => void ends.push(error));
    });
    const fine = await server.connect();
    await fine.ask(request("GET /"));
    await fine.ask(request("GET /"));
    await fine.end();
    assertEquals(await fine.toEnd(), "");
    fine.close();
    const bad = await server.connect();
    assertEquals((await bad.ask("GET / HTTP/3.0\r\n\r\n")).status, 505);
    bad.close();
    await server.handle.shutdown();
    assertEquals(ends.length, 2);
    assertEquals(ends[0], undefined);
    assertInstanceOf(ends[1], ProtocolError);
    assertEquals(ends[1].code, "UNSUPPORTED_VERSION");
  },
);

testEngines(
  "shutdown() waits for an async teardown hook; an error in it is reported",
  async (engine) => {
    const { promise, resolve } = Promise.withResolvers<void>();
    const error = new Error("teardown");
    await using server = engine.serve((app) => {
      app.connectionTeardownHook(async () => {
        await promise;
        throw error;
      });
    });
    const client = await server.connect();
    assertEquals((await client.ask("x\r\n\r\n")).status, 400);
    client.close();
    const finished = server.handle.shutdown();
    resolve();
    await finished;
    assertEquals(server.errors, [error]);
  },
);

testEngines(
  "the pre-routing hook may change method, target and fields",
  async (engine) => {
    await using server = engine.serve((app) => {
      app.post("/new/:id", (ctx, res) => {
        const { method, uri, headers, params } = ctx;
        res.ok(`${method} ${uri} ${headers.get("x")} ${params.get("id")}`);
      });
      app.get("/old", (_, res) => res.ok("as sent"));
      app.preRoutingHook((req) => {
        req.method = "POST";
        req.uri = "/new/1?q";
        req.headers.set("x", "changed");
        return proceed;
      });
    });
    using client = await server.connect();
    const answer = await client.ask(request("GET /old", "X: sent\r\n"));
    assertEquals(answer.body, "POST /new/1?q changed 1");
  },
);

testEngines(
  "the pre-routing hook may respond itself: drop keeps the connection if the response allows it",
  async (engine) => {
    let routed = 0;
    await using server = engine.serve((app) => {
      app.fallbackRoute((_, res) => {
        routed++;
        res.ok("routed");
      });
      app.preRoutingHook(async (req, res) => {
        await Promise.resolve();
        if (req.uri.path === "/") return proceed;
        const isLast = req.uri.path === "/last";
        res.send(403, "hook", isLast ? Headers.close : Headers.empty);
        return drop;
      });
    });
    using client = await server.connect();
    assertEquals((await client.ask(request("GET /kept"))).body, "hook");
    assertEquals((await client.ask(request("GET /"))).body, "routed");
    await client.send(request("GET /last") + request("GET /"));
    const last = await client.response();
    assertEquals([last.status, last.headers.get("connection")], [403, "close"]);
    assertEquals(await client.toEnd(), "");
    assertEquals(routed, 1);
  },
);

testEngines(
  "the pre-routing hook may drop a request without a response, which closes the connection",
  async (engine) => {
    let routed = 0;
    await using server = engine.serve((app) => {
      app.fallbackRoute(() => void routed++);
      app.preRoutingHook(() => drop);
    });
    using client = await server.connect();
    await client.send(request("GET /") + request("GET /"));
    assertEquals(await client.toEnd(), "");
    assertEquals(routed, 0);
  },
);

testEngines(
  "the error hook gets the error, and may respond",
  async (engine) => {
    const seen: unknown[] = [];
    const error = new Error("handler");
    await using server = engine.serve((app) => {
      app.get("/", () => {
        throw error;
      });
      app.get("/silent", () => {});
      app.errorHook(async (thrown, ctx, res) => {
        seen.push(thrown);
        await Promise.resolve();
        if (ctx.uri.path === "/") {
          res.send(503, "sorry", { "retry-after": "1" });
        }
      });
    });
    using client = await server.connect();
    const answer = await client.ask(request("GET /"));
    assertEquals([answer.status, answer.body], [503, "sorry"]);
    assertEquals((await client.ask(request("GET /silent"))).status, 500);
    assertEquals(seen[0], error);
    assertInstanceOf(seen[1], TypeError);
  },
);

testEngines(
  "if the error hook throws, the response is 500",
  async (engine) => {
    await using server = engine.serve((app) => {
      app.preRoutingHook(() => {
        throw new Error("hook");
      });
      app.errorHook(() => {
        throw new Error("again");
      });
    });
    using client = await server.connect();
    assertEquals((await client.ask(request("GET /"))).status, 500);
    assertEquals((await client.ask(request("GET /"))).status, 500);
  },
);

testEngines(
  "the error hook may respond with a stream, and runs only once",
  async (engine) => {
    const errors: string[] = [];
    await using server = engine.serve((app) => {
      app.get("/ok", () => {
        throw new Error("first");
      });
      app.get("/bad", () => {
        throw new Error("second");
      });
      app.errorHook((error, ctx, res) => {
        errors.push(String(error));
        res.send(
          503,
          new ReadableStream({
            pull(controller): void {
              if (ctx.uri.path === "/bad") throw new Error("source");
              controller.enqueue("later");
              controller.close();
            },
          }),
        );
      });
    });
    using client = await server.connect();
    const { status, body } = await client.ask(request("GET /ok"));
    assertEquals([status, body], [503, "later"]);
    assertEquals((await client.ask(request("GET /bad"))).status, 500);
    assertEquals(errors, ["Error: first", "Error: second"]);
  },
);

testEngines(
  "closeNow() closes a connection whose setup hook is still running",
  async (engine) => {
    const setUp = Promise.withResolvers<void>();
    const begun = Promise.withResolvers<void>();
    let ends = 0;
    await using server = engine.serve((app) =>
      app.connectionSetupHook(async (accepted) => {
        begun.resolve();
        await setUp.promise;
        return accepted.ok
          ? ConnectionSetupAction.proceed(accepted.conn)
          : ConnectionSetupAction.drop;
      }).connectionTeardownHook(() => void ends++)
        .get("/", () => new Promise(() => {}))
    );
    using client = await server.connect();
    await client.send(request("GET /"));
    await begun.promise;
    server.handle.closeNow();
    setUp.resolve();
    await server.handle.finished;
    assertEquals([ends, server.handle.requestCount], [1, 0]);
  },
);

testEngines(
  "a setup hook's own read and write carry all bytes of the connection",
  async (engine) => {
    const passed = { read: "", written: "" };
    await using server = engine.serve((app) =>
      app.get("/", (_, res) => res.ok("ok"))
        .connectionSetupHook((accepted) => {
          assert(accepted.ok);
          const { conn } = accepted;
          const read = conn.read.bind(conn);
          const write = conn.write.bind(conn);
          conn.read = async (buffer) => {
            const size = await read(buffer);
            passed.read += decode(buffer.subarray(0, size ?? 0));
            return size;
          };
          conn.write = async (bytes) => {
            const size = await write(bytes);
            passed.written += decode(bytes.subarray(0, size));
            return size;
          };
          return ConnectionSetupAction.proceed(conn);
        })
    );
    using client = await server.connect();
    const sent = request("GET /") + request("GET /missing");
    await client.send(sent);
    assertEquals((await client.response()).body, "ok");
    assertEquals((await client.response()).status, 404);
    assertEquals(passed.read, sent);
    assertMatch(passed.written, /^HTTP\/1\.1 200 [^]*HTTP\/1\.1 404 /);
  },
);

testEngines(
  "a duplex that a setup hook puts around the connection carries its bytes",
  async (engine) => {
    let writeCount = 0;
    await using server = engine.serve((app) =>
      app.get("/", (_, res) => res.ok("ok"))
        .connectionSetupHook((accepted) => {
          assert(accepted.ok);
          const { conn } = accepted;
          return ConnectionSetupAction.proceed({
            read: (buffer) => conn.read(buffer),
            write: (bytes) => {
              writeCount++;
              return conn.write(bytes);
            },
            close: () => conn.close(),
          });
        })
    );
    using client = await server.connect();
    assertEquals((await client.ask(request("GET /"))).body, "ok");
    assertEquals(writeCount, 1);
  },
);

testEngines(
  "methods that a setup hook replaces may throw: only that connection ends",
  async (engine) => {
    const broken = new Error("broken");
    for (const method of ["read", "write", "closeWrite"] as const) {
      const ends: (Error | undefined)[] = [];
      await using server = engine.serve((app) =>
        app.get("/", (_, res) => res.ok("ok"))
          .connectionSetupHook((accepted) => {
            assert(accepted.ok);
            const { conn } = accepted;
            if (ends.length === 0) {
              conn[method] = () => {
                throw broken;
              };
            }
            return ConnectionSetupAction.proceed(conn);
          })
          .connectionTeardownHook((_, error) => void ends.push(error))
      );
      using first = await server.connect();
      await first.send(request("GET /", "Connection: close\r\n"));
      // Without `closeWrite`, the server waits for the client to close. Bytes
      // that it did not read can turn its own close into a reset.
      if (method === "closeWrite") await first.response();
      else await first.toEnd().catch(() => {});
      first.close();
      await until(() => ends.length === 1);
      assertEquals(
        ends,
        [method === "closeWrite" ? undefined : broken],
        method,
      );
      using second = await server.connect();
      assertEquals((await second.ask(request("GET /"))).body, "ok", method);
    }
  },
);

testEngines(
  "readTimeoutMs of 100 closes a silent connection after 100 to 125 ms, whatever the server's deadlines are",
  async (engine) => {
    const clock = new FakeClock();
    const app = applicationOf((_, res) => res.ok(), {}, {
      connectionSetup: (accepted) =>
        accepted.ok
          ? ConnectionSetupAction.proceed(accepted.conn, { readTimeoutMs: 100 })
          : ConnectionSetupAction.drop,
    });
    const { manager, port } = engine.listenTimed(app, clock);
    const client = await RawClient.connect(port);
    await until(() => manager.connectionCount === 1);
    let isEnded = false;
    const rest = client.toEnd().finally(() => isEnded = true);
    clock.advance(100);
    await turns(10);
    assert(!isEnded);
    clock.advance(25);
    assertEquals(await rest, "");
    client.close();
    manager.stop();
    await manager.finished;
  },
);

Deno.test("proceed() refuses a deadline that is not an integer of at least 1", () => {
  const conn = {} as Duplex; // it is not used
  for (const value of [0, -1, 1.5, NaN]) {
    for (const name of ["readTimeoutMs", "writeTimeoutMs"]) {
      assertThrows(
        () => ConnectionSetupAction.proceed(conn, { [name]: value }),
        RangeError,
        `Cannot set ${name} to ${value}: it must be an integer of at least 1, or Infinity`,
      );
    }
  }
  const { options } = ConnectionSetupAction.proceed(conn, {
    readTimeoutMs: Infinity,
  });
  assertEquals(options, { readTimeoutMs: Infinity });
});

testEngines(
  "without a setup hook, the teardown hook sees both addresses of a connection that the peer reset",
  async (engine) => {
    using resetter = new Resetter();
    const begun = Promise.withResolvers<void>();
    const ended = Promise.withResolvers<unknown[]>();
    await using server = engine.serve((app) =>
      app.get("/", (ctx, _) => {
        begun.resolve();
        return new Promise((resolve) =>
          ctx.signal.addEventListener("abort", () => resolve())
        );
      }).connectionTeardownHook(({ localAddr, remoteAddr }) =>
        ended.resolve([{ ...localAddr }, { ...remoteAddr }])
      )
    );
    const { port } = server;
    const conn = await Deno.connect({ hostname: "127.0.0.1", port });
    const { localAddr, remoteAddr } = conn;
    await conn.write(new TextEncoder().encode(request("GET /")));
    await begun.promise;
    resetter.reset(conn);
    assertEquals(await ended.promise, [{ ...remoteAddr }, { ...localAddr }]);
  },
);
