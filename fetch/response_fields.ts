/**
 * The fields of web responses as the server's lists. A list whose strings equal
 * those of an earlier response is the same object, so that the server finds the
 * encoded head that it prepared for it.
 */

import { Headers as FieldLines } from "../codec/headers.ts";

/** The fields of a response, in order. */
export type FieldList = readonly (readonly [name: string, value: string])[];

/** A list of the server's, and the strings that it was made of. */
export interface SentFields {
  readonly lines: FieldLines;
  /** The lines without a declared `Content-Length`, for a body whose size is known. If none is declared, the same object as `lines`. */
  readonly sizedLines: FieldLines;
  /** Whether there is a `Content-Type`. The server adds none of its own to a list that has one. */
  readonly hasType: boolean;
  /** The pairs, one after the other. */
  readonly strings: readonly string[];
  /** The type that was given apart from the list. */
  readonly type: string | null;
}

/** Entries of the table, a power of two. */
const TABLE_SIZE = 64;

/** Most fields of a list that is kept, so that the table stays small. */
const MAX_KEPT_FIELDS = 24;

/** Longest value that is kept, in characters: a longer one is hardly sent twice. */
const MAX_KEPT_VALUE = 256;

/** Fields about one connection, which the server decides (RFC 9110 §7.6.1). */
const CONNECTION_FIELDS: ReadonlySet<string> = new Set([
  "keep-alive",
  "proxy-connection",
  "transfer-encoding",
]);

/**
 * Makes the server's lists, and keeps the latest for each size of a list.
 *
 * perf: a list that is found takes 0.03 times the time of a new one, whose head
 * is also encoded for each response (bench/fetch_bench.ts, Deno 2.9).
 */
export class ResponseFields {
  #table: (SentFields | null)[] = new Array(TABLE_SIZE).fill(null);

  /**
   * Gives the server's list of these fields.
   *
   * @param type A `Content-Type` that is not in the list, or `null`.
   * @throws {TypeError} If a name is not a token, or a value has a control character.
   */
  find(list: FieldList, type: string | null): SentFields {
    const slot = slotOf(list, type);
    const kept = this.#table[slot] ?? null;
    if (kept !== null && isSame(kept, list, type)) return kept;
    const made = makeFields(list, type);
    if (isKept(made)) this.#table[slot] = made;
    return made;
  }
}

/** The place of a list in the table. Lists of different content mostly differ in size. */
function slotOf(list: FieldList, type: string | null): number {
  let sum = type === null ? 0 : type.length;
  for (const [name, value] of list) {
    sum += name.length + value.length * 3 + 17;
  }
  return sum & (TABLE_SIZE - 1);
}

function isSame(
  { strings, type: keptType }: SentFields,
  list: FieldList,
  type: string | null,
): boolean {
  if (strings.length !== list.length * 2 || keptType !== type) return false;
  let at = 0;
  for (const [name, value] of list) {
    if (strings[at++] !== name || strings[at++] !== value) return false;
  }
  return true;
}

function isKept({ strings }: SentFields): boolean {
  return strings.length <= MAX_KEPT_FIELDS * 2 &&
    strings.every((text) => text.length <= MAX_KEPT_VALUE);
}

function makeFields(list: FieldList, type: string | null): SentFields {
  const lines = new FieldLines();
  let hasType = type !== null;
  let declaresLength = false;
  for (const [name, value] of list) {
    const lower = name.toLowerCase();
    if (CONNECTION_FIELDS.has(lower)) continue;
    if (lower === "content-type") hasType = true;
    if (lower === "content-length") declaresLength = true;
    lines.add(name, value);
  }
  if (type !== null) lines.add("content-type", type);
  const sizedLines = declaresLength ? withoutLength(lines) : lines;
  return { lines, sizedLines, hasType, strings: list.flat(), type };
}

function withoutLength(lines: FieldLines): FieldLines {
  const rest = new FieldLines(lines);
  rest.remove("content-length");
  return rest;
}
