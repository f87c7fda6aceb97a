/** Summarises rounds: medians, the peak of memory, the sum of errors. */

import type { LoadSample } from "./loader.ts";
import type { TargetResult } from "./results.ts";

/** One round of a target. */
export interface Round extends LoadSample {
  readonly cpuMicros: number;
  readonly instructions: number | null;
}

/** Summarises the rounds of a target; there must be at least one. */
export function summarise(
  target: string,
  rounds: readonly Round[],
  peakRssMiB: number,
): TargetResult {
  const middle = (value: (round: Round) => number): number =>
    median(rounds.map(value));
  const perRequest = (value: number, { requests }: Round): number =>
    requests === 0 ? 0 : value / requests;
  const isCounted = rounds.every(({ instructions }) => instructions !== null);
  return {
    target,
    requestsPerSecond: middle((round) => round.requests / round.seconds),
    p50Ms: middle((round) => round.p50Ms),
    p99Ms: middle((round) => round.p99Ms),
    cpuMicrosPerRequest: middle((round) => perRequest(round.cpuMicros, round)),
    instructionsPerRequest: isCounted
      ? middle((round) => perRequest(round.instructions ?? 0, round))
      : null,
    peakRssMiB,
    errors: rounds.reduce((sum, round) => sum + round.errors, 0),
  };
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = (sorted.length - 1) / 2;
  const low = sorted[Math.floor(middle)] ?? NaN;
  return (low + (sorted[Math.ceil(middle)] ?? NaN)) / 2;
}
