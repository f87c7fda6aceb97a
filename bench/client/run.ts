/**
 * Measures one client in its own process, on Deno or Bun, and prints one line
 * of JSON: exchanges, CPU time and wall time.
 *
 *     deno run -A bench/client/run.ts --contender khttp --case get --concurrency 64 --port 8080
 */
// deno-lint-ignore-file no-console

import process from "node:process";
import { parseArgs } from "node:util";
import {
  CLIENT_CASES,
  type ClientCase,
  type Contender,
  type Exchange,
} from "./contender.ts";

/** What one process measured. */
export interface ClientFigures {
  readonly exchanges: number;
  /** CPU time of the process, user and system, in µs. */
  readonly cpuUs: number;
  readonly wallMs: number;
}

/**
 * Exchanges before the measurement. A time alone would not be enough: on a busy
 * machine, V8 would still be compiling after it.
 */
const WARM_UP_EXCHANGES = 10_000;

/** Repeats exchanges until the time is up and enough were made; returns their number. */
async function repeat(
  exchanges: readonly Exchange[],
  { receivedBytes }: ClientCase,
  durationMs: number,
  atLeast = 0,
): Promise<number> {
  const endMs = performance.now() + durationMs;
  const each = atLeast / exchanges.length;
  const counts = exchanges.map(async (exchange) => {
    let count = 0;
    for (; count < each || performance.now() < endMs; count++) {
      const size = await exchange();
      if (size === receivedBytes) continue;
      throw new Error(`Cannot count an exchange: its body has ${size} bytes`);
    }
    return count;
  });
  return (await Promise.all(counts)).reduce((sum, count) => sum + count, 0);
}

const { values } = parseArgs({
  options: {
    contender: { type: "string", default: "khttp" },
    case: { type: "string", default: "get" },
    concurrency: { type: "string", default: "64" },
    port: { type: "string", default: "8080" },
    warmup: { type: "string", default: "1000" },
    duration: { type: "string", default: "2000" },
  },
});
const clientCase: ClientCase | undefined = new Map<string, ClientCase>(
  Object.entries(CLIENT_CASES),
).get(values.case);
if (clientCase === undefined) throw new TypeError(`No case "${values.case}"`);
const { contender }: { contender: Contender } = await import(
  `./${values.contender}.ts`
);
const exchanges = await contender(
  Number(values.port),
  clientCase,
  Number(values.concurrency),
);
await repeat(
  exchanges,
  clientCase,
  Number(values.warmup),
  WARM_UP_EXCHANGES,
);
const before = process.cpuUsage();
const startMs = performance.now();
const count = await repeat(exchanges, clientCase, Number(values.duration));
const { user, system } = process.cpuUsage(before);
const figures: ClientFigures = {
  exchanges: count,
  cpuUs: user + system,
  wallMs: performance.now() - startMs,
};
console.log(JSON.stringify(figures));
process.exit();
