/**
 * From which size on the scanner pays: `deno bench -A bench/simd_crossing_bench.ts`.
 *
 * Heads of one to four field lines, from 28 bytes on; the smallest that is valid
 * has 27. The last group is what a head costs that the scanner does not take.
 */

import { type HeadFixture, plainHead } from "./fixtures.ts";
import { khttpWays } from "./peers/khttp.ts";
import { assertEqualHeads } from "./peers/message.ts";

/** What these groups are called; the report draws a line of them. */
const CROSSING = "crossing point";

/** The smallest valid head has 27 bytes. */
const SIZES = [28, 32, 36, 40, 44, 48, 56, 64, 80, 96, 128, 160, 200];

/** Both ways on one head. */
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

// The scanner leaves heads of the older version to the plain parser.
compare(
  "left to the plain parser: HTTP/1.0, 35 bytes",
  new TextEncoder().encode("GET / HTTP/1.0\r\nHost: a.example\r\n\r\n"),
);
