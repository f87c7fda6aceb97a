/**
 * Prepared starts of response heads: status line, `Date` (formatted once a
 * second, RFC 9110 §6.6.1), the application's fields, and the name of
 * `Content-Length`. Each engine has one cache for responses whose body is a
 * string, which get a type, and one for all others. Both are emptied every
 * second. The engine provides the time.
 */

import { encodeLatin1 } from "../../codec/ascii.ts";
import { encodeStatusLine } from "../../codec/head_encoder.ts";
import type { Headers } from "../../codec/headers.ts";
import { formatHttpDate } from "../../codec/http_date.ts";
import type { OutgoingFields } from "../../codec/outgoing_fields.ts";
import { mayHaveContent } from "../../codec/response_framing.ts";
import type { Status } from "../../codec/status.ts";
import type { OutputBuffer } from "./output.ts";

/** The end of every prepared head. Responses without a length omit it. */
export const CONTENT_LENGTH = "content-length: ";

/** Buckets of the cache, a power of two. */
const BUCKET_COUNT = 64;

/** The most heads in one bucket; each costs a comparison. */
const MAX_BUCKET_SIZE = 4;

const NO_FIELDS = new Uint8Array(0);

/** The start of a head, and the body that was last sent with it. */
export class PreparedHead {
  readonly status: Status;
  /** The fields that it was made from; they identify a list of fields until that list changes. */
  readonly fields: OutgoingFields | null;
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** The next head in the bucket. */
  readonly next: PreparedHead | null;
  /** The number of heads in the bucket from this one on. */
  readonly bucketSize: number;
  /** The string that was last sent with it as a body. */
  lastText: string | null = null;
  /** The whole response with that body, once it was sent twice. */
  whole: OutputBuffer | null = null;

  /** Creates a head in front of the others of its bucket. */
  constructor(
    status: Status,
    fields: OutgoingFields | null,
    bytes: Uint8Array<ArrayBuffer>,
    next: PreparedHead | null,
  ) {
    const isFull = next !== null && next.bucketSize >= MAX_BUCKET_SIZE;
    this.status = status;
    this.fields = fields;
    this.bytes = bytes;
    this.next = isFull ? null : next;
    this.bucketSize = this.next === null ? 1 : this.next.bucketSize + 1;
  }
}

/**
 * The heads that one engine prepared in the current second.
 *
 * The key for a list of fields is its `OutgoingFields` object, which the list
 * replaces when it changes. So several engines can share a list: each encodes
 * it once, and the list holds no state of an engine. A `WeakMap` would do the
 * same, but one look-up in it costs more than all other work for a head.
 */
export class ResponseHeadCache {
  /** The line of the type for heads whose fields have none, or `""`. */
  #typeLine: string;
  #epochSeconds = -1;
  #dateLine = "";
  /** The head that was found last. */
  #latest: PreparedHead | null = null;
  /** Heads by status code and size of the fields; see {@linkcode bucketOf}. */
  #buckets: (PreparedHead | null)[] = new Array(BUCKET_COUNT).fill(null);

  /**
   * Creates a cache at a time in ms since the epoch.
   *
   * @param type The `Content-Type` of responses with content whose fields have
   * none (RFC 9110 §8.3). @default {no type}
   */
  constructor(epochMs: number, type?: string) {
    this.#typeLine = type === undefined ? "" : `content-type: ${type}\r\n`;
    this.refresh(epochMs);
  }

  /** Moves to the second of a time in ms since the epoch. A new second has no prepared heads. */
  refresh(epochMs: number): void {
    const epochSeconds = Math.floor(epochMs / 1000);
    if (epochSeconds === this.#epochSeconds) return;
    this.#epochSeconds = epochSeconds;
    this.#dateLine = `date: ${formatHttpDate(epochSeconds)}\r\n`;
    this.#latest = null;
    this.#buckets.fill(null);
  }

  /**
   * Returns the head of a response, from its status line to
   * {@linkcode CONTENT_LENGTH}.
   *
   * perf: for a list of fields that is used again, one copy writes nearly the
   * whole head; encoding line by line took 4 copies
   * (bench/head_encoding_bench.ts).
   */
  prepare(status: Status, headers: Headers | null): PreparedHead {
    const kept = this.find(status, headers);
    if (kept !== null) return kept;
    const fields = headers === null ? null : headers.outgoing();
    const isDated = headers?.noDate !== true && fields?.hasDate !== true;
    const needsType = fields?.hasType !== true &&
      mayHaveContent(status.code, 0);
    const bucket = bucketOf(status, fields);
    const made = new PreparedHead(
      status,
      fields,
      encodeHead(
        status,
        (isDated ? this.#dateLine : "") + (needsType ? this.#typeLine : ""),
        fields?.encoded ?? NO_FIELDS,
      ),
      this.#buckets[bucket] ?? null,
    );
    this.#buckets[bucket] = made;
    this.#latest = made;
    return made;
  }

  /**
   * Returns the prepared head for a status and fields, or `null` if there is
   * none in the current second.
   *
   * perf: tries the last head before it searches a bucket, which reduces the
   * time of a request to 0.97 times (bench/machine_bench.ts, hello, Deno 2.9).
   */
  find(status: Status, headers: Headers | null): PreparedHead | null {
    const fields = headers === null ? null : headers.outgoing();
    const latest = this.#latest;
    return latest !== null && latest.fields === fields &&
        latest.status === status
      ? latest
      : this.#search(status, fields);
  }

  #search(status: Status, fields: OutgoingFields | null): PreparedHead | null {
    let head = this.#buckets[bucketOf(status, fields)] ?? null;
    while (
      head !== null && (head.fields !== fields || head.status !== status)
    ) head = head.next;
    if (head !== null) this.#latest = head;
    return head;
  }
}

/** Encodes a head from its status line to the name of the length. */
function encodeHead(
  status: Status,
  lines: string,
  fields: Uint8Array,
): Uint8Array<ArrayBuffer> {
  const start = encodeStatusLine(status.code, status.reason);
  const own = encodeLatin1(lines);
  const length = encodeLatin1(CONTENT_LENGTH);
  const bytes = new Uint8Array(
    start.length + own.length + fields.length + length.length,
  );
  bytes.set(start);
  bytes.set(own, start.length);
  bytes.set(fields, start.length + own.length);
  bytes.set(length, bytes.length - length.length);
  return bytes;
}

/** The bucket of a head. Different lists of fields mostly differ in size. */
function bucketOf(status: Status, fields: OutgoingFields | null): number {
  const sizeBytes = fields === null ? 0 : fields.encoded.length;
  return (status.code + sizeBytes) & (BUCKET_COUNT - 1);
}
