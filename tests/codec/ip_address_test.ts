/** Parsing and formatting of IP addresses, and membership in blocks. */

import { assert, assertEquals } from "@std/assert";
import {
  formatIpAddress,
  isInBlock,
  parseIpAddress,
  parseIpBlock,
} from "../../codec/ip_address.ts";

/** An address, its bytes in hexadecimal, and its usual form. */
const ADDRESSES:
  readonly (readonly [text: string, hex: string, usual: string])[] = [
    ["0.0.0.0", "00000000", "0.0.0.0"],
    ["192.0.2.1", "c0000201", "192.0.2.1"],
    ["255.255.255.255", "ffffffff", "255.255.255.255"],
    ["::", "0".repeat(32), "::"],
    ["::1", `${"0".repeat(30)}01`, "::1"],
    ["1::", `0001${"0".repeat(28)}`, "1::"],
    ["2001:DB8:0:0:0:0:0:1", "20010db8000000000000000000000001", "2001:db8::1"],
    [
      "2001:db8::1:0:0:1",
      "20010db8000000000001000000000001",
      "2001:db8::1:0:0:1",
    ],
    [
      "2001:db8:0:0:1::1",
      "20010db8000000000001000000000001",
      "2001:db8::1:0:0:1",
    ],
    [
      "2001:db8:0:1:1:1:1:1",
      "20010db8000000010001000100010001",
      "2001:db8:0:1:1:1:1:1",
    ],
    ["2001:0:0:1:0:0:0:1", "20010000000000010000000000000001", "2001:0:0:1::1"],
    ["1:2:3:4:5:6:7:8", "00010002000300040005000600070008", "1:2:3:4:5:6:7:8"],
    ["0:0:3:4:5:6:7:8", "00000000000300040005000600070008", "::3:4:5:6:7:8"],
    ["1:2:3:4:5:6::", "00010002000300040005000600000000", "1:2:3:4:5:6::"],
    [
      "::ffff:192.0.2.1",
      "00000000000000000000ffffc0000201",
      "::ffff:192.0.2.1",
    ],
    ["::ffff:c000:201", "00000000000000000000ffffc0000201", "::ffff:192.0.2.1"],
    [
      "64:ff9b::192.0.2.1",
      "0064ff9b0000000000000000c0000201",
      "64:ff9b::c000:201",
    ],
  ];

for (const [text, hex, usual] of ADDRESSES) {
  Deno.test(`parseIpAddress() and formatIpAddress() convert ${text}`, () => {
    const bytes = parseIpAddress(text);
    assert(bytes !== null);
    assertEquals(bytes.toHex(), hex);
    assertEquals(formatIpAddress(bytes), usual);
  });
}

const NO_ADDRESSES = [
  ...[
    "",
    "1.2.3",
    "1.2.3.4.5",
    "01.2.3.4",
    "1.2.3.256",
    "1.2.3.4 ",
    "0x1.2.3.4",
  ],
  ...[":", ":::", "1::2::3", "1:2:3:4:5:6:7", "1:2:3:4:5:6:7:8:9", "12345::"],
  ...["[::1]", "fe80::1%eth0", "::1.2.3", "1.2.3.4::", "g::", "localhost"],
];

for (const text of NO_ADDRESSES) {
  Deno.test(`parseIpAddress() refuses ${JSON.stringify(text)}`, () => {
    assertEquals(parseIpAddress(text), null);
  });
}

const BLOCKS: readonly {
  readonly block: string;
  readonly inside: readonly string[];
  readonly outside: readonly string[];
}[] = [
  {
    block: "10.0.0.0/8",
    inside: ["10.0.0.0", "10.255.255.255", "::ffff:10.1.2.3"],
    outside: ["9.255.255.255", "11.0.0.0", "::a00:0"],
  },
  {
    block: "192.0.2.128/25",
    inside: ["192.0.2.128", "192.0.2.255"],
    outside: ["192.0.2.127", "192.0.3.128"],
  },
  { block: "192.0.2.7", inside: ["192.0.2.7"], outside: ["192.0.2.6"] },
  { block: "192.0.2.7/32", inside: ["192.0.2.7"], outside: ["192.0.2.6"] },
  { block: "0.0.0.0/0", inside: ["0.0.0.0", "255.1.1.1"], outside: ["::1"] },
  { block: "::/0", inside: ["::1", "2001:db8::1"], outside: ["10.0.0.1"] },
  {
    block: "2001:db8::/33",
    inside: ["2001:db8::1", "2001:db8:7fff::"],
    outside: ["2001:db8:8000::", "2001:db9::"],
  },
  {
    block: "::ffff:10.0.0.0/104",
    inside: ["10.9.9.9", "::ffff:10.9.9.9"],
    outside: ["11.0.0.0"],
  },
];

for (const { block, inside, outside } of BLOCKS) {
  Deno.test(`isInBlock() compares the first bits of ${block}`, () => {
    const parsed = parseIpBlock(block);
    assert(parsed !== null);
    const has = (text: string): boolean => {
      const bytes = parseIpAddress(text);
      assert(bytes !== null);
      return isInBlock(parsed, bytes);
    };
    assertEquals(inside.filter((text) => !has(text)), []);
    assertEquals(outside.filter(has), []);
  });
}

const NO_BLOCKS = [
  ...["", "/", "/8", "10.0.0.0/", "10.0.0.0/33", "10.0.0.0/08", "10.0.0.0/-1"],
  ...["10.0.0.1/8", "192.0.2.129/25", "::1/127", "::/129", "::/8/8", "unix"],
  ...["10.0.0.0/8 ", "10.0.0.0/8.0", "localhost/8", "*"],
];

for (const text of NO_BLOCKS) {
  Deno.test(`parseIpBlock() refuses ${JSON.stringify(text)}`, () => {
    assertEquals(parseIpBlock(text), null);
  });
}
