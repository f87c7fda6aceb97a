/** The addresses that a server listens on: their string and object forms, checked before anything is bound. */

import { isIpv6Address, parseAuthority } from "../codec/authority.ts";

/**
 * An address to listen on: `host:port`, `[v6]:port`, `unix:/path`, an object, or
 * a port alone, which listens on all IPv4 addresses of the machine (`0.0.0.0`).
 * `fd:3` is a TCP socket that listens already, which the program inherited as
 * that descriptor, for example from systemd; only {@linkcode Server.serveEpoll}
 * can use it.
 */
export type Address =
  | string
  | number
  | { readonly hostname?: string; readonly port: number }
  | { readonly path: string };

/** A checked address. */
export type ListenAddress =
  | {
    readonly transport: "tcp";
    readonly hostname: string;
    readonly port: number;
  }
  | { readonly transport: "unix"; readonly path: string }
  | { readonly transport: "fd"; readonly fd: number };

/** A checked TCP address. */
export type TcpAddress = ListenAddress & { readonly transport: "tcp" };

const MAX_PORT = 65_535;

/** The highest number that a descriptor can have. */
const MAX_DESCRIPTOR = 2 ** 31 - 1;

/** Ends the messages about values that are not addresses. */
const ACCEPTED =
  'write host:port, [v6]:port, unix:/path, fd:3, a port number, or an object with "port" or "path"';

/** The host of an address without one: all IPv4 interfaces, as programs in containers need. */
const ANY_HOST = "0.0.0.0";

/**
 * Checks an address or a list of them.
 *
 * @throws {TypeError} If an address is not valid, or the list is empty.
 */
export function parseAddresses(
  address: Address | readonly Address[],
): readonly ListenAddress[] {
  const addresses = isList(address) ? address : [address];
  if (addresses.length === 0) {
    throw new TypeError("Cannot listen: no address was given");
  }
  return Object.freeze(addresses.map(parseAddress));
}

/**
 * Checks an address. Without a host name, a number or an object means `0.0.0.0`;
 * port 0 asks the system for a free port.
 *
 * @throws {TypeError} If the address is not valid.
 */
export function parseAddress(address: Address): ListenAddress {
  if (typeof address === "string") return parseText(address);
  if (typeof address === "number") return parseAddress({ port: address });
  if (typeof address !== "object" || address === null) {
    throw new TypeError(
      `Cannot listen on ${String(address)}: not an address; ${ACCEPTED}`,
    );
  }
  checkNames(address);
  if ("path" in address) return unixAddress(address.path, address.path);
  const { hostname = ANY_HOST, port } = address;
  if (port === undefined) throw bad(hostname, "the port is missing");
  if (typeof port === "string") {
    throw bad(`${hostname}:${port}`, "the port is a string; use Number(port)");
  }
  if (!Number.isInteger(port) || port < 0 || port > MAX_PORT) {
    throw bad(`${hostname}:${port}`, "the port is not from 0 to 65535");
  }
  if (typeof hostname !== "string") {
    throw bad(String(hostname), "the host is not a string");
  }
  if (hostname.startsWith("[")) {
    throw bad(hostname, "write the address without brackets");
  }
  if (!isHostname(hostname)) {
    throw bad(hostname, "not a host name or IP address");
  }
  return { transport: "tcp", hostname, port };
}

/** The properties of an address. Addresses of the runtime's own listeners also have `transport`. */
const NAMES: ReadonlySet<string> = new Set([
  "hostname",
  "port",
  "path",
  "transport",
]);

/** @throws {TypeError} If the object has an unknown property, or the properties of two addresses. */
function checkNames(address: object): void {
  const unknown = Object.keys(address).find((name) => !NAMES.has(name));
  if (unknown !== undefined) {
    const advice = unknown === "host" ? "; the name is hostname" : "";
    throw new TypeError(
      `Cannot listen on ${JSON.stringify(address)}: no such property as ${
        JSON.stringify(unknown)
      }${advice}`,
    );
  }
  if (!("path" in address)) return;
  if (!("port" in address) && !("hostname" in address)) return;
  throw new TypeError(
    `Cannot listen on ${
      JSON.stringify(address)
    }: a Unix socket has a path alone; to listen on both, pass a list of two addresses`,
  );
}

function parseText(text: string): ListenAddress {
  if (text.startsWith("unix:")) return unixAddress(text.slice(5), text);
  if (text.startsWith("fd:")) return inherited(text);
  const advice = adviceFor(text);
  if (advice !== null) throw bad(text, advice);
  const port = /^:?([0-9]+)$/.exec(text)?.[1];
  if (port !== undefined) {
    throw bad(
      text,
      `the host is missing; write "127.0.0.1:${port}" for this machine alone, or the number ${port} for all interfaces`,
    );
  }
  const authority = parseAuthority(text);
  if (authority === null) throw bad(text, `not an address; ${ACCEPTED}`);
  if (authority.port === null) throw bad(text, "the port is missing");
  const hostname = authority.host.replace(/^\[|\]$/g, "");
  return { transport: "tcp", hostname, port: authority.port };
}

/** Returns what to write instead of a string that only resembles an address, or that would be read as another one; otherwise `null`. */
function adviceFor(text: string): string | null {
  const scheme = /^(?:unix|fd):/i.exec(text)?.[0];
  if (scheme !== undefined) {
    return `write ${scheme.toLowerCase()} in lower case`;
  }
  if (/^[.]{0,2}[/]/.test(text)) {
    return `write "unix:${text}" for a Unix socket`;
  }
  if (text.includes("://")) {
    return "a URL is no address; write host:port, and call tls() for HTTPS";
  }
  return null;
}

function unixAddress(path: string, text: string): ListenAddress {
  if (typeof path !== "string") {
    throw bad(String(path), "the path is not a string");
  }
  if (path === "") throw bad(text, "the path is empty");
  if (path.includes("\0")) throw bad(text, "the path contains a null byte");
  return { transport: "unix", path };
}

function inherited(text: string): ListenAddress {
  const fd = /^fd:([0-9]{1,10})$/.exec(text)?.[1];
  if (fd !== undefined && Number(fd) <= MAX_DESCRIPTOR) {
    return { transport: "fd", fd: Number(fd) };
  }
  throw bad(
    text,
    "not a descriptor; write fd:3 for the first socket that systemd passes",
  );
}

/** The error of an engine that cannot use a descriptor. */
export function needsEpoll(
  address: ListenAddress & { readonly transport: "fd" },
): TypeError {
  return bad(
    addressText(address),
    "only the epoll engine can use an inherited socket; call serveEpoll()",
  );
}

/** Formats an address in the form that {@linkcode parseAddress} reads. */
export function addressText(address: ListenAddress): string {
  if (address.transport === "unix") return `unix:${address.path}`;
  if (address.transport === "fd") return `fd:${address.fd}`;
  const { hostname, port } = address;
  return hostname.includes(":")
    ? `[${hostname}]:${port}`
    : `${hostname}:${port}`;
}

function isHostname(text: string): boolean {
  return text.includes(":")
    ? isIpv6Address(text)
    : parseAuthority(text)?.port === null;
}

function bad(text: string, why: string): TypeError {
  return new TypeError(`Cannot listen on ${JSON.stringify(text)}: ${why}`);
}

function isList(
  address: Address | readonly Address[],
): address is readonly Address[] {
  return Array.isArray(address);
}
