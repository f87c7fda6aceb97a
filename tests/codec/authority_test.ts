import { assert, assertEquals } from "@std/assert";
import { encodeLatin1 } from "../../codec/ascii.ts";
import {
  isIpv6Address,
  isPlainAuthority,
  isSameAuthority,
  parseAuthority,
} from "../../codec/authority.ts";

const VALID: readonly (readonly [
  text: string,
  host: string,
  port: number | null,
])[] = [
  ["a", "a", null],
  ["A.Example:8080", "a.example", 8080],
  ["a:", "a", null],
  ["a:0", "a", 0],
  ["a:00080", "a", 80],
  ["a:65535", "a", 65_535],
  ["127.0.0.1:80", "127.0.0.1", 80],
  ["a_b", "a_b", null],
  ["!$&'()*+;=~-._", "!$&'()*+;=~-._", null],
  ["[::1]", "[::1]", null],
  ["[::1]:80", "[::1]", 80],
  ["[2001:DB8::1]:", "[2001:db8::1]", null],
  ["[::ffff:1.2.3.4]", "[::ffff:1.2.3.4]", null],
];

const INVALID = [
  ..."|:80|a b|a/b|a?x|a#f|u@a|http://a|a:b|a:65536|a:-1|a:+1".split("|"),
  ..."a:1:2|[::1|::1]|::1|[::1]x|[::1]:x|[]|[v1.a]|%41|a\\b|a,b".split("|"),
  ...["a\0", "a\x80", "\u212a", "a:99999999999999999999", "a:1 ", "a:\uff11"],
];

Deno.test("parseAuthority() R50: returns the host in lower case and the port", () => {
  for (const [text, host, port] of VALID) {
    assertEquals(parseAuthority(text), { host, port }, text);
  }
});

Deno.test("parseAuthority() R49: returns null for anything else", () => {
  for (const text of INVALID) assertEquals(parseAuthority(text), null, text);
});

Deno.test("isPlainAuthority() accepts nothing that parseAuthority() refuses", () => {
  let plain = 0;
  for (const text of [...VALID.map(([text]) => text), ...INVALID]) {
    if (/[^\0-\xff]/.test(text)) continue;
    const bytes = encodeLatin1(`<${text}>`);
    if (!isPlainAuthority(bytes, 1, 1 + text.length)) continue;
    plain++;
    assert(parseAuthority(text) !== null, text);
  }
  assertEquals(plain, 7);
});

Deno.test("isIpv6Address() R49, R50: accepts the forms of RFC 3986", () => {
  for (
    const text of [
      ...["::", "::1", "1::", "1:2:3:4:5:6:7:8", "1:2:3:4:5:6:7::"],
      ...["::2:3:4:5:6:7:8", "1::8", "1:2:3:4:5:6:1.2.3.4", "::1.2.3.4"],
      ...["::255.255.255.255", "abcd:EF01::"],
    ]
  ) assertEquals(isIpv6Address(text), true, text);
  for (
    const text of [
      ...["", ":", ":::", "1", "1:2:3:4:5:6:7", "1:2:3:4:5:6:7:8:9"],
      ...["1:2:3:4:5:6:7::8", "1::2::3", "12345::", "g::", ":1::", "1:"],
      ...["::1.2.3", "::1.2.3.256", "::01.2.3.4", "1.2.3.4::", "1.2.3.4"],
      ...["1:2:3:4:5:6:7:1.2.3.4", "::1%eth0"],
    ]
  ) assertEquals(isIpv6Address(text), false, text);
});

Deno.test("isSameAuthority() R50: applies the default port", () => {
  const a = { host: "a", port: null };
  assert(isSameAuthority(a, { host: "a", port: 80 }, 80));
  assert(isSameAuthority(a, a, 80));
  assert(!isSameAuthority(a, { host: "a", port: 80 }, 443));
  assert(!isSameAuthority(a, { host: "b", port: null }, 80));
});
