/**
 * The ordered list of a message's fields, names compared without case
 * (RFC 9110 §5). A list that came off the wire keeps octets and offsets and
 * makes text when somebody reads it; a list that is built by hand is checked
 * as it grows, and remembers its encoded lines until it changes.
 */

import { decodeLatin1, equalsIgnoringCase, lowerCaseAscii } from "./ascii.ts";
import { type OutgoingFields, readOutgoingFields } from "./outgoing_fields.ts";
import { FIELD_STRIDE } from "./field_lines.ts";
import { checkFieldName, checkFieldValue } from "./head_encoder.ts";

/** Field lines as scanned: octets, and offsets from `base` for each line. */
export interface FieldSection {
  /** The octets in which the lines stand. */
  readonly bytes: Uint8Array;
  /** Where the offsets count from. */
  readonly base: number;
  /** {@linkcode FIELD_STRIDE} offsets a line. */
  readonly table: Int32Array;
  /** Number of lines. */
  readonly count: number;
}

/** What is accepted wherever headers are: a list, pairs (the web's `Headers` and `Map` too), or a record. */
export type HeadersInit =
  | Headers
  | Iterable<readonly [string, string]>
  | Readonly<Record<string, string | readonly string[]>>;

/** Stands for octets that are gone: a look-up says so and never shows another message's. */
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

/**
 * An ordered list of fields with case-insensitive names (RFC 9110 §5).
 *
 * It has the names of the web's `Headers` and those of khttp. Repeated fields
 * stay separate lines; {@linkcode Headers.get} combines them.
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
  /** A shared list without fields; it cannot be changed. */
  static readonly empty: Headers = Headers.#shared();
  /** A shared list that holds `Connection: close`; it cannot be changed. */
  static readonly close: Headers = Headers.#shared([["connection", "close"]]);
  /** A shared list without fields whose message gets no `Date` line; it cannot be changed. */
  static readonly noDate: Headers = Headers.#shared([], true);

  /**
   * What whoever writes heads keeps with the list until it changes.
   *
   * @internal
   */
  prepared: object | null = null;
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
   * @param init Fields to start with, in order; a record's arrays become one line each.
   * @throws {TypeError} If a name is not a token, or a value has a control
   * character or one above U+00FF.
   */
  constructor(init?: HeadersInit) {
    if (init === undefined) return;
    if (Symbol.iterator in init) {
      for (const [name, value] of init) this.add(name, value);
      if (init instanceof Headers) this.noDate = init.noDate;
      return;
    }
    for (const [name, value] of Object.entries(init)) {
      if (typeof value === "string") this.add(name, value);
      else for (const line of value) this.add(name, line);
    }
  }

  static #shared(fields: [string, string][] = [], noDate = false): Headers {
    const headers = new Headers(fields);
    headers.noDate = noDate;
    headers.#isShared = true;
    return headers;
  }

  /** Wraps scanned field lines; what the section names must hold while the list is used. */
  static fromSection(section: FieldSection): Headers {
    const headers = new Headers();
    headers.#section = section;
    return headers;
  }

  /** Gives the list itself, or makes one of what stands for one. */
  static from(init: HeadersInit | undefined): Headers {
    if (init === undefined) return Headers.empty;
    return init instanceof Headers ? init : new Headers(init);
  }

  /**
   * Whether the message is sent without the automatic `Date` line; a shared list
   * throws a `TypeError` when it is set.
   *
   * @default {false}
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
   * Adds a line at the end; lines of the same name stay.
   *
   * @param name A token (RFC 9110 §5.1).
   * @param value Text of octets; white space around it is dropped.
   * @returns The list itself.
   * @throws {TypeError} If the name is not a token, the value has a character
   * that a field cannot carry, or the list is a shared one.
   */
  add(name: string, value: string): this {
    checkFieldName(name);
    const checked = checkFieldValue(name, String(value));
    this.#change();
    this.#names.push(name);
    this.#lowerNames.push(lowerCaseAscii(name));
    this.#values.push(checked);
    return this;
  }

  /** As {@linkcode Headers.add}, by the web's name. */
  append(name: string, value: string): void {
    this.add(name, value);
  }

  /**
   * Puts one line in the place of all lines of that name, or at the end.
   *
   * @returns The list itself.
   * @throws {TypeError} As {@linkcode Headers.add}.
   */
  replace(name: string, value: string): this {
    this.#change();
    const lower = lowerCaseAscii(name);
    const at = this.#lowerNames.indexOf(lower);
    if (at === -1) return this.add(name, value);
    const checked = checkFieldValue(name, String(value));
    this.#filter((index) => index <= at || !this.#isNamed(index, lower));
    this.#names[at] = name;
    this.#values[at] = checked;
    return this;
  }

  /** As {@linkcode Headers.replace}, by the web's name. */
  set(name: string, value: string): void {
    this.replace(name, value);
  }

  /**
   * Removes all lines of that name.
   *
   * @returns Whether there were any.
   * @throws {TypeError} If the list is a shared one.
   */
  remove(name: string): boolean {
    const before = this.count;
    const lower = lowerCaseAscii(name);
    this.#change();
    this.#filter((index) => !this.#isNamed(index, lower));
    return this.#names.length < before;
  }

  /** As {@linkcode Headers.remove}, by the web's name. */
  delete(name: string): void {
    this.remove(name);
  }

  /**
   * Reads a field; several lines are joined with `, `, those of `Cookie` with
   * `; ` (RFC 9110 §5.3, RFC 9113 §8.2.3).
   *
   * @returns The value, possibly empty, or `null` if there is no such line.
   */
  get(name: string): string | null {
    const lower = lowerCaseAscii(name);
    let found: string | null = null;
    const count = this.count;
    for (let index = 0; index < count; index++) {
      if (!this.#isNamed(index, lower)) continue;
      const value = this.#valueAt(index);
      if (found === null) found = value;
      else found += (lower === "cookie" ? "; " : ", ") + value;
    }
    return found;
  }

  /** Reads the values of all lines of that name, in order. */
  getAll(name: string): string[] {
    const lower = lowerCaseAscii(name);
    const values: string[] = [];
    for (let index = 0; index < this.count; index++) {
      if (this.#isNamed(index, lower)) values.push(this.#valueAt(index));
    }
    return values;
  }

  /** Reads all `Set-Cookie` lines, by the web's name. */
  getSetCookie(): string[] {
    return this.getAll("set-cookie");
  }

  /** Says whether there is a line of that name. */
  has(name: string): boolean {
    const lower = lowerCaseAscii(name);
    for (let index = 0; index < this.count; index++) {
      if (this.#isNamed(index, lower)) return true;
    }
    return false;
  }

  /** The declared `Content-Length` in bytes, or `null` if there is none that is a number. */
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

  /** Whether `Connection` names `close`. */
  get connectionClose(): boolean {
    return this.outgoing().closes;
  }

  /** The lines in order, names as they were written. */
  *entries(): IterableIterator<[string, string]> {
    this.#materialize();
    for (let index = 0; index < this.#names.length; index++) {
      // both lists have an entry for each field
      yield [this.#names[index]!, this.#values[index]!];
    }
  }

  /** The names of the lines in order, as they were written. */
  *keys(): IterableIterator<string> {
    for (const [name] of this.entries()) yield name;
  }

  /** The values of the lines in order. */
  *values(): IterableIterator<string> {
    for (const [, value] of this.entries()) yield value;
  }

  /** Calls `visit` for each line in order. */
  forEach(
    visit: (value: string, name: string, headers: Headers) => void,
  ): void {
    for (const [name, value] of this.entries()) visit(value, name, this);
  }

  /** As {@linkcode Headers.entries}. */
  [Symbol.iterator](): IterableIterator<[string, string]> {
    return this.entries();
  }

  /** The lines as text, one `name: value` a line. */
  toString(): string {
    let text = "";
    for (const [name, value] of this) text += `${name}: ${value}\n`;
    return text;
  }

  /**
   * What framing and persistence read, computed once until the list changes.
   *
   * @internal
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

  #isNamed(index: number, lowerName: string): boolean {
    const section = this.#section;
    if (section === null) return this.#lowerNames[index] === lowerName;
    const { bytes, base, table } = section;
    const entry = index * FIELD_STRIDE;
    return equalsIgnoringCase(
      bytes,
      base + table[entry]!, // the table has every line's offsets
      base + table[entry + 1]!, // as above
      lowerName,
    );
  }

  #valueAt(index: number): string {
    const section = this.#section;
    if (section === null) return this.#values[index]!; // index is below the count
    const { bytes, base, table } = section;
    const entry = index * FIELD_STRIDE;
    // the table has every line's offsets
    return decodeLatin1(
      bytes,
      base + table[entry + 2]!,
      base + table[entry + 3]!,
    );
  }

  #filter(isKept: (index: number) => boolean): void {
    const kept = this.#names.map((_, index) => isKept(index));
    if (kept.every(Boolean)) return;
    this.#names = this.#names.filter((_, index) => kept[index]);
    this.#values = this.#values.filter((_, index) => kept[index]);
    this.#lowerNames = this.#lowerNames.filter((_, index) => kept[index]);
  }

  /** Prepares for a change of the lines. */
  #change(): void {
    if (this.#isShared) {
      throw new TypeError(
        "Cannot change a shared list of headers: make a new Headers of it first",
      );
    }
    this.#materialize();
    this.#outgoing = null;
    this.prepared = null;
  }

  /**
   * Cuts a list off from octets that are about to be overwritten. Text that was
   * made already stays; any other look-up throws a `TypeError` from then on.
   *
   * @internal
   */
  release(): void {
    if (this.#section !== null) this.#section = RELEASED_SECTION;
  }

  /** Makes text of all lines, so that the octets are not needed any more. */
  #materialize(): void {
    const section = this.#section;
    if (section === null) return;
    const { bytes, base, table, count } = section;
    for (let index = 0; index < count; index++) {
      const entry = index * FIELD_STRIDE;
      // the table has every line's offsets
      const [start, end] = [base + table[entry]!, base + table[entry + 1]!];
      const name = decodeLatin1(bytes, start, end);
      this.#names.push(name);
      this.#lowerNames.push(name.toLowerCase()); // a scanned name is ASCII
      this.#values.push(this.#valueAt(index));
    }
    this.#section = null;
  }
}
