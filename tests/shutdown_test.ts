/** Section 4, shutdown (R111): idle, active and half-received connections, with and without a deadline. */

import { assert, assertEquals } from "@std/assert";
import { FakeTime } from "@std/testing/time";
import { ConnectionSetupAction, Server } from "../mod.ts";
import { ConnectionManager } from "../server/engines/connection_manager.ts";
import { ListenEngine } from "../server/engines/listen/engine.ts";
import {
  LISTEN,
  type TestEngine,
  testEngine,
  testEngines,
} from "./support/engines.ts";
import { withDeadline } from "./support/with_deadline.ts";
import { MemoryConnection } from "./support/memory_duplex.ts";
import { RawClient } from "./support/raw_client.ts";
import { request, type TestServer } from "./support/serve.ts";
import { applicationOf } from "./support/application.ts";
import { turn, until, untilRefused } from "./support/turns.ts";
import { FakeClock } from "./support/fake_clock.ts";

const DEADLINE_MS = 10_000;

/** A server with one connection of each kind. */
class Mixed implements AsyncDisposable {
  readonly server: TestServer;
  readonly release: () => void;
  readonly signals: AbortSignal[] = [];
  /** Events in order: connections that closed, and the end of serving. */
  readonly events: string[] = [];
  #clients: RawClient[] = [];
  #begun = 0;

  constructor(engine: TestEngine) {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.release = resolve;
    this.server = engine.serve((app) =>
      app.get("/", (_, res) => res.ok("ok"))
        .get("/active", async (ctx, res) => {
          this.signals.push(ctx.signal);
          this.#begun++;
          await promise;
          res.ok("done");
        })
        .get("/stream", (ctx, res) => {
          this.signals.push(ctx.signal);
          async function* pieces(): AsyncGenerator<string> {
            yield "x".repeat(10_000);
            await promise;
            yield "end";
          }
          res.ok(pieces());
        })
        .post("/body", async (ctx, res) => {
          this.#begun++;
          res.ok(await ctx.body.text());
        })
    );
  }

  /** Opens a connection and sends `wire`; waits for the response if `body` is given. */
  async open(wire: string, answer = ""): Promise<RawClient> {
    const client = await this.server.connect();
    this.#clients.push(client);
    if (wire !== "") await client.send(wire);
    if (answer !== "") assertEquals((await client.response()).body, answer);
    return client;
  }

  /** Waits until `count` handlers are running. */
  async begun(count: number): Promise<void> {
    await until(() => this.#begun === count);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const client of this.#clients) client.close();
    await this.server[Symbol.asyncDispose]();
  }
}

testEngines(
  "R111: idle connections close after their second of grace, active ones finish with close, half-received requests may complete",
  async (engine) => {
    await using mixed = new Mixed(engine);
    const { server } = mixed;
    const silent = await mixed.open("");
    const idle = await mixed.open(request("GET /"), "ok");
    const active = await mixed.open(request("GET /active"));
    const head = await mixed.open("GET / HTTP/1.1\r\nHo");
    const body = await mixed.open(
      request("POST /body", "Content-Length: 5\r\n", "he"),
    );
    await mixed.begun(2);
    await until(() => server.handle.connectionCount === 5);
    // A connection with half a head stops being idle when that half was read.
    for (let n = 0; n < 5; n++) await idle.ask(request("GET /"));

    let isFinished = false;
    const finished = server.handle.shutdown().then(() => isFinished = true);
    await untilRefused(server.port);
    for (const client of [silent, idle]) {
      assertEquals(await withDeadline(client.toEnd(), DEADLINE_MS), "");
      client.close();
    }
    await until(() => server.handle.connectionCount === 3);
    assertEquals(isFinished, false);

    await head.send("st: a\r\n\r\n");
    await body.send("llo");
    mixed.release();
    const bodies = [[head, "ok"], [body, "hello"], [active, "done"]] as const;
    for (const [client, expected] of bodies) {
      const answer = await client.response();
      assertEquals(answer.body, expected);
      assertEquals(answer.headers.get("connection"), "close");
      assertEquals(await client.toEnd(), "");
      client.close();
    }
    await withDeadline(finished, DEADLINE_MS);
    assertEquals(server.handle.connectionCount, 0);
    assert(mixed.signals.every((signal) => !signal.aborted));
    assertEquals(server.errors, []);
  },
);

testEngines(
  "R111: requests that were pipelined after the running one are not served",
  async (engine) => {
    await using mixed = new Mixed(engine);
    const client = await mixed.open(request("GET /active") + request("GET /"));
    await mixed.begun(1);
    const finished = mixed.server.handle.shutdown();
    await untilRefused(mixed.server.port);
    mixed.release();
    const answer = await client.response();
    assertEquals(
      [answer.body, answer.headers.get("connection")],
      ["done", "close"],
    );
    assertEquals(await client.toEnd(), "");
    client.close();
    await finished;
  },
);

testEngines(
  "R111: a stream that has started is sent to its end",
  async (engine) => {
    await using mixed = new Mixed(engine);
    const client = await mixed.open(request("GET /stream"));
    await client.head();
    const finished = mixed.server.handle.shutdown();
    await untilRefused(mixed.server.port);
    mixed.release();
    assertEquals((await client.chunk()).length, 10_000);
    assertEquals([await client.chunk(), await client.chunk()], ["end", ""]);
    assertEquals(await client.toEnd(), "\r\n");
    client.close();
    await finished;
  },
);

testEngines(
  "R111: a stream whose head was not yet sent says close",
  async (engine) => {
    const first = Promise.withResolvers<void>();
    const asked = Promise.withResolvers<void>();
    async function* pieces(): AsyncGenerator<string> {
      asked.resolve();
      await first.promise;
      yield "x".repeat(10_000);
    }
    const app = applicationOf((_, res) =>
      res.ok(pieces(), { "content-length": "10000" })
    );
    const clock = new FakeClock(); // no time passes, so that the head waits for a piece
    const { manager, port } = engine.listenTimed(app, clock);
    using client = await RawClient.connect(port);
    await client.send(request("GET /"));
    await asked.promise;
    manager.stop();
    await untilRefused(port);
    first.resolve();
    const answer = await client.response();
    assertEquals(
      [answer.body.length, answer.headers.get("connection")],
      [10_000, "close"],
    );
    assertEquals(await client.toEnd(), "");
    client.close();
    await manager.finished;
  },
);

testEngines(
  "R111: shutdown() cuts connections that are still active at its deadline",
  async (engine) => {
    await using mixed = new Mixed(engine);
    const { server } = mixed;
    const wires = [
      request("GET /active"),
      request("GET /stream"),
      "GET / HTTP/1.1\r\nHo",
      request("POST /body", "Content-Length: 5\r\n", "he"),
    ];
    const clients: RawClient[] = [];
    for (const wire of wires) clients.push(await mixed.open(wire));
    await mixed.begun(2);
    await until(() => mixed.signals.length === 2);
    await withDeadline(server.handle.shutdown({ deadline: 1 }), DEADLINE_MS);
    assertEquals(server.handle.connectionCount, 0);
    for (const client of clients) {
      const rest = await client.toEnd().catch(() => "cut");
      assert(!rest.includes("0\r\n\r\n"), rest);
    }
    assertEquals(mixed.signals.map(({ aborted }) => aborted), [true, true]);
    mixed.release();
    await turn();
  },
);

testEngines(
  "R111: closeNow() cuts all connections and settles finished",
  async (engine) => {
    await using mixed = new Mixed(engine);
    const { handle } = mixed.server;
    await mixed.open(request("GET /"), "ok");
    await mixed.open(request("GET /active"));
    await mixed.begun(1);
    handle.closeNow();
    await withDeadline(handle.finished, DEADLINE_MS);
    assertEquals(handle.connectionCount, 0);
    assertEquals(mixed.signals[0]?.aborted, true);
  },
);

testEngines(
  "R111: shutdown() can be called twice, and without any connection",
  async (engine) => {
    const handle = engine.start(Server.builder("127.0.0.1:0").build());
    const [first, second] = [
      handle.shutdown(),
      handle.shutdown({ deadline: 1 }),
    ];
    await withDeadline(Promise.all([first, second]), DEADLINE_MS);
    handle.closeNow();
    await handle.finished;
    await handle.shutdown();
  },
);

testEngine(
  LISTEN,
  "R111, R159: a connection whose setup ends after shutdown() leaves no timer",
  async () => {
    using time = new FakeTime();
    const setUp = Promise.withResolvers<void>();
    let isFinished = false;
    let tornDown = 0;
    const manager = new ConnectionManager(
      applicationOf((_, res) => res.ok("ok"), {}, {
        connectionSetup: async (accepted) => {
          await setUp.promise;
          return accepted.ok
            ? ConnectionSetupAction.proceed(accepted.conn)
            : ConnectionSetupAction.drop;
        },
        connectionTeardown: () => void tornDown++,
      }),
      new ListenEngine(),
      { onError: () => {}, clock: new FakeClock() },
    );
    manager.finished.then(() => isFinished = true);
    const [leaving, asking] = [new MemoryConnection(), new MemoryConnection()];
    for (const { duplex } of [leaving, asking]) manager.handle(duplex);
    asking.send(request("GET /"));
    asking.end();
    leaving.end();
    manager.stop();
    await time.runMicrotasks();
    setUp.resolve();
    const answer = await asking.response();
    assertEquals(
      [answer.body, answer.headers.get("connection")],
      ["ok", "close"],
    );
    await time.runMicrotasks();
    while (!isFinished) {
      assert(await time.nextAsync());
      await time.runMicrotasks();
    }
    assertEquals(tornDown, 2);
    assertEquals(time.next(), false, "a timer is left");
  },
);
