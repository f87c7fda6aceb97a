/**
 * Runs every table of cases: each one whole, octet by octet and cut in two at
 * every place, with a second request behind it that is either served or never
 * looked at. Outcomes have to be the same in all deliveries (R1).
 */

import { assert, assertEquals } from "@std/assert";
import { encodeOctets } from "../../codec/ascii.ts";
import { parseHttpDate } from "../../codec/http_date.ts";
import { Status } from "../../codec/status.ts";
import type { Server } from "../../server/server.ts";
import { runWire, type WireOutcome, type WireResponse } from "../_helpers.ts";
import { everySplit, seededSplits } from "../_splits.ts";
import { buildApp, type ConformanceCase, type Seen } from "./_case.ts";
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

/** Longest case that is cut at every place, in bytes. */
const MAX_EVERY_SPLIT_BYTES = 2048;
const SEEDED_CUTS = 40;

const NEXT = "GET /next HTTP/1.1\r\nHost: next\r\n\r\n";
const SMUGGLED = "GET /smuggled HTTP/1.1\r\nHost: smuggled\r\n\r\n";

const BEHIND = {
  "keeps": NEXT,
  "closes": SMUGGLED,
  "ended by peer": "",
  "closes at once": "",
} as const;

function serverOf(testCase: ConformanceCase): Server {
  return buildApp(testCase.app ?? "catch all", testCase.options);
}

function* deliveries(bytes: Uint8Array): Generator<Uint8Array[]> {
  if (bytes.length <= MAX_EVERY_SPLIT_BYTES) yield* everySplit(bytes);
  else yield* seededSplits(bytes, SEEDED_CUTS, bytes.length);
}

/** What has to be the same however the bytes were cut. */
function comparable(outcome: WireOutcome): unknown {
  const { output, log, closedByServer, teardownError } = outcome;
  return {
    output: output.replace(/\r\ndate: [^\r]*/g, ""),
    log,
    closedByServer,
    teardownError: teardownError?.message,
  };
}

/** A refusal says what it is and nothing of what it was asked (R5). */
function checkRefusal(response: WireResponse): void {
  const { status, headers, body } = response;
  assertEquals(
    [...headers.keys()].filter((name) => name !== "allow").sort(),
    ["connection", "content-length", "date"],
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
  const seen = log as readonly Seen[]; // what the applications write down
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

function checkOutcome(testCase: ConformanceCase, outcome: WireOutcome): void {
  const { statuses, ending, responseFields = {} } = testCase;
  const { responses, rest, closedByServer, log } = outcome;
  const expected = ending === "keeps" ? [...statuses, 200] : statuses;
  assertEquals(responses.map(({ status }) => status), expected);
  assertEquals(rest, "");
  checkCalls(testCase, log);
  if (ending.startsWith("closes")) assert(closedByServer, "server closes");
  if (ending === "keeps") {
    for (const { headers } of responses) {
      assertEquals(headers.get("connection"), undefined);
    }
  }
  const last = responses[statuses.length - 1];
  if (last === undefined) return;
  if (ending !== "keeps" && last.status >= 400) checkRefusal(last);
  if (ending !== "keeps") assertEquals(last.headers.get("connection"), "close");
  for (const [name, value] of Object.entries(responseFields)) {
    assertEquals(last.headers.get(name), value);
  }
}

async function check(testCase: ConformanceCase): Promise<void> {
  const { wire, statuses, ending } = testCase;
  const server = serverOf(testCase);
  const method = /^\S*/.exec(wire)?.[0] ?? "";
  const options = {
    expectResponses: ending === "keeps" ? statuses.length + 1 : Infinity,
    endsAfterPieces: ending === "ended by peer",
    methods: [method],
  };
  let whole: unknown;
  for (const pieces of deliveries(encodeOctets(wire + BEHIND[ending]))) {
    const outcome = await runWire(server, pieces, options);
    if (whole === undefined) {
      whole = comparable(outcome);
      checkOutcome(testCase, outcome);
      continue;
    }
    const sizes = pieces.map((piece) => piece.length).slice(0, 8);
    assertEquals(comparable(outcome), whole, `in pieces of ${sizes} bytes`);
  }
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
  Deno.test(testCase.name, () => check(testCase));
}
