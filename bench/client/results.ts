/** The results of `client.ts`, as it stores them for the page. */

import type { Machine } from "../report/machine.ts";

/** The figures of one client, medians of the rounds. */
export interface ClientResult {
  readonly contender: string;
  /** CPU µs per exchange. */
  readonly cpuUs: number;
  readonly exchangesPerSecond: number;
}

/** All clients in one case. */
export interface ClientCaseResult {
  readonly name: string;
  /** How many exchanges run at one time. */
  readonly concurrency: number;
  readonly rounds: number;
  readonly seconds: number;
  /** The load average at the end; with nothing else running, it is about 2. */
  readonly loadAverage?: number;
  readonly results: readonly ClientResult[];
}

/** The file `results/client.json`. */
export interface ClientResults {
  readonly machine: Machine;
  /** The version of each peer, by name. */
  readonly versions: Readonly<Record<string, string>>;
  readonly cases: readonly ClientCaseResult[];
}
