/** Hashes for strong entity tags: how often a file is read for them. */

import { assertEquals, assertRejects } from "@std/assert";
import { ContentHashes, hashOf } from "../../files/content_hash.ts";
import { RUNTIME_DESCRIPTORS } from "../../files/descriptors.ts";
import { OpenFile } from "../../files/open_file.ts";
import { Site } from "../support/site.ts";

/** More than two pieces. */
const SIZE = 600_000;

Deno.test("a file is hashed once for all responses that need it at the same time", async () => {
  await using site = await Site.make({});
  const bytes = new Uint8Array(SIZE).map((_, at) => at);
  const path = `${site.path}/big.bin`;
  await Deno.writeFile(path, bytes);
  let readBytes = 0;
  const calls: typeof RUNTIME_DESCRIPTORS = {
    ...RUNTIME_DESCRIPTORS,
    async read(fd, buffer, position): Promise<number> {
      const size = await RUNTIME_DESCRIPTORS.read(fd, buffer, position);
      readBytes += size;
      return size;
    },
  };
  const hashes = new ContentHashes();
  using file = OpenFile.open(path, calls);
  using other = OpenFile.open(path, calls);
  const both = await Promise.all([hashes.of(file), hashes.of(other)]);
  assertEquals(both, [hashOf(bytes), hashOf(bytes)]);
  assertEquals(await hashes.of(other), hashOf(bytes));
  assertEquals(readBytes, SIZE);
});

Deno.test("a hash that failed is computed again", async () => {
  await using site = await Site.make({ "a.txt": "a" });
  let fails = true;
  const calls: typeof RUNTIME_DESCRIPTORS = {
    ...RUNTIME_DESCRIPTORS,
    read: (fd, buffer, position) =>
      fails
        ? Promise.reject(new Error("the disk is gone"))
        : RUNTIME_DESCRIPTORS.read(fd, buffer, position),
  };
  const hashes = new ContentHashes();
  using file = OpenFile.open(`${site.path}/a.txt`, calls);
  await assertRejects(() => hashes.of(file), Error, "the disk is gone");
  fails = false;
  assertEquals(
    await hashes.of(file),
    hashOf(new TextEncoder().encode("a")),
  );
});
