/** How server-sent events are encoded, as browsers parse them. */

import { assertEquals, assertThrows } from "@std/assert";
import { encodeEvent, type ServerEvent } from "../../fetch/server_event.ts";

const CASES: readonly (readonly [
  name: string,
  event: ServerEvent | string,
  encoded: string,
])[] = [
  ["a string", "a", "data: a\n\n"],
  ["an empty string", "", "data: \n\n"],
  ["lines", "a\nb\r\nc\rd", "data: a\ndata: b\ndata: c\ndata: d\n\n"],
  ["a line end at the end", "a\n", "data: a\ndata: \n\n"],
  ["text that looks like a field", "a\nid: 5", "data: a\ndata: id: 5\n\n"],
  ["leading spaces", " a", "data:  a\n\n"],
  [
    "all fields",
    { comment: "c", event: "e", id: "1", retry: 5, data: "d" },
    ": c\nevent: e\nid: 1\nretry: 5\ndata: d\n\n",
  ],
  ["an empty identifier, which resets the last", { id: "" }, "id: \n\n"],
  ["a comment of two lines", { comment: "a\nb" }, ": a\n: b\n\n"],
  ["undefined fields", { data: "a", id: undefined }, "data: a\n\n"],
  ["no field", {}, "\n"],
  ["characters beyond ASCII", "é\u2028", "data: é\u2028\n\n"],
];

for (const [name, event, encoded] of CASES) {
  Deno.test(`encodeEvent() encodes ${name}`, () => {
    assertEquals(encodeEvent(event), encoded);
  });
}

Deno.test("encodeEvent() refuses values whose content would be lost", () => {
  const faults: readonly [event: unknown, why: string][] = [
    [5, "it is of type number, not a string or an object"],
    [null, "it is of type null"],
    [undefined, "it is of type undefined"],
    [new Uint8Array(3), "it is of type bytes"],
    [{ dat: "a" }, 'it has "dat", but none of data'],
    [["a"], 'it has "0", but none of data'],
    [{ data: { a: 1 } }, "its data is of type object, not a string; pass it"],
    [{ data: null }, "its data is of type null"],
    [{ data: "a", id: 5 }, "its id is of type number"],
    [{ event: Symbol("a") }, "its event is of type symbol"],
    [{ comment: true }, "its comment is of type boolean"],
  ];
  for (const [event, why] of faults) {
    const call = (): string => encodeEvent(event as ServerEvent);
    assertThrows(call, TypeError, `Cannot send event: ${why}`);
  }
  // Objects of other programs may have more fields than an event.
  const row = { data: "a", createdAt: new Date(0) };
  assertEquals(encodeEvent(row), "data: a\n\n");
});

Deno.test("encodeEvent() refuses what would start another field", () => {
  const faults: readonly ServerEvent[] = [
    { event: "a\nb" },
    { event: "a\rb" },
    { id: "1\r\n2" },
    { id: "1\0" },
  ];
  for (const event of faults) {
    assertThrows(() => encodeEvent(event), TypeError, "Cannot send event");
  }
  for (const retry of [-1, 1.5, NaN, Infinity]) {
    assertThrows(() => encodeEvent({ retry }), RangeError, "retry");
  }
});
