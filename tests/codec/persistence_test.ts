import { assertEquals, assertThrows } from "@std/assert";
import { ProtocolError } from "../../codec/errors.ts";
import {
  CONNECTION_CLOSE,
  CONNECTION_KEEP_ALIVE,
  CONNECTION_UPGRADE,
  connectionOptions,
  isPersistent,
} from "../../codec/persistence.ts";
import { scanFields } from "../support/fields.ts";

const CLOSE = CONNECTION_CLOSE;
const KEEP = CONNECTION_KEEP_ALIVE;
const UPGRADE = CONNECTION_UPGRADE;

Deno.test("connectionOptions() R91, R92: finds whole members in any list", () => {
  for (
    const [lines, options] of [
      ["Host: a", 0],
      ["Connection: close", CLOSE],
      ["Connection: foo, Close , bar", CLOSE],
      ["Connection: keep-alive, close", CLOSE | KEEP],
      ["Connection: , close,", CLOSE],
      ["Connection: ,,\t, close\t,,", CLOSE],
      ["Connection: close\t", CLOSE],
      ["Connection: keep-alive\r\nX: y\r\nconnection: close", CLOSE | KEEP],
      ["Connection: UPGRADE,Keep-Alive", UPGRADE | KEEP],
      ["Connection:", 0],
      ["Connection: ,", 0],
      ["Connection: xclose, closed, clos", 0],
      ["Proxy-Connection: close\r\nKeep-Alive: timeout=1\r\nClose: 1", 0],
    ] as const
  ) {
    assertEquals(connectionOptions(scanFields(`${lines}\r\n`)), options, lines);
  }
});

Deno.test("connectionOptions() R93: refuses a member that is not a token", () => {
  for (
    const [value, offset] of [
      ["cl ose", 3],
      ["(x)", 0],
      ["close;q=1", 5],
      ['"close"', 0],
      ["close, a b", 9],
      ["\xe9", 0],
    ] as const
  ) {
    const error = assertThrows(
      () => connectionOptions(scanFields(`Connection: ${value}\r\n`)),
      ProtocolError,
    );
    assertEquals(error.code, "INVALID_CONNECTION");
    assertEquals(error.offset, 12 + offset, value);
  }
});

Deno.test("isPersistent() R89, R90: depends on version and options", () => {
  for (
    const [minor, options, honors, expected] of [
      [1, 0, false, true],
      [1, CLOSE, false, false],
      [1, CLOSE | KEEP, true, false],
      [1, KEEP, false, true],
      [0, 0, false, false],
      [0, KEEP, false, false],
      [0, KEEP, true, true],
      [0, KEEP | CLOSE, true, false],
      [0, 0, true, false],
    ] as const
  ) assertEquals(isPersistent(minor, options, honors), expected);
});
