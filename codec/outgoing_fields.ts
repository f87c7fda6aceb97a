/**
 * Splits a list of fields that we send in two: the fields that affect framing
 * and persistence, and all others, which are encoded immediately (RFC 9112 §6,
 * §9.6). The callers decide framing and persistence.
 */

import { lowerCaseAscii } from "./ascii.ts";
import { encodeFieldLines, trimOptionalWhiteSpace } from "./head_encoder.ts";

/** A list of fields, in the form that a message writer needs. */
export interface OutgoingFields {
  /** Values of all `Content-Length` lines. */
  readonly contentLength: readonly string[];
  /** Values of all `Transfer-Encoding` lines. */
  readonly transferEncoding: readonly string[];
  /** Whether there is a `Content-Length` or `Transfer-Encoding` line. */
  readonly declaresFraming: boolean;
  /** Whether `Connection` contains `close`. */
  readonly closes: boolean;
  /** Whether there is a `Date` line. */
  readonly hasDate: boolean;
  /** Whether there is a `Content-Type` line. */
  readonly hasType: boolean;
  /** All other lines, encoded; if there are several `Date` lines, only the first (RFC 9110 §6.6.1). With an `Upgrade` line, a line `connection: upgrade` is added in front (RFC 9110 §7.8). */
  readonly encoded: Uint8Array;
}

/** Fields that the library writes itself, after it has decided framing and persistence. */
const LIBRARY_FIELDS: ReadonlySet<string> = new Set([
  "content-length",
  "transfer-encoding",
  "connection",
]);

const UPGRADE_OPTION = encodeFieldLines(
  ["connection"],
  ["upgrade"],
  () => true,
);

/** Reads the fields from the parallel arrays of a list. */
export function readOutgoingFields(
  names: readonly string[],
  lowerNames: readonly string[],
  values: readonly string[],
): OutgoingFields {
  const valuesOf = (name: string): string[] =>
    values.filter((_, index) => lowerNames[index] === name);
  const contentLength = valuesOf("content-length");
  const transferEncoding = valuesOf("transfer-encoding");
  const encoded = encodeFieldLines(
    names,
    values,
    (index) =>
      !LIBRARY_FIELDS.has(lowerNames[index]!) && // index is below the count
      (lowerNames[index] !== "date" || lowerNames.indexOf("date") === index),
  );
  return {
    contentLength,
    transferEncoding,
    declaresFraming: contentLength.length + transferEncoding.length > 0,
    closes: valuesOf("connection").some(namesClose),
    hasDate: lowerNames.includes("date"),
    hasType: lowerNames.includes("content-type"),
    encoded: lowerNames.includes("upgrade")
      ? concat(UPGRADE_OPTION, encoded)
      : encoded,
  };
}

function concat(first: Uint8Array, second: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(first.length + second.length);
  bytes.set(first);
  bytes.set(second, first.length);
  return bytes;
}

/**
 * The length that a list declares, or `null` if it declares none (RFC 9110 §8.6).
 *
 * @throws {TypeError} If `Content-Length` is repeated or not a number of bytes.
 */
export function declaredLength(fields: OutgoingFields): number | null {
  const { contentLength } = fields;
  if (contentLength.length === 0) return null;
  const value = contentLength.join(", "); // with two lines, this is not a number
  if (/^[0-9]{1,16}$/.test(value)) {
    const length = Number(value);
    if (Number.isSafeInteger(length)) return length;
  }
  throw new TypeError(
    `Cannot declare Content-Length ${
      JSON.stringify(value)
    }: it is not one number of bytes`,
  );
}

/** Returns whether a `Connection` value has the member `close`. */
function namesClose(value: string): boolean {
  return value.split(",").some((member) =>
    lowerCaseAscii(trimOptionalWhiteSpace(member)) === "close"
  );
}
