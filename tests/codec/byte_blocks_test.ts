import { assertEquals } from "@std/assert";
import { ByteBlocks } from "../../codec/byte_blocks.ts";

Deno.test("ByteBlocks.copy() keeps runs of all sizes apart and unchanged", () => {
  const blocks = new ByteBlocks();
  const sizes = [1, 0, 159, 160, 161, 1023, 1024, 1025, 5000, 7, 1000, 1000];
  const copies: { bytes: Uint8Array; at: number; fill: number }[] = [];
  for (let round = 0; round < 3; round++) {
    for (const size of sizes) {
      const fill = copies.length + 1;
      const source = new Uint8Array(size + 4).fill(fill, 2, size + 2);
      const at = blocks.copy(source, 2, size + 2);
      copies.push({ bytes: blocks.bytes, at, fill });
      source.fill(0xff);
    }
  }
  for (const [index, { bytes, at, fill }] of copies.entries()) {
    const size = sizes[index % sizes.length]!; // in range: the index is below the length
    assertEquals(
      bytes.slice(at, at + size),
      new Uint8Array(size).fill(fill),
    );
  }
});

Deno.test("ByteBlocks.copy() places short runs in one array, and a long one in its own", () => {
  const blocks = new ByteBlocks();
  const source = new Uint8Array(2000);
  blocks.copy(source, 0, 10);
  const { bytes } = blocks;
  assertEquals(blocks.copy(source, 0, 1500), 0);
  assertEquals(blocks.bytes.length, 1500);
  blocks.copy(source, 0, 10);
  assertEquals(blocks.bytes === bytes, true);
});
