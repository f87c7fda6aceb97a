/** Reports errors that do not end serving and that reach no caller. */

import { isShortage, summaryOf } from "./shortage.ts";

/** Time between two reports, in ms. */
const PERIOD_MS = 1000;

/** How long after a shortage of descriptors errors are printed without their stacks, in ms. */
const SHORTAGE_MS = 5000;

/**
 * Makes a function that reports errors, at most one a second: a burst of
 * failures must not flood the log. The others are dropped.
 *
 * @param report Called with an error. By default it is printed to the console,
 * as uncaught errors are.
 */
export function errorReporter(
  report?: (error: unknown) => void,
): (error: unknown) => void {
  let nextMs = -Infinity;
  let shortageEndMs = -Infinity;
  return (error) => {
    const nowMs = performance.now();
    if (isShortage(error)) shortageEndMs = nowMs + SHORTAGE_MS;
    if (nowMs < nextMs) return;
    nextMs = nowMs + PERIOD_MS;
    const print = nowMs < shortageEndMs ? printSummary : printError;
    try {
      (report ?? print)(error);
    } catch (thrown) {
      print(thrown); // serving continues even if the application's function throws
    }
  };
}

function printSummary(error: unknown): void {
  printError(error instanceof Error ? summaryOf(error) : error);
}

function printError(error: unknown): void {
  // deno-lint-ignore no-console -- the only place that prints, and only if no `onError` was given
  console.error(error);
}
