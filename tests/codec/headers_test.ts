import {
  assert,
  assertEquals,
  assertStrictEquals,
  assertThrows,
} from "@std/assert";
import { decodeLatin1 } from "../../codec/ascii.ts";
import { Headers, type HeadersInit } from "../../codec/headers.ts";
import { scanFields } from "../support/fields.ts";

/** A received list and a built list of the same lines. */
function bothKinds(lines: readonly (readonly [string, string])[]): Headers[] {
  const wire = lines.map(([name, value]) => `${name}: ${value}\r\n`).join("");
  const { bytes, base, table, count } = scanFields(wire);
  const scanned = Headers.fromSection({ bytes, base, table, count });
  return [scanned, new Headers(lines)];
}

const LINES = [
  ["X", "one"],
  ["Cookie", "a=1"],
  ["__proto__", "p"],
  ["x", "two"],
  ["COOKIE", "b=2"],
  ["Empty", ""],
  ["X-High", "\xe9"],
] as const;

Deno.test("Headers R6, R31, R44: reads received and built lists alike", () => {
  for (const headers of bothKinds(LINES)) {
    assertEquals(headers.count, 7);
    assertEquals(headers.get("X"), "one, two");
    assertEquals(headers.get("cookie"), "a=1; b=2");
    assertEquals(headers.get("__PROTO__"), "p");
    assertEquals(headers.get("constructor"), null);
    assertEquals(headers.get("empty"), "");
    assertEquals(headers.get("x-high"), "\xe9");
    assertEquals(headers.getAll("x"), ["one", "two"]);
    assertEquals(headers.getAll("y"), []);
    assertEquals([headers.has("x-HIGH"), headers.has("y")], [true, false]);
    assertEquals([...headers], LINES.map(([name, value]) => [name, value]));
    assertEquals([...headers.keys()], LINES.map(([name]) => name));
    assertEquals([...headers.values()], LINES.map(([, value]) => value));
    assertEquals(headers.get("x"), "one, two", "after strings were made");
  }
});

Deno.test("Headers R2: compares names by ASCII only", () => {
  for (const headers of bothKinds([["Kelvin", "1"]])) {
    assertEquals(headers.get("\u212aelvin"), null);
    assertEquals(headers.get("KELVIN"), "1");
  }
});

Deno.test("Headers can be changed, received or built", () => {
  for (const headers of bothKinds(LINES)) {
    headers.add("New", " n ").append("x", "three");
    headers.replace("X", "only");
    assertEquals(headers.remove("cookie"), true);
    assertEquals(headers.remove("cookie"), false);
    headers.set("Last", "l");
    headers.delete("__proto__");
    assertEquals([...headers], [
      ["X", "only"],
      ["Empty", ""],
      ["X-High", "\xe9"],
      ["New", "n"],
      ["Last", "l"],
    ]);
    assertEquals(headers.toString().split("\n")[0], "X: only");
  }
});

Deno.test("Headers can be made of pairs, records, maps, web headers and lists", () => {
  const inits = [
    [["a", "1"], ["b", "2"]] as const,
    { a: "1", b: "2" },
    new Map([["a", "1"], ["b", "2"]]),
    new globalThis.Headers({ a: "1", b: "2" }),
    new Headers({ a: "1", b: "2" }),
  ];
  for (const init of inits) {
    assertEquals([...new Headers(init)], [["a", "1"], ["b", "2"]]);
  }
  const lines = new Headers({ a: ["1", "2"], b: [] });
  assertEquals([...lines], [["a", "1"], ["a", "2"]]);
  assertStrictEquals(Headers.from(lines), lines);
  assertEquals(Headers.from(undefined).count, 0);
});

Deno.test("Headers R124: refuses characters that would end the line, and stays unchanged", () => {
  const headers = new Headers({ a: "1" });
  for (
    const [name, value] of [
      ["a b", "1"],
      ["", "1"],
      ["a\r\nb", "1"],
      ["a", "1\r\nb: 2"],
      ["a", "\0"],
      ["a", "\u010a"],
    ] as const
  ) {
    assertThrows(() => headers.add(name, value), TypeError);
    assertThrows(() => headers.replace(name, value), TypeError);
  }
  assertEquals([...headers], [["a", "1"]]);
});

Deno.test("Headers.contentLength R55: is exact or null", () => {
  for (
    const [value, expected] of [
      ["5", 5],
      ["005", 5],
      ["9007199254740991", 9_007_199_254_740_991],
      ["9007199254740993", null],
      ["5, 5", null],
      ["", null],
      ["-1", null],
    ] as const
  ) {
    const headers = new Headers({ "content-length": value });
    assertEquals(headers.contentLength, expected, value);
  }
  assertEquals(new Headers().contentLength, null);
});

Deno.test("Headers.chunked and connectionClose read the last coding and all members", () => {
  for (const value of ["chunked", "gzip, CHUNKED", "gzip,chunked"]) {
    assert(new Headers({ "transfer-encoding": value }).chunked, value);
  }
  for (const value of ["xchunked", "chunked, gzip", "gzip", ""]) {
    assert(!new Headers({ "transfer-encoding": value }).chunked, value);
  }
  for (const value of ["close", "foo, Close , bar", ",close\t,"]) {
    assert(new Headers({ connection: value }).connectionClose, value);
  }
  for (const value of ["xclose", "clos e", "keep-alive", ""]) {
    assert(!new Headers({ connection: value }).connectionClose, value);
  }
});

Deno.test("Headers.outgoing() leaves framing and Connection out of the encoded lines", () => {
  const headers = new Headers({
    "Content-Length": "5",
    "X": "y",
    "Connection": "close",
    "Transfer-Encoding": "chunked",
    "Date": "now",
  });
  const encoded = (): string => {
    const { encoded } = headers.outgoing();
    return decodeLatin1(encoded, 0, encoded.length);
  };
  assertEquals(encoded(), "X: y\r\nDate: now\r\n");
  assertEquals(headers.outgoing().hasDate, true);
  headers.add("Z", "\xff");
  assertEquals(encoded(), "X: y\r\nDate: now\r\nZ: \xff\r\n");
});

Deno.test("shared lists cannot be changed", () => {
  for (const headers of [Headers.empty, Headers.close, Headers.noDate]) {
    const before = [...headers];
    assertThrows(() => headers.add("a", "b"), TypeError, "shared list");
    assertThrows(() => headers.set("connection", "b"), TypeError);
    assertThrows(() => headers.remove("connection"), TypeError);
    assertThrows(() => {
      headers.noDate = !headers.noDate;
    }, TypeError);
    assertEquals([...headers], before);
  }
  assertEquals(Headers.close.connectionClose, true);
  assertEquals(new Headers(Headers.noDate).noDate, true);
});

Deno.test("Headers.release() keeps strings that were made and refuses other look-ups", () => {
  const [scanned] = bothKinds([["A", "b"]]);
  const [listed] = bothKinds([["A", "b"]]);
  assert(scanned !== undefined && listed !== undefined);
  assertEquals([...listed], [["A", "b"]]);
  for (const headers of [scanned, listed]) headers.release();
  assertEquals(listed.get("a"), "b");
  assertThrows(() => scanned.get("a"), TypeError, "after the exchange");
  assertThrows(() => scanned.count, TypeError, "after the exchange");
});

Deno.test("Headers.getSetCookie() and forEach() behave like the web's", () => {
  const headers = new Headers([["Set-Cookie", "a"], ["set-cookie", "b"]]);
  assertEquals(headers.getSetCookie(), ["a", "b"]);
  const seen: string[] = [];
  headers.forEach((value, name, list) => {
    assertStrictEquals(list, headers);
    seen.push(`${name}=${value}`);
  });
  assertEquals(seen, ["Set-Cookie=a", "set-cookie=b"]);
});

/** Values that the types do not allow, and what the error says about them. */
const BAD_INITS: readonly (readonly [init: unknown, message: string])[] = [
  [{ a: undefined }, 'field "a": its value is of type undefined'],
  [{ a: null }, 'field "a": its value is null, not a string or an array'],
  [{ a: 5 }, 'field "a": its value is of type number'],
  [{ a: true }, 'field "a": its value is of type boolean'],
  [{ a: {} }, 'field "a": its value is of type object'],
  [{ a: ["b", null] }, 'field "a": its value is null, not a string'],
  [{ a: ["b", 2] }, 'field "a": its value is of type number, not a string'],
  [{ a: [["b"]] }, 'field "a": its value is an array of length 1'],
  [[["a"]], "element 0 of the list is an array of length 1, not a pair"],
  [
    [["a", "b"], ["c"]],
    'element 1 of the list is an array of length 1, not a pair; write [["name", "value"]] or { name: "value" }',
  ],
  [[["a", "b", "c"]], "element 0 of the list is an array of length 3"],
  [[[]], "element 0 of the list is an array of length 0"],
  [["ab"], "element 0 of the list is of type string"],
  [["a", "b"], "element 0 of the list is of type string"],
  [[null], "element 0 of the list is null"],
  [[{ a: "b" }], "element 0 of the list is of type object"],
  [[["a", undefined]], 'field "a": its value is of type undefined'],
  [[["a", null]], 'field "a": its value is null'],
  [[["a", 1]], 'field "a": its value is of type number'],
  [[["a", ["b"]]], 'field "a": its value is an array of length 1'],
  [new Map([["a", 1]]), 'field "a": its value is of type number'],
  [new Set(["ab"]), "element 0 of the list is of type string"],
  ["a: b", "they are of type string, not a record, pairs or Headers"],
  [5, "they are of type number"],
  [null, "they are null"],
];

Deno.test("Headers refuses a value that is neither a record of strings nor a list of pairs", () => {
  for (const [init, message] of BAD_INITS) {
    const create = (): Headers => new Headers(init as HeadersInit); // not one: the mistake of a program
    assertThrows(create, TypeError, `Cannot set `);
    assertThrows(create, TypeError, message);
  }
});

Deno.test("add() and replace() convert values as the web does, but refuse missing ones", () => {
  const headers = new Headers();
  for (const value of [undefined, null]) {
    const missing = value as unknown as string; // the mistake of a program
    assertThrows(() => headers.add("a", missing), TypeError, 'field "a"');
    assertThrows(() => headers.replace("a", missing), TypeError, 'field "a"');
  }
  headers.add("a", 5 as unknown as string);
  assertEquals([...headers], [["a", "5"]]);
  assertThrows(
    () => headers.replace("a", null as unknown as string),
    TypeError,
    'Cannot set field "a": its value is null, not a string',
  );
});
