/** The errors of `serveDir()` and `serveFile()` for a path that cannot be opened. */

import { accessError } from "../server/open_file.ts";

/**
 * Returns an error that says what cannot be done, why, and what to change.
 *
 * @param what What was to be done, such as `serve folder "public"`.
 * @param path The path that the permission is for.
 */
export function describeAccess(
  what: string,
  path: string,
  cause: unknown,
): unknown {
  return accessError(what, cause, {
    forbidden: `the program may not read it; run it with --allow-read=${path}`,
    missing:
      "it does not exist; a relative path begins at the working directory",
  });
}
