/** A machine, as the results of the benchmarks describe it. */

import type { Machine } from "../../bench/report/machine.ts";

export const MACHINE: Machine = {
  cpu: "some CPU",
  cores: 2,
  kernel: "6.1",
  deno: "2.9.6",
  v8: "15.0",
  date: "2026-01-01",
};
