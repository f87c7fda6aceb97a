/** Retries: which exchanges are repeated, after which delays, and when they end. */

import { assertEquals, assertRejects } from "@std/assert";
import {
  Client,
  ClientError,
  type ExchangeInit,
  Headers,
  type HeadersInit,
} from "../../mod.ts";
import {
  close,
  head,
  HostileServer,
  send,
  type Step,
  until,
} from "../support/hostile_server.ts";
import {
  EMPTY,
  fails,
  HELLO,
  NEVER,
  pair,
} from "../support/client_exchange.ts";
import { timedPair } from "../support/timed_client.ts";
import { FakeClock } from "../support/fake_clock.ts";
import { RetryPlan } from "../../client/retry.ts";
import { resolveClientOptions } from "../../client/options.ts";
import { turn, until as untilSo } from "../support/turns.ts";

function answer(status: number, fields = ""): string {
  return `HTTP/1.1 ${status} \r\n${fields}Content-Length: 0\r\n\r\n`;
}

/** A script that answers with each status in turn. */
function statuses(...list: number[]): Step[] {
  return list.flatMap((status) => [head, send(answer(status))]);
}

const NO_DELAY = { retryDelay: 0 };

Deno.test("an idempotent request is repeated after each status of retryOn, at most retries times", async () => {
  for (const method of ["GET", "HEAD", "PUT", "DELETE", "OPTIONS"]) {
    await using both = pair([statuses(503, 429, 200)], {
      ...NO_DELAY,
      retries: 2,
    });
    assertEquals((await both.client.exchange(method, "/")).status, 200, method);
  }
  await using less = pair([statuses(503, 503)], { ...NO_DELAY, retries: 1 });
  assertEquals((await less.client.get("/")).status, 503);
  await using listed = pair([statuses(500, 503)], {
    ...NO_DELAY,
    retries: 5,
    retryOn: [500],
  });
  assertEquals((await listed.client.get("/")).status, 503);
});

Deno.test("nothing is repeated without the option, and a request may set its own", async () => {
  await using both = pair([statuses(503, 503, 200, 503)], NO_DELAY);
  const { client } = both;
  assertEquals((await client.get("/")).status, 503);
  assertEquals((await client.get("/", { retries: 1 })).status, 200);
  await using always = pair([statuses(503)], { ...NO_DELAY, retries: 1 });
  assertEquals((await always.client.get("/", { retries: 0 })).status, 503);
});

Deno.test("POST and PATCH are repeated only if the request says that it is idempotent", async () => {
  for (const method of ["POST", "PATCH", "ABC"]) {
    await using both = pair([statuses(503, 503, 200)], {
      ...NO_DELAY,
      retries: 1,
    });
    const { client } = both;
    assertEquals((await client.exchange(method, "/")).status, 503);
    const init = { idempotent: true };
    assertEquals((await client.exchange(method, "/", init)).status, 200);
  }
  await using get = pair([statuses(503)], { ...NO_DELAY, retries: 1 });
  assertEquals((await get.client.get("/", { idempotent: false })).status, 503);
});

Deno.test("a request is repeated after its connection failed, if it is idempotent", async () => {
  const options = { ...NO_DELAY, retries: 2 };
  for (
    const script of [
      [head, close],
      [head, send("HTTP/1.1 2"), close],
      [head, send("HTTP/1.1 200 OK\r\nA: "), close],
    ]
  ) {
    await using both = pair([script, script, [head, send(HELLO)]], options);
    const response = await both.client.get("/");
    assertEquals(await response.text(), "hello");
    assertEquals(both.server.count, 3);
  }
  await using post = pair([[head, close]], options);
  await fails(post.client.post("/"), "read", "CLOSED");
  await using wrong = pair([[head, send("nonsense\r\n\r\n")]], options);
  await fails(
    wrong.client.get("/"),
    "parse",
    "PROTOCOL",
    "INVALID_STATUS_LINE",
  );
  assertEquals(wrong.server.count, 1);
});

Deno.test("any request is repeated if the server cannot have processed it", async () => {
  const gone = new HostileServer([]);
  const { origin, port } = gone;
  await gone[Symbol.asyncDispose]();
  await using none = new Client(origin, { ...NO_DELAY, retries: 2 });
  await fails(none.post("/", { body: "a" }), "connect", "CONNECT_FAILED");
  const options = { retries: 1000, retryDelay: 10, maxRetryDelay: 10 };
  await using client = new Client(origin, options);
  const response = client.post("/", { body: "a" });
  await new Promise((resolve) => setTimeout(resolve, 20)); // it is refused meanwhile
  using listener = Deno.listen({ hostname: "127.0.0.1", port });
  using conn = await listener.accept();
  await conn.read(new Uint8Array(1000));
  await conn.write(new TextEncoder().encode(EMPTY));
  assertEquals((await response).status, 204);
});

Deno.test("a streamed body is never sent twice, other bodies are", async () => {
  const options = { ...NO_DELAY, retries: 1 };
  const bodies: readonly (ExchangeInit["body"])[] = [
    "abc",
    new Blob(["abc"]),
    new Blob(["a".repeat(20_000)]),
    new URLSearchParams("a=b"),
  ];
  for (const body of bodies) {
    const text = typeof body === "string"
      ? body
      : await new Response(body as Blob).text();
    const read: Step = async (peer) => {
      await peer.readHead();
      assertEquals(await peer.readBytes(text.length), text);
    };
    await using both = pair([
      [read, send(answer(503)), read, send(answer(200))],
    ], options);
    assertEquals((await both.client.put("/", { body })).status, 200);
  }
  await using both = pair([[head, send(answer(503))]], options);
  const body = new Blob(["abc"]).stream();
  assertEquals((await both.client.put("/", { body })).status, 503);
});

/** The delays before each repetition, with a random number that is fixed. */
function delays(
  options: { readonly retryDelay?: number; readonly maxRetryDelay?: number },
  random: number,
): number[] {
  const clock = new FakeClock();
  const context = {
    options: resolveClientOptions(options),
    clock,
    random: () => random,
  };
  const limit = { startMs: 0, timeoutMs: Infinity };
  const plan = new RetryPlan(context, 5, limit);
  const request = { isIdempotent: true, isRepeatable: true };
  const error = new ClientError("", { phase: "read", code: "CLOSED" });
  return Array.from({ length: 6 }, () => plan.delayAfterError(error, request))
    .filter((delayMs) => delayMs !== null);
}

Deno.test("delays double up to maxRetryDelay, and are spread over all of their length", () => {
  const options = { retryDelay: 100, maxRetryDelay: 500 };
  assertEquals(delays(options, 0), [0, 0, 0, 0, 0]);
  assertEquals(delays(options, 0.5), [50, 100, 200, 250, 250]);
  const most = delays(options, 1 - Number.EPSILON);
  assertEquals(most.map(Math.round), [100, 200, 400, 500, 500]);
  assertEquals(delays({}, 0.5), [125, 250, 500, 1000, 2000]);
});

/** The delay in ms after a 503 with these fields, or `null` if it is returned. */
function delayAfter(
  headers: HeadersInit,
  options: { readonly maxRetryDelay?: number } = {},
  timeoutMs = Infinity,
): number | null {
  const clock = new FakeClock();
  const context = {
    options: resolveClientOptions(options),
    clock,
    random: () => 0,
  };
  const plan = new RetryPlan(context, 1, { startMs: 0, timeoutMs });
  return plan.delayAfter({ status: 503, headers: new Headers(headers) }, {
    isIdempotent: true,
    isRepeatable: true,
  });
}

Deno.test("Retry-After delays the repetition, in seconds or as a date", () => {
  assertEquals(delayAfter({ "retry-after": "3" }), 3000);
  const later = { "retry-after": "Sun, 06 Nov 1994 08:00:05 GMT" };
  const date = "Sun, 06 Nov 1994 08:00:00 GMT";
  assertEquals(delayAfter({ ...later, date }), 5000);
  const ours = { "retry-after": "Sun, 06 Nov 1994 08:49:39 GMT" };
  assertEquals(delayAfter(ours), 2000);
  for (const value of ["soon", "-1", "", "1.5", "3, 4"]) {
    assertEquals(delayAfter({ "retry-after": value }), 0, value);
  }
  assertEquals(delayAfter({}), 0);
  assertEquals(delayAfter(later), 0);
});

Deno.test("a Retry-After beyond maxRetryDelay or the timeout returns the response", () => {
  const fields = { "retry-after": "3" };
  assertEquals(delayAfter(fields, { maxRetryDelay: 2999 }), null);
  assertEquals(delayAfter(fields, { maxRetryDelay: 3000 }), 3000);
  assertEquals(delayAfter(fields, {}, 3000), null);
  assertEquals(delayAfter(fields, {}, 3001), 3000);
  assertEquals(delayAfter({ "retry-after": "9".repeat(500) }), null);
});

Deno.test("the timeout covers all attempts", async () => {
  await using both = timedPair([
    [head, send(answer(503)), head, until(NEVER)],
  ], { retries: 3, retryDelay: 0, timeout: 1500 });
  const { client, clock, server } = both;
  const response = fails(client.get("/"), "read", "DEADLINE");
  await untilSo(() => {
    clock.advance(0); // ends the delay
    return server.peers[0]?.heads.length === 2;
  });
  clock.advance(1500);
  await response;
});

Deno.test("a signal and close() end a delay", async () => {
  const script = statuses(503);
  const options = { retries: 1, retryDelay: 10_000 };
  await using both = pair([script], options);
  const controller = new AbortController();
  const { signal } = controller;
  const aborted = both.client.get("/", { signal });
  const reason = aborted.then(() => null, (error) => error);
  await (await both.server.peer(0)).finished;
  await turn();
  controller.abort("no");
  assertEquals(await reason, "no");

  await using closed = pair([script], options);
  const response = closed.client.get("/");
  const failure = fails(response, "connect", "CLIENT_CLOSED");
  await (await closed.server.peer(0)).finished;
  await turn();
  closed.client.close();
  await failure;
});

Deno.test("an invalid number of retries is refused", async () => {
  await using client = new Client("127.0.0.1:1");
  await assertRejects(() => client.get("/", { retries: -1 }), RangeError);
  await assertRejects(() => client.get("/", { timeout: NaN }), RangeError);
});
