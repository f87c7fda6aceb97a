/** Reports errors that do not end serving and that reach no caller. */

/**
 * Makes a function that reports errors, at most one a second: a burst of
 * failures must not flood the log. The others are dropped.
 *
 * @param report Called with an error. By default it goes to the console, as uncaught errors do.
 */
export function errorReporter(
  report: (error: unknown) => void = printError,
): (error: unknown) => void {
  let nextMs = -Infinity;
  return (error) => {
    const nowMs = performance.now();
    if (nowMs < nextMs) return;
    nextMs = nowMs + 1000;
    try {
      report(error);
    } catch (thrown) {
      printError(thrown); // serving goes on even if the application's function throws
    }
  };
}

function printError(error: unknown): void {
  // deno-lint-ignore no-console -- the only place that prints, and only if no `onError` was given
  console.error(error);
}
