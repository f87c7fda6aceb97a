import { assertEquals, assertThrows } from "@std/assert";
import { RequestTarget } from "../../codec/request_target.ts";

Deno.test("RequestTarget.parse() R16, R17, R20, R21, R24: splits the four forms by hand", () => {
  for (
    const [method, text, form, scheme, authority, path, query] of [
      ["GET", "/", "origin", null, null, "/", null],
      ["GET", "/a?b", "origin", null, null, "/a", "b"],
      ["GET", "/a?", "origin", null, null, "/a", ""],
      ["GET", "/a?b?c", "origin", null, null, "/a", "b?c"],
      [
        "GET",
        "//evil.example/x",
        "origin",
        null,
        null,
        "//evil.example/x",
        null,
      ],
      ["GET", "/a/../%2e%2E/b", "origin", null, null, "/a/../%2e%2E/b", null],
      ["GET", "/http://a/", "origin", null, null, "/http://a/", null],
      ["GET", "http://a/x?y", "absolute", "http", "a", "/x", "y"],
      ["GET", "HTTP://A:80", "absolute", "http", "A:80", "/", null],
      ["GET", "hTTps://a?x=1", "absolute", "https", "a", "/", "x=1"],
      ["GET", "http://[::1]:8/?", "absolute", "http", "[::1]:8", "/", ""],
      ["GET", "http://a//b/..", "absolute", "http", "a", "//b/..", null],
      ["OPTIONS", "*", "asterisk", null, null, "", null],
      ["CONNECT", "a:443", "authority", null, "a:443", "", null],
      ["CONNECT", "[::1]:1", "authority", null, "[::1]:1", "", null],
    ] as const
  ) {
    const target = RequestTarget.parse(text, method);
    assertEquals(
      [
        ...[target.form, target.scheme, target.authority],
        ...[target.path, target.query],
      ],
      [form, scheme, authority, path, query],
      text,
    );
    assertEquals(String(target), text);
  }
});

Deno.test("RequestTarget.pathAndQuery is written as in origin form", () => {
  assertEquals(RequestTarget.parse("http://a?x").pathAndQuery, "/?x");
  assertEquals(RequestTarget.parse("/a?").pathAndQuery, "/a?");
  assertEquals(RequestTarget.parse("/a").pathAndQuery, "/a");
  assertEquals(RequestTarget.parse("*", "OPTIONS").pathAndQuery, "");
});

Deno.test("RequestTarget.parse() R19, R20, R22, R24: refuses a target without a valid form", () => {
  for (
    const [method, text] of [
      ["GET", ""],
      ["GET", "path"],
      ["GET", "a.example:80"],
      ["GET", "?x"],
      ["GET", "foo/bar"],
      ["GET", "*"],
      ["OPTIONS", "*x"],
      ["OPTIONS", "**"],
      ["options", "*"],
      ["GET", "http://u:p@a/"],
      ["GET", "ftp://a/"],
      ["GET", "http:///x"],
      ["GET", "http://"],
      ["GET", "http:/a"],
      ["GET", "http://a:x/"],
      ["GET", "http://a:65536/"],
      ["GET", "httpx://a/"],
      ["CONNECT", "a"],
      ["CONNECT", "a:"],
      ["CONNECT", "a:0"],
      ["CONNECT", "a:65536"],
      ["CONNECT", "/x"],
      ["CONNECT", "http://a/"],
      ["CONNECT", "u@a:1"],
      ["CONNECT", "a:1/"],
      ["connect", "a:1"],
    ] as const
  ) {
    assertEquals(RequestTarget.maybeParse(text, method), null, text);
    assertThrows(
      () => RequestTarget.parse(text, method),
      TypeError,
      `Cannot parse request target ${JSON.stringify(text)}`,
    );
  }
});
