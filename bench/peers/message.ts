/**
 * What every parser has to find in a head before its time is taken, and a
 * reference that reads it off the text in the simplest way.
 */

import assert from "node:assert/strict";
import type { HeadFixture } from "../fixtures.ts";

/** A head as text, whoever parsed it. */
export interface ParsedHead {
  /** The method and the target, or the status code and the reason phrase. */
  readonly startLine: readonly [string, string];
  /** Names as they were written, and values, in order. */
  readonly fields: readonly (readonly [name: string, value: string])[];
}

/** What a handler reads: method and path (or code and reason), and two fields. */
export type Reading = readonly [
  method: string,
  path: string,
  first: string | null,
  second: string | null,
];

/** A parser with a head, as it takes part. */
export interface HeadContender {
  /** What the tables call it; ours begin with `khttp`. */
  readonly name: string;
  /** Parses the head once, the way that is timed. */
  readonly parse: () => void;
  /** Tells everything that the last `parse` found. */
  readonly found: () => ParsedHead;
  /** Parses the head once and reads the fields that are asked for as text. */
  readonly read: () => Reading;
}

/** Reads a head off its text. */
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
 * Lets each contender parse a few times and compares what it finds.
 *
 * @throws {Error} If one finds something else than the reference.
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
