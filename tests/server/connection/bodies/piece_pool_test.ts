import { assert, assertEquals } from "@std/assert";
import {
  LARGE_PIECE_BYTES,
  PiecePool,
} from "../../../../server/connection/bodies/piece_pool.ts";

Deno.test("a pool lends a bounded number of large pieces, and reuses their memory", () => {
  const pool = new PiecePool();
  let count = 0;
  while (pool.reserve()) count += 1;
  assert(count >= 16 && count * LARGE_PIECE_BYTES <= 2 ** 21, `${count}`);
  const piece = pool.take();
  assertEquals(piece.length, LARGE_PIECE_BYTES);
  pool.release(piece);
  assert(pool.reserve());
  assert(!pool.reserve());
  assert(pool.take() === piece);
  pool.release(null); // its memory is still in use elsewhere
  assert(pool.reserve());
  assert(pool.take() !== piece);
});
