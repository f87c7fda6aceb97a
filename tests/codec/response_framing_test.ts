import { assertEquals, assertThrows } from "@std/assert";
import { CHUNKED, UNTIL_CLOSE } from "../../codec/framing.ts";
import { Headers, type HeadersInit } from "../../codec/headers.ts";
import { IS_HEAD, IS_HTTP_1_0 } from "../../codec/request_flags.ts";
import {
  mayHaveContent,
  NO_LENGTH,
  responseBodyLength,
  UNKNOWN_SIZE,
} from "../../codec/response_framing.ts";

function length(
  status: number,
  minorVersion: number,
  headers: HeadersInit | null,
  sizeBytes: number,
  isHead = false,
): number {
  const control = headers === null ? null : new Headers(headers).outgoing();
  const flags = (minorVersion === 0 ? IS_HTTP_1_0 : 0) | (isHead ? IS_HEAD : 0);
  return responseBodyLength(status, flags, control, sizeBytes);
}

Deno.test("mayHaveContent() R112, R113: is false for HEAD, 204, 205 and 304", () => {
  for (const status of [200, 201, 206, 400, 404, 500, 599]) {
    assertEquals(mayHaveContent(status, 0), true);
    assertEquals(mayHaveContent(status, IS_HEAD), false);
  }
  for (const status of [204, 205, 304]) {
    assertEquals(mayHaveContent(status, 0), false);
  }
});

Deno.test("responseBodyLength() R112: declares no length where none is allowed", () => {
  for (const status of [204, 304]) {
    assertEquals(length(status, 1, null, 5), NO_LENGTH);
    assertEquals(length(status, 1, null, UNKNOWN_SIZE), NO_LENGTH);
  }
  assertEquals(length(205, 1, null, 5), 0);
});

Deno.test("responseBodyLength() R119: uses chunked for HTTP/1.1 only", () => {
  assertEquals(length(200, 1, null, 5), 5);
  assertEquals(length(200, 1, null, 0), 0);
  assertEquals(length(200, 1, null, UNKNOWN_SIZE), CHUNKED);
  assertEquals(length(200, 0, null, UNKNOWN_SIZE), UNTIL_CLOSE);
  const chunked = { "transfer-encoding": "Chunked" };
  assertEquals(length(200, 1, chunked, 5), CHUNKED);
  assertEquals(length(200, 0, chunked, 5), 5);
  assertEquals(length(200, 0, chunked, UNKNOWN_SIZE), UNTIL_CLOSE);
});

Deno.test("responseBodyLength() R120: accepts a declared length that matches the body", () => {
  const five = { "content-length": "5" };
  assertEquals(length(200, 1, five, 5), 5);
  assertEquals(length(200, 1, five, UNKNOWN_SIZE), 5);
  assertEquals(length(200, 1, five, 0, true), 5);
  assertThrows(
    () => length(200, 1, five, 4),
    TypeError,
    "Cannot declare a Content-Length of 5 bytes: the body has 4",
  );
});

Deno.test("responseBodyLength() R121, R122: refuses invalid declarations", () => {
  for (const value of ["", "x", "-1", "5, 5", "9007199254740992", "1e3"]) {
    assertThrows(
      () => length(200, 1, { "content-length": value }, 5),
      TypeError,
      "Cannot declare Content-Length",
    );
  }
  assertThrows(
    () => length(200, 1, { "content-length": ["5", "5"] }, 5),
    TypeError,
    'Cannot declare Content-Length "5, 5": it is not one number of bytes',
  );
  for (const value of ["gzip", "gzip, chunked", ""]) {
    assertThrows(
      () => length(200, 1, { "transfer-encoding": value }, 5),
      TypeError,
      "Cannot declare Transfer-Encoding",
    );
  }
  const both = { "content-length": "5", "transfer-encoding": "chunked" };
  assertThrows(
    () => length(200, 1, both, 5),
    TypeError,
    "Cannot declare both Content-Length and Transfer-Encoding",
  );
});
