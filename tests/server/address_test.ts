/** The forms of an address to listen on, and addresses that are rejected. */

import { assertEquals, assertThrows } from "@std/assert";
import {
  type Address,
  addressText,
  type ListenAddress,
  parseAddress,
} from "../../server/address.ts";

const tcp = (hostname: string, port: number): ListenAddress => ({
  transport: "tcp",
  hostname,
  port,
});
const unix = (path: string): ListenAddress => ({ transport: "unix", path });
const fd = (number: number): ListenAddress => ({
  transport: "fd",
  fd: number,
});

const accepted: readonly (readonly [Address, ListenAddress])[] = [
  ["127.0.0.1:8080", tcp("127.0.0.1", 8080)],
  ["localhost:0", tcp("localhost", 0)],
  ["example.org:65535", tcp("example.org", 65_535)],
  ["[::]:80", tcp("::", 80)],
  ["[::1]:8080", tcp("::1", 8080)],
  ["unix:/run/app.sock", unix("/run/app.sock")],
  ["unix:app.sock", unix("app.sock")],
  ["fd:3", fd(3)],
  ["fd:2147483647", fd(2_147_483_647)],
  [{ port: 80 }, tcp("0.0.0.0", 80)],
  [8080, tcp("0.0.0.0", 8080)],
  [0, tcp("0.0.0.0", 0)],
  [{ hostname: "::1", port: 0 }, tcp("::1", 0)],
  [{ path: "/run/app.sock" }, unix("/run/app.sock")],
];

for (const [address, expected] of accepted) {
  Deno.test(`parseAddress() accepts ${JSON.stringify(address)}`, () => {
    assertEquals(parseAddress(address), expected);
  });
}

const refused: readonly Address[] = [
  "",
  "127.0.0.1",
  "8080",
  ":8080",
  "127.0.0.1:",
  "127.0.0.1:65536",
  "127.0.0.1:-1",
  "127.0.0.1:http",
  "::1:80",
  "[::1]",
  "[::1:80",
  "[zz]:80",
  "a b:80",
  "http://127.0.0.1:80",
  "unix:",
  "fd:",
  "fd:x",
  "fd:-1",
  "fd:2147483648",
  "unix:a\0b",
  -1,
  80.5,
  NaN,
  { port: -1 },
  { port: 65_536 },
  { port: 1.5 },
  { port: NaN },
  { hostname: "", port: 80 },
  { hostname: "a:80", port: 80 },
  { hostname: "a/b", port: 80 },
  { path: "" },
  { path: "/run/app.sock", port: 80 },
  { path: "/run/app.sock", hostname: "a" },
];

for (const address of refused) {
  Deno.test(`parseAddress() rejects ${JSON.stringify(address)}`, () => {
    assertThrows(() => parseAddress(address), TypeError, "Cannot listen on");
  });
}

for (const value of [undefined, null, true, () => {}]) {
  Deno.test(`parseAddress() rejects ${String(value)} and says what it accepts`, () => {
    assertThrows(
      () => parseAddress(value as unknown as Address),
      TypeError,
      "write host:port",
    );
  });
}

for (const text of ["8080", ":8080"]) {
  Deno.test(`parseAddress() says what to write for ${JSON.stringify(text)}`, () => {
    for (const advice of ['"127.0.0.1:8080"', "the number 8080"]) {
      assertThrows(() => parseAddress(text), TypeError, advice);
    }
  });
}

const NEARLY: readonly (readonly [address: unknown, advice: string])[] = [
  ["FD:3", "write fd: in lower case"],
  ["UNIX:/run/app.sock", "write unix: in lower case"],
  ["/run/app.sock", 'write "unix:/run/app.sock"'],
  ["./app.sock", 'write "unix:./app.sock"'],
  ["http://127.0.0.1:80", "write host:port, and call tls() for HTTPS"],
  [{ hostname: "127.0.0.1" }, "the port is missing"],
  [{ host: "127.0.0.1", port: 80 }, "the name is hostname"],
  [{ fd: 3 }, 'no such property as "fd"'],
  [{ path: 80 }, "the path is not a string"],
  [{ path: "/a", port: 80 }, "pass a list of two addresses"],
];

for (const [address, advice] of NEARLY) {
  Deno.test(`parseAddress() says what is wrong with ${JSON.stringify(address)}`, () => {
    // The wrong types are what is tested.
    assertThrows(() => parseAddress(address as Address), TypeError, advice);
  });
}

Deno.test("parseAddress() accepts addresses of the runtime's listeners", () => {
  const tcp = { transport: "tcp", hostname: "::1", port: 80 } as const;
  const unix = { transport: "unix", path: "/run/app.sock" } as const;
  assertEquals([parseAddress(tcp), parseAddress(unix)], [tcp, unix]);
});

Deno.test("addressText() writes what parseAddress() reads", () => {
  for (const text of ["127.0.0.1:80", "[::1]:0", "unix:/run/app.sock"]) {
    assertEquals(addressText(parseAddress(text)), text);
  }
});
