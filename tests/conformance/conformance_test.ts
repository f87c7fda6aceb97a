/**
 * Runs every table of cases. Each case is delivered whole, byte by byte and in
 * two parts (in memory at every position), followed by a second request that is
 * either served or never read. All deliveries must have the same outcome (R1).
 */

import { assert, assertEquals } from "@std/assert";
import { encodeLatin1 } from "../../codec/ascii.ts";
import { parseHttpDate } from "../../codec/http_date.ts";
import { Status } from "../../codec/status.ts";
import { type TestEngine, testEngines } from "../support/engines.ts";
import type { WireOutcome } from "../support/wire.ts";
import type { WireResponse } from "../support/parse_responses.ts";
import { everySplit, seededSplits } from "../support/splits.ts";
import { runEach } from "../support/wire.ts";
import {
  appOf,
  type ConformanceCase,
  type Seen,
} from "../support/conformance_case.ts";
import { chunkedCases } from "./chunked_cases.ts";
import { connectionCases } from "./connection_cases.ts";
import { fieldCases } from "./field_cases.ts";
import { fieldFaultCases } from "./field_fault_cases.ts";
import { framingCases } from "./framing_cases.ts";
import { hostCases } from "./host_cases.ts";
import { invariantCases } from "./invariant_cases.ts";
import { requestLineCases } from "./request_line_cases.ts";
import { targetCases } from "./target_cases.ts";
import { trailerCases } from "./trailer_cases.ts";
import { upgradeCases } from "./upgrade_cases.ts";

/** Longest case that is split at every position, in bytes; over sockets none is. */
const MAX_EVERY_SPLIT_BYTES = { listen: 2048, epoll: 0, node: 0 };
/** Longer cases are not delivered byte by byte: on node, each byte takes a turn of the event loop. */
const MAX_PIECES = { listen: Infinity, epoll: Infinity, node: 1024 };
const SEEDED_CUTS = { listen: 40, epoll: 16, node: 4 };

const NEXT = "GET /next HTTP/1.1\r\nHost: next\r\n\r\n";
const SMUGGLED = "GET /smuggled HTTP/1.1\r\nHost: smuggled\r\n\r\n";

const BEHIND = {
  "keeps": NEXT,
  "closes": SMUGGLED,
  "ended by peer": "",
  "closes immediately": "",
} as const;

function* deliveries(
  { name }: TestEngine,
  bytes: Uint8Array,
): Generator<Uint8Array[]> {
  if (bytes.length <= MAX_EVERY_SPLIT_BYTES[name]) yield* everySplit(bytes);
  else {
    for (const pieces of seededSplits(bytes, SEEDED_CUTS[name], bytes.length)) {
      if (pieces.length <= MAX_PIECES[name]) yield pieces;
    }
  }
}

/** Whether the response must say close: the end of a peer may arrive after its response was written. */
function announcesEnd({ ending }: ConformanceCase): boolean {
  return ending !== "ended by peer";
}

/** The part of an outcome that must be the same for every split. */
function comparable(outcome: WireOutcome, announces: boolean): unknown {
  const { output, log, closedByServer, teardownError } = outcome;
  const varying = announces
    ? /\r\ndate: [^\r]*/g
    : /\r\n(?:date|connection): [^\r]*/g;
  return {
    output: output.replace(varying, ""),
    log,
    closedByServer,
    teardownError: teardownError?.message,
  };
}

/** Checks an error response: it has a reason and repeats nothing of the request (R5). */
function checkRefusal(response: WireResponse): void {
  const { status, headers, body } = response;
  assertEquals(
    [...headers.keys()].filter((name) => name !== "allow").sort(),
    ["connection", "content-length", "content-type", "date"],
  );
  assertEquals(headers.get("connection"), "close");
  assertEquals(headers.get("content-length"), String(body.length));
  assert(parseHttpDate(headers.get("date") ?? "", 0) !== null);
  const { reason } = Status.of(status);
  assertEquals(response.reason, reason);
  assert(body === reason || body === "", `body is ${body}`);
}

function checkCalls(
  testCase: ConformanceCase,
  log: readonly unknown[],
): void {
  const { calls, ending } = testCase;
  const expected = ending === "keeps"
    ? [...calls, { method: "GET", path: "/next", body: "" }]
    : calls;
  const seen = log as readonly Seen[]; // the applications record that type
  assertEquals(seen.map(({ target }) => target).length, expected.length);
  for (const [index, call] of expected.entries()) {
    for (const key of Object.keys(call) as (keyof Seen)[]) { // keys of that type
      const value = seen[index]?.[key];
      if (key !== "fields") assertEquals<unknown>(value, call[key], key);
      else checkFields(value as Seen["fields"], call.fields ?? {}); // by the key
    }
  }
}

function checkFields(
  actual: Seen["fields"],
  expected: Seen["fields"],
): void {
  for (const [name, value] of Object.entries(expected)) {
    assertEquals(actual[name], value, name);
  }
}

function checkOutcome(
  testCase: ConformanceCase,
  outcome: WireOutcome,
  announces: boolean,
): void {
  const { statuses, ending, responseFields = {} } = testCase;
  const { responses, rest, closedByServer, log } = outcome;
  const expected = ending === "keeps" ? [...statuses, 200] : statuses;
  assertEquals(responses.map(({ status }) => status), expected);
  assertEquals(rest, "");
  checkCalls(testCase, log);
  if (ending.startsWith("closes")) assert(closedByServer, "the server closes");
  if (ending === "keeps") {
    for (const { headers } of responses) {
      assertEquals(headers.get("connection"), undefined);
    }
  }
  const last = responses[statuses.length - 1];
  if (last === undefined) return;
  if (ending !== "keeps" && last.status >= 400) checkRefusal(last);
  if (ending !== "keeps" && announces) {
    assertEquals(last.headers.get("connection"), "close");
  }
  for (const [name, value] of Object.entries(responseFields)) {
    assertEquals(last.headers.get(name), value);
  }
}

async function check(
  engine: TestEngine,
  testCase: ConformanceCase,
): Promise<void> {
  const { app = "catch all", wire, statuses, ending } = testCase;
  await using server = engine.wire(appOf(app), testCase.options);
  const method = /^\S*/.exec(wire)?.[0] ?? "";
  const options = {
    expectResponses: ending === "keeps" ? statuses.length + 1 : Infinity,
    endsAfterPieces: ending === "ended by peer",
    methods: [method],
  };
  const announces = announcesEnd(testCase);
  let whole: unknown;
  const bytes = encodeLatin1(wire + BEHIND[ending]);
  await runEach(
    server,
    deliveries(engine, bytes),
    options,
    (outcome, pieces) => {
      if (whole === undefined) {
        whole = comparable(outcome, announces);
        checkOutcome(testCase, outcome, announces);
        return;
      }
      const sizes = pieces.map((piece) => piece.length).slice(0, 8);
      assertEquals(
        comparable(outcome, announces),
        whole,
        `in pieces of ${sizes} bytes`,
      );
    },
  );
}

const tables: readonly (readonly ConformanceCase[])[] = [
  invariantCases,
  requestLineCases,
  targetCases,
  fieldCases,
  fieldFaultCases,
  hostCases,
  framingCases,
  chunkedCases,
  trailerCases,
  upgradeCases,
  connectionCases,
];

for (const testCase of tables.flat()) {
  testEngines(testCase.name, (engine) => check(engine, testCase));
}
