/** The head of a received response: its bytes, and offsets into them. Strings are made when they are read. */

import { decodeLatin1, isNamed } from "./ascii.ts";
import { FIELD_STRIDE } from "./field_lines.ts";
import { Headers } from "./headers.ts";

/** A parsed response head. */
export interface ResponseHead {
  /** The status code, 100 to 999. */
  readonly status: number;
  /** The reason phrase; it may be empty and has no meaning. */
  readonly reason: string;
  /** 0 for HTTP/1.0, 1 for HTTP/1.1. */
  readonly minorVersion: number;
  /** The fields. */
  readonly headers: Headers;
  /** Size of the head in bytes. */
  readonly sizeBytes: number;
  /** Length of the body in bytes, -1 if it is chunked, or -2 if it ends with the connection. */
  readonly bodyLength: number;
  /** The members of `Connection` as bits: 1 for `close`, 2 for `keep-alive`, 4 for `upgrade`. */
  readonly connectionOptions: number;
}

/** What a parser found in a head. Offsets count from the head's first byte. */
export interface ResponseParts {
  readonly status: number;
  readonly minorVersion: number;
  readonly reasonStart: number;
  readonly reasonEnd: number;
  /** Contains {@linkcode FIELD_STRIDE} offsets for each field line, from index `tableStart`. */
  readonly table: Int32Array;
  readonly tableStart: number;
  /** Number of field lines. */
  readonly count: number;
  readonly connectionOptions: number;
  /** Whether there may be a `Keep-Alive` field. */
  readonly hasKeepAlive: boolean;
}

/** Sizes of a head and its body; see {@linkcode ResponseHead}. */
export type ResponseSizes = Pick<ResponseHead, "sizeBytes" | "bodyLength">;

/** A head that was parsed; see the file's header. */
export class ReceivedResponseHead implements ResponseHead {
  readonly status: number;
  readonly minorVersion: number;
  readonly sizeBytes: number;
  readonly bodyLength: number;
  readonly connectionOptions: number;
  /** Whether there may be a `Keep-Alive` field. */
  readonly hasKeepAlive: boolean;
  #bytes: Uint8Array;
  #base: number;
  #reasonStart: number;
  #reasonEnd: number;
  #table: Int32Array;
  #tableStart: number;
  #count: number;
  #headers: Headers | null = null;

  /**
   * Keeps what a parser found.
   *
   * @param parts May change afterwards.
   * @param bytes Contains the head; must stay unchanged while the head is used.
   * @param base Offset of the head in `bytes`.
   */
  constructor(
    parts: ResponseParts,
    bytes: Uint8Array,
    base: number,
    { sizeBytes, bodyLength }: ResponseSizes,
  ) {
    this.status = parts.status;
    this.minorVersion = parts.minorVersion;
    this.sizeBytes = sizeBytes;
    this.bodyLength = bodyLength;
    this.connectionOptions = parts.connectionOptions;
    this.hasKeepAlive = parts.hasKeepAlive;
    this.#bytes = bytes;
    this.#base = base;
    this.#reasonStart = parts.reasonStart;
    this.#reasonEnd = parts.reasonEnd;
    this.#table = parts.table;
    this.#tableStart = parts.tableStart;
    this.#count = parts.count;
  }

  /** See {@linkcode ResponseHead.reason}. */
  get reason(): string {
    const base = this.#base;
    return decodeLatin1(
      this.#bytes,
      base + this.#reasonStart,
      base + this.#reasonEnd,
    );
  }

  /** See {@linkcode ResponseHead.headers}. */
  get headers(): Headers {
    return this.#headers ??= this.#readHeaders();
  }

  /** Returns whether there is a field, without making the list of the fields. */
  has(lowerName: string): boolean {
    const table = this.#table;
    const base = this.#base;
    const size = lowerName.length;
    for (let line = 0; line < this.#count; line++) {
      const entry = this.#tableStart + line * FIELD_STRIDE;
      const start = table[entry]!; // the table has the offsets of every line
      if (table[entry + 1]! - start !== size) continue; // as above
      if (isNamed(this.#bytes, base + start, lowerName)) return true;
    }
    return false;
  }

  #readHeaders(): Headers {
    const start = this.#tableStart;
    const end = start + this.#count * FIELD_STRIDE;
    return Headers.fromSection({
      bytes: this.#bytes,
      base: this.#base,
      table: this.#table.subarray(start, end),
      count: this.#count,
    });
  }
}
