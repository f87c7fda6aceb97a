/**
 * Parsing request heads: `deno bench -A bench/request_head_bench.ts`.
 *
 * The heads have the sizes and shapes of known ones: the two of the Rust crate's
 * benchmarks, the 703 bytes of httparse's, a current Chrome's with cookies, and
 * one with 50 fields. Their bytes are our own.
 *
 * In the first groups the result is the offsets of all parts, without strings;
 * http-parser-js always creates strings. The last groups also read four parts as
 * strings: the method, the path and two fields.
 */

import { REQUEST_HEADS } from "./fixtures.ts";
import { httpParserJsContender } from "./peers/http_parser_js.ts";
import { khttpWays } from "./peers/khttp.ts";
import { LLHTTP_REQUEST, llhttpContender } from "./peers/llhttp.ts";
import { assertEqualHeads } from "./peers/message.ts";

for (const fixture of REQUEST_HEADS) {
  const { name, bytes } = fixture;
  const contenders = [
    ...khttpWays(fixture),
    llhttpContender(LLHTTP_REQUEST, fixture, false),
    llhttpContender(LLHTTP_REQUEST, fixture, true),
    httpParserJsContender("REQUEST", fixture),
  ];
  assertEqualHeads(fixture, contenders);
  const what = `${name}, ${bytes.length} bytes`;
  for (const [index, { name, parse, read }] of contenders.entries()) {
    const baseline = index === 0;
    Deno.bench(name, { group: `parsed: ${what}`, baseline }, parse);
    Deno.bench(name, { group: `parsed and read: ${what}`, baseline }, () => {
      read();
    });
  }
}
