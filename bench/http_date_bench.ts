/** Formatting the date line's date: `deno bench bench/http_date_bench.ts`. */

import { formatHttpDate } from "../codec/http_date.ts";

const EPOCH_SECONDS = 784_111_777;

Deno.bench("formatHttpDate", { group: "date", baseline: true }, () => {
  formatHttpDate(EPOCH_SECONDS);
});

Deno.bench("Date.prototype.toUTCString", { group: "date" }, () => {
  new Date(EPOCH_SECONDS * 1000).toUTCString();
});
