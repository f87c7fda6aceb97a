/**
 * The parts of the entry `./fetch` in memory: `deno bench -A
 * bench/fetch_bench.ts`. `machine_bench.ts` serves whole requests.
 *
 * The first group makes what a handler reads of a request, beside the runtime's
 * own classes; the second makes the server's fields of a response; the third
 * decodes a short body.
 */

import { Headers as FieldLines } from "../codec/headers.ts";
import { decodeUtf8 } from "../codec/utf8.ts";
import { fieldPairs, requestHeaders } from "../fetch/request_fields.ts";
import { ResponseFields } from "../fetch/response_fields.ts";
import { LOAD_CASES } from "./load/cases.ts";

const chrome = LOAD_CASES.find(({ name }) => name === "chrome-hello");
if (chrome === undefined) throw new TypeError("Cannot find case chrome-hello");
const lines = new FieldLines();
for (const line of chrome.request.split("\r\n").slice(1, -2)) {
  const colon = line.indexOf(": ");
  lines.add(line.slice(0, colon), line.slice(colon + 2));
}

const HEADERS = { group: "headers of a browser's request, one field read" };
Deno.bench("lazy Headers", { ...HEADERS, baseline: true }, () => {
  requestHeaders(lines).get("user-agent");
});
Deno.bench("Headers that are filled", HEADERS, () => {
  new Headers(fieldPairs(lines)).get("user-agent");
});

const LIST = [["content-type", "text/plain"], ["x-request", "5"]] as const;
const FIELDS = { group: "two fields of a response" };
const kept = new ResponseFields();
Deno.bench("a list that is found", { ...FIELDS, baseline: true }, () => {
  kept.find(LIST, null);
});
Deno.bench("a new list", FIELDS, () => {
  new FieldLines(LIST).outgoing();
});

const BODY = { group: "26 bytes of JSON in a receive window, decoded" };
const POSTED = '{"name":"khttp","stars":5}';
const received = new TextEncoder().encode(`head${POSTED}`);
const utf8 = new TextDecoder();
Deno.bench("decodeUtf8", { ...BODY, baseline: true }, () => {
  decodeUtf8(received, 4, received.length);
});
Deno.bench("TextDecoder", BODY, () => {
  utf8.decode(received.subarray(4));
});
