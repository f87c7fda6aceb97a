/**
 * Binds a server of `node:net` within the call, and throws if that fails.
 *
 * `server.listen()` looks up a host name first, even if it is an IP address, and
 * reports a failure in an event. A server's handle has to know its port and the
 * failure when `serve()` returns, so this uses the step that `listen()` takes
 * after the lookup.
 */

import type { AddressInfo, Server } from "node:net";
import {
  addressText,
  type ListenAddress,
  needsEpoll,
  type TcpAddress,
} from "../../address.ts";
import { type BoundPort, SHORTEST_BACKLOG } from "../released_ports.ts";
import { listenFailure } from "../listen_failure.ts";
import { listenTcp } from "../runtime_listen.ts";
import { toError } from "../../to_error.ts";
import { lookUp } from "./lookup.ts";

/** How many connections the system queues. Node's default. */
export const BACKLOG = 511;

/** `UV_TCP_REUSEPORT`: several threads bind the same port. */
const REUSE_PORT = 2;

/** A server's parts that have no types; runtimes may lack any of them. */
interface ServerInternals {
  _listen2?(
    address: string,
    port: number,
    family: number,
    backlog: number,
    fd: undefined,
    flags: number,
  ): void;
}

/** A listening socket, as `node:net` has it. */
interface Handle {
  listen(backlog: number): number;
  close(): void;
}

interface NetInternals extends NetModule {
  /** Returns the number of an error if it fails. */
  _createServerHandle?(
    address: string,
    port: number,
    family: number,
  ): Handle | number;
}

/** An address that the server binds itself. */
type BoundAddress = Exclude<ListenAddress, { readonly transport: "fd" }>;

type NetModule = typeof import("node:net");

/** What Bun has to listen, which throws if it fails. */
interface BunRuntime {
  listen(
    where: { hostname: string; port: number; socket: object } | {
      unix: string;
      socket: object;
    },
  ): { stop(): void };
}

/**
 * Listens on an address.
 *
 * @param isShared Whether other threads bind the same port.
 * @param backlog How many connections the system queues.
 * @returns A server that gets connections with their reading paused.
 * @throws {Error} If the system or the permissions refuse it; the message names the address.
 */
export function bind(
  address: ListenAddress,
  isShared: boolean,
  backlog = BACKLOG,
): Server {
  const net = process.getBuiltinModule("node:net");
  const server = net.createServer({
    allowHalfOpen: true,
    pauseOnConnect: true,
  });
  // Failures of accept replace this listener; a failure to bind is known at once.
  server.on("error", () => {});
  if (address.transport === "fd") {
    if (typeof Deno !== "undefined") throw needsEpoll(address);
    server.listen({ fd: address.fd, backlog });
  } else if (address.transport === "unix") {
    server.listen({ path: address.path, backlog });
  } else {
    bindTcp(server, address, isShared, backlog);
  }
  if (server.listening) return server;
  throw failure(address);
}

/**
 * Listens on a TCP address that no other socket uses.
 *
 * @throws {Error} If the system or the permissions refuse it; the message names the address.
 */
export function bindAlone(address: TcpAddress): BoundPort {
  const backlog = Math.max(SHORTEST_BACKLOG, 1); // Node takes 0 for its default
  const server = bind(address, false, backlog);
  return {
    addr: tcpAddress(server),
    close: () => void server.close(),
  };
}

/** Returns the address of a server that listens on a port. */
export function tcpAddress(server: Server): TcpAddress {
  const { address: hostname, port } = server.address() as AddressInfo; // it listens on a port
  return { transport: "tcp", hostname, port };
}

function bindTcp(
  server: Server & ServerInternals,
  address: TcpAddress,
  isShared: boolean,
  backlog: number,
): void {
  const { port } = address;
  const host = ipOf(address);
  if (server._listen2 === undefined) {
    const reusePort = isShared;
    server.listen({ host, port, backlog, reusePort }); // binds within the call
    return;
  }
  const flags = isShared ? REUSE_PORT : 0;
  server._listen2(host, port, familyOf(host), backlog, undefined, flags);
}

/** @throws {Error} If the address has a name that cannot be looked up. */
function ipOf(address: TcpAddress): string {
  const { hostname } = address;
  if (process.getBuiltinModule("node:net").isIP(hostname) !== 0) {
    return hostname;
  }
  return hostname === "localhost" ? "127.0.0.1" : lookUp(address);
}

function familyOf(host: string): number {
  return host.includes(":") ? 6 : 4;
}

/** Finds out why an address could not be bound, by doing it again with a call that says so. */
function failure(address: ListenAddress): Error {
  if (typeof Deno !== "undefined" && address.transport === "tcp") {
    const error = runtimeFailure(address);
    if (error !== null) return error;
  }
  const code = address.transport === "fd"
    ? "EBADF"
    : bunFailure(address) ?? handleFailure(address);
  if (code !== null) return listenFailure(address, code);
  return new Error(
    `Cannot listen on ${
      addressText(address)
    }: the address is in use, or the system refuses it`,
  );
}

/** Asks Deno's own listener, since Deno's `node:net` reports several causes as `EINVAL`. */
function runtimeFailure(address: TcpAddress): Error | null {
  try {
    listenTcp(address).close();
    return null;
  } catch (error) {
    return toError(error);
  }
}

function handleFailure(address: BoundAddress): string | null {
  const net = process.getBuiltinModule("node:net") as NetInternals;
  if (net._createServerHandle === undefined) return null;
  const handle = address.transport === "unix"
    ? net._createServerHandle(address.path, -1, -1)
    : net._createServerHandle(
      ipOf(address),
      address.port,
      familyOf(ipOf(address)),
    );
  const result = typeof handle === "number" ? handle : handle.listen(BACKLOG);
  if (typeof handle !== "number") handle.close();
  if (result === 0) return null;
  return process.getBuiltinModule("node:util").getSystemErrorName(result);
}

function bunFailure(address: BoundAddress): string | null {
  const { Bun } = globalThis as { Bun?: BunRuntime };
  if (Bun === undefined) return null;
  const socket = { data(): void {} };
  try {
    Bun.listen(
      address.transport === "unix"
        ? { unix: address.path, socket }
        : { hostname: ipOf(address), port: address.port, socket },
    ).stop();
    return null;
  } catch (error) {
    return error instanceof Error && "code" in error
      ? String(error.code)
      : null;
  }
}
