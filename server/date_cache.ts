/**
 * Starts of response heads, ready to copy: status line, `Date` (formatted once
 * a second, RFC 9110 §6.6.1), the application's fields, and the name of the
 * length. The clock is handed in.
 */

import { encodeOctets } from "../codec/ascii.ts";
import { encodeStatusLine } from "../codec/head_encoder.ts";
import type { Headers } from "../codec/headers.ts";
import type { PreparedHead } from "../codec/control_fields.ts";
import { formatHttpDate } from "../codec/http_date.ts";
import { type Status, STATUS_CODE_LIMIT } from "../codec/status.ts";

/** The last thing in a prepared head: what is cut off where no length is sent. */
export const CONTENT_LENGTH = "content-length: ";

const NO_FIELDS = new Uint8Array(0);

/** Heads of one engine, valid for one second. */
export class DateCache {
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
    this.#plain.fill(null);
  }

  /**
   * The head of a response from its status line to {@linkcode CONTENT_LENGTH}.
   *
   * perf: a list of headers that is used again brings its head along, so that
   * one copy makes nearly the whole head; building it line by line took 4
   * copies (bench/server.ts, GET /).
   */
  prepare(status: Status, headers: Headers | null): PreparedHead {
    if (headers === null) {
      const kept = this.#plain[status.code] ?? null;
      if (kept !== null && kept.status === status) return kept;
      const made = this.#make(status, true, NO_FIELDS);
      this.#plain[status.code] = made;
      return made;
    }
    const control = headers.control();
    const isDated = !headers.noDate && !control.hasDate;
    const kept = control.prepared;
    if (
      kept !== null && kept.second === this.#second &&
      kept.status === status && kept.isDated === isDated
    ) return kept;
    const made = this.#make(status, isDated, control.encoded);
    control.prepared = made;
    return made;
  }

  #make(status: Status, isDated: boolean, fields: Uint8Array): PreparedHead {
    const line = encodeStatusLine(status.code, status.reason);
    const date = encodeOctets(isDated ? this.#dateLine : "");
    const length = encodeOctets(CONTENT_LENGTH);
    const bytes = new Uint8Array(
      line.length + date.length + fields.length + length.length,
    );
    bytes.set(line);
    bytes.set(date, line.length);
    bytes.set(fields, line.length + date.length);
    bytes.set(length, bytes.length - length.length);
    return {
      second: this.#second,
      status,
      isDated,
      bytes,
      lastText: null,
      whole: null,
    };
  }
}
