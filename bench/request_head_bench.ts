/** Parsing request heads in place: `deno bench bench/request_head_bench.ts`. */

import { DEFAULT_HEAD_LIMITS } from "../codec/limits.ts";
import { RequestHeadParser } from "../codec/request_parser.ts";
import { HeadScanner } from "../codec/simd/head_scanner.ts";
import { BROWSER_HEAD, LONG_HEAD, SHORT_HEAD } from "./fixtures.ts";

const plain = new RequestHeadParser(DEFAULT_HEAD_LIMITS);
const simd = new RequestHeadParser(
  DEFAULT_HEAD_LIMITS,
  HeadScanner.maybeCreate(DEFAULT_HEAD_LIMITS),
);

for (
  const [name, head] of [
    ["load generator", SHORT_HEAD],
    ["browser", BROWSER_HEAD],
    ["50 fields", LONG_HEAD],
  ] as const
) {
  const group = `request head, ${name}, ${head.length} bytes`;
  Deno.bench(`plain, ${name}`, { group, baseline: true }, () => {
    plain.parse(head, 0, head.length);
  });
  Deno.bench(`simd, ${name}`, { group }, () => {
    simd.parse(head, 0, head.length);
  });
}
