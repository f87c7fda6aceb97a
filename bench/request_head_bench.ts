/** Parsing request heads in place: `deno bench bench/request_head_bench.ts`. */

import { DEFAULT_HEAD_LIMITS } from "../codec/limits.ts";
import { RequestHeadParser } from "../codec/request_parser.ts";
import { BROWSER_HEAD, LONG_HEAD, SHORT_HEAD } from "./fixtures.ts";

const parser = new RequestHeadParser(DEFAULT_HEAD_LIMITS);

for (
  const [name, head] of [
    ["load generator", SHORT_HEAD],
    ["browser", BROWSER_HEAD],
    ["50 fields", LONG_HEAD],
  ] as const
) {
  Deno.bench(`request head, ${name}, ${head.length} bytes`, () => {
    parser.parse(head, 0, head.length);
  });
}
