import { assertEquals } from "@std/assert";
import {
  decodeSocketAddress,
  encodeSocketAddress,
  isIpv6,
  withPort,
} from "../../../../server/engines/epoll/socket_address.ts";

/** Addresses as strings, and as they are after decoding. */
const ADDRESSES: readonly (readonly [text: string, canonical: string])[] = [
  ["127.0.0.1", "127.0.0.1"],
  ["0.0.0.0", "0.0.0.0"],
  ["255.1.20.3", "255.1.20.3"],
  ["::", "::"],
  ["::1", "::1"],
  ["1::", "1::"],
  ["2001:db8::1", "2001:db8::1"],
  ["2001:DB8:0:0:1:0:0:1", "2001:db8::1:0:0:1"],
  ["2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1"],
  ["fe80::1:0:0:a", "fe80::1:0:0:a"],
  ["1:2:3:4:5:6:7:8", "1:2:3:4:5:6:7:8"],
  ["::ffff:127.0.0.1", "::ffff:127.0.0.1"],
  ["64:ff9b::1.2.3.4", "64:ff9b::102:304"],
];

for (const [text, canonical] of ADDRESSES) {
  Deno.test(`encodeSocketAddress() takes ${text}`, () => {
    const bytes = encodeSocketAddress(text, 8080)!; // it is an address
    assertEquals(isIpv6(bytes), text.includes(":"));
    assertEquals(bytes.length, text.includes(":") ? 28 : 16);
    assertEquals(decodeSocketAddress(bytes), {
      transport: "tcp",
      hostname: canonical,
      port: 8080,
    });
  });
}

Deno.test("encodeSocketAddress() writes the system's structures", () => {
  assertEquals(
    [...encodeSocketAddress("127.0.0.1", 0x1f90)!], // it is an address
    [2, 0, 0x1f, 0x90, 127, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0],
  );
  const ipv6 = encodeSocketAddress("::1", 443)!; // it is an address
  assertEquals([...ipv6.subarray(0, 8)], [10, 0, 1, 187, 0, 0, 0, 0]);
  assertEquals([...ipv6.subarray(8)], [
    ...new Array(15).fill(0),
    1,
    0,
    0,
    0,
    0,
  ]);
});

Deno.test("encodeSocketAddress() leaves names to the resolver", () => {
  for (const name of ["localhost", "256.0.0.1", "1.2.3", "a.b"]) {
    assertEquals(encodeSocketAddress(name, 80), null);
  }
});

Deno.test("withPort() changes the port of a copy", () => {
  const bytes = encodeSocketAddress("127.0.0.1", 80)!; // it is an address
  assertEquals(decodeSocketAddress(withPort(bytes, 65_535))?.port, 65_535);
  assertEquals(decodeSocketAddress(bytes)?.port, 80);
});

Deno.test("decodeSocketAddress() returns null for other families", () => {
  assertEquals(decodeSocketAddress(new Uint8Array([1, 0, 47, 97])), null);
});
