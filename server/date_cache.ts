/**
 * Starts of response heads, ready to copy: status line and `Date`, which is
 * formatted once a second (RFC 9110 §6.6.1). The clock is handed in.
 */

import { encodeOctets } from "../codec/ascii.ts";
import { encodeStatusLine } from "../codec/head_encoder.ts";
import { formatHttpDate } from "../codec/http_date.ts";
import { Status } from "../codec/status.ts";

/** Largest code for which a head is kept. */
const MAX_CODE = 599;

/** Heads of one engine, by status. */
export class DateCache {
  #epochSeconds = -1;
  #dateLine: Uint8Array<ArrayBuffer> = new Uint8Array(0);
  /** Dated heads of standard statuses by code, made when first used in a second. */
  #heads: (Uint8Array<ArrayBuffer> | null)[] = new Array(MAX_CODE + 1)
    .fill(null);

  /** Creates a cache at a time in ms since the epoch. */
  constructor(epochMs: number) {
    this.refresh(epochMs);
  }

  /** Moves to the second of a time in ms since the epoch. */
  refresh(epochMs: number): void {
    const epochSeconds = Math.floor(epochMs / 1000);
    if (epochSeconds === this.#epochSeconds) return;
    this.#epochSeconds = epochSeconds;
    this.#dateLine = encodeOctets(`date: ${formatHttpDate(epochSeconds)}\r\n`);
    this.#heads.fill(null);
  }

  /** Status line and date line of a response. */
  datedHead(status: Status): Uint8Array<ArrayBuffer> {
    const kept = this.#heads[status.code];
    if (kept && status === Status.of(status.code)) return kept;
    const line = encodeStatusLine(status.code, status.reason);
    const head = new Uint8Array(line.length + this.#dateLine.length);
    head.set(line);
    head.set(this.#dateLine, line.length);
    if (status === Status.of(status.code)) this.#heads[status.code] = head;
    return head;
  }

  /** Status line of a response without the automatic date. */
  undatedHead(status: Status): Uint8Array<ArrayBuffer> {
    return encodeStatusLine(status.code, status.reason);
  }
}
