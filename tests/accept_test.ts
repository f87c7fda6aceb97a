/**
 * Section 7, accepting: the limit on connections (R155) over real sockets, and
 * failures of accept (R158) from a scripted listener.
 */

import { assert, assertEquals, assertRejects } from "@std/assert";
import { stub } from "@std/testing/mock";
import { FakeTime } from "@std/testing/time";
import {
  type Accepted,
  ConnectionSetupAction,
  type Handler,
  Server,
} from "../mod.ts";
import { ConnectionManager } from "../server/engines/connection_manager.ts";
import { ListenEngine } from "../server/engines/listen/engine.ts";
import { LISTEN, testEngine, testEngines } from "./support/engines.ts";
import { MemoryConnection } from "./support/memory_duplex.ts";
import { RawClient } from "./support/raw_client.ts";
import { request } from "./support/serve.ts";
import { Resetter } from "./support/sockets.ts";
import { applicationOf } from "./support/application.ts";
import { turns, until } from "./support/turns.ts";
import { FakeClock } from "./support/fake_clock.ts";

const ok: Handler = (_, res) => res.ok("ok");

/** A system error with its code. */
function systemError(code: string): Error {
  return Object.assign(new Error(`scripted ${code}`), { code });
}

/** Gives one item of its script for each accept, then waits until it is closed. */
class ScriptedListener {
  readonly addr = { transport: "tcp", hostname: "127.0.0.1", port: 1 };
  /** When accept was called, in ms since the start. */
  readonly times: number[] = [];
  closeCount = 0;
  #script: (Error | MemoryConnection)[];
  #beganMs = Date.now();
  #end = Promise.withResolvers<never>();

  constructor(script: readonly (Error | MemoryConnection)[]) {
    this.#script = [...script];
    this.#end.promise.catch(() => {}); // no accept may be pending at the end
  }

  accept(): Promise<unknown> {
    this.times.push(Date.now() - this.#beganMs);
    const next = this.#script.shift();
    if (next === undefined) return this.#end.promise;
    return next instanceof Error
      ? Promise.reject(next)
      : Promise.resolve(next.duplex);
  }

  close(): void {
    this.closeCount++;
    this.#end.reject(new Deno.errors.BadResource("closed"));
  }

  ref(): void {}
  unref(): void {}

  /** This listener, cast to the engine's parameter type; the engine uses no other members. */
  get listener(): Deno.TcpListener {
    return this as unknown as Deno.TcpListener; // see above
  }
}

/** An engine on a scripted listener, and what it reports. */
class Accepting {
  readonly listener: ScriptedListener;
  readonly seen: Accepted[] = [];
  readonly errors: unknown[] = [];
  readonly ends: unknown[] = [];
  readonly manager: ConnectionManager;

  constructor(script: readonly (Error | MemoryConnection)[]) {
    this.listener = new ScriptedListener(script);
    const connectionSetup = (accepted: Accepted): ConnectionSetupAction => {
      this.seen.push(accepted);
      return accepted.ok
        ? ConnectionSetupAction.proceed(accepted.conn)
        : ConnectionSetupAction.drop;
    };
    this.manager = new ConnectionManager(
      applicationOf(ok, {}, { connectionSetup }),
      new ListenEngine(),
      {
        onError: (error) => void this.errors.push(error),
        clock: new FakeClock(),
      },
    );
    this.manager.finished.then(
      () => this.ends.push(null),
      (error) => this.ends.push(error),
    );
    this.manager.acceptFrom(this.listener.listener);
  }

  /** The failures that the setup hook received. */
  get failures(): Error[] {
    return this.seen.flatMap((accepted) => accepted.ok ? [] : [accepted.error]);
  }
}

const TRANSIENT = ["EMFILE", "ENFILE", "ENOBUFS", "ENOSPC", "ECONNABORTED"];

/** Fires `count` timers one after another, and waits for their effects. */
async function fire(time: FakeTime, count: number): Promise<void> {
  for (let n = 0; n < count; n++) await time.nextAsync();
  await time.runMicrotasks();
}

/** Ends serving on fake time. */
async function stop(time: FakeTime, accepting: Accepting): Promise<void> {
  accepting.manager.closeNow();
  await fire(time, 2);
  assertEquals(accepting.ends, [null]);
}

testEngine(
  LISTEN,
  "R158: after a temporary failure, accept is retried after 5 ms, doubling up to 1 s",
  async () => {
    using time = new FakeTime();
    const script = Array.from(
      { length: 12 },
      (_, n) => systemError(TRANSIENT[n % TRANSIENT.length] ?? ""),
    );
    const accepting = new Accepting(script);
    await fire(time, 11);
    const { times } = accepting.listener;
    const waits = times.slice(1).map((at, n) => at - (times[n] ?? 0));
    assertEquals(waits, [
      ...[5, 10, 20, 40, 80, 160, 320, 640],
      ...[1000, 1000, 1000],
    ]);
    await fire(time, 1);
    assertEquals(times.length, 13);
    assertEquals(accepting.failures, script);
    assertEquals(accepting.ends, []);
    await stop(time, accepting);
  },
);

testEngine(
  LISTEN,
  "R158: a successful accept resets the wait to 5 ms",
  async () => {
    using time = new FakeTime();
    const peer = new MemoryConnection();
    const full = systemError("EMFILE");
    const accepting = new Accepting([full, full, full, peer, full, full]);
    await fire(time, 5);
    // 5, 10 and 20 ms, a connection, then 5 and 10 ms again
    assertEquals(accepting.listener.times, [0, 5, 15, 35, 35, 40, 50]);
    peer.send(request("GET /"));
    assertEquals((await peer.response()).body, "ok");
    await stop(time, accepting);
  },
);

for (const code of TRANSIENT) {
  testEngine(
    LISTEN,
    `R158: connections are served while accept fails with ${code}`,
    async () => {
      using time = new FakeTime();
      const peer = new MemoryConnection();
      const script = Array.from({ length: 20 }, () => systemError(code));
      const accepting = new Accepting([peer, ...script]);
      for (let n = 0; n < 5; n++) {
        await fire(time, 1);
        peer.send(request("GET /"));
        assertEquals((await peer.response()).body, "ok");
      }
      assert(accepting.failures.length > 3);
      assertEquals(accepting.manager.connectionCount, 1);
      await stop(time, accepting);
    },
  );
}

testEngine(
  LISTEN,
  "R158: the runtime's own error classes count as temporary failures too",
  async () => {
    using time = new FakeTime();
    const script = [
      new Deno.errors.ConnectionAborted("left the queue"),
      new Deno.errors.ConnectionReset("left the queue"),
      new Deno.errors.Interrupted("signal"),
    ];
    const accepting = new Accepting(script);
    await fire(time, 3);
    assertEquals(accepting.failures, script);
    assertEquals(accepting.listener.times.length, 4);
    await stop(time, accepting);
  },
);

testEngine(
  LISTEN,
  "R158: failures of single connections reach the setup hook, and are not errors of the server",
  async () => {
    using time = new FakeTime();
    const codes = ["ECONNRESET", "ENOTCONN", "ECONNABORTED", "EPROTO"];
    const script = codes.map(systemError);
    const full = systemError("EMFILE");
    const accepting = new Accepting([...script, full]);
    await fire(time, 2);
    assertEquals(accepting.failures, [...script, full]);
    assertEquals(accepting.errors, [full]);
    await stop(time, accepting);
  },
);

testEngine(
  LISTEN,
  "R158: reading the stack of an error about missing descriptors needs no descriptor",
  async () => {
    using time = new FakeTime();
    const accepting = new Accepting(["EMFILE", "ENFILE"].map(systemError));
    await fire(time, 2);
    assertEquals(accepting.failures.map(({ stack }) => stack), [
      "Error: Cannot accept connection: the process has no free descriptor (EMFILE); raise its limit (ulimit -n), or lower maxConnections",
      "Error: Cannot accept connection: the system has no free descriptor (ENFILE); raise its limit (fs.file-max)",
    ]);
    await stop(time, accepting);
  },
);

testEngine(
  LISTEN,
  "R158: shutdown() does not wait for the next retry",
  async () => {
    const script = Array.from({ length: 20 }, () => systemError("EMFILE"));
    const accepting = new Accepting(script);
    await until(() => accepting.failures.length >= 3);
    const { length } = accepting.failures;
    accepting.manager.stop();
    await until(() => accepting.ends.length > 0);
    assertEquals(accepting.ends, [null]);
    assertEquals(accepting.failures.length, length);
    assertEquals(accepting.listener.closeCount, 1);
  },
);

const fatal: readonly (readonly [string, Error])[] = [
  ["an unknown error", new Error("unknown")],
  ["a listener closed from elsewhere", new Deno.errors.BadResource("closed")],
  ["a code that is not temporary", systemError("EBADF")],
];

for (const [what, error] of fatal) {
  testEngine(
    LISTEN,
    `R158: ${what} ends serving once, and closes idle connections`,
    async () => {
      const peer = new MemoryConnection();
      const accepting = new Accepting([peer, error, new Error("never asked")]);
      assertEquals(await peer.toEnd(), "");
      peer.end();
      await until(() => accepting.ends.length > 0);
      await turns(10);
      assertEquals(accepting.ends, [error]);
      assertEquals(accepting.listener.times.length, 2);
      assertEquals(accepting.failures, [error]);
      assertEquals(accepting.manager.connectionCount, 0);
    },
  );
}

testEngine(
  LISTEN,
  "R158: serve() rejects finished and shutdown() with the failure",
  async () => {
    const broken = new Error("broken");
    const { listener } = new ScriptedListener([broken]);
    using _ = stub(Deno, "listen", (() => listener) as never);
    const errors: unknown[] = [];
    const handle = Server.builder("127.0.0.1:0").build().serve({
      onError: (error) => void errors.push(error),
    });
    assertEquals(await assertRejects(() => handle.finished), broken);
    assertEquals(await assertRejects(() => handle.shutdown()), broken);
    assertEquals(errors, [broken]);
  },
);

testEngine(
  LISTEN,
  "R158: failures print at most one line per second",
  async () => {
    let nowMs = 1000;
    const script = Array.from({ length: 100 }, () => systemError("EMFILE"));
    const scripted = new ScriptedListener(script);
    using _listen = stub(Deno, "listen", (() => scripted.listener) as never);
    using _now = stub(performance, "now", () => nowMs);
    using time = new FakeTime();
    const errors: unknown[] = [];
    const handle = Server.builder("127.0.0.1:0").build().serve({
      onError: (error) => void errors.push(error),
    });
    const lines: number[] = [];
    for (let second = 0; second < 4; second++) {
      for (let n = 0; n < 20; n++) {
        await time.tickAsync(50);
        nowMs += 50;
      }
      lines.push(errors.length);
    }
    assert(scripted.times.length >= 9, `${scripted.times.length} accepts`);
    assertEquals(lines, [1, 2, 3, 4]);
    const finished = handle.shutdown();
    await fire(time, 2);
    await finished;
  },
);

testEngines(
  "R155: connection maxConnections + 1 waits in the queue until another one closes",
  async (engine) => {
    const admitted: string[] = [];
    await using server = engine.serve((app) => {
      app.get("/:n", (ctx, res) => {
        admitted.push(ctx.params.get("n") ?? "");
        res.ok();
      });
    }, { maxConnections: 3 });
    const clients: RawClient[] = [];
    for (let n = 0; n < 5; n++) clients.push(await server.connect());
    for (const [n, client] of clients.entries()) {
      await client.send(request(`GET /${n}`));
    }
    for (const client of clients.slice(0, 3)) await client.response();
    for (let n = 0; n < 20; n++) {
      for (const client of clients.slice(0, 3)) {
        await client.ask(request("GET /on"));
      }
      assertEquals(server.handle.connectionCount, 3);
    }
    assertEquals(admitted.filter((n) => n !== "on"), ["0", "1", "2"]);
    clients[1]?.close();
    assertEquals((await clients[3]?.response())?.status, 200);
    assertEquals(server.handle.connectionCount, 3);
    clients[0]?.close();
    assertEquals((await clients[4]?.response())?.status, 200);
    for (const client of clients) client.close();
  },
);

testEngines("R155: several addresses share one limit", async (engine) => {
  let most = 0;
  const app = Server.builder(["127.0.0.1:0", "127.0.0.1:0"], {
    maxConnections: 1,
  });
  app.get("/", (_, res) => {
    most = Math.max(most, handle.connectionCount);
    res.ok();
  });
  const handle = engine.start(app.build());
  const ports = handle.addrs.map((addr) => (addr as Deno.NetAddr).port); // TCP
  using first = await RawClient.connect(ports[0] ?? 0);
  await first.ask(request("GET /"));
  using second = await RawClient.connect(ports[1] ?? 0);
  await second.send(request("GET /"));
  for (let n = 0; n < 20; n++) await first.ask(request("GET /"));
  first.close();
  assertEquals((await second.response()).status, 200);
  assertEquals(most, 1);
  second.close();
  await handle.shutdown();
});

testEngines(
  "R155: connections whose setup hook is still running count",
  async (engine) => {
    const { promise, resolve } = Promise.withResolvers<void>();
    let setUps = 0;
    await using server = engine.serve((app) => {
      app.fallbackRoute(ok);
      app.connectionSetupHook(async (accepted) => {
        assert(accepted.ok);
        setUps++;
        await promise;
        return ConnectionSetupAction.proceed(accepted.conn);
      });
    }, { maxConnections: 2 });
    const clients: RawClient[] = [];
    for (let n = 0; n < 4; n++) clients.push(await server.connect());
    await until(() => setUps === 2);
    await turns(20);
    assertEquals(setUps, 2);
    resolve();
    for (const client of clients) {
      assertEquals((await client.ask(request("GET /"))).status, 200);
      client.close();
    }
  },
);

testEngines(
  "R158: connections that are reset in the queue do not delay others, and are not errors of the server",
  async (engine) => {
    using resetter = new Resetter();
    await using server = engine.serve((app) => {
      app.get("/", (_, res) => res.ok("ok"));
    }, { maxConnections: 1 });
    using first = await server.connect();
    await first.ask(request("GET /"));
    const queued = await Promise.all(
      Array.from(
        { length: 50 },
        () => Deno.connect({ hostname: "127.0.0.1", port: server.port }),
      ),
    );
    for (const conn of queued) resetter.reset(conn);
    using last = await server.connect();
    await last.send(request("GET /"));
    first.close();
    assertEquals((await last.response()).body, "ok");
    assertEquals(server.errors, []);
  },
);
