/**
 * The load generator for machines without `wrk`. It keeps the given number of
 * connections busy: each writes the same bytes again as soon as all responses
 * to the last write have arrived. It prints its result as one line of JSON. The
 * comparison starts it on a separate core.
 */
// deno-lint-ignore-file no-console

import { RawResponseReader } from "./raw_response.ts";
import type { LoadSample } from "./loader.ts";

interface Job {
  readonly request: string;
  readonly pipelined: number;
  readonly port: number;
  readonly connections: number;
  readonly seconds: number;
}

const READ_BYTES = 65_536;

/** The results of all connections together. */
class Tally {
  requests = 0;
  errors = 0;
  readonly latenciesMs: number[] = [];
}

/**
 * Keeps one connection busy until the deadline. If the connection fails, this
 * counts as an error, and another one is opened.
 */
async function keepBusy(job: Job, endMs: number, tally: Tally): Promise<void> {
  while (performance.now() < endMs) {
    try {
      await useConnection(job, endMs, tally);
    } catch {
      if (performance.now() < endMs) tally.errors++; // after the deadline, the failure comes from our own close
    }
  }
}

async function useConnection(
  job: Job,
  endMs: number,
  tally: Tally,
): Promise<void> {
  using conn = await Deno.connect({ hostname: "127.0.0.1", port: job.port });
  const deadline = setTimeout(() => conn.close(), endMs - performance.now());
  using _timer = { [Symbol.dispose]: () => clearTimeout(deadline) };
  let open = 0;
  const reader = new RawResponseReader(({ status }) => {
    open--;
    tally.requests++;
    if (status !== 200) tally.errors++;
  }, { keepsBodies: false });
  const bytes = new TextEncoder().encode(job.request.repeat(job.pipelined));
  const buffer = new Uint8Array(READ_BYTES);
  while (performance.now() < endMs) {
    const startMs = performance.now();
    open = job.pipelined;
    let at = 0;
    while (at < bytes.length) at += await conn.write(bytes.subarray(at));
    while (open > 0) {
      const size = await conn.read(buffer);
      if (size === null) throw new Error("The server closed the connection");
      reader.push(buffer.subarray(0, size));
    }
    tally.latenciesMs.push(performance.now() - startMs);
  }
}

const job: Job = JSON.parse(Deno.readTextFileSync(Deno.args[0] ?? ""));
const tally = new Tally();
const startMs = performance.now();
const endMs = startMs + job.seconds * 1000;
await Promise.all(
  Array.from({ length: job.connections }, () => keepBusy(job, endMs, tally)),
);
const sorted = Float64Array.from(tally.latenciesMs).sort();
const percentile = (share: number): number =>
  sorted[Math.floor((sorted.length - 1) * share)] ?? 0;
const sample: LoadSample = {
  requests: tally.requests,
  seconds: (performance.now() - startMs) / 1000,
  p50Ms: percentile(0.5),
  p99Ms: percentile(0.99),
  errors: tally.errors,
};
console.log(JSON.stringify(sample));
