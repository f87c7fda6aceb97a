/** The helpers for `Authorization`. */

import { assertEquals, assertThrows } from "@std/assert";
import { basic, bearer } from "../../client/mod.ts";

Deno.test("basic() encodes UTF-8, and refuses what cannot be decoded again", () => {
  assertEquals(
    basic("Aladdin", "open sesame"),
    "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==",
  );
  assertEquals(basic("test", "123\xa3"), "Basic dGVzdDoxMjPCow=="); // RFC 7617 §2.1
  assertEquals(basic("", ":"), "Basic Ojo=");
  for (const [user, password] of [["a:b", "c"], ["a\n", "b"], ["a", "\0"]]) {
    assertThrows(() => basic(user!, password!), TypeError, "Cannot encode");
  }
  const unset = undefined as unknown as string; // as of a missing variable
  assertThrows(() => basic(unset, "b"), TypeError, "type undefined");
  assertThrows(() => basic("a", unset), TypeError, "type undefined");
});

Deno.test("bearer() refuses a token that is not valid, without quoting it", () => {
  assertEquals(bearer("a.b-c_d~e+f/g=="), "Bearer a.b-c_d~e+f/g==");
  for (const token of ["", "a b", "secret\n", "=", "a=b", "\xe9"]) {
    const error = assertThrows(() => bearer(token), TypeError) as Error;
    assertEquals(error.message.includes("secret"), false);
  }
  const unset = undefined as unknown as string;
  assertThrows(() => bearer(unset), TypeError, "type undefined");
});
