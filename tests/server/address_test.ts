/** The forms of an address to listen on, and addresses that are rejected. */

import { assertEquals, assertThrows } from "@std/assert";
import {
  type Address,
  type ListenAddress,
  parseAddress,
} from "../../server/address.ts";

const tcp = (hostname: string, port: number): ListenAddress => ({
  transport: "tcp",
  hostname,
  port,
});
const unix = (path: string): ListenAddress => ({ transport: "unix", path });

const accepted: readonly (readonly [Address, ListenAddress])[] = [
  ["127.0.0.1:8080", tcp("127.0.0.1", 8080)],
  ["localhost:0", tcp("localhost", 0)],
  ["example.org:65535", tcp("example.org", 65_535)],
  ["[::]:80", tcp("::", 80)],
  ["[::1]:8080", tcp("::1", 8080)],
  ["unix:/run/app.sock", unix("/run/app.sock")],
  ["unix:app.sock", unix("app.sock")],
  [{ port: 80 }, tcp("0.0.0.0", 80)],
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
  "unix:a\0b",
  { port: -1 },
  { port: 65_536 },
  { port: 1.5 },
  { port: NaN },
  { hostname: "", port: 80 },
  { hostname: "a:80", port: 80 },
  { hostname: "a/b", port: 80 },
  { path: "" },
];

for (const address of refused) {
  Deno.test(`parseAddress() rejects ${JSON.stringify(address)}`, () => {
    assertThrows(() => parseAddress(address), TypeError, "Cannot listen on");
  });
}
