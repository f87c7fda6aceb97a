import { assertEquals } from "@std/assert";
import {
  type OutgoingFields,
  readOutgoingFields,
} from "../../codec/outgoing_fields.ts";
import { decodeLatin1 } from "../support/latin1.ts";

function read(
  ...fields: readonly (readonly [string, string])[]
): OutgoingFields {
  const names = fields.map(([name]) => name);
  return readOutgoingFields(
    names,
    names.map((name) => name.toLowerCase()),
    fields.map(([, value]) => value),
  );
}

Deno.test("readOutgoingFields() parts what the library decides from what it passes on", () => {
  const control = read(
    ["X-A", "b"],
    ["Content-Length", "5"],
    ["TRANSFER-ENCODING", "chunked"],
    ["Connection", "x"],
    ["x-a", "\xe9"],
    ["content-length", "6"],
  );
  assertEquals(control.contentLength, ["5", "6"]);
  assertEquals(control.transferEncoding, ["chunked"]);
  assertEquals(control.declaresFraming, true);
  assertEquals(decodeLatin1(control.encoded), "X-A: b\r\nx-a: \xe9\r\n");
  assertEquals([control.hasDate, control.closes], [false, false]);
});

Deno.test("readOutgoingFields() has nothing to say of an empty list", () => {
  const control = read();
  assertEquals(control.contentLength, []);
  assertEquals([control.declaresFraming, control.encoded.length], [false, 0]);
});

Deno.test("readOutgoingFields() keeps the first Date only", () => {
  const control = read(["Date", "a"], ["X", "b"], ["date", "c"]);
  assertEquals(control.hasDate, true);
  assertEquals(decodeLatin1(control.encoded), "Date: a\r\nX: b\r\n");
});

Deno.test("readOutgoingFields() finds close among the members of all Connection lines", () => {
  for (
    const value of ["close", "CLOSE", "a, close", "a,\tClose ,b", ",close"]
  ) {
    assertEquals(read(["connection", value]).closes, true, value);
  }
  for (const value of ["", "closed", "a close", "close;a", "\xa0close"]) {
    assertEquals(read(["connection", value]).closes, false, value);
  }
  const two = read(["connection", "a"], ["Connection", "close"]);
  assertEquals(two.closes, true);
  assertEquals(read(["x-connection", "close"]).closes, false);
});
