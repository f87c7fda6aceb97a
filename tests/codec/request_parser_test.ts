import { assert, assertEquals, assertStrictEquals } from "@std/assert";
import { encodeLatin1 } from "../../codec/ascii.ts";
import {
  NEED_DATA,
  ProtocolError,
  type ProtocolErrorCode,
} from "../../codec/errors.ts";
import { CHUNKED } from "../../codec/framing.ts";
import { DEFAULT_HEAD_LIMITS, type HeadLimits } from "../../codec/limits.ts";
import type { RequestHead } from "../../codec/request_head.ts";
import {
  parseRequestHead,
  RequestHeadParser,
} from "../../codec/request_parser.ts";
import { everySplit } from "../support/splits.ts";

const REST = "GET /rest";

/** The outcome that the tests compare, which is the same for every split. */
interface Parsed {
  readonly line: string;
  readonly version: number;
  readonly sizeBytes: number;
  readonly bodyLength: number;
  readonly flags: string;
  readonly fields: readonly (readonly [string, string])[];
}

type Outcome = "more" | Parsed | readonly [ProtocolErrorCode, number];

function read(head: RequestHead): Parsed {
  const flags = [
    head.expectsContinue ? "continue" : "",
    head.offersUpgrade ? "upgrade" : "",
    head.isOriginForm ? "origin" : "",
  ];
  assert(head.isMethod(head.method) && !head.isMethod(`${head.method}x`));
  assertEquals(head.uri.toString(), head.target);
  if (head.isOriginForm) assertEquals(head.originPath, head.uri.path);
  return {
    line: `${head.method} ${head.target}`,
    version: head.minorVersion,
    sizeBytes: head.sizeBytes,
    bodyLength: head.bodyLength,
    flags: flags.filter((flag) => flag !== "").join(" "),
    fields: [...head.headers],
  };
}

function parseParts(
  parser: RequestHeadParser,
  parts: readonly Uint8Array[],
): Outcome {
  const size = parts.reduce((sum, part) => sum + part.length, 0);
  let bytes = new Uint8Array(size);
  let start = 0;
  let end = 0;
  try {
    for (const part of parts) {
      // The bytes may be at another offset in each call.
      const moved = new Uint8Array(size + 7);
      moved.set(bytes.subarray(start, end), 7 - (start === 0 ? 0 : 7));
      [bytes, end] = [moved, end - start + (start === 0 ? 7 : 0)];
      start = start === 0 ? 7 : 0;
      bytes.set(part, end);
      end += part.length;
      const head = parser.parse(bytes, start, end);
      if (head !== NEED_DATA) return read(head);
    }
  } catch (error) {
    if (!(error instanceof ProtocolError)) throw error;
    return [error.code, error.offset];
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
    const parser = new RequestHeadParser(all);
    assertEquals(parseParts(parser, parts), expected, message);
  }
}

function parsed(
  wire: string,
  differs: Partial<Parsed>,
  limits: Partial<HeadLimits> = {},
): void {
  check(wire + REST, {
    line: "GET /",
    version: 1,
    sizeBytes: wire.length,
    bodyLength: 0,
    flags: "origin",
    fields: [["Host", "a"]],
    ...differs,
  }, limits);
}

/** Checks a fault that is reported when the section is complete. */
function fault(
  wire: string,
  code: ProtocolErrorCode,
  at: string,
  limits: Partial<HeadLimits> = {},
): void {
  const offset = at === "" ? wire.length : wire.indexOf(at);
  check(wire + REST, [code, offset], limits);
}

Deno.test("RequestHeadParser reads the parts of a head and leaves the rest", () => {
  parsed("GET / HTTP/1.1\r\nHost: a\r\n\r\n", {});
  parsed("\r\nM-SEARCH /a?b HTTP/1.0\r\nx:\ty \r\n\r\n", {
    line: "M-SEARCH /a?b",
    version: 0,
    fields: [["x", "y"]],
  });
  parsed("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n", {
    line: "POST /",
    bodyLength: 5,
    fields: [["Host", "a"], ["Content-Length", "5"]],
  });
  parsed("PUT / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n", {
    line: "PUT /",
    bodyLength: CHUNKED,
    fields: [["Host", "a"], ["Transfer-Encoding", "chunked"]],
  });
});

Deno.test("RequestHeadParser needs more bytes until the empty line is complete", () => {
  for (
    const wire of ["G", "GET / HTTP/1.1\r\n", "GET / HTTP/1.1\r\nHost: a\r\n\r"]
  ) {
    check(wire, "more");
  }
});

Deno.test("RequestHeadParser R21, R23, R24: checks targets of the other forms", () => {
  parsed("GET http://a HTTP/1.1\r\nHost: a\r\n\r\n", {
    line: "GET http://a",
    flags: "",
  });
  const secure = "GET https://a HTTP/1.1\r\nHost: a\r\n\r\n";
  parsed(secure, { line: "GET https://a", flags: "" });
  check(secure, ["MISDIRECTED_REQUEST", 4], { acceptsHttps: false });
  check("GET a:80 HTTP/1.1\r\n", ["INVALID_TARGET", 4]);
  check("CONNECT /x HTTP/1.1\r\n", ["INVALID_TARGET", 8]);
});

Deno.test("RequestHeadParser R22, R47 to R49: requires one valid Host that agrees with the target", () => {
  fault("GET / HTTP/1.1\r\nA: b\r\n\r\n", "MISSING_HOST", "");
  fault("GET / HTTP/1.1\r\nHost: a:b\r\n\r\n", "INVALID_HOST", "a:b");
  fault("GET / HTTP/1.1\r\nHost:\r\n\r\n", "INVALID_HOST", "\r\n\r\n");
  fault(
    "GET / HTTP/1.1\r\nHost: a\r\nhost: a\r\n\r\n",
    "REPEATED_FIELD",
    "host",
  );
  fault("GET http://a/ HTTP/1.1\r\nHost: b\r\n\r\n", "HOST_MISMATCH", "b\r\n");
  fault("CONNECT a:1 HTTP/1.1\r\nHost: a:2\r\n\r\n", "HOST_MISMATCH", "a:2");
  fault("OPTIONS * HTTP/1.1\r\nHost: @\r\n\r\n", "INVALID_HOST", "@");
});

Deno.test("RequestHeadParser reports faults in lines, framing and Connection", () => {
  const head = "POST / HTTP/1.1\r\nHost: a\r\n";
  fault(`${head}A : b\r\n\r\n`, "INVALID_FIELD_NAME", " : b");
  fault(`${head}A: b\r\n c\r\n\r\n`, "OBSOLETE_LINE_FOLDING", " c");
  fault(`${head}Content-Length: x\r\n\r\n`, "INVALID_CONTENT_LENGTH", "x\r\n");
  fault(`${head}Connection: (\r\n\r\n`, "INVALID_CONNECTION", "(");
  fault(
    `${head}Transfer-Encoding: gzip, chunked\r\n\r\n`,
    "UNSUPPORTED_TRANSFER_CODING",
    "gzip",
  );
});

Deno.test("RequestHeadParser R83, R84: refuses a body that would be ambiguous", () => {
  const length = "Content-Length: 1\r\n\r\n";
  fault(`TRACE / HTTP/1.1\r\nHost: a\r\n${length}`, "BODY_NOT_ALLOWED", "");
  fault(`CONNECT a:1 HTTP/1.1\r\nHost: a\r\n${length}`, "BODY_NOT_ALLOWED", "");
});

Deno.test("RequestHeadParser R85, R87: recognises an offer that may be accepted", () => {
  for (
    const [version, connection, upgrade, flags] of [
      [1, "upgrade", "x", "upgrade origin"],
      [1, "Upgrade, close", "websocket", "upgrade origin"],
      [0, "upgrade", "x", "origin"],
      [1, "close", "x", "origin"],
      [1, "upgrade", "H2C", "origin"],
    ] as const
  ) {
    parsed(
      `GET / HTTP/1.${version}\r\nConnection: ${connection}\r\nUpgrade: ${upgrade}\r\nHost: a\r\n\r\n`,
      {
        version,
        flags,
        fields: [
          ["Connection", connection],
          ["Upgrade", upgrade],
          ["Host", "a"],
        ],
      },
    );
  }
});

Deno.test("RequestHeadParser R104, R107: accepts only 100-continue", () => {
  const head = "GET / HTTP/1.1\r\nHost: a\r\n";
  parsed(`${head}Expect: 100-Continue\r\n\r\n`, {
    flags: "continue origin",
    fields: [["Host", "a"], ["Expect", "100-Continue"]],
  });
  for (const value of ["foo", "100-continue, foo", "100-continue;x=1", ""]) {
    const wire = `${head}Expect: ${value}\r\n\r\n`;
    check(wire, ["EXPECTATION_FAILED", head.length + 8]);
  }
  const two = `${head}Expect: 100-continue\r\nexpect: 100-continue\r\n\r\n`;
  check(two, ["EXPECTATION_FAILED", head.length + 8]);
});

Deno.test("RequestHeadParser R30: limits the section, its lines and the whole head", () => {
  const wire = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
  parsed(wire, {}, { maxHeaderBytes: 9, maxHeaderCount: 1 });
  check(wire, ["HEAD_TOO_LARGE", 24], { maxHeaderBytes: 8 });
  check("GET / HTTP/1.1\r\nHost: a\r\nB: c\r\n\r\n", ["TOO_MANY_FIELDS", 25], {
    maxHeaderCount: 1,
  });
  parsed(wire, {}, { maxRequestHeadSize: wire.length });
  check(wire, ["HEAD_TOO_LARGE", 24], { maxRequestHeadSize: wire.length - 1 });
});

Deno.test("RequestHeadParser.isIdle tells whether a head has started", () => {
  const parser = new RequestHeadParser(DEFAULT_HEAD_LIMITS);
  const bytes = encodeLatin1("\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n");
  assertEquals(parser.isIdle, true);
  assertStrictEquals(parser.parse(bytes, 0, 2), NEED_DATA);
  assertEquals(parser.isIdle, true);
  assertStrictEquals(parser.parse(bytes, 0, 3), NEED_DATA);
  assertEquals(parser.isIdle, false);
  assert(parser.parse(bytes, 0, bytes.length) !== NEED_DATA);
  assertEquals(parser.isIdle, true);
});

Deno.test("RequestHeadParser.reset() drops an incomplete head", () => {
  const parser = new RequestHeadParser(DEFAULT_HEAD_LIMITS);
  const half = encodeLatin1("POST /a?b HTTP/1.0\r\nContent-Length: 5\r\nX");
  assertStrictEquals(parser.parse(half, 0, half.length), NEED_DATA);
  parser.reset();
  const wire = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
  const outcome = parseParts(parser, [encodeLatin1(wire)]);
  assert(typeof outcome === "object" && "line" in outcome);
  assertEquals([outcome.line, outcome.bodyLength], ["GET /", 0]);
});

Deno.test("RequestHeadParser.detach() makes a head independent of later ones", () => {
  const parser = new RequestHeadParser(DEFAULT_HEAD_LIMITS);
  const bytes = encodeLatin1("..GET /a HTTP/1.1\r\nHost: a\r\n\r\n");
  const head = parser.parse(bytes, 2, bytes.length);
  assert(head !== NEED_DATA);
  parser.detach();
  bytes.fill(0);
  const next = encodeLatin1("POST /bcd HTTP/1.0\r\nHosts: x\r\n\r\n");
  assert(parser.parse(next, 0, next.length) !== NEED_DATA);
  assertEquals([head.method, head.target, head.minorVersion], ["GET", "/a", 1]);
  assertEquals([...head.headers], [["Host", "a"]]);
});

Deno.test("parseRequestHead() returns a head with its own bytes, or NEED_DATA", () => {
  const bytes = encodeLatin1("GET /a HTTP/1.1\r\nHost: a\r\n\r\nrest");
  const head = parseRequestHead(bytes);
  assert(head !== NEED_DATA);
  bytes.fill(0);
  assertEquals([head.target, head.sizeBytes], ["/a", 28]);
  assertStrictEquals(parseRequestHead(encodeLatin1("GET /")), NEED_DATA);
});

Deno.test("RequestHead.headers read before detach() stay valid when the bytes are overwritten", () => {
  const wire = "GET / HTTP/1.1\r\nHost: a\r\nX: first\r\n\r\n";
  const bytes = new TextEncoder().encode(wire);
  const parser = new RequestHeadParser(DEFAULT_HEAD_LIMITS);
  const head = parser.parse(bytes, 0, bytes.length);
  assert(head !== NEED_DATA);
  const { headers } = head;
  parser.detach();
  bytes.set(new TextEncoder().encode(wire.replace("first", "other")));
  assert(parser.parse(bytes, 0, bytes.length) !== NEED_DATA);
  assertEquals(headers.get("x"), "first");
  assertEquals(head.headers.get("x"), "first");
});
