/** Chooses a proxy by the environment variables that curl and other programs use. */

import { parseIpAddress } from "../codec/ip_address.ts";

/** Entries of `NO_PROXY`, compared with a host and its port. */
type Exception = (host: string, port: number) => boolean;

/**
 * Returns a value for the option `proxy` that follows the environment:
 * `HTTP_PROXY` for `http:` origins, `HTTPS_PROXY` for `https:` origins,
 * `ALL_PROXY` for both, and `NO_PROXY` for hosts that are reached directly. Names
 * may be in lower case, which takes precedence. It needs `--allow-env`, and
 * reads the variables once, when it is called.
 *
 * `NO_PROXY` is a list separated by commas: a host also stands for its
 * subdomains, and may have a port; `10.0.0.0/8` stands for a range of addresses,
 * and `*` for all hosts. `HTTP_PROXY` in upper case is ignored if
 * `REQUEST_METHOD` is set, since a CGI server sets it from a request's field.
 *
 * @throws {Deno.errors.NotCapable} If a variable may not be read.
 *
 * @example A client that uses the proxy of the environment
 * ```ts
 * import { Client, proxyFromEnvironment } from "@khttp/khttp";
 *
 * function connect(origin: string): Client {
 *   return new Client(origin, { proxy: proxyFromEnvironment() });
 * }
 * ```
 */
export function proxyFromEnvironment(): (origin: URL) => string | null {
  const isCgi = environment("REQUEST_METHOD") !== undefined;
  const http = environment("http_proxy") ||
    (isCgi ? undefined : environment("HTTP_PROXY"));
  const https = variable("https_proxy");
  const all = variable("all_proxy");
  const exceptions = (variable("no_proxy") ?? "").split(/[\s,]+/)
    .filter((entry) => entry !== "").map(parseException);
  return ({ protocol, hostname, port }) => {
    const chosen = (protocol === "https:" ? https : http) || all;
    if (chosen === undefined) return null;
    const host = hostname.replace(/^\[|\]$/g, "");
    const number = Number(port) || (protocol === "https:" ? 443 : 80);
    return exceptions.some((matches) => matches(host, number)) ? null : chosen;
  };
}

function environment(name: string): string | undefined {
  return typeof Deno === "undefined" ? process.env[name] : Deno.env.get(name);
}

/** Reads a variable; an empty one counts as absent. */
function variable(lowerName: string): string | undefined {
  return environment(lowerName) || environment(lowerName.toUpperCase()) ||
    undefined;
}

function parseException(entry: string): Exception {
  if (entry === "*") return () => true;
  const range = /^([0-9a-f.:]+)\/([0-9]{1,3})$/i.exec(entry);
  if (range !== null) return rangeException(range[1] ?? "", Number(range[2]));
  const parts = /^(?:\[([^\]]*)\]|([^:]*|.*:.*:.*))(?::([0-9]{1,5}))?$/.exec(
    entry.toLowerCase(),
  );
  const name = (parts?.[1] ?? parts?.[2] ?? entry).replace(/^\*?\./, "");
  const wanted = parts?.[3] === undefined ? null : Number(parts[3]);
  return (host, port) =>
    (host === name || host.endsWith(`.${name}`)) &&
    (wanted === null || wanted === port);
}

function rangeException(address: string, prefixBits: number): Exception {
  const network = addressBits(address);
  if (network === null || prefixBits > network.length) return () => false;
  const prefix = network.slice(0, prefixBits);
  return (host) => {
    const bits = addressBits(host);
    return bits?.length === network.length && bits.startsWith(prefix);
  };
}

/** The bits of an IP address as a string of 32 or 128 digits, or `null` for a name. */
function addressBits(address: string): string | null {
  const bytes = address.includes(":")
    ? parseIpAddress(address)
    : ipv4Bytes(address);
  if (bytes === null) return null;
  return Array.from(bytes, (byte) => byte.toString(2).padStart(8, "0")).join(
    "",
  );
}

/** Unlike {@linkcode parseIpAddress}, accepts leading zeros, which people write in such lists. */
function ipv4Bytes(address: string): readonly number[] | null {
  const parts = address.split(".");
  const isAddress = parts.length === 4 &&
    parts.every((part) => /^[0-9]{1,3}$/.test(part) && Number(part) < 256);
  return isAddress ? parts.map(Number) : null;
}
