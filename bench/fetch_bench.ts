/**
 * The parts of the entry `./fetch` in memory, and the machine with a fetch
 * handler: `deno bench -A bench/fetch_bench.ts`.
 *
 * The first group makes what a handler reads of a request, beside the runtime's
 * own classes; the second makes the server's fields of a response; the third
 * serves whole requests like `machine_bench.ts`.
 */

import { RouterBuilder } from "../router/router.ts";
import { Headers as FieldLines } from "../codec/headers.ts";
import { toHandler } from "../fetch/mod.ts";
import { fieldPairs, requestHeaders } from "../fetch/request_fields.ts";
import { ResponseFields } from "../fetch/response_fields.ts";
import type { Handler } from "../server/hooks.ts";
import { LOAD_CASES } from "./load/cases.ts";
import { machineCaseOf, makeApplication } from "./machine/cases.ts";
import { Machine } from "./machine/machine.ts";
import { fetchHandler } from "./targets/fetch_handler.ts";

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

const app = {
  ...makeApplication(),
  router: new RouterBuilder<Handler>().build(),
  fallback: toHandler(fetchHandler),
};
for (const name of ["hello", "chrome-params", "json-handler"]) {
  const machineCase = machineCaseOf(name);
  const group = `request in memory, ${name}`;
  const native = await Machine.create(machineCase);
  Deno.bench(`khttp, ${name}`, { group, baseline: true }, () => native.read());
  const adapted = await Machine.create(machineCase, app);
  Deno.bench(`fetch, ${name}`, { group }, () => adapted.read());
}
