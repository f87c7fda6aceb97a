/**
 * Errors of the system, by number or code, in the classes that the runtime has
 * for them. Linux uses the same numbers on x86-64 and aarch64.
 */

/** The call would block. */
export const EAGAIN = 11;
/** A signal interrupted the call. */
export const EINTR = 4;
/** The descriptor is not open. */
export const EBADF = 9;
/** The peer has closed or reset the connection. */
export const EPIPE = 32;
export const ECONNRESET = 104;
/** The entry exists already. */
export const EEXIST = 17;

/** Names of the errors that socket calls return. */
const NAMES: ReadonlyMap<number, string> = new Map([
  [1, "EPERM"],
  [EINTR, "EINTR"],
  [EBADF, "EBADF"],
  [EAGAIN, "EAGAIN"],
  [12, "ENOMEM"],
  [13, "EACCES"],
  [EEXIST, "EEXIST"],
  [22, "EINVAL"],
  [23, "ENFILE"],
  [24, "EMFILE"],
  [28, "ENOSPC"],
  [EPIPE, "EPIPE"],
  [64, "ENONET"],
  [71, "EPROTO"],
  [92, "ENOPROTOOPT"],
  [95, "EOPNOTSUPP"],
  [97, "EAFNOSUPPORT"],
  [98, "EADDRINUSE"],
  [99, "EADDRNOTAVAIL"],
  [100, "ENETDOWN"],
  [101, "ENETUNREACH"],
  [103, "ECONNABORTED"],
  [ECONNRESET, "ECONNRESET"],
  [105, "ENOBUFS"],
  [107, "ENOTCONN"],
  [110, "ETIMEDOUT"],
  [111, "ECONNREFUSED"],
  [112, "EHOSTDOWN"],
  [113, "EHOSTUNREACH"],
]);

/**
 * Makes the error for a number of the system; see {@linkcode runtimeError}.
 *
 * @param action What failed, as in `Cannot <action>: EPIPE`.
 */
export function systemError(action: string, errno: number): Error {
  return runtimeError(action, errorCode(errno));
}

/** Returns the system's name of an error. */
export function errorCode(errno: number): string {
  return NAMES.get(errno) ?? `errno ${errno}`;
}

/**
 * Makes an error like those of the runtime's own sockets, with a `code`. On
 * Deno it has the runtime's class; Node and Bun have none.
 *
 * @param action What failed, as in `Cannot <action>: EPIPE`.
 * @param why What the message ends with. @default {the code}
 */
export function runtimeError(action: string, code: string, why = code): Error {
  const error = new (classOf(code))(`Cannot ${action}: ${why}`);
  // Formatting a stack may need a descriptor; see `shortage.ts`.
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
    case "ENOTFOUND":
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
