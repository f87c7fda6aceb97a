/**
 * How a connection ends early: the errors for a peer that ended its direction,
 * and the last response to a peer that broke the protocol (RFC 9112 §9.6). The
 * connection decides when.
 */

import { ProtocolError } from "../../codec/errors.ts";
import { NO_LENGTH } from "../../codec/response_framing.ts";
import { Status } from "../../codec/status.ts";
import { Headers } from "../../codec/headers.ts";
import type { TextBytes } from "../../codec/text_bytes.ts";
import { CR, decodeLatin1, equalsLatin1, LF } from "../../codec/ascii.ts";
import type { Duplex } from "../duplex.ts";
import type { Report } from "../failure_report.ts";
import type { RefusalHook, RefusalResponse } from "../hooks.ts";
import type { ResponseHeadCache } from "./head_cache.ts";
import type { Output } from "./output.ts";
import { writeAscii, writeBytes, writeHead } from "./response_writer.ts";

/** Longest part of a request line that a refusal hook gets, in characters. */
const MAX_LINE_LENGTH = 8192;

/**
 * The abort reason of a request's signal after the peer ended its direction. A
 * client that disconnected looks the same.
 */
export function peerEnded(): Error {
  return new DOMException(
    "The client has ended its direction: it may have disconnected",
    "AbortError",
  );
}

/** The peer closed its direction inside a head. */
export function truncatedHead(offset: number): ProtocolError {
  return new ProtocolError(
    "TRUNCATED_HEAD",
    "Cannot read request: the connection ended inside its head",
    offset,
  );
}

/** The bytes of a refused head, as far as they have arrived. */
export interface RefusedHead {
  readonly bytes: Uint8Array;
  readonly start: number;
  readonly end: number;
}

/** What a refusal needs of its connection. */
export interface RefusalOwner {
  readonly output: Output;
  readonly duplex: Duplex;
  readonly context: {
    readonly app: { readonly hooks: { readonly refusal: RefusalHook | null } };
    readonly heads: ResponseHeadCache;
    readonly textHeads: ResponseHeadCache;
    readonly texts: TextBytes;
    readonly report: Report;
  };
}

/** Writes the last response of a connection whose peer broke the protocol, after the refusal hook has seen it. */
export function writeRefusal(
  owner: RefusalOwner,
  error: ProtocolError,
  head: RefusedHead,
): void {
  const { output, context } = owner;
  const status = Status.of(error.status);
  const hook = context.app.hooks.refusal;
  const response = hook === null
    ? { body: status.reason, headers: null }
    : askHook(owner, hook, error, head);
  const { body } = response;
  const heads = typeof body === "string" ? context.textHeads : context.heads;
  const plan = {
    status,
    headers: response.headers,
    length: body.length,
    hasContent: true,
    closes: true,
    saysKeepAlive: false,
  };
  if (isForHead(head)) {
    writeHead(output, heads, { ...plan, length: NO_LENGTH, hasContent: false });
  } else if (typeof body !== "string") writeBytes(output, heads, plan, body);
  else if (!writeAscii(output, heads, plan, body)) {
    const bytes = context.texts.encode(body);
    writeBytes(output, heads, { ...plan, length: bytes.length }, bytes);
  }
}

/**
 * Whether the method is HEAD: the response then has no body (RFC 9110 §9.3.2). It
 * declares no length either. The length of the response to GET would be allowed
 * (§8.6), but the peer may not take its broken head for one of HEAD, and would then
 * wait for a body.
 */
function isForHead({ bytes, start, end }: RefusedHead): boolean {
  const method = "HEAD ";
  let at = start;
  while (at < end && (bytes[at] === CR || bytes[at] === LF)) at++; // empty lines before the request line
  return equalsLatin1(bytes, at, Math.min(at + method.length, end), method);
}

/** Calls the refusal hook, and gives the response that it leaves. */
function askHook(
  { duplex, context }: RefusalOwner,
  hook: RefusalHook,
  error: ProtocolError,
  head: RefusedHead,
): RefusalResponse {
  const { code, status, offset } = error;
  const requestLine = readLine(head);
  const response = {
    status,
    headers: new Headers(),
    body: Status.of(status).reason as RefusalResponse["body"],
  };
  const failed = (thrown: unknown): void =>
    context.report(thrown, "the refusal hook");
  try {
    const outcome = hook({
      ...{ error, code, status, offset, conn: duplex, requestLine },
      method: /^([!#$%&'*+.^_`|~\w-]+) /.exec(requestLine)?.[1] ?? null,
      target: /^[^ ]+ ([^ ]+)(?: |$)/.exec(requestLine)?.[1] ?? null,
    }, response);
    if (outcome instanceof Promise) outcome.catch(failed);
  } catch (thrown) {
    failed(thrown);
  }
  return response;
}

/** The request line as far as it has arrived, without the empty lines before it. */
function readLine({ bytes, start, end }: RefusedHead): string {
  const cut = Math.min(end, start + MAX_LINE_LENGTH);
  const text = decodeLatin1(bytes, start, cut).replace(/^[\r\n]+/, "");
  return text.split(/\r?\n/, 1)[0] ?? "";
}
