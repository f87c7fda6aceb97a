/**
 * Looking up fields: `deno bench -A bench/header_lookup_bench.ts`.
 *
 * The first groups create the list and look up fields once, as a handler does
 * for each request. Our list starts from bytes and offsets; the others start
 * from strings, whose creation is not measured. The last groups look up fields
 * in an existing list.
 */

import assert from "node:assert/strict";
import { Headers as KhttpHeaders } from "../codec/headers.ts";
import { DEFAULT_HEAD_LIMITS } from "../codec/limits.ts";
import { parseRequestHead } from "../codec/request_parser.ts";
import { NEED_DATA } from "../codec/errors.ts";
import { CRATE_LONG_HEAD } from "./fixtures.ts";

/** The method that all lists share. */
interface List {
  get(name: string): string | null | undefined;
}

const head = parseRequestHead(CRATE_LONG_HEAD.bytes, DEFAULT_HEAD_LIMITS);
if (head === NEED_DATA) {
  throw new Error("Cannot measure: the head is incomplete");
}
const pairs = [...head.headers] as [string, string][];

const makers: readonly (readonly [name: string, make: () => List])[] = [
  ["khttp, from bytes", () => head.headers],
  ["khttp, from strings", () => new KhttpHeaders(pairs)],
  ["web Headers, from strings", () => new Headers(pairs)],
  [
    "Map, from strings",
    () => new Map(pairs.map(([name, value]) => [name.toLowerCase(), value])),
  ],
];

/** Names at the start, the middle and the end of the list, and one that is missing. */
const ASKED: readonly string[] = [
  "host",
  "accept",
  "cookie",
  "authorization",
];

function lookUp(list: List): number {
  let found = 0;
  for (const name of ASKED) if (typeof list.get(name) === "string") found++;
  return found;
}

for (const name of ASKED) {
  const expected = head.headers.get(name);
  for (const [maker, make] of makers) {
    assert.equal(make().get(name) ?? null, expected, maker);
  }
}

for (const [index, [name, make]] of makers.entries()) {
  const baseline = index === 0;
  const group = "23 fields: made, and four looked up";
  Deno.bench(name, { group, baseline }, () => {
    lookUp(make());
  });
}

for (const [index, [name, make]] of makers.entries()) {
  const baseline = index === 0;
  const list = make();
  const group = "23 fields: four looked up";
  Deno.bench(name, { group, baseline }, () => {
    lookUp(list);
  });
}
