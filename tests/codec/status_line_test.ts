import { assertEquals } from "@std/assert";
import { decodeLatin1, encodeLatin1 } from "../../codec/ascii.ts";
import { ProtocolError, type ProtocolErrorCode } from "../../codec/errors.ts";
import { StatusLineScanner } from "../../codec/status_line.ts";
import { everySplit } from "../support/splits.ts";

const BASE = 3;

type Outcome =
  | "more"
  | readonly [minor: number, code: number, reason: string, size: number]
  | readonly [code: ProtocolErrorCode, offset: number];

function scanParts(
  parts: readonly Uint8Array[],
  line: StatusLineScanner,
): Outcome {
  const size = parts.reduce((sum, part) => sum + part.length, 0);
  const bytes = new Uint8Array(BASE + size);
  let end = BASE;
  for (const part of parts) {
    bytes.set(part, end);
    end += part.length;
    try {
      if (!line.scan(bytes, BASE, end)) continue;
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      return [error.code, error.offset];
    }
    const { minorVersion, code, reasonStart, reasonEnd, position } = line;
    const reason = decodeLatin1(bytes, BASE + reasonStart, BASE + reasonEnd);
    return [minorVersion, code, reason, position];
  }
  return "more";
}

function check(wire: string, expected: Outcome, maxBytes = 100): void {
  const line = new StatusLineScanner(maxBytes);
  for (const parts of everySplit(encodeLatin1(wire))) {
    line.start();
    const message = `${JSON.stringify(wire)} as ${parts.map((p) => p.length)}`;
    assertEquals(scanParts(parts, line), expected, message);
  }
}

Deno.test("StatusLineScanner R133: reads version, code and reason, and leaves the rest", () => {
  check("HTTP/1.1 200 OK\r\nA: b", [1, 200, "OK", 17]);
  check("HTTP/1.0 404 Not \t\xe9\r\n\r\n", [0, 404, "Not \t\xe9", 21]);
  check("HTTP/1.1 100 \r\n", [1, 100, "", 15]);
  check("HTTP/1.1 599  \r\n", [1, 599, " ", 16]);
  check("HTTP/1.1 999 No\r\n", [1, 999, "No", 17]);
});

Deno.test("StatusLineScanner R133: accepts a line without reason and without the SP before it", () => {
  check("HTTP/1.1 200\r\nA", [1, 200, "", 14]);
});

Deno.test("StatusLineScanner needs more bytes before the LF", () => {
  const line = "HTTP/1.1 200 OK\r";
  for (let size = 1; size <= line.length; size++) {
    check(line.slice(0, size), "more");
  }
});

Deno.test("StatusLineScanner R134: stops at the first byte that no valid line can have", () => {
  for (
    const [valid, rest] of [
      ["", "\r\nHTTP/1.1 200 OK\r\n"],
      ["", "ICY 200 OK\r\n"],
      ["HT", "P/1.1 200 OK\r\n"],
      ["", "http/1.1 200 OK\r\n"],
      ["HTTP/", "2.0 200 OK\r\n"],
      ["HTTP/1", "1 200 OK\r\n"],
      ["HTTP/1.", "2 200 OK\r\n"],
      ["HTTP/1.", " 200 OK\r\n"],
      ["HTTP/1.1", "0 200 OK\r\n"],
      ["HTTP/1.1", "X200 OK\r\n"],
      ["HTTP/1.1", "\t200 OK\r\n"],
      ["HTTP/1.1", "\r\n"],
      ["HTTP/1.1 ", " 200 OK\r\n"],
      ["HTTP/1.1 ", "099 OK\r\n"],
      ["HTTP/1.1 ", "-200 OK\r\n"],
      ["HTTP/1.1 2", "x0 OK\r\n"],
      ["HTTP/1.1 20", " OK\r\n"],
      ["HTTP/1.1 20", "\r\n"],
      ["HTTP/1.1 200", "0 OK\r\n"],
      ["HTTP/1.1 200", "\tOK\r\n"],
      ["HTTP/1.1 200", "\n"],
      ["HTTP/1.1 200\r", "\r\n"],
      ["HTTP/1.1 200 OK", "\n"],
      ["HTTP/1.1 200 OK\r", " \r\n"],
      ["HTTP/1.1 200 O", "\0K\r\n"],
      ["HTTP/1.1 200 O", "\x7fK\r\n"],
      ["HTTP/1.1 200 O", "\x1bK\r\n"],
    ] as const
  ) check(valid + rest, ["INVALID_STATUS_LINE", valid.length]);
});

Deno.test("StatusLineScanner R136: limits the line", () => {
  const line = "HTTP/1.1 200 OK\r\n";
  check(line, [1, 200, "OK", 17], 17);
  check(`${line}A: b`, [1, 200, "OK", 17], 16);
  check("HTTP/1.1 200 OKAY", ["HEAD_TOO_LARGE", 16], 15);
  check("HTTP/1.1 200 OKA\0", ["HEAD_TOO_LARGE", 16], 15);
});

Deno.test("StatusLineScanner.start() drops an incomplete line", () => {
  const line = new StatusLineScanner(100);
  line.start();
  line.scan(encodeLatin1("HTTP/1.0 20"), 0, 11);
  line.start();
  assertEquals(line.position, 0);
  const parts = [encodeLatin1("HTTP/1.1 301\r\n")];
  assertEquals(scanParts(parts, line), [1, 301, "", 14]);
});
