/**
 * The URL of a received request: the scheme of the transport, the authority that
 * the parser has checked, and the target as sent (RFC 9110 §7.1, RFC 9112 §3.3).
 * It is joined, not parsed: `new URL(request.url)` normalises it.
 */

import { decodeLatin1 } from "../codec/ascii.ts";
import { copyBytes } from "../codec/copy_bytes.ts";
import type { KnownFields } from "../codec/known_fields.ts";
import { FIELD_STRIDE } from "../codec/field_lines.ts";
import { HeadOffset, type RequestHead } from "../codec/request_head.ts";
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

/**
 * A URL, and the bytes that it was made of: those of the head from the target to
 * the end of the first field line, which is `Host`.
 */
interface KeptUrl {
  readonly isSecure: boolean;
  readonly bytes: Uint8Array;
  /** The same bytes, four in each number; the last number ends where they end. */
  readonly words: Int32Array;
  readonly url: string;
}

/** Numbers of origins and URLs that are kept, powers of two. */
const ORIGIN_COUNT = 8;
const URL_COUNT = 256;

/** The most bytes that a kept URL is made of: a long target is rarely requested twice. */
const MAX_KEPT_BYTES = 192;

/** Bytes in a number of {@linkcode KeptUrl.words}. */
const WORD_BYTES = 4;

const NO_BYTES = new Uint8Array(0);

/** The index of the number of field lines; see {@linkcode RequestHead.offsets}. */
const { COUNT } = HeadOffset;

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
  /** For each place, the hash of the last bytes whose URL was not kept. */
  #missed: Int32Array = new Int32Array(URL_COUNT);
  /** The array that most heads are in, a view of it, and the array of the last head. */
  #bytes: Uint8Array = NO_BYTES;
  #view: DataView = new DataView(NO_BYTES.buffer);
  #latest: Uint8Array = NO_BYTES;

  /** Returns the URL of a request, as {@linkcode requestUrl} does. */
  urlOf(ctx: RequestView): string {
    const head = ctx.receivedHead;
    if (head === null) return requestUrl(ctx);
    const { bytes, base, scanned, offsets } = head;
    if (scanned === null || offsets[COUNT] === 0) return this.#join(ctx, head);
    const start = base + head.methodEnd + 1;
    const targetEnd = base + head.targetEnd;
    const size = base + scanned[3]! - start; // to the end of the first line's value
    if (size > MAX_KEPT_BYTES) return this.#join(ctx, head);
    const hash = bytes[targetEnd - 1]! + bytes[targetEnd - 2]! * 31 +
      bytes[targetEnd - 3]! * 577 + bytes[(start + targetEnd) >> 1]! * 7919 +
      size * 104_729; // in range: a method precedes the target
    const place = hash & (URL_COUNT - 1);
    const kept = this.#urls[place]!; // the table has all places
    if (
      kept !== null && kept.bytes.length === size &&
      kept.isSecure === ctx.isSecure && this.#isSame(bytes, start, kept)
    ) return kept.url;
    const url = this.#join(ctx, head);
    if (this.#missed[place] !== hash) this.#missed[place] = hash;
    else if (isKept(head)) {
      const used = copyBytes(bytes, start, start + size);
      this.#urls[place] = keep(url, ctx.isSecure, used);
    }
    return url;
  }

  /**
   * Compares bytes of a head with those of a URL.
   *
   * perf: four at a time if the array is that of most heads, the engine's
   * window: a kept URL takes 380 instructions; finding the `Host` line, and
   * comparing it and the target byte by byte, took 710 (bench/machine_bench.ts,
   * fetch-params, Deno 2.9). A view for each array would cost more than it
   * saves.
   */
  #isSame(bytes: Uint8Array, start: number, kept: KeptUrl): boolean {
    if (bytes !== this.#bytes) {
      if (bytes !== this.#latest) this.#latest = bytes;
      else this.#look(bytes);
      return isSame(bytes, start, start + kept.bytes.length, kept.bytes);
    }
    const view = this.#view;
    const { words } = kept;
    const last = words.length - 1;
    for (let i = 0; i < last; i++) {
      if (view.getInt32(start + i * WORD_BYTES, true) !== words[i]) {
        return false;
      }
    }
    const end = start + kept.bytes.length;
    return view.getInt32(end - WORD_BYTES, true) === words[last];
  }

  #look(bytes: Uint8Array): void {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  }

  #join(ctx: RequestView, head: RequestHead): string {
    if (!head.isOriginForm) return requestUrl(ctx);
    const origin = this.#originOf(head.knownFields, ctx.isSecure);
    return origin === null ? requestUrl(ctx) : origin.text + head.target;
  }

  /** The origin of a request that has a `Host`, or `null`. */
  #originOf(fields: KnownFields, isSecure: boolean): Origin | null {
    const { bytes, base, table } = fields;
    const tableEnd = fields.count * FIELD_STRIDE;
    for (let entry = 0; entry < tableEnd; entry += FIELD_STRIDE) {
      // the table has the offsets of every line
      if (!isHostLine(fields, entry)) continue;
      const start = base + table[entry + 2]!;
      const end = base + table[entry + 3]!;
      if (start === end) return null;
      const place = (end - start + bytes[end - 1]!) & (ORIGIN_COUNT - 1);
      const kept = this.#origins[place]!; // the table has all places
      if (
        kept !== null && kept.isSecure === isSecure &&
        isSame(bytes, start, end, kept.host)
      ) return kept;
      const host = copyBytes(bytes, start, end);
      return this.#origins[place] = new Origin(isSecure, host);
    }
    return null;
  }
}

/** Returns whether a line has the name `Host`. Setting the bit lower-cases a letter, and turns no other byte of a token into a letter. */
function isHostLine(
  { bytes, base, table }: KnownFields,
  entry: number,
): boolean {
  const start = base + table[entry]!; // the table has the offsets of every line, here and below
  return base + table[entry + 1]! - start === 4 &&
    (bytes[start]! | 0x20) === 0x68 && // h
    (bytes[start + 1]! | 0x20) === 0x6f && // o
    (bytes[start + 2]! | 0x20) === 0x73 && // s
    (bytes[start + 3]! | 0x20) === 0x74; // t
}

/** Returns whether the bytes up to the first line's value determine the URL. Without a host, it depends on the connection. */
function isKept(head: RequestHead): boolean {
  const { knownFields } = head;
  return head.isOriginForm && isHostLine(knownFields, 0) &&
    knownFields.valueStart(0) < knownFields.valueEnd(0);
}

function keep(url: string, isSecure: boolean, bytes: Uint8Array): KeptUrl {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const last = bytes.length - WORD_BYTES; // not negative: they contain the version
  const words = new Int32Array(Math.ceil(bytes.length / WORD_BYTES));
  for (let i = 0; i < words.length; i++) {
    words[i] = view.getInt32(Math.min(i * WORD_BYTES, last), true);
  }
  return { isSecure, bytes, words, url };
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
