/**
 * Parsing response heads: `deno bench -A bench/response_head_bench.ts`.
 *
 * With SIMD, as in the client, the head refers to bytes of the receive buffer,
 * which the client does not overwrite. Without it, the parser copies them. The
 * spans of llhttp are valid only until its next message.
 */

import { RESPONSE_HEADS } from "./fixtures.ts";
import { httpParserJsContender } from "./peers/http_parser_js.ts";
import { khttpResponseWays } from "./peers/khttp.ts";
import { LLHTTP_RESPONSE, llhttpContender } from "./peers/llhttp.ts";
import { assertEqualHeads } from "./peers/message.ts";

for (const fixture of RESPONSE_HEADS) {
  const contenders = [
    ...khttpResponseWays(fixture),
    llhttpContender(LLHTTP_RESPONSE, fixture, true),
    httpParserJsContender("RESPONSE", fixture),
  ];
  assertEqualHeads(fixture, contenders);
  const what = `response, ${fixture.name}, ${fixture.bytes.length} bytes`;
  for (const [index, { name, parse, read }] of contenders.entries()) {
    const baseline = index === 0;
    Deno.bench(name, { group: `parsed: ${what}`, baseline }, parse);
    Deno.bench(name, { group: `parsed and read: ${what}`, baseline }, () => {
      read();
    });
  }
}
