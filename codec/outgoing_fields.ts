/**
 * The fields of a list built by hand that framing and persistence decide
 * about, apart from the others, which are encoded at once.
 */

import { lowerCaseAscii } from "./ascii.ts";
import { encodeFieldLines, trimOptionalWhiteSpace } from "./head_encoder.ts";

/** What framing and persistence want to know of a list; see those files for the rules. */
export interface OutgoingFields {
  /** Values of all `Content-Length` lines. */
  readonly contentLength: readonly string[];
  /** Values of all `Transfer-Encoding` lines. */
  readonly transferEncoding: readonly string[];
  /** Whether there is a line of one of these two. */
  readonly declaresFraming: boolean;
  /** Whether `Connection` names `close`. */
  readonly closes: boolean;
  /** Whether there is a `Date` line. */
  readonly hasDate: boolean;
  /** All other lines, encoded; of several `Date` lines the first (RFC 9110 §6.6.1). */
  readonly encoded: Uint8Array;
}

/** Fields that the library writes itself from what it decided; `Date` is kept if given. */
const LIBRARY_FIELDS: ReadonlySet<string> = new Set([
  "content-length",
  "transfer-encoding",
  "connection",
]);

/** Reads them from a list's parallel arrays. */
export function readOutgoingFields(
  names: readonly string[],
  lowerNames: readonly string[],
  values: readonly string[],
): OutgoingFields {
  const valuesOf = (name: string): string[] =>
    values.filter((_, index) => lowerNames[index] === name);
  const contentLength = valuesOf("content-length");
  const transferEncoding = valuesOf("transfer-encoding");
  return {
    contentLength,
    transferEncoding,
    declaresFraming: contentLength.length + transferEncoding.length > 0,
    closes: valuesOf("connection").some(namesClose),
    hasDate: lowerNames.includes("date"),
    encoded: encodeFieldLines(
      names,
      values,
      (index) =>
        !LIBRARY_FIELDS.has(lowerNames[index]!) && // index is below the count
        (lowerNames[index] !== "date" || lowerNames.indexOf("date") === index),
    ),
  };
}

/** Says whether a `Connection` value has the member `close`. */
function namesClose(value: string): boolean {
  return value.split(",").some((member) =>
    lowerCaseAscii(trimOptionalWhiteSpace(member)) === "close"
  );
}
