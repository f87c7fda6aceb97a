import { assert, assertEquals, assertThrows } from "@std/assert";
import { encodeLatin1 } from "../../codec/ascii.ts";
import { NEED_DATA, ProtocolError } from "../../codec/errors.ts";
import { CHUNKED, UNTIL_CLOSE } from "../../codec/framing.ts";
import {
  CONNECTION_CLOSE,
  CONNECTION_UPGRADE,
} from "../../codec/persistence.ts";
import type { ResponseHead } from "../../codec/response_head.ts";
import {
  parseResponseHead,
  ResponseHeadParser,
  unfoldLines,
} from "../../codec/response_parser.ts";
import { ResponseScanner } from "../../codec/simd/response_scanner.ts";
import { decodeLatin1 } from "../support/latin1.ts";
import { everySplit } from "../support/splits.ts";

const REST = "HTTP/1.1 200";

/** Parses in every split, with bytes after the head that must not be consumed. */
function check(
  wire: string,
  expected: Partial<ResponseHead>,
  method = "GET",
): void {
  for (const parts of everySplit(encodeLatin1(wire + REST))) {
    const parser = new ResponseHeadParser();
    const bytes = new Uint8Array(wire.length + REST.length + 5);
    let end = 5;
    let head: ResponseHead | typeof NEED_DATA = NEED_DATA;
    for (const part of parts) {
      bytes.set(part, end);
      end += part.length;
      assert(parser.isIdle === (end === 5 + part.length));
      head = parser.parse(bytes, 5, end, method);
      if (head !== NEED_DATA) break;
    }
    assert(head !== NEED_DATA, wire);
    assert(parser.isIdle);
    assertEquals(head.sizeBytes, wire.length);
    for (const [name, value] of Object.entries(expected)) {
      // `expected` has the names of a head
      assertEquals(head[name as keyof ResponseHead], value, `${wire} ${name}`);
    }
  }
}

function codeOf(wire: string, limits = {}): string {
  return assertThrows(
    () => parseResponseHead(encodeLatin1(wire), "GET", limits),
    ProtocolError,
  ).code;
}

Deno.test("ResponseHeadParser reads the parts of a head and leaves the rest", () => {
  check("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", {
    status: 200,
    reason: "OK",
    minorVersion: 1,
    bodyLength: 5,
    connectionOptions: 0,
  });
  check("HTTP/1.0 404\r\nConnection: Close, upgrade\r\n\r\n", {
    status: 404,
    reason: "",
    minorVersion: 0,
    bodyLength: UNTIL_CLOSE,
    connectionOptions: CONNECTION_CLOSE | CONNECTION_UPGRADE,
  });
});

Deno.test("ResponseHeadParser R139, R140: decides how the body is framed", () => {
  const coded = "Transfer-Encoding: chunked\r\n\r\n";
  check(`HTTP/1.1 200 OK\r\n${coded}`, { bodyLength: CHUNKED });
  check("HTTP/1.1 200 OK\r\n\r\n", { bodyLength: UNTIL_CLOSE });
  check("HTTP/1.1 200 OK\r\n\r\n", { bodyLength: 0 }, "HEAD");
  check(`HTTP/1.1 200 OK\r\n${coded}`, { bodyLength: 0 }, "HEAD");
  for (const status of [100, 101, 199, 204, 304]) {
    check(`HTTP/1.1 ${status} \r\n${coded}`, { status, bodyLength: 0 });
    check(`HTTP/1.1 ${status} \r\nContent-Length: 5\r\n\r\n`, {
      bodyLength: 0,
    });
  }
  check("HTTP/1.1 205 \r\nContent-Length: 5\r\n\r\n", { bodyLength: 5 });
  check(`HTTP/1.1 200 \r\n${coded}`, { bodyLength: 0 }, "CONNECT");
  check(`HTTP/1.1 400 \r\n${coded}`, { bodyLength: CHUNKED }, "CONNECT");
});

Deno.test("ResponseHeadParser parses heads one after the other", () => {
  const parser = new ResponseHeadParser();
  const wire = "HTTP/1.1 100 \r\nA: b\r\n\r\nHTTP/1.1 204 x\r\n\r\n";
  const bytes = encodeLatin1(wire);
  const first = parser.parse(bytes, 0, bytes.length, "GET");
  assert(first !== NEED_DATA);
  const second = parser.parse(bytes, first.sizeBytes, bytes.length, "GET");
  assert(second !== NEED_DATA);
  assertEquals([first.status, second.status, second.reason], [100, 204, "x"]);
  bytes.fill(0);
  assertEquals([...first.headers], [["A", "b"]]); // the head owns a copy
  assertEquals(second.headers.count, 0);
});

Deno.test("ResponseHeadParser R134 to R136, R141, R142: reports faults in each part", () => {
  const ok = "HTTP/1.1 200 OK\r\n";
  assertEquals(codeOf("HTTP/1.1  200 OK\r\n"), "INVALID_STATUS_LINE");
  assertEquals(codeOf(`${ok}A b: c\r\n`), "INVALID_FIELD_NAME");
  assertEquals(codeOf(`${ok}A: b\r\n c`), "OBSOLETE_LINE_FOLDING");
  assertEquals(
    codeOf(`${ok}A: b\r\n\r\n`, { maxHeaderBytes: 5 }),
    "HEAD_TOO_LARGE",
  );
  assertEquals(
    codeOf(`${ok}A: b\r\nA: b\r\n\r\n`, { maxHeaderCount: 1 }),
    "TOO_MANY_FIELDS",
  );
  assertEquals(codeOf(`${ok}Connection: a b\r\n\r\n`), "INVALID_CONNECTION");
  assertEquals(
    codeOf(`${ok}Content-Length: 1\r\nContent-Length: 1\r\n\r\n`),
    "REPEATED_FIELD",
  );
  assertEquals(
    codeOf(`${ok}Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n`),
    "CONFLICTING_FRAMING",
  );
});

Deno.test("ResponseHeadParser.reset() drops an incomplete head", () => {
  const parser = new ResponseHeadParser();
  const half = encodeLatin1("HTTP/1.0 500 \r\nA: b");
  assertEquals(parser.parse(half, 0, half.length, "GET"), NEED_DATA);
  assertEquals(parser.isIdle, false);
  parser.reset();
  assertEquals(parser.isIdle, true);
  const whole = encodeLatin1("HTTP/1.1 204 \r\n\r\n");
  const head = parser.parse(whole, 0, whole.length, "GET");
  assert(head !== NEED_DATA);
  assertEquals([head.status, head.headers.count], [204, 0]);
});

Deno.test("parseResponseHead() returns NEED_DATA until the empty line is complete", () => {
  const wire = "HTTP/1.1 200 OK\r\nA: b\r\n\r\n";
  for (let size = 0; size < wire.length; size++) {
    const part = encodeLatin1(wire.slice(0, size));
    assertEquals(parseResponseHead(part), NEED_DATA);
  }
  assert(parseResponseHead(encodeLatin1(wire)) !== NEED_DATA);
});

/** Unfolds a head that does not start at offset 0. */
function unfold(wire: string): string {
  const bytes = encodeLatin1(`\r\n ${wire}`);
  unfoldLines(bytes, 3, bytes.length);
  return decodeLatin1(bytes.subarray(3));
}

const LINE = "HTTP/1.1 200 OK\r\n";

Deno.test("unfoldLines() R135: replaces each fold by spaces", () => {
  assertEquals(
    unfold(`${LINE}A: b\r\n c\r\n\t \r\nD: e\r\n f\r\n\r\n g: h\r\n i`),
    `${LINE}A: b   c  \t \r\nD: e   f\r\n\r\n g: h\r\n i`,
  );
  const plain = `${LINE}A: b\r\nC: d\r\n\r\n`;
  assertEquals(unfold(plain), plain);
  assertEquals(unfold(`${LINE}A: b\r\n`), `${LINE}A: b\r\n`);
});

Deno.test("unfoldLines() R135: refuses folds in fields that frame a body, and before the first field", () => {
  for (
    const [wire, offset] of [
      [`${LINE}Content-Length: 5\r\n 5\r\n\r\n`, 34],
      [`${LINE}CONTENT-LENGTH:\r\n\t5\r\n\r\n`, 32],
      [`${LINE}A: b\r\nTransfer-Encoding:\r\n chunked\r\n\r\n`, 41],
      [`${LINE} A: b\r\n\r\n`, 17],
    ] as const
  ) {
    const error = assertThrows(() => unfold(wire), ProtocolError);
    assertEquals([error.code, error.offset], ["OBSOLETE_LINE_FOLDING", offset]);
  }
});

Deno.test("unfoldLines() R135: does not turn a folded name into one that frames a body", () => {
  for (
    const fields of [
      "A: b\r\n Content-Length: 5",
      "Content-Length\r\n : 5",
      "Content-\r\n Length: 5",
      "A\r\n Transfer-Encoding: chunked",
    ]
  ) {
    const text = unfold(`${LINE}${fields}\r\n\r\n`);
    try {
      const head = parseResponseHead(encodeLatin1(text));
      assert(head !== NEED_DATA);
      assertEquals(head.bodyLength, UNTIL_CLOSE, fields);
    } catch (error) {
      assert(error instanceof ProtocolError);
      assertEquals(error.code, "INVALID_FIELD_NAME", fields);
    }
  }
});

Deno.test("a parsed head finds a field by its name, in any case, with and without the scanner", () => {
  const wire = encodeLatin1(
    "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nCONTENT-Encoding: br\r\nContent_Encodinh: x\r\n\r\n",
  );
  const limits = { maxHeaderBytes: 1000, maxHeaderCount: 10 };
  for (const scanner of [null, ResponseScanner.maybeCreate(limits)]) {
    const parser = new ResponseHeadParser(limits);
    parser.scanner = scanner;
    const bytes = new Uint8Array([1, 2, 3, ...wire]); // the head is not at the start
    // The second head's offsets are after those of the first in the scanner's array.
    for (let count = 0; count < 2; count++) {
      const head = parser.parse(bytes, 3, bytes.length, "GET");
      assert(head !== NEED_DATA);
      assert(head.has("content-length"));
      assert(head.has("content-encoding"));
      for (const name of ["content-type", "content-encodinh", "x", ""]) {
        assertEquals(head.has(name), false, name);
      }
    }
  }
});
