/** Reports errors that do not end serving and that reach no caller. */

import type { Report } from "./failure_report.ts";
import { isShortage, summaryOf } from "./engines/shortage.ts";

/** Time after which more errors are reported, in ms. */
const PERIOD_MS = 1000;

/** Errors of requests that are reported in one period: different routes may fail at the same time. */
const MAX_REQUEST_ERRORS = 10;

/** How long after a shortage of descriptors errors are printed without their stacks, in ms. */
const SHORTAGE_MS = 5000;

/** Counts the reports of one kind. */
class Limit {
  #startMs = -Infinity;
  #count = 0;
  #most: number;

  constructor(most: number) {
    this.#most = most;
  }

  /** Takes one report: says how many more are allowed in this period, or -1 if this one is not. */
  take(nowMs: number): number {
    if (nowMs >= this.#startMs + PERIOD_MS) {
      this.#startMs = nowMs;
      this.#count = 0;
    }
    return this.#count >= this.#most ? -1 : this.#most - ++this.#count;
  }
}

/**
 * Makes a function that reports errors: at most one a second, and besides at
 * most ten of requests. A burst of failures must not flood the log. The others
 * are dropped.
 *
 * @param report Called with an error, and with the request that it ended, such as
 * `GET /x`. By default both go to the console.
 */
export function errorReporter(report?: Report): Report {
  const others = new Limit(1);
  const requests = new Limit(MAX_REQUEST_ERRORS);
  let shortageEndMs = -Infinity;
  return (error, what) => {
    const nowMs = performance.now();
    if (isShortage(error)) shortageEndMs = nowMs + SHORTAGE_MS;
    const rest = (what === undefined ? others : requests).take(nowMs);
    if (rest < 0) return;
    const print = nowMs < shortageEndMs ? printSummary : printError;
    try {
      if (report !== undefined) report(error, what);
      else print(error, what);
      if (report === undefined && rest === 0 && what !== undefined) {
        printError("Further errors of requests are not printed for a second");
      }
    } catch (thrown) {
      print(thrown); // serving continues even if the application's function throws
    }
  };
}

function printSummary(error: unknown, what?: string): void {
  printError(error instanceof Error ? summaryOf(error) : error, what);
}

function printError(error: unknown, what?: string): void {
  const values = what === undefined ? [error] : [`${what} failed:`, error];
  // deno-lint-ignore no-console -- the only place that prints, and only if no `onError` was given
  console.error(...values);
}
