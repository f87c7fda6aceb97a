/** Section 4, shutdown (R111): the delay before it, the order of its steps, and the grace of idle connections. */

import { assert, assertEquals, assertRejects } from "@std/assert";
import { ConnectionSetupAction, Server } from "../mod.ts";
import { IDLE_GRACE_MS } from "../server/server_handle.ts";
import { applicationOf } from "./support/application.ts";
import { blockThread } from "./support/block_thread.ts";
import { NODE, testEngines } from "./support/engines.ts";
import { FakeClock } from "./support/fake_clock.ts";
import { RawClient } from "./support/raw_client.ts";
import { request, type TestServer } from "./support/serve.ts";
import { turn, turns, until, untilRefused } from "./support/turns.ts";
import { withDeadline } from "./support/with_deadline.ts";

const DEADLINE_MS = 10_000;

/** A delay that no test waits for, in ms. */
const LONG_MS = 600_000;

/** Times without a delay, and with a grace that a fake clock has to end. */
const WITH_GRACE = { delayMs: 0, graceMs: IDLE_GRACE_MS };

testEngines(
  "R111: during its delay, shutdown() accepts and answers, and responses say close",
  async (engine) => {
    await using server = engine.serve((app) => {
      app.get("/", (_, res) => res.ok("ok"));
      app.get("/ready", (_, res) => res.send(handle.isDraining ? 503 : 200));
    });
    const { handle } = server;
    using idle = await server.connect();
    const before = await idle.ask(request("GET /ready"));
    assertEquals([before.status, handle.isDraining], [200, false]);
    assertEquals(before.headers.get("connection"), undefined);

    const first = handle.shutdown({ delay: LONG_MS });
    assertEquals(handle.isDraining, true);
    for (const client of [idle, await server.connect()]) {
      const answer = await client.ask(request("GET /ready"));
      assertEquals(
        [answer.status, answer.headers.get("connection")],
        [503, "close"],
      );
      assertEquals(await client.toEnd(), "");
      client.close();
    }
    const second = handle.shutdown();
    await withDeadline(Promise.all([first, second]), DEADLINE_MS);
    await untilRefused(server.port);
    assertEquals(handle.isDraining, true);
  },
);

testEngines(
  "R111: of several delays, the earliest end applies",
  async (engine) => {
    const clock = new FakeClock();
    const app = applicationOf((_, res) => res.ok("ok"));
    const { manager, port } = engine.listenTimed(app, clock);
    for (const delayMs of [2000, 500, 3000]) {
      manager.stop({ delayMs, graceMs: 0 });
    }
    clock.advance(499);
    using client = await RawClient.connect(port);
    assertEquals((await client.ask(request("GET /"))).body, "ok");
    assertEquals([manager.isDraining, manager.isStopping], [true, false]);
    client.close();
    clock.advance(1);
    assertEquals(manager.isStopping, true);
    await withDeadline(manager.finished, DEADLINE_MS);
    assertEquals(clock.tickerCount, 0, "a timer is left");
  },
);

testEngines(
  "R111: responses on connections from the last quarter second of a delay do not say close until the listener has closed",
  async (engine) => {
    const clock = new FakeClock();
    const app = applicationOf((_, res) => res.ok("ok"));
    const { manager, port } = engine.listenTimed(app, clock);
    const connectionOf = async (client: RawClient): Promise<unknown> =>
      (await client.ask(request("GET /"))).headers.get("connection");
    manager.stop({ delayMs: 2000, graceMs: IDLE_GRACE_MS });
    clock.advance(1749);
    using early = await RawClient.connect(port);
    assertEquals(await connectionOf(early), "close");
    early.close();
    clock.advance(1);
    using late = await RawClient.connect(port);
    assertEquals(await connectionOf(late), undefined);
    assertEquals(await connectionOf(late), undefined);
    clock.advance(250);
    await untilRefused(port);
    assertEquals(await connectionOf(late), "close");
    late.close();
    await withDeadline(manager.finished, DEADLINE_MS);
    assertEquals(clock.tickerCount, 0, "a timer is left");
  },
);

testEngines(
  "R111: listeners close first; idle connections then have a second for requests that are on their way",
  async (engine) => {
    const clock = new FakeClock();
    const app = applicationOf((_, res) => res.ok("ok"));
    const { manager, port } = engine.listenTimed(app, clock);
    using asking = await RawClient.connect(port);
    using silent = await RawClient.connect(port);
    await asking.ask(request("GET /"));
    await until(() => manager.connectionCount === 2);

    manager.stop(WITH_GRACE);
    await untilRefused(port);
    clock.advance(IDLE_GRACE_MS - 1);
    await turns(20);
    assertEquals(manager.connectionCount, 2);
    const answer = await asking.ask(request("GET /"));
    assertEquals(
      [answer.body, answer.headers.get("connection")],
      ["ok", "close"],
    );
    assertEquals(await asking.toEnd(), "");
    asking.close();
    await until(() => manager.connectionCount === 1);

    clock.advance(1);
    assertEquals(await silent.toEnd(), "");
    silent.close();
    await withDeadline(manager.finished, DEADLINE_MS);
  },
);

testEngines(
  "R111: responses say close only after the listener has closed",
  async (engine) => {
    const clock = new FakeClock();
    const app = applicationOf((_, res) => {
      manager.stop(WITH_GRACE);
      res.ok("ok");
    });
    const { manager, port } = engine.listenTimed(app, clock);
    using client = await RawClient.connect(port);
    const first = await client.ask(request("GET /"));
    assertEquals(first.headers.get("connection"), undefined);
    await untilRefused(port);
    const second = await client.ask(request("GET /"));
    assertEquals(second.headers.get("connection"), "close");
    assertEquals(await client.toEnd(), "");
    client.close();
    await withDeadline(manager.finished, DEADLINE_MS);
  },
);

testEngines(
  "R111: the grace ends at once when no connection is left, and with a call that gives none",
  async (engine) => {
    const app = applicationOf((_, res) => res.ok("ok"));
    const clock = new FakeClock();
    const unused = engine.listenTimed(app, clock);
    unused.manager.stop(WITH_GRACE);
    await withDeadline(unused.manager.finished, DEADLINE_MS);

    const { manager, port } = engine.listenTimed(app, clock);
    using idle = await RawClient.connect(port);
    await idle.ask(request("GET /"));
    manager.stop(WITH_GRACE);
    await untilRefused(port);
    await turns(20);
    assertEquals(manager.connectionCount, 1);
    manager.stop();
    assertEquals(await idle.toEnd(), "");
    idle.close();
    await withDeadline(manager.finished, DEADLINE_MS);
    assertEquals(clock.tickerCount, 0, "a timer is left");
  },
);

/** Queues connections, begins shutdown(), and checks that it answers all of them. */
async function answersQueued(
  { port, handle }: TestServer,
  count: number,
): Promise<void> {
  const clients = await Promise.all(
    Array.from({ length: count }, () => RawClient.connect(port)),
  );
  const finished = handle.shutdown();
  const answers = await Promise.all(
    clients.map((client) => client.ask(request("GET /"))),
  );
  assert(answers.every(({ body }) => body === "ok"));
  for (const client of clients) client.close();
  await withDeadline(finished, DEADLINE_MS);
}

testEngines(
  "R111: all connections that are queued when shutdown() begins are answered",
  async (engine) => {
    const server = engine.serve((app) =>
      app.get("/", (_, res) => res.ok("ok"))
    );
    await answersQueued(server, 300);
  },
);

testEngines(
  "R111: connections that are queued when shutdown() begins are answered, even if accepting them takes long",
  async (engine) => {
    const server = engine.serve((app) =>
      app.get("/", (_, res) => res.ok("ok"))
        .connectionSetupHook((accepted) => {
          blockThread(10);
          return accepted.ok
            ? ConnectionSetupAction.proceed(accepted.conn)
            : ConnectionSetupAction.drop;
        })
    );
    await answersQueued(server, 60);
  },
);

testEngines(
  "R111: connections that arrive while a listener closes are answered or refused",
  async (engine) => {
    const server = engine.serve((app) =>
      app.get("/", (_, res) => res.ok("ok"))
    );
    const wire = request("GET /", "Connection: close\r\n");
    let answered = 0;
    let lost = 0;
    const clients = Array.from({ length: 16 }, async () => {
      for (;;) {
        const client = await RawClient.connect(server.port).catch(() => null);
        if (client === null) return;
        using _ = client;
        const answer = await client.ask(wire).catch(() => null);
        if (answer?.body === "ok") answered++;
        else lost++;
      }
    });
    while (answered < 200) await turn();
    await withDeadline(server.handle.shutdown(), DEADLINE_MS);
    await withDeadline(Promise.all(clients), DEADLINE_MS);
    // On node, clients of the same process may connect, once each, between the
    // last accept and the close.
    const most = engine === NODE ? clients.length : 0;
    assert(lost <= most, `${lost} connections were lost`);
  },
);

testEngines(
  "R111: closeNow() ends a delay, and a signal ends it as shutdown() does",
  async (engine) => {
    const build = (): Server => {
      const app = Server.builder("127.0.0.1:0");
      return app.get("/", (_, res) => res.ok("ok")).build();
    };
    const cut = engine.start(build());
    const over = cut.shutdown({ delay: LONG_MS, deadline: LONG_MS });
    cut.closeNow();
    await withDeadline(over, DEADLINE_MS);

    const abort = new AbortController();
    const aborted = engine.start(build(), { signal: abort.signal });
    using idle = await RawClient.connect(aborted.port);
    await idle.ask(request("GET /"));
    const ended = aborted.shutdown({ delay: LONG_MS });
    abort.abort();
    await untilRefused(aborted.port);
    const answer = await idle.ask(request("GET /"));
    assertEquals(answer.headers.get("connection"), "close");
    idle.close();
    await withDeadline(ended, DEADLINE_MS);
  },
);

testEngines(
  "R111: shutdown() cuts requests at its deadline, which begins after the delay",
  async (engine) => {
    const begun = Promise.withResolvers<void>();
    await using server = engine.serve((app) =>
      app.get("/", (ctx) => {
        begun.resolve();
        return new Promise<void>((resolve) =>
          ctx.signal.addEventListener("abort", () => resolve())
        );
      })
    );
    using client = await server.connect();
    await client.send(request("GET /"));
    await begun.promise;
    const over = server.handle.shutdown({ delay: 1, deadline: 1 });
    await withDeadline(over, DEADLINE_MS);
    assertEquals(server.handle.connectionCount, 0);
  },
);

testEngines(
  "shutdown() refuses a delay that is no duration or too long, and serving continues",
  async (engine) => {
    await using server = engine.serve((app) =>
      app.get("/", (_, res) => res.ok("hi"))
    );
    const { handle } = server;
    for (const delay of [-1, NaN, Infinity, 2 ** 31, "1" as never]) {
      await assertRejects(
        () => handle.shutdown({ delay }),
        RangeError,
        `Cannot shut down with delay ${
          delay === "1" as never ? '"1"' : delay
        }: it must be a number of at least 0 and at most 2147483647, in ms`,
      );
    }
    await assertRejects(
      () => handle.shutdown(5000 as never),
      TypeError,
      "Cannot shut down with 5000: not an object such as { deadline: 10_000 }",
    );
    for (
      const [options, shown] of [[null, "null"], [[], "an array"], [
        "5",
        '"5"',
      ]] as const
    ) {
      await assertRejects(
        () => handle.shutdown(options as never),
        TypeError,
        `Cannot shut down with ${shown}: not an object`,
      );
    }
    assertEquals(handle.isDraining, false);
    using client = await server.connect();
    assertEquals((await client.ask(request("GET /"))).body, "hi");
  },
);
