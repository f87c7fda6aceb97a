/**
 * The ordered list of a message's fields, with case-insensitive names (RFC 9110
 * §5). A received list keeps the bytes and offsets that `field_lines.ts`
 * scanned, and decodes strings when they are read. A list that the application
 * builds checks each field when it is added; `outgoing_fields.ts` encodes the
 * list once, and again only after it changes.
 */

import { decodeLatin1, isNamed, lowerCaseAscii } from "./ascii.ts";
import { type OutgoingFields, readOutgoingFields } from "./outgoing_fields.ts";
import { FIELD_STRIDE, type Offsets } from "./field_lines.ts";
import type { FieldName, KnownFieldName } from "./field_names.ts";
import { checkFieldName, checkFieldValue } from "./head_encoder.ts";

/** Scanned field lines: their bytes, and a table of offsets. */
export interface FieldSection {
  /** The bytes that contain the lines. */
  readonly bytes: Uint8Array;
  /** Offset in `bytes` from which the offsets in the table count. */
  readonly base: number;
  /** Four offsets for each line: start and end of the name, start and end of the value. */
  readonly table: Offsets;
  /** Number of lines. */
  readonly count: number;
}

/** Fields by name, with one value or several; editors offer the well-known names. */
export type HeadersRecord =
  & Readonly<Record<string, string | readonly string[]>>
  & { readonly [Name in KnownFieldName]?: string | readonly string[] };

/** The values from which a list of headers can be made: a list, pairs (such as the web's `Headers` or a `Map`), or a record. */
export type HeadersInit =
  | Headers
  | Iterable<readonly [string, string]>
  | HeadersRecord;

/**
 * Replaces the section of a released list, so that a look-up throws instead of
 * reading the bytes of another message.
 */
const RELEASED_SECTION: FieldSection = {
  bytes: new Uint8Array(0),
  base: 0,
  table: new Int32Array(0),
  get count(): number {
    throw new TypeError(
      "Cannot read headers after the exchange: copy them with new Headers(headers) while the handler runs",
    );
  },
};

/** Says in an error what a value is that the types do not allow. */
function kindOf(value: unknown): string {
  if (value === null) return "null";
  return Array.isArray(value)
    ? `an array of length ${value.length}`
    : `of type ${typeof value}`;
}

function badValue(name: string, value: unknown, allowed: string): TypeError {
  return new TypeError(
    `Cannot set field ${JSON.stringify(name)}: its value is ${
      kindOf(value)
    }, not ${allowed}`,
  );
}

/** Returns a value of a record's array or of a pair. */
function checkedString(name: string, value: unknown): string {
  if (typeof value === "string") return value;
  throw badValue(name, value, "a string");
}

/** Converts a value as the web's `Headers` does, but refuses one that is missing. */
function textOf(name: string, value: unknown): string {
  if (value === undefined || value === null) {
    throw badValue(name, value, "a string");
  }
  return String(value);
}

/** The error for an element of a list that is not a name and a value. */
function badPair(pair: unknown, index: number): TypeError {
  return new TypeError(
    `Cannot set headers: element ${index} of the list is ${
      kindOf(pair)
    }, not a pair; write [["name", "value"]] or { name: "value" }`,
  );
}

/**
 * Finds the first line of a name from `from` on, or -1.
 *
 * perf: this loop compares sizes first, which takes 0.8 times the instructions of
 * a call for each line. The name is not copied in lower case, but compared
 * regardless of case: another 0.8 times (bench/machine_bench.ts, json-handler,
 * Deno 2.9).
 */
function findLine(
  section: FieldSection,
  name: string,
  from: number,
): number {
  const { count, bytes, base, table } = section;
  const size = name.length;
  for (let line = from; line < count; line++) {
    const entry = line * FIELD_STRIDE;
    const start = table[entry]!; // the table has the offsets of every line
    if (table[entry + 1]! - start !== size) continue; // as above
    if (isNamed(bytes, base + start, name)) return line;
  }
  return -1;
}

/**
 * An ordered list of fields with case-insensitive names (RFC 9110 §5).
 *
 * It has the methods of the web's `Headers` and of the khttp crate for Rust.
 * Repeated fields stay separate lines; {@linkcode Headers.get} combines them.
 *
 * @example Build a list and read it back
 * ```ts
 * import { Headers } from "@khttp/khttp";
 * import { assertEquals } from "@std/assert";
 *
 * const headers = new Headers({ "Content-Type": "text/plain" });
 * headers.add("Vary", "Accept").add("vary", "Cookie");
 * assertEquals(headers.get("VARY"), "Accept, Cookie");
 * assertEquals(headers.count, 3);
 * ```
 */
export class Headers implements Iterable<[string, string]> {
  /** A shared, immutable list without fields. */
  static readonly empty: Headers = Headers.#shared();
  /** A shared, immutable list that contains `Connection: close`. */
  static readonly close: Headers = Headers.#shared([["connection", "close"]]);
  /** A shared, immutable list without fields, for a message without a `Date` line. */
  static readonly noDate: Headers = Headers.#shared([], true);

  #noDate = false;
  #section: FieldSection | null = null;
  #names: string[] = [];
  #lowerNames: string[] = [];
  #values: string[] = [];
  #outgoing: OutgoingFields | null = null;
  #isShared = false;

  /**
   * Creates a list.
   *
   * @param init Fields to add, in order; an array in a record becomes one line for
   * each of its values. @default {no fields}
   * @throws {TypeError} If a name is not a token, a value is not a string or
   * contains a control character other than HTAB or a code unit above 0xFF, or an
   * element of a list is not a pair.
   */
  constructor(init?: HeadersInit) {
    if (init === undefined) return;
    if (typeof init !== "object" || init === null) {
      throw new TypeError(
        `Cannot set headers: they are ${
          kindOf(init)
        }, not a record, pairs or Headers`,
      );
    }
    if (Symbol.iterator in init) {
      let index = 0;
      for (const pair of init) {
        if (!Array.isArray(pair) || pair.length !== 2) {
          throw badPair(pair, index);
        }
        const [name, value] = pair;
        this.add(name, checkedString(name, value));
        index++;
      }
      if (init instanceof Headers) this.noDate = init.noDate;
      return;
    }
    for (const [name, value] of Object.entries(init)) {
      if (typeof value === "string") this.add(name, value);
      else if (Array.isArray(value)) {
        for (const line of value) this.add(name, checkedString(name, line));
      } else throw badValue(name, value, "a string or an array of strings");
    }
  }

  static #shared(fields: [string, string][] = [], noDate = false): Headers {
    const headers = new Headers(fields);
    headers.noDate = noDate;
    headers.outgoing(); // encodes now, so that nothing writes to the list later
    headers.#isShared = true;
    return headers;
  }

  /**
   * Creates a list of scanned field lines; their bytes must stay unchanged while
   * the list is used.
   *
   * @ignore
   */
  static fromSection(section: FieldSection): Headers {
    const headers = new Headers();
    headers.#section = section;
    return headers;
  }

  /**
   * Returns `init` itself if it is a list, otherwise a new list of its fields.
   *
   * @param init The fields; {@linkcode Headers.empty} is returned for `undefined`.
   * @throws {TypeError} As the constructor.
   */
  static from(init: HeadersInit | undefined): Headers {
    if (init === undefined) return Headers.empty;
    return init instanceof Headers ? init : new Headers(init);
  }

  /**
   * Whether the message is sent without the automatic `Date` line (RFC 9110 §6.6.1).
   *
   * @default {false}
   * @throws {TypeError} If it is set on a shared list.
   */
  get noDate(): boolean {
    return this.#noDate;
  }

  set noDate(noDate: boolean) {
    this.#change();
    this.#noDate = noDate;
  }

  /** Number of field lines. */
  get count(): number {
    return this.#section?.count ?? this.#names.length;
  }

  /**
   * Adds a line at the end and keeps other lines of the same name.
   *
   * @param name A token (RFC 9110 §5.1).
   * @param value Characters up to U+00FF without control characters; surrounding
   * white space is removed.
   * @returns The list itself.
   * @throws {TypeError} If the name is not a token, the value is missing or
   * contains a control character other than HTAB or a code unit above 0xFF, or the
   * list is shared.
   */
  add(name: FieldName, value: string): this {
    checkFieldName(name);
    const checked = checkFieldValue(name, textOf(name, value));
    this.#change();
    this.#names.push(name);
    this.#lowerNames.push(lowerCaseAscii(name));
    this.#values.push(checked);
    return this;
  }

  /**
   * The web's name for {@linkcode Headers.add}.
   *
   * @throws {TypeError} As {@linkcode Headers.add}.
   */
  append(name: FieldName, value: string): void {
    this.add(name, value);
  }

  /**
   * Replaces all lines of a name by one line, at the position of the first; adds it
   * at the end if there is none.
   *
   * @returns The list itself.
   * @throws {TypeError} As {@linkcode Headers.add}.
   */
  replace(name: FieldName, value: string): this {
    this.#change();
    const lower = lowerCaseAscii(name);
    const at = this.#lowerNames.indexOf(lower);
    if (at === -1) return this.add(name, value);
    const checked = checkFieldValue(name, textOf(name, value));
    this.#filter((name, index) => index <= at || name !== lower);
    this.#names[at] = name;
    this.#values[at] = checked;
    return this;
  }

  /**
   * The web's name for {@linkcode Headers.replace}.
   *
   * @throws {TypeError} As {@linkcode Headers.add}.
   */
  set(name: FieldName, value: string): void {
    this.replace(name, value);
  }

  /**
   * Removes all lines of a name.
   *
   * @returns Whether there were any.
   * @throws {TypeError} If the list is shared.
   */
  remove(name: FieldName): boolean {
    const before = this.count;
    const lower = lowerCaseAscii(name);
    this.#change();
    this.#filter((name) => name !== lower);
    return this.#names.length < before;
  }

  /**
   * The web's name for {@linkcode Headers.remove}.
   *
   * @throws {TypeError} If the list is shared.
   */
  delete(name: FieldName): void {
    this.remove(name);
  }

  /**
   * Returns the value of a field; several lines are joined with `, `, those of
   * `Cookie` with `; ` (RFC 9110 §5.3, RFC 9113 §8.2.3).
   *
   * @returns The value, possibly empty, or `null` if there is no line of the name.
   */
  get(name: FieldName): string | null {
    let index = this.#find(name, 0);
    if (index === -1) return null;
    let found = this.#valueAt(index);
    while ((index = this.#find(name, index + 1)) !== -1) {
      const separator = lowerCaseAscii(name) === "cookie" ? "; " : ", ";
      found += separator + this.#valueAt(index);
    }
    return found;
  }

  /** Returns the values of all lines of a name, in order. */
  getAll(name: FieldName): string[] {
    const values: string[] = [];
    let index = -1;
    while ((index = this.#find(name, index + 1)) !== -1) {
      values.push(this.#valueAt(index));
    }
    return values;
  }

  /** Returns the values of all `Set-Cookie` lines, in order. */
  getSetCookie(): string[] {
    return this.getAll("set-cookie");
  }

  /** Returns whether there is a line of a name. */
  has(name: FieldName): boolean {
    return this.#find(name, 0) !== -1;
  }

  /** The first `Content-Length` in bytes, or `null` if there is none or it is not a safe integer. */
  get contentLength(): number | null {
    const [value] = this.outgoing().contentLength;
    if (value === undefined || !/^[0-9]+$/.test(value)) return null;
    const length = Number(value);
    return Number.isSafeInteger(length) ? length : null;
  }

  /** Whether the last transfer coding is `chunked`. */
  get chunked(): boolean {
    const last = this.outgoing().transferEncoding.at(-1);
    return last !== undefined && /(^|[ \t,])chunked$/i.test(last);
  }

  /** Whether `Connection` contains `close`. */
  get connectionClose(): boolean {
    return this.outgoing().closes;
  }

  /** Iterates over the lines in order, with names as written. */
  *entries(): IterableIterator<[string, string]> {
    this.#materialize();
    for (let index = 0; index < this.#names.length; index++) {
      // both lists have an entry for each field
      yield [this.#names[index]!, this.#values[index]!];
    }
  }

  /** Iterates over the names of the lines in order, as written. */
  *keys(): IterableIterator<string> {
    for (const [name] of this.entries()) yield name;
  }

  /** Iterates over the values of the lines in order. */
  *values(): IterableIterator<string> {
    for (const [, value] of this.entries()) yield value;
  }

  /** Calls `visit` for each line in order. */
  forEach(
    visit: (value: string, name: string, headers: Headers) => void,
  ): void {
    for (const [name, value] of this.entries()) visit(value, name, this);
  }

  /** Iterates like {@linkcode Headers.entries}. */
  [Symbol.iterator](): IterableIterator<[string, string]> {
    return this.entries();
  }

  /** Returns the lines as a string: `name: value` and a line feed for each. */
  toString(): string {
    let text = "";
    for (const [name, value] of this) text += `${name}: ${value}\n`;
    return text;
  }

  /**
   * The list in the form that a message writer needs, computed once and again
   * only after the list changes.
   *
   * @ignore
   */
  outgoing(): OutgoingFields {
    return this.#outgoing ?? this.#readOutgoing();
  }

  #readOutgoing(): OutgoingFields {
    this.#materialize();
    this.#outgoing = readOutgoingFields(
      this.#names,
      this.#lowerNames,
      this.#values,
    );
    return this.#outgoing;
  }

  /** Finds the first line of a name from `from` on, or -1. */
  #find(name: string, from: number): number {
    const section = this.#section;
    return section === null
      ? this.#lowerNames.indexOf(lowerCaseAscii(name), from)
      : findLine(section, name, from);
  }

  #valueAt(index: number): string {
    const section = this.#section;
    if (section === null) return this.#values[index]!; // index is below the count
    const { bytes, base, table } = section;
    const entry = index * FIELD_STRIDE;
    // the table has the offsets of every line
    return decodeLatin1(
      bytes,
      base + table[entry + 2]!,
      base + table[entry + 3]!,
    );
  }

  #filter(isKept: (lowerName: string, index: number) => boolean): void {
    const kept = this.#lowerNames.map(isKept);
    if (kept.every(Boolean)) return;
    this.#names = this.#names.filter((_, index) => kept[index]);
    this.#values = this.#values.filter((_, index) => kept[index]);
    this.#lowerNames = this.#lowerNames.filter((_, index) => kept[index]);
  }

  /** Prepares the list for a change. */
  #change(): void {
    if (this.#isShared) {
      throw new TypeError(
        "Cannot change a shared list of headers: copy it with new Headers(headers) first",
      );
    }
    this.#materialize();
    this.#outgoing = null;
  }

  /**
   * Detaches the list from bytes that are about to be overwritten. Afterwards a
   * look-up throws a `TypeError`, unless all lines were decoded before.
   *
   * @ignore
   */
  release(): void {
    if (this.#section !== null) this.#section = RELEASED_SECTION;
  }

  /** Decodes all lines, so that the bytes are no longer needed. */
  #materialize(): void {
    const section = this.#section;
    if (section === null) return;
    const { bytes, base, table, count } = section;
    for (let index = 0; index < count; index++) {
      const entry = index * FIELD_STRIDE;
      // the table has the offsets of every line
      const [start, end] = [base + table[entry]!, base + table[entry + 1]!];
      const name = decodeLatin1(bytes, start, end);
      this.#names.push(name);
      this.#lowerNames.push(name.toLowerCase()); // a scanned name is ASCII
      this.#values.push(this.#valueAt(index));
    }
    this.#section = null;
  }
}
