/**
 * Connections with features that `Client` does not have: the time of each phase,
 * and TLS without certificate checks. `Deno.connectTls` can disable them only for
 * the whole process; `node:tls` can for one connection.
 */

import { lookup } from "node:dns/promises";
import { once } from "node:events";
import { connect as connectNode, isIP } from "node:net";
import { connect as connectNodeTls, type TLSSocket } from "node:tls";
import { connectFailure, EXIT, Failure, messageOf } from "./failure.ts";
import type { Destination } from "./request.ts";

const READ_BYTES = 65_536;

/** A connection. */
export interface Socket {
  /** Returns the next bytes, valid until the next call, or `null` at the end. */
  read(): Promise<Uint8Array | null>;
  /** Writes all bytes. */
  write(bytes: Uint8Array): Promise<void>;
  close(): void;
}

/** Options of a connection. */
export interface SocketOptions {
  readonly unixPath: string | null;
  readonly caCerts: readonly string[];
  readonly isInsecure: boolean;
  /** Called at the end of each phase. */
  readonly onPhase: (phase: "resolve" | "connect" | "tls") => void;
}

/** Connects in separate steps, so that each can be timed and can fail with its own exit code. */
export async function openSocket(
  to: Destination,
  options: SocketOptions,
): Promise<Socket> {
  const { unixPath, onPhase } = options;
  if (unixPath !== null) {
    const conn = await orFailure(
      Deno.connect({ transport: "unix", path: unixPath }),
      false,
    );
    onPhase("connect");
    return ofConn(conn);
  }
  const addresses = await resolve(to.hostname);
  onPhase("resolve");
  if (to.isSecure && options.isInsecure) {
    return await openInsecure(to, addresses, onPhase);
  }
  const conn = await eachAddress(
    addresses,
    (hostname) => Deno.connect({ hostname, port: to.port }),
  );
  conn.setNoDelay(true);
  onPhase("connect");
  if (!to.isSecure) return ofConn(conn);
  const starting = Deno.startTls(conn, {
    hostname: to.hostname,
    caCerts: [...options.caCerts],
    alpnProtocols: ["http/1.1"],
  });
  const tls = await orFailure(starting, true);
  await orFailure(tls.handshake(), true);
  onPhase("tls");
  return ofConn(tls);
}

async function resolve(hostname: string): Promise<string[]> {
  if (isIP(hostname) !== 0) return [hostname];
  try {
    const found = await lookup(hostname, { all: true });
    return found.map(({ address }) => address);
  } catch (error) {
    const message = `Cannot connect: ${messageOf(error)}`;
    throw new Failure(EXIT.NOT_RESOLVED, message);
  }
}

/** Tries one address after the other; throws the error of the last one. */
async function eachAddress<T>(
  addresses: readonly string[],
  open: (address: string) => Promise<T>,
): Promise<T> {
  let failure = new Failure(EXIT.NOT_RESOLVED, "Cannot connect: no address");
  for (const address of addresses) {
    try {
      return await open(address);
    } catch (error) {
      failure = connectFailure(error, false);
    }
  }
  throw failure;
}

async function orFailure<T>(step: Promise<T>, isSecure: boolean): Promise<T> {
  try {
    return await step;
  } catch (error) {
    throw connectFailure(error, isSecure);
  }
}

function ofConn(conn: Deno.Conn): Socket {
  const buffer = new Uint8Array(READ_BYTES);
  return {
    async read(): Promise<Uint8Array | null> {
      const size = await conn.read(buffer);
      return size === null ? null : buffer.subarray(0, size);
    },
    async write(bytes: Uint8Array): Promise<void> {
      let rest = bytes;
      while (rest.length > 0) rest = rest.subarray(await conn.write(rest));
    },
    close: () => conn.close(),
  };
}

async function openInsecure(
  to: Destination,
  addresses: readonly string[],
  onPhase: SocketOptions["onPhase"],
): Promise<Socket> {
  const tcp = await eachAddress(addresses, async (host) => {
    const socket = connectNode({ host, port: to.port, noDelay: true });
    await once(socket, "connect"); // rejects on an error
    return socket;
  });
  onPhase("connect");
  const tls = connectNodeTls({
    socket: tcp,
    ...(isIP(to.hostname) === 0 ? { servername: to.hostname } : {}),
    rejectUnauthorized: false,
    ALPNProtocols: ["http/1.1"],
  });
  try {
    await once(tls, "secureConnect");
  } catch (error) {
    const message = `Cannot connect: ${messageOf(error)}`;
    throw new Failure(EXIT.TLS_FAILED, message);
  }
  onPhase("tls");
  return ofNode(tls);
}

function ofNode(socket: TLSSocket): Socket {
  const pieces = socket[Symbol.asyncIterator]();
  socket.on("error", () => {
    // The pending read or write rejects with the same error.
  });
  return {
    async read(): Promise<Uint8Array | null> {
      const { done, value } = await pieces.next();
      return done === true ? null : value;
    },
    write(bytes: Uint8Array): Promise<void> {
      return new Promise((resolve, reject) => {
        socket.write(bytes, (error) => error ? reject(error) : resolve());
      });
    },
    close: () => void socket.destroy(),
  };
}
