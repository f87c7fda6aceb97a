import { assert, assertEquals } from "@std/assert";
import { decodeLatin1, encodeLatin1 } from "../../codec/ascii.ts";
import { ProtocolError, type ProtocolErrorCode } from "../../codec/errors.ts";
import { DEFAULT_BODY_LIMITS } from "../../codec/limits.ts";
import {
  isForbiddenTrailer,
  TrailerReader,
} from "../../codec/trailer_section.ts";
import { everySplit } from "../support/splits.ts";

const OFFSET = 1000;

type Outcome =
  | readonly [section: string, consumed: number]
  | readonly [code: ProtocolErrorCode, offset: number];

function readParts(parts: readonly Uint8Array[]): Outcome {
  const reader = new TrailerReader(
    { ...DEFAULT_BODY_LIMITS, maxTrailerBytes: 40, maxTrailerCount: 2 },
    OFFSET,
  );
  let consumed = 0;
  try {
    for (const part of parts) {
      if (reader.section === null) {
        consumed += reader.read(part, 0, part.length);
      }
    }
  } catch (error) {
    if (!(error instanceof ProtocolError)) throw error;
    assert(error.message.endsWith(` at offset ${error.offset}`), error.message);
    return [error.code, error.offset - OFFSET];
  }
  const { section } = reader;
  assert(section !== null);
  return [decodeLatin1(section.bytes, 0, section.bytes.length), consumed];
}

function check(wire: string, expected: Outcome): void {
  for (const parts of everySplit(encodeLatin1(wire))) {
    assertEquals(readParts(parts), expected, `${parts.map((p) => p.length)}`);
  }
}

Deno.test("TrailerReader R77: reads a section and leaves the bytes after it", () => {
  check("X-T: y\r\n\r\n", ["X-T: y\r\n\r\n", 10]);
  check("A: b\r\nC: \xff\r\n\r\nGET /", ["A: b\r\nC: \xff\r\n\r\n", 14]);
});

Deno.test("TrailerReader R78: counts the offset of a fault from the start of the body", () => {
  check("foo\r\n\r\n", ["INVALID_FIELD_NAME", 3]);
  check("A: b\r\n c\r\n\r\n", ["OBSOLETE_LINE_FOLDING", 6]);
  check("A: b\nC: d\r\n\r\n", ["INVALID_LINE_END", 4]);
  check("A: \0\r\n\r\n", ["INVALID_FIELD_VALUE", 3]);
});

Deno.test("TrailerReader R79: refuses a field that must not be a trailer", () => {
  check("A: b\r\nHOST: c\r\n\r\n", ["FORBIDDEN_TRAILER", 6]);
});

Deno.test("TrailerReader R79: reports a malformed line before a forbidden field", () => {
  check("Host: c\r\nfoo\r\n\r\n", ["INVALID_FIELD_NAME", 12]);
});

Deno.test("TrailerReader R80: limits bytes and lines", () => {
  const line = `A: ${"b".repeat(35)}\r\n`;
  check(`${line}\r\n`, [`${line}\r\n`, 42]);
  check(`${line}B: c\r\n\r\n`, ["TRAILERS_TOO_LARGE", 40]);
  check(`A: ${"b".repeat(60)}`, ["TRAILERS_TOO_LARGE", 40]);
  check("A: b\r\nC: d\r\nE: f\r\n\r\n", ["TRAILERS_TOO_LARGE", 12]);
});

Deno.test("isForbiddenTrailer() R79: recognises the fields by their lower-case names", () => {
  for (
    const name of [
      ..."content-length transfer-encoding host trailer te".split(" "),
      ..."connection upgrade expect authorization cookie".split(" "),
      ..."content-type content-encoding content-range set-cookie".split(" "),
    ]
  ) assertEquals(isForbiddenTrailer(name), true, name);
  for (const name of ["x-checksum", "digest", "hosts", "__proto__", ""]) {
    assertEquals(isForbiddenTrailer(name), false, name);
  }
});
