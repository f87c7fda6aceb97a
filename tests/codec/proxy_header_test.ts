/** The PROXY header, versions 1 and 2, in every split, and that no byte after it is taken. */

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import {
  type ProxiedEnds,
  ProxyHeaderDecoder,
} from "../../codec/proxy_header.ts";
import { encodeLatin1 } from "../support/latin1.ts";
import { SeededRandom } from "../support/random.ts";

/** What a decoder has made of some bytes. */
interface Outcome {
  readonly ends: ProxiedEnds | null;
  readonly fault: string | null;
  readonly isComplete: boolean;
  /** How many bytes it has taken. */
  readonly count: number;
}

/** Feeds bytes to a decoder. Each read gets at most `sizeOf()` bytes, and never more than the decoder wants. */
function decode(bytes: Uint8Array, sizeOf: (at: number) => number): Outcome {
  const decoder = new ProxyHeaderDecoder();
  let at = 0;
  while (at < bytes.length && !decoder.isComplete && decoder.fault === null) {
    const { space } = decoder;
    assert(space.length > 0, "a decoder that is not done wants bytes");
    const size = Math.min(space.length, sizeOf(at), bytes.length - at);
    space.set(bytes.subarray(at, at + size));
    decoder.received(size);
    at += size;
  }
  const { ends, fault, isComplete, count } = decoder;
  assertEquals(count, at);
  return { ends, fault, isComplete, count };
}

/** Decodes bytes in each way of splitting them, and checks that all agree. */
function decodeEverySplit(bytes: Uint8Array): Outcome {
  const whole = decode(bytes, () => Infinity);
  const check = (split: Outcome): void => {
    // A fault may be noticed after fewer bytes.
    assertEquals({ ...split, count: 0, fault: split.fault !== null }, {
      ...whole,
      count: 0,
      fault: whole.fault !== null,
    });
    if (whole.isComplete) assertEquals(split.count, whole.count);
  };
  check(decode(bytes, () => 1));
  for (let cut = 1; cut < bytes.length; cut++) {
    check(decode(bytes, (at) => at < cut ? cut - at : Infinity));
  }
  return whole;
}

const SIGNATURE = "\r\n\r\n\0\r\nQUIT\n";
const NEXT = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";

/** A version 2 header. */
function binary(command: number, family: number, rest: string): string {
  const { length } = rest;
  return SIGNATURE +
    String.fromCharCode(command, family, length >> 8, length & 0xff) + rest;
}

const IPV4 = "\xc0\x00\x02\x01\x0a\x00\x00\x02\xdb\xfc\x01\xbb";
const V6_A = `\x20\x01\x0d\xb8${"\0".repeat(11)}\x01`;
const V6_B = `\x20\x01\x0d\xb8${"\0".repeat(11)}\x02`;
const IPV6 = `${V6_A}${V6_B}\xdb\xfc\x01\xbb`;
const UNIX = "/run/a.sock".padEnd(108, "\0") + "\0abstract".padEnd(108, "\0");
/** An extension of type 0x04 (§2.2.4), whose bytes look like something else. */
const EXTENSION = `\x04\x00${String.fromCharCode(NEXT.length)}${NEXT}`;

function tcp(hostname: string, port: number): ProxiedEnds["source"] {
  return { transport: "tcp", hostname, port };
}

const IPV4_ENDS = {
  source: tcp("192.0.2.1", 56_316),
  destination: tcp("10.0.0.2", 443),
};
const IPV6_ENDS = {
  source: tcp("2001:db8::1", 56_316),
  destination: tcp("2001:db8::2", 443),
};

const VALID: readonly {
  readonly name: string;
  readonly wire: string;
  readonly ends: ProxiedEnds | null;
}[] = [
  {
    name: "version 1 with IPv4",
    wire: "PROXY TCP4 192.0.2.1 10.0.0.2 56316 443\r\n",
    ends: IPV4_ENDS,
  },
  {
    name: "the shortest line with IPv4",
    wire: "PROXY TCP4 1.1.1.1 1.1.1.1 1 1\r\n",
    ends: { source: tcp("1.1.1.1", 1), destination: tcp("1.1.1.1", 1) },
  },
  {
    name: "the longest line with IPv4",
    wire: "PROXY TCP4 255.255.255.255 255.255.255.255 65535 65535\r\n",
    ends: {
      source: tcp("255.255.255.255", 65_535),
      destination: tcp("255.255.255.255", 65_535),
    },
  },
  {
    name: "version 1 with IPv6",
    wire: "PROXY TCP6 2001:DB8:0:0::1 2001:db8::2 56316 443\r\n",
    ends: IPV6_ENDS,
  },
  {
    name: "the shortest line with IPv6",
    wire: "PROXY TCP6 :: :: 0 0\r\n",
    ends: { source: tcp("::", 0), destination: tcp("::", 0) },
  },
  {
    name: "an IPv4-mapped address in version 1",
    wire: "PROXY TCP6 ::ffff:192.0.2.1 ::ffff:10.0.0.2 56316 443\r\n",
    ends: {
      source: tcp("::ffff:192.0.2.1", 56_316),
      destination: tcp("::ffff:10.0.0.2", 443),
    },
  },
  {
    name: "the longest line with IPv6",
    wire: `PROXY TCP6 ${"ffff:".repeat(8).slice(0, -1)} ${
      "ffff:".repeat(8).slice(0, -1)
    } 65535 65535\r\n`,
    ends: {
      source: tcp("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", 65_535),
      destination: tcp("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", 65_535),
    },
  },
  { name: "UNKNOWN alone", wire: "PROXY UNKNOWN\r\n", ends: null },
  {
    name: "UNKNOWN with anything",
    wire: "PROXY UNKNOWN any thing\0\xff at  all \r\n",
    ends: null,
  },
  {
    name: "the longest line with UNKNOWN",
    wire: `PROXY UNKNOWN ${"x".repeat(91)}\r\n`,
    ends: null,
  },
  {
    name: "version 2 with TCP over IPv4",
    wire: binary(0x21, 0x11, IPV4),
    ends: IPV4_ENDS,
  },
  {
    name: "version 2 with UDP over IPv4",
    wire: binary(0x21, 0x12, IPV4),
    ends: IPV4_ENDS,
  },
  {
    name: "version 2 with TCP over IPv6",
    wire: binary(0x21, 0x21, IPV6),
    ends: IPV6_ENDS,
  },
  {
    name: "version 2 with extensions",
    wire: binary(0x21, 0x11, IPV4 + EXTENSION),
    ends: IPV4_ENDS,
  },
  {
    name: "version 2 with Unix sockets",
    wire: binary(0x21, 0x31, UNIX),
    ends: {
      source: { transport: "unix", path: "/run/a.sock" },
      destination: { transport: "unix", path: "\0abstract" },
    },
  },
  {
    name: "version 2 with unnamed Unix sockets and full paths",
    wire: binary(0x21, 0x31, "\0".repeat(108) + "p".repeat(108)),
    ends: {
      source: { transport: "unix", path: "" },
      destination: { transport: "unix", path: "p".repeat(108) },
    },
  },
  { name: "LOCAL", wire: binary(0x20, 0x00, ""), ends: null },
  { name: "LOCAL with addresses", wire: binary(0x20, 0x11, IPV4), ends: null },
  {
    name: "LOCAL with too few bytes for addresses",
    wire: binary(0x20, 0x11, "abc"),
    ends: null,
  },
  {
    name: "LOCAL with an unknown family",
    wire: binary(0x20, 0xff, "abc"),
    ends: null,
  },
  {
    name: "an unspecified family",
    wire: binary(0x21, 0x00, EXTENSION),
    ends: null,
  },
  {
    name: "an unspecified protocol over IPv4",
    wire: binary(0x21, 0x10, IPV4),
    ends: null,
  },
  {
    name: "the longest version 2",
    wire: binary(0x21, 0x11, IPV4 + "\0".repeat(4084)),
    ends: IPV4_ENDS,
  },
];

for (const { name, wire, ends } of VALID) {
  Deno.test(`ProxyHeaderDecoder reads ${name}, and nothing after it`, () => {
    const outcome = wire.length < 1000
      ? decodeEverySplit(encodeLatin1(wire + NEXT))
      : decode(encodeLatin1(wire + NEXT), () => 100);
    assertEquals(outcome, {
      ends,
      fault: null,
      isComplete: true,
      count: wire.length,
    });
  });

  Deno.test(`ProxyHeaderDecoder waits for the rest of ${name}`, () => {
    const bytes = encodeLatin1(wire);
    const step = Math.ceil(bytes.length / 300);
    for (let end = 0; end < bytes.length; end += step) {
      const outcome = decode(bytes.subarray(0, end), () => Infinity);
      assertEquals(outcome.isComplete, false);
      assertEquals(outcome.fault, null);
    }
  });
}

const INVALID:
  readonly (readonly [name: string, wire: string, fault: string])[] = [
    ["a request", NEXT, "other bytes"],
    ["TLS", "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", "other bytes"],
    ["lower case", "proxy TCP4 1.1.1.1 1.1.1.1 1 1\r\n", "other bytes"],
    [
      "a signature with another end",
      "\r\n\r\n\0\r\nQUIT\r\x21\x11",
      "other bytes",
    ],
    ["UDP4", "PROXY UDP4 1.1.1.1 1.1.1.1 1 1\r\n", "not valid"],
    ["a longer UNKNOWN", "PROXY UNKNOWNS a\r\n", "not valid"],
    ["two spaces", "PROXY TCP4  1.1.1.1 1.1.1.1 1 1\r\n", "not valid"],
    ["a tab", "PROXY TCP4 1.1.1.1\t1.1.1.1 1 1\r\n", "not valid"],
    [
      "a space before the end",
      "PROXY TCP4 1.1.1.1 1.1.1.1 1 1 \r\n",
      "not valid",
    ],
    ["a seventh field", "PROXY TCP4 1.1.1.1 1.1.1.1 1 1 1\r\n", "not valid"],
    ["a missing field", "PROXY TCP4 11.11.11.11 1.1.1.1 1\r\n", "not valid"],
    [
      "IPv6 after TCP4",
      "PROXY TCP4 2001:db8::1 2001:db8::2 1 1\r\n",
      "not valid",
    ],
    ["IPv4 after TCP6", "PROXY TCP6 1.1.1.1 1.1.1.1 1 1\r\n", "not valid"],
    ["a host name", "PROXY TCP4 localhost 1.1.1.1 1 1\r\n", "not valid"],
    [
      "a leading zero in an address",
      "PROXY TCP4 01.1.1.1 1.1.1.1 1 1\r\n",
      "not valid",
    ],
    [
      "a leading zero in a port",
      "PROXY TCP4 1.1.1.1 1.1.1.1 01 1\r\n",
      "not valid",
    ],
    ["port 65536", "PROXY TCP4 1.1.1.1 1.1.1.1 65536 1\r\n", "not valid"],
    ["a negative port", "PROXY TCP4 1.1.1.1 1.1.1.1 -1 1\r\n", "not valid"],
    ["a zone", "PROXY TCP6 fe80::1%eth0 fe80::1 1 1\r\n", "not valid"],
    ["a bare LF", "PROXY TCP4 1.1.1.1 1.1.1.1 1 1\n" + NEXT, "not valid"],
    ["a bare CR", "PROXY TCP4 1.1.1.1 1.1.1.1 1 1\r" + NEXT, "not valid"],
    ["a bare LF after UNKNOWN", "PROXY UNKNOWN\n" + NEXT, "not valid"],
    [
      "a line of 108 bytes",
      `PROXY UNKNOWN ${"x".repeat(92)}\r\n`,
      "longer than 107",
    ],
    ["a line without end", `PROXY TCP4 ${"1".repeat(9000)}`, "longer than 107"],
    [
      "version 1 in binary",
      binary(0x11, 0x11, IPV4),
      "version and command are 0x11",
    ],
    ["version 3", binary(0x31, 0x11, IPV4), "version and command are 0x31"],
    ["command 2", binary(0x22, 0x11, IPV4), "version and command are 0x22"],
    ["family 4", binary(0x21, 0x41, IPV4), "protocol are 0x41"],
    ["protocol 3", binary(0x21, 0x13, IPV4), "protocol are 0x13"],
    [
      "11 bytes of IPv4",
      binary(0x21, 0x11, IPV4.slice(1)),
      "do not fit into 11",
    ],
    [
      "35 bytes of IPv6",
      binary(0x21, 0x21, IPV6.slice(1)),
      "do not fit into 35",
    ],
    [
      "215 bytes of paths",
      binary(0x21, 0x31, UNIX.slice(1)),
      "do not fit into 215",
    ],
    ["4097 bytes", binary(0x21, 0x11, "\0".repeat(4097)), "more than 4096"],
    ["65535 bytes", `${SIGNATURE}\x20\x00\xff\xff`, "more than 4096"],
  ];

for (const [name, wire, fault] of INVALID) {
  Deno.test(`ProxyHeaderDecoder refuses ${name}`, () => {
    const bytes = encodeLatin1(wire).subarray(0, 300);
    const outcome = decodeEverySplit(bytes);
    assertStringIncludes(outcome.fault ?? "", fault);
    assertEquals([outcome.ends, outcome.isComplete], [null, false]);
  });
}

Deno.test("ProxyHeaderDecoder makes the bytes of a fault printable", () => {
  const wire = `PROXY TCP4 \x1b[2J\xff\u0007${"a".repeat(20)} 1 1\r\n`;
  const { fault } = decode(encodeLatin1(wire), () => Infinity);
  assert(/^[\x20-\x7e]+$/.test(fault ?? ""), fault ?? "no fault");
});

Deno.test("ProxyHeaderDecoder ends for any change of a valid header, in bounded memory", () => {
  const random = new SeededRandom(4711);
  for (const { wire } of VALID) {
    const valid = encodeLatin1(wire + NEXT);
    for (let round = 0; round < 200; round++) {
      const bytes = valid.slice(0, 300);
      for (let change = random.below(3); change >= 0; change--) {
        bytes[random.below(Math.min(bytes.length, 64))] = random.below(256);
      }
      const { count, isComplete } = decode(bytes, () => 1 + random.below(40));
      assert(count <= 16 + 4096);
      if (isComplete) assert(count >= 15);
    }
  }
});
