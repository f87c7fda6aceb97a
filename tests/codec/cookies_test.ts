/** Cookies: reading them from requests, and checks before they are sent (RFC 6265). */

import { assertEquals, assertThrows } from "@std/assert";
import {
  type CookieOptions,
  encodeSetCookie,
  parseCookies,
} from "../../codec/cookies.ts";

const parsed: readonly (readonly [string, Readonly<Record<string, string>>])[] =
  [
    ["", {}],
    ["a=1", { a: "1" }],
    ["a=1; b=2", { a: "1", b: "2" }],
    ["a=1;b=2 ;  c=3", { a: "1", b: "2", c: "3" }],
    ["a=", { a: "" }],
    ["a=1; a=2", { a: "1" }],
    ["a=b=c", { a: "b=c" }],
    ['a="x y"; b="', { a: "x y", b: '"' }],
    ["a=%20", { a: "%20" }],
    ["alone; =nameless; ; a=1", { a: "1" }],
    ["__proto__=1", JSON.parse('{"__proto__":"1"}')],
  ];

for (const [value, cookies] of parsed) {
  Deno.test(`parseCookies() reads ${JSON.stringify(value)}`, () => {
    assertEquals([...parseCookies(value)], Object.entries(cookies));
  });
}

const encoded: readonly (readonly [CookieOptions, string])[] = [
  [{}, "a=1"],
  [{ path: undefined, httpOnly: false }, "a=1"],
  [
    {
      domain: "example.org",
      path: "/x y",
      maxAge: 60,
      expires: new Date("2015-10-21T07:28:00.900Z"),
      httpOnly: true,
      secure: true,
      sameSite: "none",
      partitioned: true,
    },
    "a=1; Domain=example.org; Path=/x y; Max-Age=60; Expires=Wed, 21 Oct 2015 07:28:00 GMT; HttpOnly; Secure; Partitioned; SameSite=None",
  ],
  [{ maxAge: 0, sameSite: "lax" }, "a=1; Max-Age=0; SameSite=Lax"],
  [{ sameSite: "strict" }, "a=1; SameSite=Strict"],
];

for (const [options, line] of encoded) {
  Deno.test(`encodeSetCookie() writes ${line}`, () => {
    assertEquals(encodeSetCookie("a", "1", options), line);
  });
}

Deno.test("encodeSetCookie() accepts every character that a value may have", () => {
  let value = "";
  for (let code = 0x21; code < 0x7f; code++) {
    if (!'",;\\'.includes(String.fromCharCode(code))) {
      value += String.fromCharCode(code);
    }
  }
  assertEquals(encodeSetCookie("a", value), `a=${value}`);
  assertEquals(encodeSetCookie("a", ""), "a=");
  assertEquals(
    encodeSetCookie("__Host-a", "1", { secure: true, path: "/" }),
    "__Host-a=1; Path=/; Secure",
  );
});

type ErrorClass = new (message: string) => Error;

const refused: readonly (readonly [
  name: string,
  value: string,
  options: CookieOptions,
  error: ErrorClass,
  text: string,
])[] = [
  ["", "1", {}, TypeError, "name"],
  ["a b", "1", {}, TypeError, "name"],
  ["a=", "1", {}, TypeError, "name"],
  ["a", "1; HttpOnly", {}, TypeError, "encodeURIComponent()"],
  ["a", "1\r\nX: y", {}, TypeError, "value"],
  ["a", "1,2", {}, TypeError, "value"],
  ["a", 'a"b', {}, TypeError, "value"],
  ["a", "a\\b", {}, TypeError, "value"],
  ["a", "\u00e9", {}, TypeError, "value"],
  ["a", "x".repeat(4096), {}, RangeError, "4096 bytes"],
  ["a", "1", { path: "x" }, TypeError, "path"],
  ["a", "1", { path: "/;x" }, TypeError, "path"],
  ["a", "1", { path: "/\n" }, TypeError, "path"],
  ["a", "1", { domain: "a b" }, TypeError, "domain"],
  ["a", "1", { domain: "a;b" }, TypeError, "domain"],
  ["a", "1", { domain: "" }, TypeError, "domain"],
  ["a", "1", { maxAge: 0.5 }, RangeError, "maxAge"],
  ["a", "1", { maxAge: Infinity }, RangeError, "maxAge"],
  ["a", "1", { expires: new Date(NaN) }, RangeError, "expires"],
  ["a", "1", { expires: new Date(1e15) }, RangeError, "expires"],
  ["a", "1", { sameSite: "Lax" as "lax" }, TypeError, "sameSite"],
  ["a", "1", { sameSite: "none" }, TypeError, "secure"],
  ["a", "1", { partitioned: true }, TypeError, "secure"],
  ["__Secure-a", "1", {}, TypeError, "secure"],
  ["__Host-a", "1", { path: "/" }, TypeError, "secure"],
  ["__Host-a", "1", { secure: true }, TypeError, "path"],
  [
    "__Host-a",
    "1",
    { secure: true, path: "/", domain: "a.org" },
    TypeError,
    "domain",
  ],
];

for (const [name, value, options, error, text] of refused) {
  const shown = JSON.stringify([name, value.slice(0, 20), options]);
  Deno.test(`encodeSetCookie() refuses ${shown}`, () => {
    assertThrows(() => encodeSetCookie(name, value, options), error, text);
  });
}
