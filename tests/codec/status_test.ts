import {
  assert,
  assertEquals,
  assertStrictEquals,
  assertThrows,
} from "@std/assert";
import { Status } from "../../codec/status.ts";

const constants = Object.entries(Status) as [string, Status][];

Deno.test("Status has a constant for each registered code, named after its phrase", () => {
  for (const [name, status] of constants) {
    assert(status instanceof Status);
    const words = status.reason.toUpperCase().replaceAll(/[ -]/g, "_");
    assertEquals(name, words);
  }
  assertEquals(constants.length, 60);
});

Deno.test("Status constants are in ascending order without duplicates", () => {
  const codes = constants.map(([, status]) => status.code);
  assertEquals(codes, [...new Set(codes)].sort((a, b) => a - b));
});

Deno.test("Status.of() returns the constant of a registered code", () => {
  for (const [, status] of constants) {
    assertStrictEquals(Status.of(status.code), status);
    assertStrictEquals(Status.of(status.code, status.reason), status);
  }
  assertStrictEquals(Status.of(404), Status.NOT_FOUND);
});

Deno.test("Status.of() R125: uses an empty reason for an unregistered code", () => {
  for (const code of [100, 199, 299, 306, 418, 509, 599]) {
    const status = Status.of(code);
    assertEquals(status.code, code);
    assertEquals(status.reason, code === 100 ? "Continue" : "");
  }
});

Deno.test("Status.of() accepts another reason", () => {
  const weird = Status.of(200, "\tWeird \xe9!");
  assertEquals([weird.code, weird.reason], [200, "\tWeird \xe9!"]);
  assertEquals(Status.of(404, "").reason, "");
  assertEquals(Status.NOT_FOUND.reason, "Not Found");
});

Deno.test("Status.of() R115: refuses a value that is not a status code", () => {
  for (const code of [99, 600, 1000, 0, -200, 200.5, NaN, Infinity]) {
    assertThrows(
      () => Status.of(code),
      RangeError,
      `Cannot create status: code ${code} is not an integer from 100 to 599`,
    );
  }
  const text: unknown = "200"; // what a caller without types may pass
  assertThrows(
    () => Status.of(text as number),
    RangeError,
    'Cannot create status: code "200" is not an integer from 100 to 599',
  );
});

Deno.test("Status.of() R125: refuses a reason with characters that would end the status line", () => {
  for (
    const [reason, index] of [
      ["OK\r\nX: y", 2],
      ["\n", 0],
      ["a\0", 1],
      ["\x7f", 0],
      ["ab\u010d\u010a", 2], // truncated to bytes, this would be CRLF
      ["\u2713", 0],
    ] as const
  ) {
    assertThrows(
      () => Status.of(200, reason),
      TypeError,
      `Cannot create status: reason has an invalid character at index ${index}`,
    );
  }
  const number: unknown = 5; // what a caller without types may pass
  assertThrows(() => Status.of(200, number as string), TypeError);
});

Deno.test("Status is frozen", () => {
  for (const status of [Status.OK, Status.of(299, "Weird")]) {
    assert(Object.isFrozen(status));
  }
});
