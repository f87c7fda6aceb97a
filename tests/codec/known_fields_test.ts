import { assertEquals, assertThrows } from "@std/assert";
import { decodeLatin1, encodeLatin1 } from "../../codec/ascii.ts";
import { ABSENT, KnownFields } from "../../codec/known_fields.ts";
import { ProtocolError } from "../../codec/errors.ts";
import { scanFields } from "../support/fields.ts";

function valueAt(fields: KnownFields, entry: number): string | null {
  if (entry === ABSENT) return null;
  return decodeLatin1(
    fields.bytes,
    fields.valueStart(entry),
    fields.valueEnd(entry),
  );
}

Deno.test("KnownFields finds the known fields in any case", () => {
  const fields = scanFields(
    "HOST: a\r\ncontent-length: 5\r\nTransfer-Encoding: b\r\nConnection: c\r\nX: y\r\nconnection: d\r\nUpgrade: e\r\nupgrade: f\r\nExpect: g\r\n",
  );
  assertEquals(valueAt(fields, fields.host), "a");
  assertEquals(valueAt(fields, fields.contentLength), "5");
  assertEquals(valueAt(fields, fields.transferEncoding), "b");
  assertEquals(valueAt(fields, fields.connection), "c");
  assertEquals(valueAt(fields, fields.upgrade), "e");
  assertEquals(valueAt(fields, fields.expect), "g");
  assertEquals(fields.hasMoreExpectations, false);
});

Deno.test("KnownFields R46: ignores every other name", () => {
  const fields = scanFields(
    "Hos: a\r\nHosts: a\r\nHos\x7e: a\r\nContent_Length: 5\r\nContent-Lengtg: 5\r\nTransfer_Encoding: b\r\nConnectioN-: c\r\nUpgradf: d\r\nExpecs: e\r\n",
  );
  const { host, contentLength, transferEncoding } = fields;
  const { connection, upgrade, expect } = fields;
  for (
    const entry of [
      ...[host, contentLength, transferEncoding],
      ...[connection, upgrade, expect],
    ]
  ) assertEquals(entry, ABSENT);
});

Deno.test("KnownFields forgets the previous head", () => {
  const fields = scanFields("Host: a\r\nExpect: x\r\nExpect: y\r\n");
  assertEquals(fields.hasMoreExpectations, true);
  const next = scanFields("X: y\r\n");
  fields.read(next.bytes, next.base, next.table, next.count);
  assertEquals([fields.host, fields.expect], [ABSENT, ABSENT]);
  assertEquals(fields.hasMoreExpectations, false);
});

Deno.test("KnownFields R45: refuses a second line of a field that may occur once", () => {
  for (
    const name of [
      "Host",
      "Content-Length",
      "Transfer-Encoding",
      "Content-Type",
      "Authorization",
      "Proxy-Authorization",
    ]
  ) {
    const first = `${name}: 1\r\nX: y\r\n`;
    const error = assertThrows(
      () => scanFields(`${first}${name.toUpperCase()}: 1\r\n`),
      ProtocolError,
      `Cannot accept more than one line of field "${name.toUpperCase()}"`,
    );
    assertEquals(error.code, "REPEATED_FIELD");
    assertEquals(error.offset, first.length);
  }
});

Deno.test("KnownFields R43: refuses bytes above 0x7F in fields that are compared with keywords", () => {
  for (const name of ["TE", "Trailer", "Upgrade", "Expect"]) {
    const error = assertThrows(
      () => scanFields(`${name}: a\xe9\r\n`),
      ProtocolError,
    );
    assertEquals(error.code, "INVALID_FIELD_VALUE");
    assertEquals(error.offset, name.length + 3);
  }
});

Deno.test("KnownFields.isNamed() ignores case", () => {
  const bytes = encodeLatin1("..Ab-: v\r\n");
  const fields = new KnownFields(bytes, new Int32Array([0, 3, 5, 6]));
  fields.read(bytes, 2, fields.table, 1);
  assertEquals(fields.isNamed(0, "ab-"), true);
  assertEquals(fields.isNamed(0, "ab"), false);
  assertEquals(fields.isNamed(0, "abc"), false);
});

Deno.test("KnownFields R3, R45: forgets a head that it refused", () => {
  const next = scanFields("Host: a\r\nX-Id: 7\r\nUser-Agent: v\r\n");
  for (
    const name of [
      ...["Content-Length", "Transfer-Encoding"],
      ...["Connection", "Upgrade", "Expect"],
    ]
  ) {
    const lines = `${name}: 5\r\nHost: a\r\nHosu: a\r\n`;
    const { bytes, table, count } = scanFields(lines);
    bytes[lines.lastIndexOf("u")] = "t".charCodeAt(0); // now the field occurs twice
    const fields = new KnownFields(bytes, table);
    assertThrows(() => fields.read(bytes, 0, table, count), ProtocolError);
    fields.read(next.bytes, 0, next.table, next.count);
    const { contentLength, transferEncoding } = fields;
    const { connection, upgrade, expect } = fields;
    assertEquals(
      [contentLength, transferEncoding, connection, upgrade, expect],
      [ABSENT, ABSENT, ABSENT, ABSENT, ABSENT],
    );
  }
});
