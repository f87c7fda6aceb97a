/** System errors by number; Linux uses the same numbers on x86-64 and aarch64. */

/** What a call of a socket returns, instead of throwing, if it would block. */
export const WOULD_WAIT = -1;
/** What it returns for a file that the system cannot send from, or that ends there. */
export const CANNOT_SEND_FILE = -2;

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
/** The system or the process has no descriptor left. */
const ENFILE = 23;
const EMFILE = 24;

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
  [ENFILE, "ENFILE"],
  [EMFILE, "EMFILE"],
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

/** The runtime's class for an error; `Error` if it has none. */
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
 * Makes an error like those of the runtime's listeners and connections, with a `code`.
 *
 * @param action What failed, as in `Cannot <action>: EPIPE`.
 */
export function systemError(action: string, errno: number): Error {
  const code = NAMES.get(errno) ?? `errno ${errno}`;
  const error = new (classOf(code))(`Cannot ${action}: ${code}`);
  // Formatting a stack may need a descriptor; see `server/engines/shortage.ts`.
  if (errno === ENFILE || errno === EMFILE) {
    error.stack = `${error.name}: ${error.message}`;
  }
  return Object.assign(error, { code });
}
