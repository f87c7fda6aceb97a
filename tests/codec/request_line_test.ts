import { assertEquals } from "@std/assert";
import { decodeLatin1, encodeLatin1 } from "../../codec/ascii.ts";
import { ProtocolError, type ProtocolErrorCode } from "../../codec/errors.ts";
import { DEFAULT_HEAD_LIMITS, type HeadLimits } from "../../codec/limits.ts";
import { RequestLineScanner } from "../../codec/request_line.ts";
import { everySplit } from "../support/splits.ts";

const BASE = 3;

type Outcome =
  | "more"
  | readonly [method: string, path: string, query: string, minor: number]
  | readonly [code: ProtocolErrorCode, offset: number];

function scanParts(
  parts: readonly Uint8Array[],
  limits: HeadLimits,
): Outcome {
  const size = parts.reduce((sum, part) => sum + part.length, 0);
  const bytes = new Uint8Array(BASE + size);
  const line = new RequestLineScanner(limits);
  line.start();
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
    const text = (from: number, to: number): string =>
      decodeLatin1(bytes, BASE + from, BASE + to);
    return [
      text(line.methodStart, line.methodEnd),
      text(line.methodEnd + 1, line.pathEnd),
      text(line.pathEnd, line.targetEnd),
      line.minorVersion,
    ];
  }
  return "more";
}

function check(
  wire: string,
  expected: Outcome,
  limits: Partial<HeadLimits> = {},
): void {
  const all = { ...DEFAULT_HEAD_LIMITS, ...limits };
  for (const parts of everySplit(encodeLatin1(wire))) {
    const message = `${JSON.stringify(wire)} as ${parts.map((p) => p.length)}`;
    assertEquals(scanParts(parts, all), expected, message);
  }
}

/** Checks that the first byte after `valid` is reported as the fault. */
function checkFault(
  valid: string,
  rest: string,
  code: ProtocolErrorCode,
  limits: Partial<HeadLimits> = {},
): void {
  check(valid + rest, [code, valid.length], limits);
}

Deno.test("RequestLineScanner R8, R16, R25: finds the offsets of all parts", () => {
  check("GET / HTTP/1.1\r\nHost", ["GET", "/", "", 1]);
  check("M-SEARCH /a?b?c HTTP/1.0\r\n", ["M-SEARCH", "/a", "?b?c", 0]);
  check("GET /? HTTP/1.1\r\n", ["GET", "/", "?", 1]);
  check("OPTIONS * HTTP/1.1\r\n", ["OPTIONS", "*", "", 1]);
  check("\r\nGET /%41?%00\\ HTTP/1.1\r\n", ["GET", "/%41", "?%00\\", 1]);
  check("GET ?x HTTP/1.1\r\n", ["GET", "", "?x", 1]);
});

Deno.test("RequestLineScanner needs more bytes before the LF", () => {
  for (const wire of ["\r", "\r\n", "G", "GET ", "GET /%", "GET /%4"]) {
    check(wire, "more");
  }
  check("GET / HTTP/1.1\r", "more");
});

Deno.test("RequestLineScanner R10, R12, R14, R15: refuses an invalid method or start", () => {
  checkFault("", " / HTTP/1.1\r\n", "INVALID_METHOD");
  checkFault("GE", "(T / HTTP/1.1\r\n", "INVALID_METHOD");
  checkFault("G", "\0T", "INVALID_METHOD");
  checkFault("GET", "\t/ ", "INVALID_METHOD");
  checkFault("\r\n", "\r\nGET", "INVALID_METHOD");
  checkFault("", "\nGET", "INVALID_METHOD");
  checkFault("\r", "GET", "INVALID_LINE_END");
});

Deno.test("RequestLineScanner R11: limits the method", () => {
  const method = "ABCD";
  const limits = { maxMethodBytes: 4 };
  check(`${method} / HTTP/1.1\r\n`, [method, "/", "", 1], limits);
  checkFault(method, "E", "METHOD_TOO_LONG", limits);
  checkFault(`\r\n${method}`, "E", "METHOD_TOO_LONG", limits);
  checkFault("ABC", "(", "INVALID_METHOD", limits);
});

Deno.test("RequestLineScanner R12, R13, R18: refuses an invalid target", () => {
  checkFault("GET ", " / HTTP/1.1\r\n", "INVALID_TARGET");
  checkFault("GET /a", "#b HTTP/1.1\r\n", "INVALID_TARGET");
  checkFault("GET /a", "\\b HTTP/1.1\r\n", "INVALID_TARGET");
  checkFault("GET /a", "%zz", "INVALID_TARGET");
  checkFault("GET /a", "%4z", "INVALID_TARGET");
  checkFault("GET /a", "%00", "INVALID_TARGET");
  checkFault("GET /", "\r\n", "INVALID_TARGET");
  checkFault("GET /a?b", "\xc3", "INVALID_TARGET");
  checkFault("GET /a ", "b HTTP/1.1\r\n", "INVALID_VERSION");
});

Deno.test("RequestLineScanner R18: strictTarget allows brackets only outside origin form", () => {
  const limits = { strictTarget: true };
  for (const byte of "[]^{|}`") {
    check(`GET /${byte} HTTP/1.1\r\n`, ["GET", `/${byte}`, "", 1]);
    checkFault("GET /", byte, "INVALID_TARGET", limits);
  }
  const target = "http://[::1]/";
  check(`GET ${target} HTTP/1.1\r\n`, ["GET", target, "", 1], limits);
});

Deno.test("RequestLineScanner R29: limits the target", () => {
  const limits = { maxTargetBytes: 6 };
  check("GET /12345 HTTP/1.1\r\n", ["GET", "/12345", "", 1], limits);
  check("GET /12%20 HTTP/1.1\r\n", ["GET", "/12%20", "", 1], limits);
  checkFault("GET /12345", "6", "TARGET_TOO_LONG", limits);
  checkFault("GET /12345", "#", "TARGET_TOO_LONG", limits);
  check("GET /123%20", ["TARGET_TOO_LONG", 10], limits);
  checkFault("GET /1", "#3456", "INVALID_TARGET", limits);
});

Deno.test("RequestLineScanner R29: applies the limit of the whole head to the line", () => {
  const limits = { maxRequestHeadSize: 10 };
  checkFault("GET /12345", "6", "TARGET_TOO_LONG", limits);
  checkFault("GET ", "/", "TARGET_TOO_LONG", { maxRequestHeadSize: 3 });
});

Deno.test("RequestLineScanner R26: refuses other versions", () => {
  for (const version of ["1.2", "1.9", "2.0", "0.9", "9.9"]) {
    check(`GET / HTTP/${version}\r\n`, ["UNSUPPORTED_VERSION", 6]);
    check(`GET / HTTP/${version}\r`, "more");
  }
});

Deno.test("RequestLineScanner R14, R27: refuses an invalid version or line end", () => {
  checkFault("GET / ", "http/1.1\r\n", "INVALID_VERSION");
  checkFault("GET / HTTP", "S/1.1\r\n", "INVALID_VERSION");
  checkFault("GET / HTTP/", "x.1\r\n", "INVALID_VERSION");
  checkFault("GET / HTTP/1", ",1\r\n", "INVALID_VERSION");
  checkFault("GET / HTTP/1.", "\r\n", "INVALID_VERSION");
  checkFault("GET / HTTP/1.1", "0\r\n", "INVALID_VERSION");
  checkFault("GET / HTTP/1.1", " \r\n", "INVALID_VERSION");
  checkFault("GET / HTTP/1.1", "\nHost: a\n", "INVALID_VERSION");
  checkFault("GET / HTTP/1.1\r", "\rHost: a\r\n", "INVALID_VERSION");
  checkFault("GET / HTTP/1.1\r", "Host: a\r\n", "INVALID_VERSION");
  checkFault("GET / HTTP/2.0", "XX", "INVALID_VERSION");
});

Deno.test("RequestLineScanner.start() starts a new line from any state", () => {
  const line = new RequestLineScanner(DEFAULT_HEAD_LIMITS);
  const old = encodeLatin1("\r\nPOST /a?b HTTP/1.0\r\n");
  assertEquals(line.isBlank, true);
  line.scan(old, 0, 2);
  assertEquals(line.isBlank, true);
  line.scan(old, 0, 3);
  assertEquals(line.isBlank, false);
  assertEquals(line.scan(old, 0, old.length), true);
  line.start();
  assertEquals(line.isBlank, true);
  const next = encodeLatin1("GET /cd HTTP/1.1\r\n");
  assertEquals(line.scan(next, 0, next.length), true);
  assertEquals([line.methodStart, line.methodEnd], [0, 3]);
  assertEquals([line.pathEnd, line.targetEnd, line.minorVersion], [7, 7, 1]);
  assertEquals(line.position, next.length);
});
