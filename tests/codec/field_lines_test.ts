import { assert, assertEquals } from "@std/assert";
import { decodeLatin1, encodeLatin1 } from "../../codec/ascii.ts";
import { ProtocolError, type ProtocolErrorCode } from "../../codec/errors.ts";
import {
  FIELD_STRIDE,
  type FieldLimits,
  FieldScanner,
} from "../../codec/field_lines.ts";
import { everySplit } from "../support/splits.ts";

const LIMITS: FieldLimits = {
  maxBytes: 100,
  maxCount: 3,
  optionNames: ["maxHeaderBytes", "maxHeaderCount"],
  codes: ["HEAD_TOO_LARGE", "TOO_MANY_FIELDS"],
};

/** Precedes the section, so that offsets in the message differ from those in the array. */
const BASE = 5;
const START = 7;

type Outcome = readonly string[] | readonly [ProtocolErrorCode, number];

/** Feeds the parts through one array that grows, as a receive buffer does. */
function scanParts(
  parts: readonly Uint8Array[],
  limits: FieldLimits,
): Outcome | "more" {
  const size = parts.reduce((sum, part) => sum + part.length, 0);
  const bytes = new Uint8Array(BASE + START + size);
  const scanner = new FieldScanner(limits);
  scanner.start(START);
  let end = BASE + START;
  for (const part of parts) {
    bytes.set(part, end);
    end += part.length;
    try {
      if (!scanner.scan(bytes, BASE, end)) continue;
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      return [error.code, error.offset - START];
    }
    return [
      ...linesOf(scanner, bytes),
      `after ${scanner.position - START}`,
    ];
  }
  return "more";
}

function linesOf(scanner: FieldScanner, bytes: Uint8Array): string[] {
  return Array.from({ length: scanner.count }, (_, line) => {
    const entry = line * FIELD_STRIDE;
    const [from, to, start, end] = scanner.table.subarray(
      entry,
      entry + FIELD_STRIDE,
    );
    assert(from !== undefined && to !== undefined);
    assert(start !== undefined && end !== undefined);
    return `${decodeLatin1(bytes, BASE + from, BASE + to)}=${
      decodeLatin1(bytes, BASE + start, BASE + end)
    }`;
  });
}

function check(
  wire: string,
  expected: Outcome | "more",
  limits: Partial<FieldLimits> = {},
): void {
  for (const parts of everySplit(encodeLatin1(wire))) {
    const message = `${JSON.stringify(wire)} as ${parts.map((p) => p.length)}`;
    assertEquals(scanParts(parts, { ...LIMITS, ...limits }), expected, message);
  }
}

Deno.test("FieldScanner R31, R41, R42: finds names and trimmed values, and leaves the rest", () => {
  check("\r\nrest", ["after 2"]);
  check("A: b\r\n\r\n", ["A=b", "after 8"]);
  check("A:b:c\r\nb:\t x \t\r\n\r\nrest", ["A=b:c", "b=x", "after 18"]);
  check("A:\r\nB: \t \r\nC: a\tb  c\r\n\r\n", [
    ...["A=", "B=", "C=a\tb  c", "after 24"],
  ]);
  check("x!#$%&'*+-.^_`|~9: v\r\n\r\n", ["x!#$%&'*+-.^_`|~9=v", "after 24"]);
  check("A: \xa0b\x85\r\n\r\n\r\n", ["A=\xa0b\x85", "after 10"]);
});

Deno.test("FieldScanner needs more bytes until the empty line is complete", () => {
  for (const wire of ["A", "A:", "A: b", "A: b\r", "A: b\r\n", "A: b\r\n\r"]) {
    check(wire, "more");
  }
});

Deno.test("FieldScanner R32 to R39: reports the fault at its first byte", () => {
  for (
    const [valid, rest, code] of [
      ["", ": v\r\n", "INVALID_FIELD_NAME"],
      ["Foo", "\r\n\r\n", "INVALID_FIELD_NAME"],
      ["Content-Length", " : 5\r\n", "INVALID_FIELD_NAME"],
      ["A: b\r\nF", "\xf6: x\r\n", "INVALID_FIELD_NAME"],
      ["", "\nA: b\r\n", "INVALID_FIELD_NAME"],
      ["", " A: b\r\n", "OBSOLETE_LINE_FOLDING"],
      ["A: b\r\n", "\tc\r\n", "OBSOLETE_LINE_FOLDING"],
      ["A: b", "\nC: d\r\n", "INVALID_LINE_END"],
      ["A: b\r", "c\r\n", "INVALID_LINE_END"],
      ["A: b\r", "\r\n", "INVALID_LINE_END"],
      ["A: b\r\n\r", "X", "INVALID_LINE_END"],
      ["A: b\r\n\r", "\r\n", "INVALID_LINE_END"],
      ["A: b", "\0c\r\n", "INVALID_FIELD_VALUE"],
      ["A: ", "\x7f\r\n", "INVALID_FIELD_VALUE"],
      ["A: b \t", "\x0b\r\n", "INVALID_FIELD_VALUE"],
    ] as const
  ) check(valid + rest, [code, valid.length]);
});

Deno.test("FieldScanner R30: counts lines up to the limit", () => {
  const lines = "A: 1\r\nB: 2\r\nC: 3\r\n";
  check(`${lines}\r\n`, ["A=1", "B=2", "C=3", "after 20"]);
  check(`${lines}D: 4\r\n\r\n`, ["TOO_MANY_FIELDS", lines.length]);
  check("A: 1\r\n", ["TRAILERS_TOO_LARGE", 0], {
    maxCount: 0,
    codes: ["TRAILERS_TOO_LARGE", "TRAILERS_TOO_LARGE"],
  });
});

Deno.test("FieldScanner R30: counts bytes up to the limit, without the empty line", () => {
  for (const maxBytes of [6, 7, 8, 12]) {
    const line = `A: ${"b".repeat(maxBytes - 5)}\r\n`;
    const limits = { maxBytes };
    check(
      `${line}\r\n`,
      [`A=${line.slice(3, -2)}`, `after ${maxBytes + 2}`],
      limits,
    );
    check(`${line}B`, ["HEAD_TOO_LARGE", maxBytes], limits);
    check(`A: ${"b".repeat(maxBytes)}`, ["HEAD_TOO_LARGE", maxBytes], limits);
  }
});

Deno.test("FieldScanner grows its table and hands it over", () => {
  const scanner = new FieldScanner({ ...LIMITS, maxBytes: 9999, maxCount: 70 });
  const bytes = encodeLatin1(`${"A: b\r\n".repeat(70)}\r\n`);
  scanner.start(0);
  assertEquals(scanner.scan(bytes, 0, bytes.length), true);
  assertEquals(scanner.count, 70);
  const table = scanner.releaseTable();
  assertEquals([...table.subarray(69 * FIELD_STRIDE)].slice(0, 4), [
    ...[414, 415, 417, 418],
  ]);
  scanner.start(0);
  scanner.scan(encodeLatin1("CC: dd\r\n\r\n"), 0, 10);
  assertEquals(table[1], 1);
});

Deno.test("FieldScanner.start() applies a lower limit of bytes", () => {
  const scanner = new FieldScanner(LIMITS);
  const bytes = encodeLatin1("A: b\r\n\r\n");
  scanner.start(0, 6);
  assertEquals(scanner.scan(bytes, 0, 8), true);
  scanner.start(0, 5);
  let code: string | null = null;
  try {
    scanner.scan(bytes, 0, 8);
  } catch (error) {
    code = error instanceof ProtocolError ? error.code : String(error);
  }
  assertEquals(code, "HEAD_TOO_LARGE");
});
