/**
 * The URL of a received request: the scheme of the transport, the authority that
 * the parser has checked, and the target as sent (RFC 9110 §7.1, RFC 9112 §3.3).
 * It is joined, not parsed: `new URL(request.url)` normalises it.
 */

import { decodeLatin1 } from "../codec/ascii.ts";
import type { KnownFields } from "../codec/known_fields.ts";
import { FIELD_STRIDE } from "../codec/field_lines.ts";
import type { RequestHead } from "../codec/request_head.ts";
import type { RequestView } from "../server/request_view.ts";

/** Returns the URL of a request. */
export function requestUrl(ctx: RequestView): string {
  const { target } = ctx;
  const scheme = ctx.isSecure ? "https://" : "http://";
  if (target.startsWith("/")) return scheme + authorityOf(ctx) + target;
  const { form, authority, pathAndQuery } = ctx.uri;
  if (form === "absolute") {
    return `${ctx.uri.scheme ?? "http"}://${authority}${pathAndQuery}`;
  }
  // CONNECT names an authority alone, and OPTIONS * the whole server.
  return form === "authority"
    ? `${scheme}${authority}`
    : `${scheme}${authorityOf(ctx)}/*`;
}

/** The authority that the client asked for, or the server's own address if it named none. */
function authorityOf(ctx: RequestView): string {
  const host = ctx.headers.get("host");
  if (host !== null && host !== "") return host;
  const addr = ctx.conn.localAddr;
  if (addr === undefined || !("hostname" in addr)) return "localhost";
  return addr.hostname.includes(":")
    ? `[${addr.hostname}]:${addr.port}`
    : `${addr.hostname}:${addr.port}`;
}

/** The scheme and authority of URLs. */
class Origin {
  readonly isSecure: boolean;
  /** The value of `Host`. */
  readonly host: Uint8Array;
  readonly text: string;

  constructor(isSecure: boolean, host: Uint8Array) {
    this.isSecure = isSecure;
    this.host = host;
    const scheme = isSecure ? "https://" : "http://";
    this.text = scheme + decodeLatin1(host, 0, host.length);
  }
}

/** A URL, and the bytes that it was made of. */
interface KeptUrl {
  readonly origin: Origin;
  readonly target: Uint8Array;
  readonly url: string;
}

/** Numbers of origins and URLs that are kept, powers of two. */
const ORIGIN_COUNT = 8;
const URL_COUNT = 256;

/** The longest target that is kept, in bytes: a longer one is hardly requested twice. */
const MAX_KEPT_BYTES = 128;

/**
 * Makes URLs of origin-form targets from the bytes of the head, and keeps those
 * that were requested twice in a row for their place in the table.
 *
 * perf: for a URL that is kept, 0.63 times the instructions of a request with
 * {@linkcode requestUrl} (bench/machine_bench.ts, fetch-hello, Deno 2.9).
 */
export class RequestUrls {
  #origins: (Origin | null)[] = new Array(ORIGIN_COUNT).fill(null);
  #urls: (KeptUrl | null)[] = new Array(URL_COUNT).fill(null);
  /** The hash of the target that was last missed, for each place. */
  #missed: Int32Array = new Int32Array(URL_COUNT);

  /** Returns the URL of a request, as {@linkcode requestUrl} does. */
  urlOf(ctx: RequestView): string {
    const head = ctx.receivedHead;
    if (head === null || !head.isOriginForm) return requestUrl(ctx);
    const origin = this.#originOf(head.knownFields, ctx.isSecure);
    return origin === null ? requestUrl(ctx) : this.#join(origin, head);
  }

  #join(origin: Origin, head: RequestHead): string {
    const { bytes, base } = head;
    const start = base + head.methodEnd + 1;
    const end = base + head.targetEnd;
    if (end - start > MAX_KEPT_BYTES) {
      return origin.text + decodeLatin1(bytes, start, end);
    }
    const hash = hashOf(bytes, start, end);
    const place = hash & (URL_COUNT - 1);
    const kept = this.#urls[place]!; // the table has all places
    if (
      kept !== null && kept.origin === origin &&
      isSame(bytes, start, end, kept.target)
    ) return kept.url;
    const url = origin.text + decodeLatin1(bytes, start, end);
    if (this.#missed[place] === hash) {
      this.#urls[place] = { origin, target: bytes.slice(start, end), url };
    } else this.#missed[place] = hash;
    return url;
  }

  /** The origin of a request that has a `Host`, or `null`. */
  #originOf(fields: KnownFields, isSecure: boolean): Origin | null {
    const { bytes, base, table } = fields;
    const tableEnd = fields.count * FIELD_STRIDE;
    for (let entry = 0; entry < tableEnd; entry += FIELD_STRIDE) {
      // the table has the offsets of every line
      const name = base + table[entry]!;
      if (base + table[entry + 1]! - name !== 4 || !isHost(bytes, name)) {
        continue;
      }
      const start = base + table[entry + 2]!;
      const end = base + table[entry + 3]!;
      if (start === end) return null;
      const place = (end - start + bytes[end - 1]!) & (ORIGIN_COUNT - 1);
      const kept = this.#origins[place]!; // the table has all places
      if (
        kept !== null && kept.isSecure === isSecure &&
        isSame(bytes, start, end, kept.host)
      ) return kept;
      return this.#origins[place] = new Origin(
        isSecure,
        bytes.slice(start, end),
      );
    }
    return null;
  }
}

/** Returns whether 4 bytes of a token are `host` in any case; the bit lower-cases a letter, and makes a letter of no other byte of a token. */
function isHost(bytes: Uint8Array, start: number): boolean {
  return (bytes[start]! | 0x20) === 0x68 && // h
    (bytes[start + 1]! | 0x20) === 0x6f && // o
    (bytes[start + 2]! | 0x20) === 0x73 && // s
    (bytes[start + 3]! | 0x20) === 0x74; // t
}

function hashOf(bytes: Uint8Array, start: number, end: number): number {
  let hash = 1;
  for (let i = start; i < end; i++) hash = (hash * 31 + bytes[i]!) | 0; // in range: i < end
  return hash;
}

function isSame(
  bytes: Uint8Array,
  start: number,
  end: number,
  kept: Uint8Array,
): boolean {
  if (end - start !== kept.length) return false;
  for (let i = 0; i < kept.length; i++) {
    if (bytes[start + i] !== kept[i]) return false;
  }
  return true;
}
