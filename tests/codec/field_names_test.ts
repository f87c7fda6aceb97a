/** Field names as types: `deno check` decides whether editors can complete them. */

import { assertEquals } from "@std/assert";
import { Headers, type HeadersInit } from "../../codec/headers.ts";

/** The names among a parameter's type that equal `Name`; `never` if they were merged into `string`. */
type Completed<Parameter, Name extends string> = Extract<Parameter, Name>;

Deno.test("methods of Headers complete well-known names, and take any string", () => {
  const name: Completed<Parameters<Headers["get"]>[0], "etag"> = "etag";
  const own: string = ["x", "own"].join("-");
  const headers = new Headers().add(name, "1").add(own, "2").add("X-Any", "3");
  assertEquals([headers.get("etag"), headers.get(own)], ["1", "2"]);
  // @ts-expect-error: a name is a string
  const wrong: Parameters<Headers["has"]>[0] = 1;
  assertEquals(String(wrong), "1");
});

Deno.test("records of fields complete well-known names, and take any string", () => {
  type FieldRecord = Exclude<HeadersInit, Headers | Iterable<unknown>>;
  const known: keyof Pick<FieldRecord, "content-type"> = "content-type";
  const record: Record<string, string> = { "x-own": "1" };
  const inits: HeadersInit[] = [
    { [known]: "text/plain", "X-Any": "1", vary: ["a", "b"] },
    record,
    new Map([["a", "b"]]),
  ];
  // @ts-expect-error: a value is a string or several
  inits.push({ "content-type": 1 });
  inits.pop();
  assertEquals(inits.map((init) => new Headers(init).count), [4, 1, 1]);
});
