/** Scans field lines for the tests of the files that read them. */

import { encodeLatin1 } from "../../codec/ascii.ts";
import { KnownFields } from "../../codec/known_fields.ts";
import { FieldScanner } from "../../codec/field_lines.ts";

/** Limits that no test reaches. */
export const LIMITS = {
  maxBytes: 65_536,
  maxCount: 100,
  optionNames: ["maxHeaderBytes", "maxHeaderCount"],
  codes: ["HEAD_TOO_LARGE", "TOO_MANY_FIELDS"],
} as const;

/**
 * Scans field lines, each of which ends in CRLF, and finds the known ones.
 *
 * @throws {ProtocolError} If the scanner or the known fields refuse a line.
 */
export function scanFields(lines: string): KnownFields {
  const bytes = encodeLatin1(`${lines}\r\n`);
  const scanner = new FieldScanner(LIMITS);
  scanner.start(0);
  if (!scanner.scan(bytes, 0, bytes.length)) {
    throw new TypeError("Cannot scan field lines: they are not complete");
  }
  const fields = new KnownFields(bytes, scanner.table);
  fields.read(bytes, 0, scanner.table, scanner.count);
  return fields;
}
