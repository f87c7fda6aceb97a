import { assertEquals } from "@std/assert";
import { Headers } from "../../mod.ts";
import {
  allowsRange,
  evaluatePreconditions,
  type Validators,
} from "../../files/preconditions.ts";

const MODIFIED_SECONDS = 784_111_777;
const MODIFIED = "Sun, 06 Nov 1994 08:49:37 GMT";
const BEFORE = "Sun, 06 Nov 1994 08:49:36 GMT";
const AFTER = "Sun, 06 Nov 1994 08:49:38 GMT";
const NOW = MODIFIED_SECONDS + 1000;

const strong: Validators = { etag: '"x"', modifiedSeconds: MODIFIED_SECONDS };
const weak: Validators = { ...strong, etag: 'W/"x"' };
const none: Validators = { etag: null, modifiedSeconds: null };

type Case = readonly [
  fields: Readonly<Record<string, string>>,
  validators: Validators,
  status: number,
];

const cases: readonly Case[] = [
  [{}, strong, 200],
  // 1. If-Match: strong comparison
  [{ "if-match": '"x"' }, strong, 200],
  [{ "if-match": '"y", "x"' }, strong, 200],
  [{ "if-match": 'W/"x"' }, strong, 412],
  [{ "if-match": '"x"' }, weak, 412],
  [{ "if-match": 'W/"x"' }, weak, 412],
  [{ "if-match": "*" }, weak, 200],
  [{ "if-match": "*" }, none, 200],
  [{ "if-match": '"y"' }, strong, 412],
  [{ "if-match": "" }, strong, 412],
  [{ "if-match": "x" }, strong, 412],
  // 2. If-Unmodified-Since, only without If-Match
  [{ "if-unmodified-since": MODIFIED }, weak, 200],
  [{ "if-unmodified-since": BEFORE }, weak, 412],
  [{ "if-unmodified-since": "yesterday" }, weak, 200],
  [{ "if-unmodified-since": BEFORE }, none, 200],
  [{ "if-unmodified-since": BEFORE, "if-match": '"x"' }, strong, 200],
  // 3. If-None-Match: weak comparison
  [{ "if-none-match": '"x"' }, strong, 304],
  [{ "if-none-match": 'W/"x"' }, strong, 304],
  [{ "if-none-match": '"x"' }, weak, 304],
  [{ "if-none-match": ' "a" ,,W/"x"' }, weak, 304],
  [{ "if-none-match": '"a,b", "x"' }, strong, 304],
  [{ "if-none-match": "*" }, none, 304],
  [{ "if-none-match": '"y"' }, strong, 200],
  [{ "if-none-match": '"x' }, strong, 200],
  [{ "if-none-match": '"y""x"' }, strong, 200],
  [{ "if-none-match": 'w/"x"' }, strong, 200],
  [{ "if-none-match": '"x"' }, none, 200],
  // 4. If-Modified-Since, only without If-None-Match
  [{ "if-modified-since": BEFORE }, strong, 200],
  [{ "if-modified-since": MODIFIED }, strong, 304],
  [{ "if-modified-since": AFTER }, strong, 304],
  [{ "if-modified-since": "Sunday, 06-Nov-94 08:49:37 GMT" }, strong, 304],
  [{ "if-modified-since": "Sun Nov  6 08:49:37 1994" }, strong, 304],
  [{ "if-modified-since": "1994-11-06T08:49:37Z" }, strong, 200],
  [{ "if-modified-since": AFTER }, none, 200],
  [{ "if-modified-since": AFTER, "if-none-match": '"y"' }, strong, 200],
  [{ "if-modified-since": BEFORE, "if-none-match": '"x"' }, strong, 304],
  // The order: a failed If-Match comes before a matching If-None-Match.
  [{ "if-match": '"y"', "if-none-match": '"x"' }, strong, 412],
  [{ "if-match": '"x"', "if-none-match": '"x"' }, strong, 304],
  [{ "if-unmodified-since": BEFORE, "if-modified-since": AFTER }, weak, 412],
  [{ "if-unmodified-since": AFTER, "if-modified-since": AFTER }, weak, 304],
];

Deno.test("evaluatePreconditions() follows the order of RFC 9110 §13.2.2", () => {
  for (const [fields, validators, status] of cases) {
    const headers = new Headers(fields);
    assertEquals(
      [fields, evaluatePreconditions(headers, validators, NOW)],
      [fields, status],
    );
  }
});

const rangeCases: readonly (readonly [
  condition: string | null,
  validators: Validators,
  isAllowed: boolean,
])[] = [
  [null, none, true],
  ['"x"', strong, true],
  ['"y"', strong, false],
  ['W/"x"', strong, false],
  ['"x"', weak, false],
  ['W/"x"', weak, false],
  ['"x"', none, false],
  [MODIFIED, weak, true],
  [BEFORE, weak, false],
  [AFTER, weak, false],
  ["Sunday, 06-Nov-94 08:49:37 GMT", weak, false],
  [MODIFIED, none, false],
  ["", weak, false],
];

Deno.test("allowsRange() accepts strong validators only (RFC 9110 §13.1.5)", () => {
  for (const [condition, validators, isAllowed] of rangeCases) {
    const headers = new Headers(
      condition === null ? {} : { "if-range": condition },
    );
    assertEquals(
      [condition, allowsRange(headers, validators, NOW)],
      [condition, isAllowed],
    );
  }
});

Deno.test("allowsRange() takes a date as strong only when its second is over", () => {
  const headers = new Headers({ "if-range": MODIFIED });
  const at = (seconds: number): boolean => allowsRange(headers, weak, seconds);
  assertEquals(at(MODIFIED_SECONDS + 0.9), false);
  assertEquals(at(MODIFIED_SECONDS + 1), true);
});
