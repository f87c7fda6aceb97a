/** Why a server cannot listen on an address, and what to do about it, in the same words on all engines and runtimes. */

/** On Linux, listening on a port up to this one needs a privilege. */
const MAX_RESERVED_PORT = 1023;

/** The longest path of a Unix socket on Linux, in bytes; macOS has 103. */
const MAX_PATH_BYTES = 107;

/** Explains why a port cannot be used, by the system's code or `ENOTFOUND` for a host name without an address; `null` if the code says everything. */
export function maybeTcpReason(port: number, code: string): string | null {
  switch (code) {
    case "EADDRINUSE":
      return "the port is in use (EADDRINUSE); end the program that listens there, or use another port";
    case "EACCES":
      return port > 0 && port <= MAX_RESERVED_PORT
        ? "ports below 1024 need a privilege (EACCES); use another port, or give the runtime the capability CAP_NET_BIND_SERVICE"
        : "the system does not permit it (EACCES)";
    case "EADDRNOTAVAIL":
      return "this machine does not have the address (EADDRNOTAVAIL); use one of its own, such as 127.0.0.1, or 0.0.0.0 for all of them";
    case "ENOTFOUND":
      return "the host name has no address (ENOTFOUND); correct it, or use an IP address";
    default:
      return null;
  }
}

/** Explains why a Unix socket cannot be made at a path, by the system's code; `null` if the code says everything. */
export function maybeUnixReason(path: string, code: string): string | null {
  const sizeBytes = new TextEncoder().encode(path).length;
  switch (code) {
    case "EADDRINUSE":
      return "the file exists (EADDRINUSE); remove it if no program listens there, or use another path";
    case "ENOENT":
      return "its folder does not exist (ENOENT); create it";
    case "EACCES": // Node reports a missing folder like this
      return "its folder does not exist, or permits no new files (EACCES); create it, or change its permissions";
    case "EINVAL":
      return sizeBytes <= MAX_PATH_BYTES
        ? null
        : `the path has ${sizeBytes} bytes, and may have ${MAX_PATH_BYTES} (EINVAL); use a shorter one`;
    default:
      return null;
  }
}
