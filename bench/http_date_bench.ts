/** Formatting the date of the `date` line: `deno bench -A bench/http_date_bench.ts`. */

import assert from "node:assert/strict";
import { formatHttpDate } from "../codec/http_date.ts";

const EPOCH_SECONDS = 784_111_777;
const SECONDS_OF_A_MONTH = 2_592_000;

/** A time that changes with each call, so that caching the last date does not help. */
const clock = { seconds: EPOCH_SECONDS };

function nextSeconds(): number {
  clock.seconds++;
  if (clock.seconds > EPOCH_SECONDS + SECONDS_OF_A_MONTH) {
    clock.seconds = EPOCH_SECONDS;
  }
  return clock.seconds;
}

for (let i = 0; i < 10_000; i++) {
  const seconds = nextSeconds() + i * 86_399;
  assert.equal(
    formatHttpDate(seconds),
    new Date(seconds * 1000).toUTCString(),
  );
}

Deno.bench("khttp", { group: "date", baseline: true }, () => {
  formatHttpDate(nextSeconds());
});

Deno.bench("Date.prototype.toUTCString", { group: "date" }, () => {
  new Date(nextSeconds() * 1000).toUTCString();
});
