/** The errors of `serveDir()` and `serveFile()` for a path that cannot be opened. */

import { isNotCapable } from "./system.ts";

/**
 * Returns an error that says what cannot be done, why, and what to change. It has
 * the runtime's class and the system's code.
 *
 * @param what What was to be done, such as `serve folder "public"`.
 * @param path The path that the permission is for.
 */
export function describeAccess(
  what: string,
  path: string,
  cause: unknown,
): unknown {
  if (isNotCapable(cause)) {
    return new Deno.errors.NotCapable(
      `Cannot ${what}: the program may not read it; run it with --allow-read=${path}`,
      { cause },
    );
  }
  if (!(cause instanceof Error) || !("code" in cause)) return cause;
  const { code } = cause;
  const why = REASONS.get(code);
  if (why === undefined) return cause; // its message names the path already
  return Object.assign(newError(code, `Cannot ${what}: ${why}`, cause), {
    code,
  });
}

const MISSING =
  "it does not exist; a relative path begins at the working directory";
const NOT_ALLOWED = "the system does not allow the process to read it";

const REASONS: ReadonlyMap<unknown, string> = new Map([
  ["ENOENT", MISSING],
  ["ENOTDIR", MISSING],
  ["EACCES", NOT_ALLOWED],
  ["EPERM", NOT_ALLOWED],
]);

function newError(code: unknown, message: string, cause: Error): Error {
  if (typeof Deno === "undefined") return new Error(message, { cause });
  const isMissing = code === "ENOENT" || code === "ENOTDIR";
  const { NotFound, PermissionDenied } = Deno.errors;
  return isMissing
    ? new NotFound(message, { cause })
    : new PermissionDenied(message, { cause });
}
