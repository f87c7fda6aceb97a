/** Errors of the system, by the numbers that Linux has on all its architectures. */

/** A call would have to wait. */
export const EAGAIN = 11;
/** A signal came between. */
export const EINTR = 4;
/** There is no such descriptor. */
export const EBADF = 9;
/** It is there already. */
export const EEXIST = 17;

/** Names of the errors that sockets meet. */
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
  [32, "EPIPE"],
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
  [104, "ECONNRESET"],
  [105, "ENOBUFS"],
  [107, "ENOTCONN"],
  [110, "ETIMEDOUT"],
  [111, "ECONNREFUSED"],
  [112, "EHOSTDOWN"],
  [113, "EHOSTUNREACH"],
]);

/** The runtime's class of an error, where it has one. */
function classOf(name: string): new (message: string) => Error {
  const { errors } = Deno;
  switch (name) {
    case "EPERM":
    case "EACCES":
      return errors.PermissionDenied;
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

/**
 * An error as the runtime's own listeners and connections throw it.
 *
 * @param action What was tried, as in `Cannot <action>: EPIPE`.
 */
export function systemError(action: string, errno: number): Error {
  const code = NAMES.get(errno) ?? `errno ${errno}`;
  const error = new (classOf(code))(`Cannot ${action}: ${code}`);
  return Object.assign(error, { code });
}
