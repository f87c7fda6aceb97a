/**
 * Opens a tunnel through an HTTP proxy with CONNECT (RFC 9110 §9.3.6). Loaded
 * with the first `https` origin that has a proxy.
 */

import type { ClientConn } from "./client_conn.ts";
import { NEED_DATA, ProtocolError } from "../codec/errors.ts";
import { parseResponseHead } from "../codec/response_parser.ts";
import { writeFieldLine, writeRequestLine } from "../codec/head_encoder.ts";
import { fieldLineSize, requestLineSize } from "../codec/head_encoder.ts";
import { ClientError } from "./errors.ts";
import type { ClientOptions } from "./options.ts";
import { type Origin, originUrl, type ProxyServer } from "./origin.ts";

/** Size of the buffer that reads fill, in bytes. */
const READ_BYTES = 4096;

/**
 * Asks a proxy to connect to an origin. Afterwards, the connection leads there.
 *
 * @param conn A connection to the proxy.
 * @throws {ClientError} `PROXY_REFUSED` if the proxy's response is not 2xx, or
 * malformed; `CONNECT_FAILED` if it closes the connection.
 */
export async function openTunnel(
  conn: Pick<ClientConn, "read" | "write">,
  origin: Origin,
  proxy: ProxyServer,
  options: ClientOptions,
): Promise<void> {
  const wire = encodeConnect(origin, proxy);
  for (let rest = wire; rest.length > 0;) {
    rest = rest.subarray(await conn.write(rest));
  }
  const { maxHeaderBytes, maxInterimResponses } = options;
  let received = new Uint8Array(0);
  for (let interim = 0; interim <= maxInterimResponses;) {
    const head = parseHead(received, origin, proxy, options);
    if (head === NEED_DATA) {
      // The parser limits the fields, this the lines before them.
      if (received.length > 2 * maxHeaderBytes + READ_BYTES) break;
      const buffer = new Uint8Array(READ_BYTES);
      const size = await conn.read(buffer);
      if (size === null) throw closedEarly(origin, proxy);
      received = joined(received, buffer.subarray(0, size));
      continue;
    }
    received = received.slice(head.sizeBytes);
    if (head.status >= 100 && head.status < 200) interim++;
    else if (head.status >= 300) {
      throw refused(origin, proxy, answerText(head.status, head.reason));
    } else if (received.length > 0) {
      // A server speaks only after the handshake that we begin.
      throw refused(origin, proxy, "it sent more than its response");
    } else return;
  }
  throw refused(origin, proxy, "its response is too long");
}

/** The target has a port even if it is the default one (RFC 9112 §3.2.3). */
function encodeConnect(
  { hostname, port }: Origin,
  { authorization }: ProxyServer,
): Uint8Array<ArrayBuffer> {
  const host = hostname.includes(":") ? `[${hostname}]` : hostname;
  const target = `${host}:${port}`;
  const fields: [string, string][] = [["host", target]];
  if (authorization !== null) {
    fields.push(["proxy-authorization", authorization]);
  }
  let size = requestLineSize("CONNECT", target) + 2;
  for (const [name, value] of fields) size += fieldLineSize(name, value);
  const head = new Uint8Array(size);
  let at = writeRequestLine(head, 0, "CONNECT", target);
  for (const [name, value] of fields) {
    at = writeFieldLine(head, at, name, value);
  }
  head.set([0x0d, 0x0a], at);
  return head;
}

function parseHead(
  bytes: Uint8Array,
  origin: Origin,
  proxy: ProxyServer,
  options: ClientOptions,
): ReturnType<typeof parseResponseHead> {
  try {
    return parseResponseHead(bytes, "CONNECT", options);
  } catch (error) {
    if (!(error instanceof ProtocolError)) throw error;
    throw refused(origin, proxy, error.message, error);
  }
}

function joined(
  first: Uint8Array,
  second: Uint8Array,
): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(first.length + second.length);
  bytes.set(first);
  bytes.set(second, first.length);
  return bytes;
}

function answerText(status: number, reason: string): string {
  const text = reason === "" ? "" : ` ${JSON.stringify(reason.slice(0, 64))}`;
  const hint = status === 407
    ? "; the option proxy takes user and password as http://user:password@host"
    : "";
  return `it answered ${status}${text}${hint}`;
}

function refused(
  origin: Origin,
  proxy: ProxyServer,
  why: string,
  cause?: unknown,
): ClientError {
  return new ClientError(
    `Cannot connect to ${originUrl(origin)} through the proxy ${
      originUrl(proxy.origin)
    }: ${why}`,
    { phase: "connect", code: "PROXY_REFUSED", retryable: true, cause },
  );
}

function closedEarly(origin: Origin, proxy: ProxyServer): ClientError {
  return new ClientError(
    `Cannot connect to ${originUrl(origin)} through the proxy ${
      originUrl(proxy.origin)
    }: it closed the connection`,
    { phase: "connect", code: "CONNECT_FAILED", retryable: true },
  );
}
