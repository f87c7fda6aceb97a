import { assertEquals, assertThrows } from "@std/assert";
import {
  declaredLength,
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

Deno.test("readOutgoingFields() separates the fields that the library writes from the others", () => {
  const fields = read(
    ["X-A", "b"],
    ["Content-Length", "5"],
    ["TRANSFER-ENCODING", "chunked"],
    ["Connection", "x"],
    ["x-a", "\xe9"],
    ["content-length", "6"],
  );
  assertEquals(fields.contentLength, ["5", "6"]);
  assertEquals(fields.transferEncoding, ["chunked"]);
  assertEquals(fields.declaresFraming, true);
  assertEquals(decodeLatin1(fields.encoded), "X-A: b\r\nx-a: \xe9\r\n");
  assertEquals([fields.hasDate, fields.closes], [false, false]);
});

Deno.test("readOutgoingFields() returns nothing for an empty list", () => {
  const fields = read();
  assertEquals(fields.contentLength, []);
  assertEquals([fields.declaresFraming, fields.encoded.length], [false, 0]);
});

Deno.test("readOutgoingFields() keeps only the first Date", () => {
  const fields = read(["Date", "a"], ["X", "b"], ["date", "c"]);
  assertEquals(fields.hasDate, true);
  assertEquals(decodeLatin1(fields.encoded), "Date: a\r\nX: b\r\n");
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

Deno.test("declaredLength() reads one number of bytes, or refuses", () => {
  assertEquals(declaredLength(read()), null);
  assertEquals(declaredLength(read(["content-length", "0"])), 0);
  const most = String(Number.MAX_SAFE_INTEGER);
  assertEquals(
    declaredLength(read(["content-length", most])),
    Number.MAX_SAFE_INTEGER,
  );
  for (const value of ["", "-1", "1e3", "5, 5", "9007199254740992"]) {
    assertThrows(
      () => declaredLength(read(["content-length", value])),
      TypeError,
      `Cannot declare Content-Length ${JSON.stringify(value)}`,
    );
  }
  for (const second of ["5", ""]) {
    const two = read(["content-length", "5"], ["Content-Length", second]);
    assertThrows(() => declaredLength(two), TypeError, `"5, ${second}"`);
  }
});

Deno.test("R88: readOutgoingFields() adds the option of Connection that Upgrade requires", () => {
  const { encoded, closes } = read(
    ["a", "1"],
    ["Upgrade", "websocket"],
    ["connection", "close"],
  );
  assertEquals(closes, true);
  assertEquals(
    new TextDecoder().decode(encoded),
    "connection: upgrade\r\na: 1\r\nUpgrade: websocket\r\n",
  );
});
