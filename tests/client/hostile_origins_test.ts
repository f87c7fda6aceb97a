/** Origins that break the protocol or stall (rows R133 to R144): each ends with a phase and a code, and with a closed connection. */

import { assertEquals, assertRejects } from "@std/assert";
import { ClientError, type ClientOptions, ProtocolError } from "../../mod.ts";
import { EMPTY, HELLO, NEVER } from "../support/client_exchange.ts";
import {
  close,
  halfClose,
  head,
  type Peer,
  send,
  type Step,
  until,
} from "../support/hostile_server.ts";
import { countSockets } from "../support/process_sockets.ts";
import {
  elapse,
  type TimedClient,
  timedPair,
} from "../support/timed_client.ts";
import { turn, until as untilSo } from "../support/turns.ts";

/** One origin. */
interface HostileCase {
  readonly name: string;
  readonly script: readonly Step[];
  /** Phase, code, and the cause's code or the option that the message names. */
  readonly expect: readonly [phase: string, code: string, detail?: string];
  readonly options?: Partial<ClientOptions>;
  readonly exchange?: (client: TimedClient) => Promise<unknown>;
}

const OK = "HTTP/1.1 200 OK\r\n";
const SIZED = `${OK}Content-Length: 9\r\n\r\n`;
const CHUNKED = `${OK}Transfer-Encoding: chunked\r\n\r\n`;
const INTERIM = "HTTP/1.1 103 \r\n\r\n";

/** Truncated responses, each with a name. */
const TRUNCATED: readonly (readonly [string, string])[] = [
  ["the status line", "HTTP/1.1 20"],
  ["a field name", `${OK}Conte`],
  ["a field value", `${OK}Content-Length: 9`],
  ["the last line of the head", `${OK}Content-Length: 9\r\n\r`],
  ["a second head after an interim response", `${INTERIM}${OK}`],
  ["a body of known length", `${SIZED}hello`],
  ["a chunk size", `${CHUNKED}5`],
  ["a chunk", `${CHUNKED}5\r\nhel`],
  ["the end of a chunk", `${CHUNKED}5\r\nhello\r`],
  ["the chunks", `${CHUNKED}5\r\nhello\r\n`],
  ["the last chunk", `${CHUNKED}0\r\n`],
  ["the trailer section", `${CHUNKED}0\r\nA: b\r\n`],
];

/** Responses that break the protocol, with the cause. */
const MALFORMED: readonly (readonly [string, string, string])[] = [
  [
    "both framings",
    `${OK}Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
    "CONFLICTING_FRAMING",
  ],
  [
    "both framings in the other order",
    `${OK}Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n`,
    "CONFLICTING_FRAMING",
  ],
  [
    "two lengths",
    `${OK}Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello`,
    "REPEATED_FIELD",
  ],
  [
    "a negative length",
    `${OK}Content-Length: -1\r\n\r\n`,
    "INVALID_CONTENT_LENGTH",
  ],
  [
    "chunked in HTTP/1.0",
    "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "INVALID_TRANSFER_ENCODING",
  ],
  [
    "an unasked 101",
    "HTTP/1.1 101 \r\nUpgrade: foo\r\n\r\n",
    "UNEXPECTED_UPGRADE",
  ],
  [
    "many interim responses",
    INTERIM.repeat(1000),
    "TOO_MANY_INTERIM_RESPONSES",
  ],
  [
    "large interim responses",
    `HTTP/1.1 103 \r\nA: ${"x".repeat(9000)}\r\n\r\n`.repeat(2),
    "TOO_MANY_INTERIM_RESPONSES",
  ],
  ["no HTTP", "SSH-2.0-OpenSSH\r\n", "INVALID_STATUS_LINE"],
  ["a head without an end", `${OK}A: ${"x".repeat(20_000)}`, "HEAD_TOO_LARGE"],
  ["many fields", `${OK}${"A: b\r\n".repeat(101)}`, "TOO_MANY_FIELDS"],
  ["a chunk size that is none", `${CHUNKED}x\r\n`, "INVALID_CHUNK_SIZE"],
  [
    "trailers without an end",
    `${CHUNKED}0\r\nA: ${"x".repeat(20_000)}`,
    "TRAILERS_TOO_LARGE",
  ],
];

/** Sends pieces for ever, one a turn. */
function drip(start: string, piece: string): Step {
  return async (peer: Peer) => {
    await peer.write(start);
    for (;;) {
      await turn();
      await peer.write(piece);
    }
  };
}

/** Waits without reading; does not notice the end of the connection. */
const stall = until(NEVER);
const get = (client: TimedClient): Promise<unknown> =>
  client.get("/").then(({ body }) => body.bytes());

const CASES: readonly HostileCase[] = [
  ...TRUNCATED.flatMap(([what, wire]): HostileCase[] =>
    [halfClose, close].map((end) => ({
      name: `${end === close ? "closes" : "ends"} within ${what}`,
      script: [head, send(wire), end],
      expect: ["read", "INCOMPLETE"],
    }))
  ),
  ...MALFORMED.map(([what, wire, code]): HostileCase => ({
    name: `sends ${what}`,
    script: [head, send(wire)],
    expect: ["parse", "PROTOCOL", code],
  })),
  {
    name: "ends without a response",
    script: [head, halfClose],
    expect: ["read", "CLOSED"],
  },
  { name: "closes at once", script: [close], expect: ["read", "CLOSED"] },
  {
    name: "resets the connection while a request is written",
    script: [head, close],
    expect: ["write", "CLOSED"],
    exchange: (client) =>
      client.post("/", { body: new Uint8Array(20_000_000) }),
  },
  {
    name: "never responds",
    script: [head],
    expect: ["read", "DEADLINE", "headTimeout"],
  },
  {
    name: "sends a head byte by byte",
    script: [head, drip(`${OK}A: `, "x")],
    expect: ["read", "DEADLINE", "headTimeout"],
  },
  {
    name: "sends interim responses slowly",
    script: [head, drip(INTERIM, "HTTP/1.1 103 \r\n\r\n")],
    options: { maxInterimResponses: 1_000_000 },
    expect: ["read", "DEADLINE", "headTimeout"],
  },
  {
    name: "stops within a body",
    script: [head, send(`${SIZED}hello`)],
    expect: ["read", "DEADLINE", "bodyTimeout"],
  },
  {
    name: "stops within a chunk",
    script: [head, send(`${CHUNKED}5\r\nhel`)],
    expect: ["read", "DEADLINE", "bodyTimeout"],
  },
  {
    name: "sends a body byte by byte for ever",
    script: [head, drip(CHUNKED, "1\r\nx\r\n")],
    options: { timeout: 2000 },
    expect: ["read", "DEADLINE", "timeout"],
  },
  {
    name: "sends a body without an end byte by byte",
    script: [head, drip(`${OK}\r\n`, "x")],
    options: { timeout: 2000 },
    expect: ["read", "DEADLINE", "timeout"],
  },
  {
    name: "does not read a request",
    script: [stall],
    expect: ["write", "DEADLINE", "bodyTimeout"],
    exchange: (client) =>
      client.post("/", { body: new Uint8Array(50_000_000) }),
  },
];

for (const { name, script, expect, options = {}, exchange = get } of CASES) {
  Deno.test(`an origin that ${name} fails the exchange with ${expect.join(", ")}`, async () => {
    await using both = timedPair([script, [head, send(HELLO)]], {
      headTimeout: 1000,
      bodyTimeout: 1000,
      ...options,
    });
    const { client, clock, server } = both;
    const failure = assertRejects(() => exchange(client), ClientError);
    await untilSo(() => server.count > 0);
    await elapse(clock, failure);
    const { phase, code, cause, message } = await failure;
    assertEquals([phase, code], expect.slice(0, 2));
    const detail = cause instanceof ProtocolError && code === "PROTOCOL"
      ? cause.code
      : /\((\w+)\)$/.exec(message)?.[1];
    assertEquals(detail, expect[2]);
    // The connection is closed, and the next exchange has another.
    assertEquals(client.connectionCount, 0);
    if (script.at(-1) !== stall) await (await server.peer(0)).ended;
    const response = await client.get("/");
    assertEquals(await response.body.text(), "hello");
    assertEquals(server.count, 2);
  });
}

Deno.test("a connection with bytes after the response is not used again, also with both responses in one read", async () => {
  const evil = "HTTP/1.1 200 evil\r\nContent-Length: 4\r\n\r\nevil";
  for (const wire of [HELLO, EMPTY, `${CHUNKED}5\r\nhello\r\n0\r\n\r\n`]) {
    await using both = timedPair([
      [head, send(wire + evil)],
      [head, send(HELLO)],
    ]);
    const { client, server } = both;
    const response = await client.get("/");
    assertEquals(await response.body.text(), wire === EMPTY ? "" : "hello");
    assertEquals(client.connectionCount, 0);
    await (await server.peer(0)).ended;
    assertEquals(await (await client.get("/")).body.text(), "hello");
    assertEquals(server.count, 2);
  }
});

Deno.test({
  name: "hostile origins leave no descriptor",
  ignore: Deno.build.os !== "linux",
  async fn(): Promise<void> {
    const before = countSockets(Deno.pid);
    for (const { script, options = {}, exchange = get } of CASES) {
      await using both = timedPair([script], {
        headTimeout: 1000,
        bodyTimeout: 1000,
        ...options,
      });
      const failure = assertRejects(() => exchange(both.client), ClientError);
      await elapse(both.clock, failure);
    }
    assertEquals(countSockets(Deno.pid), before);
  },
});
