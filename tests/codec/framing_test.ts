import { assertEquals, assertThrows } from "@std/assert";
import { ProtocolError, type ProtocolErrorCode } from "../../codec/errors.ts";
import {
  CHUNKED,
  receivedBodyLength,
  requestBodyLength,
  UNTIL_CLOSE,
} from "../../codec/framing.ts";
import { scanFields } from "../support/fields.ts";

function length(lines: string, minorVersion = 1): number {
  const text = lines === "" ? "" : `${lines}\r\n`;
  return requestBodyLength(scanFields(text), minorVersion);
}

function checkFault(
  lines: string,
  code: ProtocolErrorCode,
  minorVersion = 1,
): void {
  const error = assertThrows(() => length(lines, minorVersion), ProtocolError);
  assertEquals(error.code, code, lines);
}

Deno.test("requestBodyLength() R82: is 0 without Content-Length and Transfer-Encoding", () => {
  assertEquals(length(""), 0);
  assertEquals(length("X-Content-Length: 5\r\nContent_Length: 5"), 0);
});

Deno.test("requestBodyLength() R51, R54, R55: reads a length exactly", () => {
  for (
    const [value, expected] of [
      ["0", 0],
      ["5", 5],
      ["\t5 ", 5],
      ["005", 5],
      ["010", 10],
      ["00", 0],
      ["0".repeat(50) + "7", 7],
      ["4294967301", 4_294_967_301],
      ["9007199254740990", 9_007_199_254_740_990],
      ["9007199254740991", 9_007_199_254_740_991],
      ["00009007199254740991", 9_007_199_254_740_991],
    ] as const
  ) assertEquals(length(`Content-Length: ${value}`), expected);
});

Deno.test("requestBodyLength() R52, R53, R55: refuses anything but an exact length", () => {
  for (
    const value of [
      ...["", "+5", "-5", "-0", "5.", "1.1", "0x5", "1e3", "5_0", "4 2", "5;"],
      ...['"5"', "5\xa0", "\xd9\xa5", "5, 5", "5,", "/", ":", "5a", "NaN"],
      ...["9007199254740992", "9007199254740993", "9007199254741000"],
      ...["18446744073709551616", "99999999999999999999", "1".repeat(400)],
    ]
  ) checkFault(`Content-Length: ${value}`, "INVALID_CONTENT_LENGTH");
});

Deno.test("requestBodyLength() reports the offset of the value", () => {
  const error = assertThrows(
    () => length("A: b\r\nContent-Length:  x5"),
    ProtocolError,
    'Cannot parse Content-Length: "x5" is not a number',
  );
  assertEquals(error.offset, 23);
});

Deno.test("requestBodyLength() R58: recognises chunked in any case", () => {
  for (const value of ["chunked", "cHuNkEd", "\tchunked "]) {
    assertEquals(length(`Transfer-Encoding: ${value}`), CHUNKED);
  }
});

Deno.test("requestBodyLength() R59: refuses both fields together, with any values", () => {
  for (const coding of ["chunked", "gzip", ""]) {
    checkFault(
      `Content-Length: 0\r\nTransfer-Encoding: ${coding}`,
      "CONFLICTING_FRAMING",
    );
    checkFault(
      `Transfer-Encoding: ${coding}\r\nContent-Length: 0`,
      "CONFLICTING_FRAMING",
      0,
    );
  }
});

Deno.test("requestBodyLength() checks the length before the coding", () => {
  checkFault(
    "Transfer-Encoding: chunked\r\nContent-Length: x",
    "INVALID_CONTENT_LENGTH",
  );
});

Deno.test("requestBodyLength() R60: refuses a coding in HTTP/1.0", () => {
  for (const coding of ["chunked", "gzip, chunked"]) {
    checkFault(
      `Transfer-Encoding: ${coding}`,
      "INVALID_TRANSFER_ENCODING",
      0,
    );
  }
});

Deno.test("requestBodyLength() R61: refuses a coding before chunked as unsupported", () => {
  for (const coding of ["gzip, chunked", "foo,CHUNKED", "a\t,\tb , chunked"]) {
    checkFault(`Transfer-Encoding: ${coding}`, "UNSUPPORTED_TRANSFER_CODING");
  }
});

Deno.test("requestBodyLength() R62 to R65: refuses everything else", () => {
  for (
    const coding of [
      ...["", ",", "gzip", "identity", "xchunked", "chunkedx", "chunke"],
      ...["chunkedchunked", "chunked, gzip", "chunked, identity"],
      ...[
        "chunked, chunked",
        ",chunked",
        "chunked,",
        ", chunked",
        "a,,chunked",
      ],
      ...["chunked;q=1", '"chunked"', "chun ked", "\xa0chunked", "\xffchunked"],
      ...["chun\xe2\x84\xaaed", "gzip;q=1, chunked", "g\xe9, chunked"],
      ...["CHUNKE\x64\xa0", "chunKE$"],
    ]
  ) checkFault(`Transfer-Encoding: ${coding}`, "INVALID_TRANSFER_ENCODING");
});

function received(
  lines: string,
  status = 200,
  requestMethod = "GET",
  minorVersion = 1,
): number {
  const text = lines === "" ? "" : `${lines}\r\n`;
  const facts = { status, minorVersion, requestMethod };
  return receivedBodyLength(scanFields(text), facts);
}

const CODED = "Transfer-Encoding: chunked";

Deno.test("receivedBodyLength() R139: is 0 for HEAD, 1xx, 204 and 304, with any fields", () => {
  for (const lines of ["", "Content-Length: 5", CODED, "Content-Length: x"]) {
    for (const status of [100, 101, 103, 199, 204, 304]) {
      assertEquals(received(lines, status), 0, `${status} ${lines}`);
    }
    assertEquals(received(lines, 200, "HEAD"), 0, lines);
    assertEquals(received(lines, 200, "CONNECT"), 0, lines);
  }
  assertEquals(received("Content-Length: 5", 200, "head"), 5);
  assertEquals(received("Content-Length: 5", 407, "CONNECT"), 5);
});

Deno.test("receivedBodyLength() R140: is a length, chunked, or until close", () => {
  assertEquals(received("Content-Length: 5"), 5);
  assertEquals(received(CODED), CHUNKED);
  assertEquals(received(""), UNTIL_CLOSE);
  assertEquals(received("", 200, "GET", 0), UNTIL_CLOSE);
  assertEquals(received("Content-Length: 0", 205), 0);
});

Deno.test("receivedBodyLength() R141, R142: refuses what it refuses in requests", () => {
  const codeOf = (lines: string, minorVersion = 1): string =>
    assertThrows(() => received(lines, 200, "GET", minorVersion), ProtocolError)
      .code;
  assertEquals(codeOf(`Content-Length: 5\r\n${CODED}`), "CONFLICTING_FRAMING");
  assertEquals(codeOf(CODED, 0), "INVALID_TRANSFER_ENCODING");
  assertEquals(
    codeOf("Transfer-Encoding: gzip"),
    "INVALID_TRANSFER_ENCODING",
  );
  assertEquals(
    codeOf("Transfer-Encoding: gzip, chunked"),
    "UNSUPPORTED_TRANSFER_CODING",
  );
  assertEquals(codeOf("Content-Length: 5, 5"), "INVALID_CONTENT_LENGTH");
});
