/** The elements of `Forwarded` and `X-Forwarded-For`, from the last to the first. */

import { assert, assertEquals } from "@std/assert";
import {
  forwardedForHops,
  type ForwardedHop,
  forwardedHops,
  lastElement,
} from "../../codec/forwarded.ts";
import { formatIpAddress } from "../../codec/ip_address.ts";
import { SeededRandom } from "../support/random.ts";

/** An element in one string: the address or `?`, then protocol and host; `!` if it is not valid. */
function show(hop: ForwardedHop | null): string {
  if (hop === null) return "!";
  const { address, protocol, host } = hop;
  const shown = address === null ? "?" : formatIpAddress(address);
  return [shown, protocol, host].filter((part) => part !== null).join(" ");
}

const FORWARDED: readonly (readonly [value: string, ...hops: string[]])[] = [
  [""],
  [" , ,, "],
  ["for=192.0.2.60;proto=http;by=203.0.113.43", "192.0.2.60 http"],
  ["for=192.0.2.43, for=198.51.100.17", "198.51.100.17", "192.0.2.43"],
  ['For="[2001:db8:cafe::17]:4711"', "2001:db8:cafe::17"],
  ['for="[2001:db8::1]";HOST="a.example:8080"', "2001:db8::1 a.example:8080"],
  ['for="192.0.2.43:47011"', "192.0.2.43"],
  ['for="192.0.2.43:_port"', "192.0.2.43"],
  ["for=_gazonk", "?"],
  ['for="_SEVKISEK:_p.1"', "?"],
  ["for=unknown;proto=https", "? https"],
  ["for=Unknown", "?"],
  ["proto=https", "? https"],
  ["for=192.0.2.1; proto=https ;host=a", "192.0.2.1 https a"],
  [";;for=192.0.2.1;;", "192.0.2.1"],
  ['for=192.0.2.1;ext="a, for=1.1.1.1"', "192.0.2.1"],
  ['for=192.0.2.1;ext="a\\", for=1.1.1.1"', "192.0.2.1"],
  ['for=192.0.2.1;ext="a\\\\", for=1.1.1.1', "1.1.1.1", "192.0.2.1"],
  ['for=192.0.2.1;host="a\\.b"', "192.0.2.1 a.b"],
  ['for="2001:db8::1"', "!"],
  ["for=[2001:db8::1]", "!"],
  ["for=192.0.2.1:80", "!"],
  ["for=192.0.2.256", "!"],
  ["for=192.0.2.1;for=192.0.2.2", "!"],
  ["for=192.0.2.1;proto=a;Proto=b", "!"],
  ["for = 192.0.2.1", "!"],
  ["for=", "!"],
  ["for", "!"],
  ["192.0.2.1", "!"],
  ["for=192.0.2.1 proto=https", "!"],
  ['for="192.0.2.1', "!"],
  ['for=192.0.2.1"', "!"],
  ["for=_", "!"],
  ["for=a_b", "!"],
  // What a client sends cannot hide the element that a proxy appends.
  ['for="x, for=192.0.2.1', "192.0.2.1", "!"],
  ['for="x\\, for="192.0.2.1"', "192.0.2.1", "!"],
  ['a="b, c="d, for=192.0.2.1', "192.0.2.1", "!"],
  ["\\, for=192.0.2.1", "192.0.2.1", "!"],
];

for (const [value, ...hops] of FORWARDED) {
  Deno.test(`forwardedHops() reads ${JSON.stringify(value)}`, () => {
    assertEquals([...forwardedHops(value)].map(show), hops);
  });
}

const FORWARDED_FOR: readonly (readonly [value: string, ...hops: string[]])[] =
  [
    [""],
    [", ,"],
    ["192.0.2.1", "192.0.2.1"],
    ["192.0.2.1,192.0.2.2 ,\t192.0.2.3", "192.0.2.3", "192.0.2.2", "192.0.2.1"],
    [",192.0.2.1,", "192.0.2.1"],
    ["192.0.2.1:4711", "192.0.2.1"],
    ["2001:db8::1", "2001:db8::1"],
    ["[2001:db8::1]", "2001:db8::1"],
    ["[2001:db8::1]:4711", "2001:db8::1"],
    ["::ffff:192.0.2.1", "::ffff:192.0.2.1"],
    ["unknown", "?"],
    ["_hidden", "?"],
    ["192.0.2.1 192.0.2.2", "!"],
    ['"192.0.2.1"', "!"],
    ["for=192.0.2.1", "!"],
    ["localhost", "!"],
    ["192.0.2", "!"],
    ["fe80::1%eth0", "!"],
    ['", 192.0.2.1', "192.0.2.1", "!"],
  ];

for (const [value, ...hops] of FORWARDED_FOR) {
  Deno.test(`forwardedForHops() reads ${JSON.stringify(value)}`, () => {
    assertEquals([...forwardedForHops(value)].map(show), hops);
  });
}

Deno.test("lastElement() returns the last element that is not empty", () => {
  const cases = [
    ["", null],
    [", ,", null],
    ["https", "https"],
    ["http, https", "https"],
    ["http,https , ,", "https"],
  ] as const;
  for (const [list, last] of cases) assertEquals(lastElement(list), last);
});

const PIECES = [
  ...['"', "\\", ",", ";", "=", "for=", "for=1.1.1.1", ' "a"', "for=unknown"],
  ...["proto=https", "host=a", " ", "\t", "\xff", "[::1]", "_x", ":"],
];

Deno.test("nothing that a client sends changes the elements that are appended", () => {
  const random = new SeededRandom(4711);
  const appended = 'for="[2001:db8::1]:1";proto=https, for=192.0.2.1;host="b"';
  for (let round = 0; round < 5000; round++) {
    let sent = "";
    for (let count = random.below(12); count > 0; count--) {
      sent += PIECES[random.below(PIECES.length)];
    }
    const hops = forwardedHops(`${sent}, ${appended}`);
    assertEquals(show(hops.next().value ?? null), "192.0.2.1 b");
    assertEquals(show(hops.next().value ?? null), "2001:db8::1 https");
    const listed = forwardedForHops(`${sent}, 192.0.2.1`);
    assertEquals(show(listed.next().value ?? null), "192.0.2.1");
  }
});

Deno.test("the work for a long field is proportional to its length", () => {
  const size = 200_000; // far more than a head may have; quadratic work would take minutes
  const values = [
    "\\".repeat(size),
    '"'.repeat(size),
    '\\"'.repeat(size / 2),
    ",".repeat(size),
    " ".repeat(size) + "x",
    `for=1.1.1.1;${" ".repeat(size)}x`,
    "for=1.1.1.1,".repeat(size / 12),
    `for=${"_".repeat(size)}`,
    `for=${"1".repeat(size)}`,
    `a="${"\\a".repeat(size / 2)}`,
    "a=b;".repeat(size / 4),
    "a".repeat(size) + ",x",
  ];
  for (const value of values) {
    let count = 0;
    for (const _ of forwardedHops(value)) count++;
    for (const _ of forwardedForHops(value)) count++;
    lastElement(value);
    assert(count <= 2 * value.length);
  }
});
