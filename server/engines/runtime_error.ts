/** Errors of the system, by their codes, in the classes that the runtime has for them. */

/**
 * Makes an error like those of the runtime's own sockets, with a `code`. On
 * Deno it has the runtime's class; Node and Bun have none.
 *
 * @param action What failed, as in `Cannot <action>: EPIPE`.
 */
export function runtimeError(action: string, code: string): Error {
  const error = new (classOf(code))(`Cannot ${action}: ${code}`);
  // Formatting a stack may need a descriptor; see `server/shortage.ts`.
  if (code === "ENFILE" || code === "EMFILE") {
    error.stack = `${error.name}: ${error.message}`;
  }
  return Object.assign(error, { code });
}

/** The runtime's class for an error; `Error` if it has none. */
function classOf(code: string): new (message: string) => Error {
  if (typeof Deno === "undefined") return Error;
  const { errors } = Deno;
  switch (code) {
    case "EPERM":
    case "EACCES":
      return errors.PermissionDenied;
    case "ENOENT":
      return errors.NotFound;
    case "EADDRINUSE":
      return errors.AddrInUse;
    case "EADDRNOTAVAIL":
      return errors.AddrNotAvailable;
    case "ECONNRESET":
      return errors.ConnectionReset;
    case "ECONNABORTED":
      return errors.ConnectionAborted;
    case "ECONNREFUSED":
      return errors.ConnectionRefused;
    case "EPIPE":
      return errors.BrokenPipe;
    case "ENOTCONN":
      return errors.NotConnected;
    case "ETIMEDOUT":
      return errors.TimedOut;
    default:
      return Error;
  }
}
