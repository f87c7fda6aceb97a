/**
 * The parts that every parser must find in a head before it is timed, and a
 * simple reference parser.
 */

import assert from "node:assert/strict";
import type { HeadFixture } from "../fixtures.ts";

/** A parsed head as strings. */
export interface ParsedHead {
  /** The method and the target, or the status code and the reason phrase. */
  readonly startLine: readonly [string, string];
  /** Names in their original case, and values, in order. */
  readonly fields: readonly (readonly [name: string, value: string])[];
}

/** The parts that a handler reads: method and path (or code and reason), and two fields. */
export type Reading = readonly [
  method: string,
  path: string,
  first: string | null,
  second: string | null,
];

/** A parser and the head that it parses. */
export interface HeadContender {
  /** The name in the tables; ours begin with `khttp`. */
  readonly name: string;
  /** Parses the head once; this is timed. */
  readonly parse: () => void;
  /** Returns all parts that the last `parse` found. */
  readonly found: () => ParsedHead;
  /** Parses the head once and reads the requested parts as strings. */
  readonly read: () => Reading;
}

/** Parses a head with string operations. */
export function referenceHead(bytes: Uint8Array): ParsedHead {
  const [startLine = "", ...lines] = new TextDecoder("latin1").decode(bytes)
    .split("\r\n");
  const isResponse = startLine.startsWith("HTTP/");
  const [first = "", second = "", ...rest] = startLine.split(" ");
  return {
    startLine: isResponse ? [second, rest.join(" ")] : [first, second],
    fields: lines.slice(0, -2).map((line) => {
      const colon = line.indexOf(":");
      return [line.slice(0, colon), line.slice(colon + 1).trim()] as const;
    }),
  };
}

function referenceReading({ bytes, asked }: HeadFixture): Reading {
  const { startLine: [method, target], fields } = referenceHead(bytes);
  const valueOf = (asked: string): string | null =>
    fields.find(([name]) => name.toLowerCase() === asked)?.[1] ?? null;
  const [path = ""] = target.split("?");
  return [method, path, valueOf(asked[0]), valueOf(asked[1])];
}

/**
 * Lets each contender parse a few times and compares the result with the
 * reference's.
 *
 * @throws {Error} If a result differs.
 */
export function assertEqualHeads(
  fixture: HeadFixture,
  contenders: readonly HeadContender[],
): void {
  const expected = referenceHead(fixture.bytes);
  const expectedReading = referenceReading(fixture);
  for (const { name, parse, found, read } of contenders) {
    for (let round = 0; round < 3; round++) {
      parse();
      assert.deepEqual(found(), expected, name);
      assert.deepEqual(read(), expectedReading, name);
    }
  }
}
