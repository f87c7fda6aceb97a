/**
 * The size from which the SIMD scanner is faster:
 * `deno bench -A bench/simd_crossing_bench.ts`.
 *
 * Heads with one to four field lines, from 28 bytes on; the smallest valid head
 * has 27 bytes. The last group measures a head that the scanner does not
 * accept.
 */

import { type HeadFixture, plainHead } from "./fixtures.ts";
import { khttpWays } from "./peers/khttp.ts";
import { assertEqualHeads } from "./peers/message.ts";

/** The prefix of these groups; the report plots them as lines. */
const CROSSING = "crossing point";

/** The smallest valid head has 27 bytes. */
const SIZES = [28, 32, 36, 40, 44, 48, 56, 64, 80, 96, 128, 160, 200];

/** Parses one head in all ways. */
function compare(group: string, bytes: Uint8Array<ArrayBuffer>): void {
  const fixture: HeadFixture = { name: "", bytes, asked: ["host", "accept"] };
  const contenders = khttpWays(fixture);
  assertEqualHeads(fixture, contenders);
  for (const [index, { name, parse }] of contenders.entries()) {
    Deno.bench(name, { group, baseline: index === 0 }, parse);
  }
}

for (const sizeBytes of SIZES) {
  compare(`${CROSSING}: ${sizeBytes} bytes`, plainHead(sizeBytes));
}

// The scanner leaves HTTP/1.0 to the plain parser.
compare(
  "left to the plain parser: HTTP/1.0, 35 bytes",
  new TextEncoder().encode("GET / HTTP/1.0\r\nHost: a.example\r\n\r\n"),
);
