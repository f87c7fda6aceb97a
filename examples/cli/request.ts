/** The request to send: its destination, fields and body, and the lines of its head. */

import { Headers } from "@khttp/khttp";
import type { ClientArguments } from "./arguments.ts";
import { fromByteString } from "./byte_string.ts";
import { EXIT, Failure, messageOf, usage } from "./failure.ts";

/** The destination of a request. */
export interface Destination {
  readonly isSecure: boolean;
  /** Scheme and authority, for comparisons and for `Client`. */
  readonly origin: string;
  /** The value of `Host`, without a default port. */
  readonly authority: string;
  /** The host to connect to; an IPv6 address has no brackets. */
  readonly hostname: string;
  readonly port: number;
  /** Path and query as typed. */
  readonly target: string;
}

/** A body: its bytes if they are in memory, and its pieces. */
export interface RequestBody {
  /** Size in bytes, or `null` if it is unknown. */
  readonly sizeBytes: number | null;
  readonly bytes: Uint8Array | null;
  /** Whether `pieces` can be called twice. */
  readonly canRepeat: boolean;
  pieces(): AsyncIterable<Uint8Array>;
}

/** A request that can be sent. */
export interface Request {
  readonly method: string;
  readonly to: Destination;
  readonly minorVersion: 0 | 1;
  /** All fields except those that frame the body. */
  readonly headers: Headers;
  readonly body: RequestBody | null;
  readonly isChunked: boolean;
  /** How long to wait before the head ends, in milliseconds. */
  readonly stallMs: number;
}

/** Methods whose missing body is declared (RFC 9110 §8.6). */
const METHODS_WITH_CONTENT = ["POST", "PUT", "PATCH"];

/** The characters of a request target (RFC 9112 §3.2). */
const TARGET = /^[\x21\x24-\x3b\x3d\x3f-\x5b\x5d-\x5f\x61-\x7a\x7c\x7e]*$/;

/** Parses a URL; its path stays as typed. */
export function parseDestination(text: string): Destination {
  const match = /^(?:([a-z][a-z0-9+.-]*):\/\/)?([^/?#]*)([^#]*)/i.exec(text);
  const [, scheme = "http", authority = "", rest = ""] = match ?? [];
  if (!/^https?$/i.test(scheme)) {
    throw new Failure(
      EXIT.UNKNOWN_SCHEME,
      `Cannot use scheme ${scheme}: only http and https`,
    );
  }
  const url = parseAuthority(scheme.toLowerCase(), authority, text);
  const target = rest.startsWith("/") ? rest : `/${rest}`;
  if (!TARGET.test(target)) {
    throw badUrl(text, "its path has characters that must be percent-encoded");
  }
  const isSecure = url.protocol === "https:";
  return {
    isSecure,
    origin: url.origin,
    authority: url.host,
    hostname: url.hostname.replace(/^\[|\]$/g, ""),
    port: url.port === "" ? (isSecure ? 443 : 80) : Number(url.port),
    target,
  };
}

function parseAuthority(scheme: string, authority: string, text: string): URL {
  if (authority.includes("@")) {
    throw badUrl(text, "it has a user name; send it with -H authorization");
  }
  const url = `${scheme}://${authority}/`;
  // The URL parser drops or replaces some characters that a host must not contain.
  const isPlausible = /^[^\s\\]+$/.test(authority) && URL.canParse(url);
  if (!isPlausible) throw badUrl(text, "its host or port is not valid");
  return new URL(url);
}

function badUrl(text: string, why: string): Failure {
  return new Failure(
    EXIT.BAD_URL,
    `Cannot use URL ${JSON.stringify(text)}: ${why}`,
  );
}

/** Creates the request on the command line, and reads the files that it names. */
export async function makeRequest(args: ClientArguments): Promise<Request> {
  const to = parseDestination(args.url);
  const headers = new Headers(args.headers);
  const coding = headers.get("transfer-encoding");
  if (coding !== null && coding.toLowerCase() !== "chunked") {
    throw usage(`Cannot send transfer coding ${JSON.stringify(coding)}`);
  }
  const isHttp11 = args.minorVersion === 1;
  if (coding !== null && !isHttp11) {
    throw usage("Cannot send chunks in HTTP/1.0");
  }
  let body = await readBody(args.data);
  if (body !== null && body.sizeBytes === null && !isHttp11) {
    body = bodyOf(await gather(body.pieces()));
  }
  if (body === null && (coding !== null || headers.has("expect"))) {
    throw usage("Cannot send Transfer-Encoding or Expect without -d");
  }
  checkLength(headers, body);
  headers.remove("transfer-encoding");
  headers.remove("content-length");
  const hasBody = body !== null && body.sizeBytes !== 0;
  if (body !== null && hasBody && args.stallMs > 0) {
    body = stalled(body, args.stallMs);
  }
  addStandardFields(headers, args);
  return {
    method: args.method,
    to,
    minorVersion: args.minorVersion,
    headers,
    body,
    isChunked: body !== null && (coding !== null || body.sizeBytes === null),
    stallMs: hasBody ? 0 : args.stallMs,
  };
}

/** Refuses a wrong `Content-Length`, which would leave the server waiting or misreading. */
function checkLength(headers: Headers, body: RequestBody | null): void {
  const lengths = headers.getAll("content-length");
  const sizeBytes = body?.sizeBytes ?? 0;
  if (lengths.every((length) => length === String(sizeBytes))) return;
  throw usage(
    `Cannot declare a Content-Length of ${
      fromByteString(lengths.join(", "))
    }: the body has ${sizeBytes} bytes`,
  );
}

function addStandardFields(headers: Headers, args: ClientArguments): void {
  const hasFile = args.data.some((text) => /^(?:@|-$)/.test(text));
  const type = hasFile ? "application/octet-stream" : "text/plain";
  const fields: [string, string][] = [
    ["user-agent", "khttp-cli/0.1"],
    ["accept", args.isJson ? "application/json" : "*/*"],
  ];
  if (args.data.length > 0) {
    fields.push(["content-type", args.isJson ? "application/json" : type]);
  }
  for (const [name, value] of fields) {
    const isWanted = !args.dropped.includes(name) && !headers.has(name);
    if (isWanted) headers.add(name, value);
  }
}

/** The lines of the head, without CRLF; the same as `Client` writes. */
export function headLines(request: Request): string[] {
  const { method, to, minorVersion, headers, body, isChunked } = request;
  const lines = [
    `${method} ${to.target} HTTP/1.${minorVersion}`,
    `host: ${headers.get("host") ?? to.authority}`,
  ];
  if (isChunked) lines.push("transfer-encoding: chunked");
  else if (body !== null || METHODS_WITH_CONTENT.includes(method)) {
    lines.push(`content-length: ${body?.sizeBytes ?? 0}`);
  }
  for (const name of ["expect", "connection"]) {
    const value = headers.get(name);
    if (value !== null) lines.push(`${name}: ${value}`);
  }
  for (const [name, value] of headers) {
    const isWritten = /^(?:host|expect|connection)$/i.test(name);
    if (!isWritten) lines.push(`${name}: ${value}`);
  }
  return lines;
}

/** Joins the values of several `-d` with `&`, as in a form. */
async function readBody(data: readonly string[]): Promise<RequestBody | null> {
  const [first, ...others] = data;
  if (first === undefined) return null;
  if (others.length === 0) return await openPart(first);
  const gathered: Uint8Array[] = [];
  for (const text of data) {
    if (gathered.length > 0) gathered.push(new TextEncoder().encode("&"));
    const { pieces } = await openPart(text);
    gathered.push(await gather(pieces()));
  }
  return bodyOf(await gather(gathered));
}

async function openPart(text: string): Promise<RequestBody> {
  if (text === "-" || text === "@-") {
    const pieces = (): AsyncIterable<Uint8Array> => Deno.stdin.readable;
    return { sizeBytes: null, bytes: null, canRepeat: false, pieces };
  }
  if (!text.startsWith("@")) return bodyOf(new TextEncoder().encode(text));
  const path = text.slice(1);
  const info = await Deno.stat(path).catch((error) => {
    throw cannotRead(path, error);
  });
  return {
    sizeBytes: info.isFile ? info.size : null, // the size of a pipe is unknown
    bytes: null,
    canRepeat: info.isFile,
    pieces: () => readFile(path),
  };
}

async function* readFile(path: string): AsyncGenerator<Uint8Array> {
  try {
    const file = await Deno.open(path);
    yield* file.readable;
  } catch (error) {
    throw cannotRead(path, error);
  }
}

function cannotRead(path: string, error: unknown): Failure {
  const message = `Cannot read ${JSON.stringify(path)}: ${messageOf(error)}`;
  return new Failure(EXIT.CANNOT_READ, message);
}

function bodyOf(bytes: Uint8Array): RequestBody {
  async function* pieces(): AsyncGenerator<Uint8Array> {
    await Promise.resolve(); // an async generator must await something
    yield bytes;
  }
  return { sizeBytes: bytes.length, bytes, canRepeat: true, pieces };
}

/** Delays a body, as a stream, so that the head is sent before it. */
function stalled(body: RequestBody, stallMs: number): RequestBody {
  async function* pieces(): AsyncGenerator<Uint8Array> {
    await new Promise((resolve) => setTimeout(resolve, stallMs));
    yield* body.pieces();
  }
  return { ...body, bytes: null, pieces };
}

async function gather(
  pieces: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
): Promise<Uint8Array> {
  const parts: Uint8Array<ArrayBuffer>[] = [];
  for await (const piece of pieces) parts.push(piece.slice());
  return new Uint8Array(await new Blob(parts).arrayBuffer());
}
