/**
 * Starts of response heads, ready to copy: status line, `Date` (formatted once
 * a second, RFC 9110 §6.6.1), the application's fields, and the name of the
 * length. The clock is handed in.
 */

import { encodeLatin1 } from "../../codec/ascii.ts";
import { encodeStatusLine } from "../../codec/head_encoder.ts";
import type { Headers } from "../../codec/headers.ts";
import { formatHttpDate } from "../../codec/http_date.ts";
import { type Status, STATUS_CODE_LIMIT } from "../../codec/status.ts";
import type { OutputBuffer } from "./output.ts";

/** The last thing in a prepared head: what is cut off where no length is sent. */
export const CONTENT_LENGTH = "content-length: ";

const NO_FIELDS = new Uint8Array(0);

/** The beginning of a head, and what was sent behind it last. */
export class PreparedHead {
  /** Stands for the cache and the second of the date. */
  readonly second: object;
  readonly status: Status;
  /** Its octets. */
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** The text that was sent behind it last. */
  lastText: string | null = null;
  /** The whole message with that text, once the text came twice. */
  whole: OutputBuffer | null = null;

  /** Holds the octets of a head. */
  constructor(
    second: object,
    status: Status,
    bytes: Uint8Array<ArrayBuffer>,
  ) {
    this.second = second;
    this.status = status;
    this.bytes = bytes;
  }
}

/** Heads of one engine, valid for one second. */
export class ResponseHeadCache {
  #epochSeconds = -1;
  #dateLine = "";
  /** Stands for this cache in this second. */
  #second: object = {};
  /** Heads without fields by status code. */
  #plain: (PreparedHead | null)[] = new Array(STATUS_CODE_LIMIT).fill(null);

  /** Creates a cache at a time in ms since the epoch. */
  constructor(epochMs: number) {
    this.refresh(epochMs);
  }

  /** Moves to the second of a time in ms since the epoch. */
  refresh(epochMs: number): void {
    const epochSeconds = Math.floor(epochMs / 1000);
    if (epochSeconds === this.#epochSeconds) return;
    this.#epochSeconds = epochSeconds;
    this.#dateLine = `date: ${formatHttpDate(epochSeconds)}\r\n`;
    this.#second = {};
  }

  /**
   * The head of a response from its status line to {@linkcode CONTENT_LENGTH}.
   *
   * perf: a list of headers that is used again brings its head along, so that
   * one copy makes nearly the whole head; building it line by line took 4
   * copies (bench/server.ts, GET /).
   */
  prepare(status: Status, headers: Headers | null): PreparedHead {
    const kept = this.find(status, headers);
    if (kept !== null) return kept;
    if (headers === null) {
      const made = this.#make(status, true, NO_FIELDS);
      this.#plain[status.code] = made;
      return made;
    }
    const control = headers.outgoing();
    const isDated = !headers.noDate && !control.hasDate;
    const made = this.#make(status, isDated, control.encoded);
    headers.prepared = made;
    return made;
  }

  /** What was prepared for these last, if it is still right. */
  find(status: Status, headers: Headers | null): PreparedHead | null {
    const kept = headers === null
      ? this.#plain[status.code] ?? null
      : headers.prepared as PreparedHead | null; // nobody else keeps anything there
    return kept !== null && kept.second === this.#second &&
        kept.status === status
      ? kept
      : null;
  }

  #make(status: Status, isDated: boolean, fields: Uint8Array): PreparedHead {
    const line = encodeStatusLine(status.code, status.reason);
    const date = encodeLatin1(isDated ? this.#dateLine : "");
    const length = encodeLatin1(CONTENT_LENGTH);
    const bytes = new Uint8Array(
      line.length + date.length + fields.length + length.length,
    );
    bytes.set(line);
    bytes.set(date, line.length);
    bytes.set(fields, line.length + date.length);
    bytes.set(length, bytes.length - length.length);
    return new PreparedHead(this.#second, status, bytes);
  }
}
