import { assert, assertEquals, assertInstanceOf } from "@std/assert";
import {
  NEED_DATA,
  PROTOCOL_ERROR_STATUS,
  ProtocolError,
  type ProtocolErrorCode,
} from "../../codec/errors.ts";
import { Status } from "../../codec/status.ts";

Deno.test("ProtocolError has a code, a status, an offset and a message with the offset", () => {
  const error = new ProtocolError("TARGET_TOO_LONG", "Cannot parse", 8197);
  assertInstanceOf(error, Error);
  assertEquals(error.name, "ProtocolError");
  assertEquals([error.code, error.status, error.offset], [
    "TARGET_TOO_LONG",
    414,
    8197,
  ]);
  assertEquals(error.message, "Cannot parse at offset 8197");
});

Deno.test("PROTOCOL_ERROR_STATUS maps each code to a registered error status", () => {
  for (const [code, status] of Object.entries(PROTOCOL_ERROR_STATUS)) {
    assert(status >= 400 && Status.of(status).reason !== "", code);
    assert(/^[A-Z][A-Z_]+$/.test(code), code);
    // the keys of the table are the codes
    const error = new ProtocolError(code as ProtocolErrorCode, "Cannot", 0);
    assertEquals(error.status, status);
  }
});

Deno.test("NEED_DATA is a symbol", () => {
  assertEquals(typeof NEED_DATA, "symbol");
});
