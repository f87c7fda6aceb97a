/** The deadline of each phase, on a clock that the test controls. */

import { assert, assertEquals, assertRejects } from "@std/assert";
import { DeadlineSweep } from "../../client/deadline_sweep.ts";
import { ClientError, type ClientOptions } from "../../mod.ts";
import { NEVER, Pieces } from "../support/client_exchange.ts";
import { FakeClock } from "../support/fake_clock.ts";
import {
  body,
  head,
  send,
  type Step,
  until,
} from "../support/hostile_server.ts";
import {
  elapse,
  isPending,
  TimedClient,
  timedPair,
} from "../support/timed_client.ts";
import { until as untilSo } from "../support/turns.ts";

/** Lets time pass until a promise fails, and checks the deadline that it fails with. */
async function expires(
  clock: FakeClock,
  promise: Promise<unknown>,
  expected: {
    readonly phase: string;
    readonly option: string;
    readonly afterMs: number;
  },
): Promise<ClientError> {
  const { phase, option, afterMs } = expected;
  const failure = assertRejects(() => promise, ClientError, `(${option})`);
  assert(await elapse(clock, failure) >= afterMs, "it failed too early");
  const error = await failure;
  assertEquals([error.phase, error.code], [phase, "DEADLINE"]);
  return error;
}

/** A listener whose queue is full, so that the next connection is not completed. */
async function fullListener(): Promise<{ port: number } & Disposable> {
  const listener = Deno.listen({
    hostname: "127.0.0.1",
    port: 0,
    tcpBacklog: 1,
  });
  const { port } = listener.addr;
  const queued: Deno.TcpConn[] = [];
  const controller = new AbortController();
  const { signal } = controller;
  for (;;) {
    const attempt = Deno.connect({ hostname: "127.0.0.1", port, signal });
    // The system does not report a full queue, so the test can only wait.
    const late = Promise.withResolvers<null>();
    const timer = setTimeout(() => late.resolve(null), 100);
    const conn = await Promise.race([attempt, late.promise]);
    clearTimeout(timer);
    if (conn !== null) {
      queued.push(conn);
      continue;
    }
    controller.abort();
    await attempt.catch(() => {});
    break;
  }
  return {
    port,
    [Symbol.dispose](): void {
      for (const conn of queued) conn.close();
      listener.close();
    },
  };
}

Deno.test("connectTimeout ends an attempt that is not answered, and leaves nothing", async () => {
  using listener = await fullListener();
  await using client = new TimedClient(`127.0.0.1:${listener.port}`, {
    connectTimeout: 1000,
  });
  const error = await expires(client.clock, client.get("/"), {
    phase: "connect",
    option: "connectTimeout",
    afterMs: 1000,
  });
  assert(error.retryable);
  assertEquals(client.connectionCount, 0);
  const controller = new AbortController();
  const answer = client.get("/", { signal: controller.signal });
  controller.abort("no");
  assertEquals(await answer.catch((reason) => reason), "no");
  client.close();
  assertEquals(client.clock.tickerCount, 0);
});

Deno.test("tlsTimeout ends a handshake that is not answered", async () => {
  await using both = timedPair([]);
  await using client = new TimedClient(`https://${both.server.origin}`, {
    tlsTimeout: 1000,
  });
  const error = await expires(client.clock, client.get("/"), {
    phase: "connect",
    option: "tlsTimeout",
    afterMs: 1000,
  });
  assert(error.retryable);
  assertEquals(client.connectionCount, 0);
});

/** Sends a GET to a script that does not complete its response in time. */
async function getExpires(
  script: readonly Step[],
  options: Partial<ClientOptions>,
  option: string,
): Promise<void> {
  await using both = timedPair([script], options);
  const { client, clock } = both;
  const answer = client.get("/").then(({ body }) => body.text());
  const error = await expires(clock, answer, {
    phase: "read",
    option,
    afterMs: 1000,
  });
  assertEquals(error.retryable, false);
  assertEquals(client.connectionCount, 0);
}

Deno.test("headTimeout ends the wait for a head, whatever arrives meanwhile", async () => {
  const options = { headTimeout: 1000 };
  await getExpires([head], options, "headTimeout");
  const part = send("HTTP/1.1 200 OK\r\nA: b");
  await getExpires([head, part], options, "headTimeout");
  const interim = "HTTP/1.1 102 \r\n\r\n";
  await getExpires([head, send(interim)], options, "headTimeout");
});

Deno.test("headTimeout is not renewed by parts of a head", async () => {
  const first = Promise.withResolvers<void>();
  await using both = timedPair([
    [head, until(first.promise), send("HTTP/1.1 103 \r\n\r\nHTTP/1.1 200 OK")],
  ], { headTimeout: 1000 });
  const { client, clock, server } = both;
  const arrived = Promise.withResolvers<void>();
  const answer = client.get("/", { onInterim: () => arrived.resolve() });
  answer.catch(() => {}); // it is awaited below
  await untilSo(() => server.peers[0]?.heads.length === 1);
  clock.advance(900);
  first.resolve();
  await arrived.promise;
  clock.advance(300);
  const error = await assertRejects(() => answer, ClientError, "(headTimeout)");
  assertEquals(error.code, "DEADLINE");
});

const PART = "HTTP/1.1 200 \r\nContent-Length: 9\r\n\r\n";

Deno.test("bodyTimeout ends a body that stalls", async () => {
  const options = { bodyTimeout: 1000 };
  await getExpires([head, send(`${PART}x`)], options, "bodyTimeout");
});

Deno.test("bodyTimeout is renewed by each part of a body", async () => {
  const gates = Array.from({ length: 8 }, () => Promise.withResolvers<void>());
  const parts = gates.flatMap(({ promise }) => [until(promise), send("x")]);
  await using both = timedPair([[head, send(`${PART}x`), ...parts]], {
    bodyTimeout: 1000,
  });
  const { client, clock } = both;
  const response = await client.get("/");
  const buffer = new Uint8Array(9);
  assertEquals(await response.body.read(buffer), 1);
  for (const { resolve } of gates) {
    const reading = response.body.read(buffer);
    clock.advance(900);
    assert(await isPending(reading));
    resolve();
    assertEquals(await reading, 1);
  }
  assertEquals(await response.body.read(buffer), null);
});

Deno.test("bodyTimeout ends a request that the server does not read", async () => {
  await using both = timedPair([[until(NEVER)]], { bodyTimeout: 1000 });
  const { client, clock } = both;
  const answer = client.post("/", { body: new Uint8Array(50_000_000) });
  await expires(clock, answer, {
    phase: "write",
    option: "bodyTimeout",
    afterMs: 1000,
  });
});

Deno.test("bodyTimeout ends a request whose body stalls", async () => {
  await using both = timedPair([[head, body(6)]], { bodyTimeout: 1000 });
  const { client, clock } = both;
  const pieces = new Pieces(["a", NEVER]);
  await expires(clock, client.post("/", { body: pieces }), {
    phase: "write",
    option: "bodyTimeout",
    afterMs: 1000,
  });
  await pieces.cancelled;
});

Deno.test("timeout covers an exchange, and one that waits for its connection", async () => {
  const options = { timeout: 1000, maxConnections: 1 };
  await using both = timedPair([[head, until(NEVER)]], options);
  const { client, clock, server } = both;
  const first = client.get("/");
  await untilSo(() => server.peers[0]?.heads.length === 1);
  const second = client.get("/");
  const expected = { option: "timeout", afterMs: 1000 };
  await Promise.all([ // the clock has moved when the second call reads it
    expires(clock, first, { ...expected, phase: "read" }),
    expires(clock, second, { ...expected, phase: "connect", afterMs: 0 }),
  ]);
  assertEquals(client.connectionCount, 0);
});

/** What an exchange is doing when `timeout` passes, and what its error says. */
const STEPS: readonly {
  readonly name: string;
  readonly script: readonly Step[];
  readonly exchange: (client: TimedClient) => Promise<unknown>;
  readonly phase: string;
  readonly message: string;
}[] = [
  {
    name: "sending a request",
    script: [head, until(NEVER)],
    exchange: (client) => client.post("/", { body: new Pieces(["a", NEVER]) }),
    phase: "write",
    message: "Cannot send request",
  },
  {
    name: "sending a body that the server does not read",
    script: [head, until(NEVER)],
    exchange: (client) =>
      client.post("/", { body: new Uint8Array(50_000_000) }),
    phase: "write",
    message: "Cannot send request",
  },
  {
    name: "waiting for the head",
    script: [head, send("HTTP/1.1 200 OK\r\n"), until(NEVER)],
    exchange: (client) => client.get("/"),
    phase: "read",
    message: "Cannot read response head",
  },
  {
    name: "reading the body",
    script: [head, send(`${PART}1`), until(NEVER)],
    exchange: async (client) => await (await client.get("/")).body.text(),
    phase: "read",
    message: "Cannot read body",
  },
];

for (const { name, script, exchange, phase, message } of STEPS) {
  Deno.test(`timeout while ${name} fails in phase ${phase}`, async () => {
    await using both = timedPair([[...script]], { timeout: 1000 });
    const { clock, client, server } = both;
    const expected = { phase, option: "timeout", afterMs: 1000 };
    const ended = exchange(client);
    await untilSo(() => server.peers[0]?.heads.length === 1);
    const error = await expires(clock, ended, expected);
    assertEquals(
      error.message,
      `${message}: the exchange was not done within 1000 ms (timeout)`,
    );
    assertEquals(error.retryable, false);
  });
}

Deno.test("timeout while connecting, or while waiting for a connection, fails in phase connect", async () => {
  using listener = await fullListener();
  await using silent = new TimedClient(`127.0.0.1:${listener.port}`, {
    timeout: 1000,
  });
  const expected = { phase: "connect", option: "timeout", afterMs: 1000 };
  const unconnected = await expires(silent.clock, silent.get("/"), expected);

  const options = { maxConnections: 1, timeout: 5000 };
  await using both = timedPair([[head, until(NEVER)]], options);
  const { client, clock, server } = both;
  const first = client.get("/").catch((error) => error);
  await server.peer(0);
  const waiting = await expires(
    clock,
    client.get("/", { timeout: 1000 }),
    expected,
  );
  for (const error of [unconnected, waiting]) {
    assert(error.retryable, "nothing was sent");
    assert(error.message.startsWith("Cannot get a connection: "));
  }
  client.close();
  await first;
});

Deno.test("timeout covers redirects and the body together", async () => {
  const moved = "HTTP/1.1 302 \r\nLocation: /b\r\nContent-Length: 0\r\n\r\n";
  const options = { timeout: 1000, maxRedirects: 1 };
  const gate = Promise.withResolvers<void>();
  await using silent = timedPair([
    [head, until(gate.promise), send(moved), head, until(NEVER)],
  ], options);
  const { peers } = silent.server;
  const answer = silent.client.get("/");
  answer.catch(() => {}); // it is awaited below
  await untilSo(() => peers[0]?.heads.length === 1);
  silent.clock.advance(900);
  gate.resolve();
  await untilSo(() => peers[0]?.heads.length === 2);
  silent.clock.advance(100);
  const error = await assertRejects(() => answer, ClientError, "(timeout)");
  assertEquals([error.phase, error.code], ["read", "DEADLINE"]);

  await using both = timedPair([[head, send(`${PART}1`)]], options);
  const { client, clock, server } = both;
  const response = await client.get("/");
  const buffer = new Uint8Array(9);
  for (let count = 0; count < 7; count++) {
    assertEquals(await response.body.read(buffer), 1);
    clock.advance(100);
    await server.peers[0]?.write("1");
  }
  clock.advance(300);
  await assertRejects(
    async () => {
      while (await response.body.read(buffer) !== null);
    },
    ClientError,
    "(timeout)",
  );
  assertEquals(client.connectionCount, 0);
});

Deno.test("timeout ends with the body, and not before it", async () => {
  const options = { timeout: 1000, maxConnections: 1 };
  await using both = timedPair([
    [head, send("HTTP/1.1 200 \r\nContent-Length: 2\r\n\r\nhi"), head],
  ], options);
  const { client, clock } = both;
  const response = await client.get("/");
  clock.advance(2000);
  assertEquals(await response.body.text(), "hi");
  await expires(clock, client.get("/"), {
    phase: "read",
    option: "timeout",
    afterMs: 1000,
  });
});

Deno.test("the caller's signal takes precedence over timeout", async () => {
  await using both = timedPair([[head, until(NEVER)]], { timeout: 1000 });
  const { client, clock, server } = both;
  const controller = new AbortController();
  const { signal } = controller;
  const answer = client.get("/", { signal }).catch((reason) => reason);
  await server.peer(0);
  controller.abort("no");
  assertEquals(await answer, "no");
  client.close();
  assertEquals(clock.tickerCount, 0);
});

Deno.test("DeadlineSweep expires each member that is due, and stops without members", () => {
  const clock = new FakeClock();
  const sweep = new DeadlineSweep(clock, 800);
  const expired: [string, number][] = [];
  const member = (
    name: string,
    deadlineMs: number,
  ): { deadlineMs: number; expire: () => void } => {
    const self = {
      deadlineMs,
      expire: (): void => {
        expired.push([name, clock.monotonicMs()]);
        sweep.remove(self);
      },
    };
    return self;
  };
  const never = member("never", Infinity);
  for (const one of [member("late", 250), member("soon", 50), never]) {
    sweep.add(one);
  }
  clock.advance(1000);
  assertEquals(expired, [["soon", 100], ["late", 300]]);
  assertEquals(clock.tickerCount, 1);
  sweep.remove(never);
  clock.advance(100);
  assertEquals(clock.tickerCount, 0);
  sweep.add(never);
  sweep.stop();
  sweep.stop();
  assertEquals(clock.tickerCount, 0);
});
