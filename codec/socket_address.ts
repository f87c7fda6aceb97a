/**
 * The types of socket addresses in server and client. They have the same shape as
 * Deno's, so that each can be used as the other, but need no types of a runtime.
 */

/** The address of a socket on the Internet Protocol. `Deno.NetAddr` has the same shape. */
export interface NetAddr {
  /** The transport protocol. */
  readonly transport: "tcp" | "udp";
  /** The IP address. */
  readonly hostname: string;
  /** The port. */
  readonly port: number;
}

/** The address of a Unix socket. `Deno.UnixAddr` has the same shape. */
export interface UnixAddr {
  /** The kind of the socket. */
  readonly transport: "unix" | "unixpacket";
  /** The path of its file. */
  readonly path: string;
}

/** The address of a socket between virtual machines and their host. `Deno.VsockAddr` has the same shape. */
export interface VsockAddr {
  /** The transport protocol. */
  readonly transport: "vsock";
  /** The context identifier of the machine. */
  readonly cid: number;
  /** The port. */
  readonly port: number;
}

/** The address of a socket. `Deno.Addr` has the same shape. */
export type Addr = NetAddr | UnixAddr | VsockAddr;
