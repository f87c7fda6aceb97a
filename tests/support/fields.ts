/** Field lines as the files behind the scanner get them. */

import { encodeLatin1 } from "../../codec/ascii.ts";
import { KnownFields } from "../../codec/known_fields.ts";
import { FieldScanner } from "../../codec/field_lines.ts";

/** Limits that nothing here reaches. */
export const LIMITS = {
  maxBytes: 65_536,
  maxCount: 100,
  optionNames: ["maxHeaderBytes", "maxHeaderCount"],
  codes: ["HEAD_TOO_LARGE", "TOO_MANY_FIELDS"],
} as const;

/**
 * Scans and indexes field lines, each ending in CRLF.
 *
 * @throws {ProtocolError} What scanner or index refuse.
 */
export function scanFields(lines: string): KnownFields {
  const bytes = encodeLatin1(`${lines}\r\n`);
  const scanner = new FieldScanner(LIMITS);
  scanner.start(0);
  if (!scanner.scan(bytes, 0, bytes.length)) {
    throw new TypeError("Cannot scan field lines: they are not complete");
  }
  const index = new KnownFields(bytes, scanner.table);
  index.read(bytes, 0, scanner.table, scanner.count);
  return index;
}
