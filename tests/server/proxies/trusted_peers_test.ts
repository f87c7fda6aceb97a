/** The list of trusted peers, and the settings of the PROXY protocol. */

import { assertEquals, assertThrows } from "@std/assert";
import { Server } from "../../../mod.ts";
import { TrustedPeers } from "../../../server/proxies/trusted_peers.ts";

function tcp(hostname: string): Deno.NetAddr {
  return { transport: "tcp", hostname, port: 1 };
}

const CASES: readonly {
  readonly trusted: readonly string[];
  readonly addr: Deno.Addr | undefined;
  readonly isTrusted: boolean;
}[] = [
  { trusted: ["10.0.0.0/8"], addr: tcp("10.1.2.3"), isTrusted: true },
  { trusted: ["10.0.0.0/8"], addr: tcp("11.1.2.3"), isTrusted: false },
  { trusted: ["10.0.0.0/8"], addr: tcp("::ffff:10.1.2.3"), isTrusted: true },
  { trusted: ["::1", "127.0.0.1"], addr: tcp("127.0.0.1"), isTrusted: true },
  { trusted: ["::1", "127.0.0.1"], addr: tcp("::1"), isTrusted: true },
  { trusted: ["::1"], addr: tcp("not an address"), isTrusted: false },
  { trusted: ["0.0.0.0/0", "::/0"], addr: undefined, isTrusted: false },
  {
    trusted: ["0.0.0.0/0"],
    addr: { transport: "unix", path: "/a" },
    isTrusted: false,
  },
  {
    trusted: ["unix"],
    addr: { transport: "unix", path: "" },
    isTrusted: true,
  },
  { trusted: ["unix"], addr: tcp("127.0.0.1"), isTrusted: false },
  { trusted: ["fe80::/10"], addr: tcp("fe80::1%eth0"), isTrusted: true },
  { trusted: ["fe80::/10"], addr: tcp("fd00::1%eth0"), isTrusted: false },
];

for (const { trusted, addr, isTrusted } of CASES) {
  Deno.test(`TrustedPeers of ${trusted} ${isTrusted ? "has" : "lacks"} ${JSON.stringify(addr)}`, () => {
    assertEquals(new TrustedPeers("Cannot test", trusted).has(addr), isTrusted);
  });
}

const MISTAKES: readonly (readonly [options: unknown, message: string])[] = [
  [{ trusted: [] }, "trusted names no peer"],
  [{ trusted: "10.0.0.1" }, "trusted names no peer"],
  [{}, "trusted names no peer"],
  [{ trusted: ["10.0.0.1", "localhost"] }, 'cannot trust "localhost"'],
  [{ trusted: ["10.0.0.1/8"] }, 'cannot trust "10.0.0.1/8"'],
  [{ trusted: ["Unix"] }, 'cannot trust "Unix"'],
  [{ trusted: [127] }, "a value of type number"],
  [{ trusted: ["10.0.0.1"], version: 2 }, '"version": no such option'],
  [undefined, 'as in { trusted: ["10.0.0.0/8"] }'],
  [true, "the option trusted is missing"],
  [["10.0.0.1"], "the option trusted is missing"],
  ["10.0.0.1", "the option trusted is missing"],
];

for (const [options, message] of MISTAKES) {
  Deno.test(`proxyProtocol() refuses ${JSON.stringify(options)}`, () => {
    const app = Server.builder("127.0.0.1:0");
    assertThrows(
      // The wrong types are what is tested.
      () => app.proxyProtocol(options as { trusted: string[] }),
      TypeError,
      message,
    );
  });
}
