/** Where errors go that end nothing and that no caller waits for. */

/**
 * Whom to tell of them: the caller's function, or the console, where uncaught
 * ones are reported too. At most one a second is passed on, so that a storm of
 * failures is no storm of lines.
 *
 * @param report The caller's function, if there is one.
 */
export function errorReport(
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
      printError(thrown); // what serves goes on, whatever its owner's function does
    }
  };
}

function printError(error: unknown): void {
  // deno-lint-ignore no-console -- the only place that prints, and only if no `onError` was given
  console.error(error);
}
