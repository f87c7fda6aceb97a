/** Framing and reuse of responses, as one table of reasons (RFC 9112 §6.3, §9.3, §9.5, §9.6). */

import { assertEquals, assertThrows } from "@std/assert";
import { CHUNKED, UNTIL_CLOSE } from "../../../codec/framing.ts";
import { Headers } from "../../../codec/headers.ts";
import {
  CONNECTION_CLOSE,
  CONNECTION_KEEP_ALIVE,
} from "../../../codec/persistence.ts";
import {
  DECLARES_LENGTH,
  EXPECTS_CONTINUE,
  IS_CHUNKED,
  IS_CONNECT,
  IS_HEAD,
  IS_HTTP_1_0,
  OFFERS_UPGRADE,
} from "../../../codec/request_flags.ts";
import { NO_LENGTH, UNKNOWN_SIZE } from "../../../codec/response_framing.ts";
import { Status } from "../../../codec/status.ts";
import {
  allowsRepeat,
  type BodyFacts,
  checkFinalStatus,
  type ExchangeFacts,
  planHead,
  planResponse,
} from "../../../server/connection/response_plan.ts";

const DRAIN_BYTES = 1000;

const PLAIN: ExchangeFacts = {
  flags: 0,
  body: null,
  isBodyUsed: false,
  awaitsContinue: false,
  isStreaming: false,
  mustClose: false,
  isLastExchange: false,
  options: { http10KeepAlive: false, drainBytes: DRAIN_BYTES },
};

const BODY: BodyFacts = {
  isDone: false,
  fault: null,
  isAwaited: false,
  isUntouched: false,
  remainingBytes: DRAIN_BYTES,
};

const LONG: BodyFacts = { ...BODY, remainingBytes: DRAIN_BYTES + 1 };
const HONORED = { ...PLAIN.options, http10KeepAlive: true };
const CLOSE = new Headers({ connection: "close" });
const CHUNKED_LIST = new Headers({ "transfer-encoding": "chunked" });

interface Case {
  readonly name: string;
  readonly facts?: Partial<ExchangeFacts>;
  readonly status?: number;
  readonly headers?: Headers;
  readonly sizeBytes?: number;
  readonly length?: number;
  readonly closes?: boolean;
  readonly saysKeepAlive?: boolean;
}

const HTTP_1_0_KEPT: Partial<ExchangeFacts> = {
  flags: IS_HTTP_1_0 | CONNECTION_KEEP_ALIVE,
  options: HONORED,
};

const CASES: readonly Case[] = [
  { name: "a plain HTTP/1.1 request keeps its connection" },
  { name: "a stream is chunked", sizeBytes: UNKNOWN_SIZE, length: CHUNKED },
  {
    name: "chunks that the application asks for are written for a known size",
    headers: CHUNKED_LIST,
    length: CHUNKED,
  },
  { name: "204 has no length", status: 204, length: NO_LENGTH },
  {
    name: "HEAD has the length of the body it leaves out",
    facts: { flags: IS_HEAD },
  },
  // 1. §9.3: the request
  {
    name: "1: the request says close",
    facts: { flags: CONNECTION_CLOSE },
    closes: true,
  },
  {
    name: "1: close wins over keep-alive",
    facts: { flags: CONNECTION_CLOSE | CONNECTION_KEEP_ALIVE },
    closes: true,
  },
  { name: "1: HTTP/1.0", facts: { flags: IS_HTTP_1_0 }, closes: true },
  {
    name: "1: HTTP/1.0 with a keep-alive that is not honored",
    facts: { flags: IS_HTTP_1_0 | CONNECTION_KEEP_ALIVE },
    closes: true,
  },
  {
    name: "1: HTTP/1.0 with a keep-alive that is honored stays, and is told",
    facts: HTTP_1_0_KEPT,
    saysKeepAlive: true,
  },
  {
    name: "1: HTTP/1.1 with keep-alive stays, and is not told",
    facts: { flags: CONNECTION_KEEP_ALIVE },
  },
  // 2. CONNECT
  {
    name: "2: CONNECT, even when it is refused",
    facts: { flags: IS_CONNECT },
    status: 405,
    closes: true,
  },
  // 3. §9.3: a length of its own
  {
    name: "3: a stream to HTTP/1.0 ends with the connection",
    facts: HTTP_1_0_KEPT,
    sizeBytes: UNKNOWN_SIZE,
    length: UNTIL_CLOSE,
    closes: true,
  },
  // 4. §9.3: the request's body
  {
    name: "4: a body that is read",
    facts: { body: { ...LONG, isDone: true } },
  },
  { name: "4: a rest that is short enough to discard", facts: { body: BODY } },
  { name: "4: a rest that is too long", facts: { body: LONG }, closes: true },
  {
    name: "4: a rest that is too long, of a body that was read in part",
    facts: { body: LONG, isBodyUsed: true },
    closes: true,
  },
  {
    name: "4: a rest that a reader waits for",
    facts: { body: { ...LONG, isAwaited: true }, isBodyUsed: true },
  },
  {
    name: "4: a rest that feeds the stream",
    facts: { body: LONG, isBodyUsed: true, isStreaming: true },
  },
  {
    name: "4: a rest beside a stream that does not use it",
    facts: { body: LONG, isStreaming: true },
    closes: true,
  },
  {
    name: "4: a broken body, whatever is left of it",
    facts: { body: { ...BODY, fault: new Error("broken") } },
    closes: true,
  },
  {
    name: "4: a body that waits for 100 Continue",
    facts: { body: { ...BODY, isUntouched: true }, awaitsContinue: true },
    closes: true,
  },
  {
    name: "4: a body that waits for 100 Continue although a stream uses it",
    facts: {
      body: { ...BODY, isUntouched: true },
      awaitsContinue: true,
      isBodyUsed: true,
      isStreaming: true,
    },
    closes: true,
  },
  {
    name: "4: a body that came without waiting for 100 Continue",
    facts: { body: BODY, awaitsContinue: true },
  },
  // 5. §9.5
  {
    name: "5: a fault or a deadline",
    facts: { mustClose: true },
    closes: true,
  },
  // 6. and 7. §9.6
  {
    name: "6: the last exchange",
    facts: { isLastExchange: true },
    closes: true,
  },
  { name: "7: the application says close", headers: CLOSE, closes: true },
  {
    name:
      "7: the application says close to HTTP/1.0, which is not told to stay",
    facts: HTTP_1_0_KEPT,
    headers: CLOSE,
    closes: true,
  },
];

for (const { name, facts, status = 200, headers, ...expected } of CASES) {
  Deno.test(`planResponse() ${name}`, () => {
    const { sizeBytes = 5, length = sizeBytes } = expected;
    const exchange = { ...PLAIN, ...facts };
    const plan = planResponse(
      exchange,
      Status.of(status),
      headers ?? null,
      sizeBytes,
    );
    assertEquals(
      [plan.length, plan.closes, plan.saysKeepAlive],
      [length, expected.closes ?? false, expected.saysKeepAlive ?? false],
    );
    // Planning has no side effects: planning again has the same result.
    assertEquals(
      planHead(exchange, plan.status, plan.headers, plan.length),
      plan,
    );
  });
}

Deno.test("planHead() lets a stream that ended early keep an HTTP/1.0 connection", () => {
  const exchange = { ...PLAIN, ...HTTP_1_0_KEPT, isStreaming: true };
  const stream = planResponse(exchange, Status.OK, null, UNKNOWN_SIZE);
  assertEquals([stream.length, stream.closes], [UNTIL_CLOSE, true]);
  const ended = planHead(exchange, Status.OK, null, 5);
  assertEquals([ended.closes, ended.saysKeepAlive], [false, true]);
});

Deno.test("planResponse() refuses a declared length that is not the body's", () => {
  const headers = new Headers({ "content-length": "6" });
  assertThrows(
    () => planResponse(PLAIN, Status.OK, headers, 5),
    TypeError,
    "Cannot declare a Content-Length of 6 bytes: the body has 5",
  );
});

/** Every request flag, and every other fact that a repeat depends on. */
function* everyExchange(): Generator<ExchangeFacts> {
  const flags = [
    CONNECTION_CLOSE,
    CONNECTION_KEEP_ALIVE,
    DECLARES_LENGTH,
    IS_CHUNKED,
    EXPECTS_CONTINUE,
    IS_HEAD,
    IS_CONNECT,
    IS_HTTP_1_0,
    OFFERS_UPGRADE,
  ];
  const bodies = [null, BODY, LONG, { ...BODY, isUntouched: true }];
  for (let set = 0; set < 1 << flags.length; set++) {
    const chosen = flags.filter((_, bit) => (set & (1 << bit)) !== 0);
    for (const body of bodies) {
      for (const isSet of [false, true]) {
        yield {
          ...PLAIN,
          flags: chosen.reduce((sum, flag) => sum | flag, 0),
          body,
          awaitsContinue: isSet,
          options: isSet ? HONORED : PLAIN.options,
        };
      }
    }
  }
}

Deno.test("allowsRepeat() holds only where the plan is that of a plain request", () => {
  const plain = planResponse(PLAIN, Status.OK, null, 5);
  let repeats = 0;
  for (const exchange of everyExchange()) {
    if (!allowsRepeat(exchange)) continue;
    repeats++;
    assertEquals(planResponse(exchange, Status.OK, null, 5), plain);
  }
  assertEquals(repeats > 0, true);
  for (const fact of ["mustClose", "isLastExchange"]) {
    assertEquals(allowsRepeat({ ...PLAIN, [fact]: true }), false);
  }
});

Deno.test("allowsRepeat() never holds for CONNECT", () => {
  for (const exchange of everyExchange()) {
    if ((exchange.flags & IS_CONNECT) === 0) continue;
    assertEquals(allowsRepeat(exchange), false);
  }
});

Deno.test("checkFinalStatus() refuses interim statuses, and success for CONNECT", () => {
  checkFinalStatus(0, Status.OK);
  checkFinalStatus(IS_CONNECT, Status.of(300));
  assertThrows(() => checkFinalStatus(0, Status.of(199)), RangeError, "199");
  assertThrows(() => checkFinalStatus(IS_CONNECT, Status.OK), TypeError);
  assertThrows(
    () => checkFinalStatus(0, "hello" as unknown as Status), // as in send("hello", 404)
    RangeError,
    "Cannot send status hello: it must be a number or a Status",
  );
});
