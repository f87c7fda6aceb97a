/** The results of `files.ts`, as it stores them for the page. */

import type { Machine } from "../report/machine.ts";

/** The figures of one server, medians of the rounds. */
export interface FileResult {
  readonly server: string;
  /** CPU µs of the server per response. */
  readonly cpuUs: number;
  readonly perSecond: number;
  readonly p50Ms: number;
  /** Responses with an unexpected status, in all rounds. */
  readonly errors: number;
}

/** All servers in one case. */
export interface FileCaseResult {
  readonly name: string;
  readonly status: number;
  /** Bytes of the response's body. */
  readonly bodyBytes: number;
  readonly connections: number;
  readonly rounds: number;
  readonly seconds: number;
  /** The load average at the end; with nothing else running, it is about 2. */
  readonly loadAverage: number;
  readonly results: readonly FileResult[];
}

/** The file `results/files.json`. */
export interface FileResults {
  readonly machine: Machine;
  readonly cases: readonly FileCaseResult[];
}
