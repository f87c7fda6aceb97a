/** How connections get parsers. */

import {
  assertEquals,
  assertNotStrictEquals,
  assertStrictEquals,
} from "@std/assert";
import { DEFAULT_HEAD_LIMITS } from "../../../codec/limits.ts";
import { HeadScanner } from "../../../codec/simd/head_scanner.ts";
import { ParserPool } from "../../../server/connection/parser_pool.ts";

function makePool(): ParserPool {
  const scanner = HeadScanner.maybeCreate(DEFAULT_HEAD_LIMITS);
  return new ParserPool(DEFAULT_HEAD_LIMITS, scanner);
}

Deno.test("after a connection takes the shared parser, the pool has another one, and takes it back later", () => {
  const pool = makePool();
  const { shared } = pool;
  const taken = pool.takeShared();
  assertStrictEquals(taken, shared);
  assertNotStrictEquals(pool.shared, taken);
  pool.give(taken);
  pool.takeShared();
  assertStrictEquals(pool.shared, taken);
});

Deno.test("an isolated parser is reused as one, and never becomes the shared one", () => {
  const pool = makePool();
  const isolated = pool.takeIsolated();
  assertEquals(isolated.isIsolated, true);
  pool.give(isolated);
  pool.takeShared();
  assertNotStrictEquals(pool.shared, isolated);
  assertStrictEquals(pool.takeIsolated(), isolated);
});

Deno.test("a parser that lost its scanner is kept as an isolated one", () => {
  const pool = makePool();
  const taken = pool.takeShared();
  taken.disableScanner();
  pool.give(taken);
  assertStrictEquals(pool.takeIsolated(), taken);
});
