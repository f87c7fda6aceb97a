/**
 * Scans field lines, `field-name ":" OWS field-value OWS CRLF`, up to and
 * including the empty line that ends a section (RFC 9112 §5). Request heads,
 * response heads and trailer sections all use it. The result is a table of
 * offsets; `headers.ts` decodes strings on demand.
 *
 * Stricter than the RFC: a bare LF never ends a line (§2.2 allows it), and line
 * folding is refused (§5.2).
 *
 * The general path is one long function: its states follow the grammar in order,
 * and all of them advance the same position.
 */

import {
  COLON,
  CR,
  FIELD_VALUE,
  HTAB,
  LF,
  quoteBytes,
  SP,
  TOKEN,
} from "./ascii.ts";
import { ProtocolError } from "./errors.ts";

/** Limits on a section, and how exceeding them is reported. */
export interface FieldLimits {
  /** Size of all field lines with their CRLFs in bytes, without the empty line. */
  readonly maxBytes: number;
  /** Number of field lines. */
  readonly maxCount: number;
  /** Names of the options that set the two limits, for the error messages. */
  readonly optionNames: readonly [maxBytes: string, maxCount: string];
  /** The error codes for the two limits. */
  readonly codes: readonly [
    "HEAD_TOO_LARGE" | "TRAILERS_TOO_LARGE",
    "TOO_MANY_FIELDS" | "TRAILERS_TOO_LARGE",
  ];
}

/** How many offsets each line has in the table: start and end of the name, start and end of the value. */
export const FIELD_STRIDE = 4;

/** Offsets of parts of a message: those of a parser, or a copy of them. */
export type Offsets = Int32Array | number[];

/**
 * Copies the first `count` offsets into a plain array.
 *
 * perf: a typed array takes 2,800 instructions, nearly all of them to allocate
 * and free its memory (bench/machine_bench.ts, fetch-json-post, Deno 2.9).
 */
export function copyOffsets(offsets: Offsets, count: number): number[] {
  const copy = new Array<number>(count);
  for (let i = 0; i < count; i++) copy[i] = offsets[i]!; // in range: the caller passes a valid count
  return copy;
}

/** How many lines a new table has room for; it doubles up to the limit. */
const INITIAL_FIELDS = 32;

/** Scanner states, named after what the next byte belongs to. */
const LINE_START = 0;
const NAME = 1;
const BEFORE_VALUE = 2;
const VALUE = 3;
const LINE_LF = 4;
const SECTION_LF = 5;
const DONE = 6;

function newTable(limits: FieldLimits): Int32Array {
  return new Int32Array(
    Math.min(INITIAL_FIELDS, limits.maxCount) * FIELD_STRIDE,
  );
}

/**
 * Scans one section and remembers where it stopped, so that each byte is read
 * once however the input is split. All offsets count from `base`, the offset of
 * the message's first byte, which may differ between calls.
 */
export class FieldScanner {
  /** {@linkcode FIELD_STRIDE} offsets for each line. */
  table: Int32Array;
  /** Number of complete lines so far. */
  count = 0;
  /** Offset of the next byte to read; once done, of the first byte after the section. */
  position = 0;
  #limits: FieldLimits;
  #state = LINE_START;
  #sectionStart = 0;
  #maxBytes = 0;

  /** Creates a scanner for sections under these limits. */
  constructor(limits: FieldLimits) {
    this.#limits = limits;
    this.table = newTable(limits);
  }

  /**
   * Starts a section.
   *
   * @param offset Offset of the section in the message, in bytes.
   * @param maxBytes A limit for this section, in bytes. It applies if it is
   * lower than the scanner's.
   */
  start(offset: number, maxBytes: number = this.#limits.maxBytes): void {
    this.count = 0;
    this.position = offset;
    this.#state = LINE_START;
    this.#sectionStart = offset;
    this.#maxBytes = maxBytes < this.#limits.maxBytes
      ? maxBytes
      : this.#limits.maxBytes;
  }

  /** Returns the table, which the caller may keep, and allocates a new one. */
  releaseTable(): Int32Array {
    const table = this.table;
    this.table = newTable(this.#limits);
    return table;
  }

  /**
   * Continues where the last call stopped.
   *
   * @param bytes The message from `base` to `end`; bytes before
   * `base + position` are not read again.
   * @returns Whether the section is complete.
   * @throws {ProtocolError} At the first byte that no valid section can have:
   * `INVALID_FIELD_NAME`, `INVALID_FIELD_VALUE`, `INVALID_LINE_END` or
   * `OBSOLETE_LINE_FOLDING`; or a code of the limits.
   */
  scan(bytes: Uint8Array, base: number, end: number): boolean {
    const limit = base + this.#sectionStart + this.#maxBytes;
    // From `limit` on, only the empty line is allowed.
    const stop = end < limit ? end : limit;
    const table = this.table;
    let state = this.#state;
    let pos = base + this.position;
    let entry = this.count * FIELD_STRIDE;
    if (state === LINE_START) {
      pos = this.#scanWholeLines(bytes, base, pos, stop);
      if (pos + 1 < end && bytes[pos] === CR && bytes[pos + 1] === LF) {
        this.position = pos + 2 - base;
        this.#state = DONE;
        return true;
      }
      entry = this.count * FIELD_STRIDE;
    }
    for (;;) {
      if (state === LINE_START) {
        if (pos === end) break;
        const byte = bytes[pos]!;
        if (byte === CR) {
          pos++;
          state = SECTION_LF;
        } else {
          if (pos >= limit) this.#tooLarge(pos - base);
          if (byte === SP || byte === HTAB) this.#fold(pos - base);
          if (entry === table.length) {
            // Either the table grows, or the section has too many lines.
            this.#grow(pos - base);
            this.position = pos - base;
            this.#state = state;
            return this.scan(bytes, base, end);
          }
          table[entry] = pos - base;
          state = NAME;
        }
      }
      if (state === NAME) {
        while (pos < stop && TOKEN[bytes[pos]!] === 1) pos++;
        if (pos === stop) break;
        if (bytes[pos] !== COLON || pos - base === table[entry]) {
          this.#badName(bytes, base, pos);
        }
        table[entry + 1] = pos - base;
        pos++;
        state = BEFORE_VALUE;
      }
      if (state === BEFORE_VALUE) {
        while (pos < stop && (bytes[pos] === SP || bytes[pos] === HTAB)) pos++;
        if (pos === stop) break;
        table[entry + 2] = pos - base;
        state = VALUE;
      }
      if (state === VALUE) {
        while (pos < stop && FIELD_VALUE[bytes[pos]!] === 1) pos++;
        if (pos === stop) break;
        if (bytes[pos] !== CR) this.#badValue(bytes, base, pos);
        let valueEnd = pos;
        const valueStart = base + table[entry + 2]!; // written in BEFORE_VALUE
        while (
          valueEnd > valueStart &&
          (bytes[valueEnd - 1] === SP || bytes[valueEnd - 1] === HTAB)
        ) valueEnd--;
        table[entry + 3] = valueEnd - base;
        pos++;
        state = LINE_LF;
      }
      if (state === LINE_LF) {
        if (pos === stop) break;
        if (bytes[pos] !== LF) this.#badLineEnd(pos - base);
        pos++;
        entry += FIELD_STRIDE;
        this.count++;
        state = LINE_START;
        continue;
      }
      if (state === SECTION_LF) {
        if (pos === end) break;
        if (bytes[pos] !== LF) this.#badLineEnd(pos - base);
        pos++;
        state = DONE;
      }
      break;
    }
    if (
      pos === limit && end > limit && state > LINE_START && state < SECTION_LF
    ) this.#tooLarge(pos - base);
    this.position = pos - base;
    this.#state = state;
    return state === DONE;
  }

  /**
   * The fast path: scans complete, plain lines, and leaves the rest to the general
   * path, from the start of the first other line.
   *
   * perf: it does not access the state inside a line, and takes 0.8 times the
   * time of the general path on a browser's head (bench/request_head_bench.ts,
   * Deno 2.9).
   *
   * @returns The offset of the first line that was not scanned.
   */
  #scanWholeLines(
    bytes: Uint8Array,
    base: number,
    from: number,
    stop: number,
  ): number {
    const table = this.table;
    const capacity = table.length;
    let entry = this.count * FIELD_STRIDE;
    let lineStart = from;
    while (entry < capacity) {
      let pos = lineStart;
      while (pos < stop && TOKEN[bytes[pos]!] === 1) pos++;
      const nameEnd = pos;
      if (pos === lineStart || pos + 3 >= stop || bytes[pos] !== COLON) break;
      pos++;
      if (bytes[pos] === SP) pos++;
      const valueStart = pos;
      while (pos < stop && FIELD_VALUE[bytes[pos]!] === 1) pos++;
      if (pos + 1 >= stop || bytes[pos] !== CR || bytes[pos + 1] !== LF) break;
      // The general path handles an empty value, and white space that has to be
      // trimmed.
      if (pos === valueStart || bytes[valueStart]! <= SP) break;
      if (bytes[pos - 1]! <= SP) break;
      table[entry] = lineStart - base;
      table[entry + 1] = nameEnd - base;
      table[entry + 2] = valueStart - base;
      table[entry + 3] = pos - base;
      entry += FIELD_STRIDE;
      lineStart = pos + 2;
    }
    this.count = entry / FIELD_STRIDE;
    return lineStart;
  }

  #grow(offset: number): void {
    const { maxCount, optionNames, codes } = this.#limits;
    if (this.count >= maxCount) {
      throw new ProtocolError(
        codes[1],
        `Cannot read field section: more than ${maxCount} field lines (${
          optionNames[1]
        })`,
        offset,
      );
    }
    const fields = Math.min(this.count * 2, maxCount);
    const larger = new Int32Array(fields * FIELD_STRIDE);
    larger.set(this.table);
    this.table = larger;
  }

  #tooLarge(offset: number): never {
    const { optionNames, codes } = this.#limits;
    throw new ProtocolError(
      codes[0],
      `Cannot read field section: longer than ${this.#maxBytes} bytes (${
        optionNames[0]
      })`,
      offset,
    );
  }

  #fold(offset: number): never {
    throw new ProtocolError(
      "OBSOLETE_LINE_FOLDING",
      "Cannot parse field line: it begins with white space",
      offset,
    );
  }

  #badLineEnd(offset: number): never {
    throw new ProtocolError(
      "INVALID_LINE_END",
      "Cannot parse field line: CR is not followed by LF",
      offset,
    );
  }

  #badName(bytes: Uint8Array, base: number, pos: number): never {
    const start = base + this.table[this.count * FIELD_STRIDE]!; // the current line
    const what = pos === start && bytes[pos] === COLON
      ? "name is empty"
      : `name has an invalid byte in ${quoteBytes(bytes, start, pos + 1)}`;
    throw new ProtocolError(
      "INVALID_FIELD_NAME",
      `Cannot parse field line: ${what}`,
      pos - base,
    );
  }

  #badValue(bytes: Uint8Array, base: number, pos: number): never {
    if (bytes[pos] === LF) {
      throw new ProtocolError(
        "INVALID_LINE_END",
        "Cannot parse field line: LF without CR",
        pos - base,
      );
    }
    throw new ProtocolError(
      "INVALID_FIELD_VALUE",
      `Cannot parse field line: value has an invalid byte ${
        quoteBytes(bytes, pos, pos + 1)
      }`,
      pos - base,
    );
  }
}
