import { assert, assertEquals } from "@std/assert";
import {
  FileCache,
  type Loaded,
  MAX_KEPT_FILE_BYTES,
} from "../../files/file_cache.ts";
import { type Coding, CODINGS } from "../../files/content_coding.ts";
import { resolveFileOptions } from "../../files/options.ts";
import { Representation } from "../../files/representation.ts";

const NOW_MS = 1_700_000_000_000;

const FILE = {
  ...{ dev: 1, ino: 2, size: 1000 },
  ...{ mtimeMs: NOW_MS - 10_000, ctimeMs: NOW_MS - 10_000 },
};

function loaded(size = FILE.size): Loaded {
  const chosen = { path: "a.txt", coding: null, vary: null, hash: null };
  const { mtimeMs } = FILE;
  const described = { ...chosen, size, mtimeMs, isMade: false };
  const settings = resolveFileOptions({});
  return {
    representation: new Representation(described, settings, NOW_MS / 1000),
    content: new Uint8Array(size),
  };
}

function plain(
  file: typeof FILE,
): Map<Coding | null, { file: typeof FILE; isMade: boolean }> {
  return new Map([[null, { file, isMade: false }]]);
}

const ONE = plain(FILE);

function cacheWith(checkEveryMs: number, maxBytes = 100_000): FileCache {
  const cache = new FileCache({ maxBytes, checkEveryMs });
  cache.keep("/a.txt", 0, ONE, null, loaded(), NOW_MS);
  return cache;
}

Deno.test("FileCache finds a path until its files have to be looked at again", () => {
  const cache = cacheWith(1000);
  const isFound = (nowMs: number, path = "/a.txt", skipped = 0): boolean =>
    cache.find(path, skipped, nowMs) !== null;
  assert(isFound(NOW_MS));
  assert(isFound(NOW_MS + 999));
  assert(!isFound(NOW_MS + 1000));
  assert(!isFound(NOW_MS - 1)); // the clock was set back
  assert(!isFound(NOW_MS, "/b.txt"));
  assert(!isFound(NOW_MS, "/a.txt", 1)); // another route of the same handler
  assert(cache.check("/a.txt", 0, ONE, NOW_MS + 5000) !== null);
  assert(isFound(NOW_MS + 5999));
  assertEquals(cacheWith(0).find("/a.txt", 0, NOW_MS), null);
});

Deno.test("FileCache keeps the content of a file only while nothing about it has changed", () => {
  const content = (file: typeof FILE, skipped = 0) =>
    cacheWith(1000).check("/a.txt", skipped, plain(file), NOW_MS)?.variants
      .get(null)?.loaded;
  assertEquals(content({ ...FILE })?.content, new Uint8Array(FILE.size));
  const names = ["dev", "ino", "size", "mtimeMs", "ctimeMs"] as const;
  for (const field of names) {
    assertEquals(content({ ...FILE, [field]: FILE[field] + 1 }), undefined);
  }
  assertEquals(content(FILE, 1), undefined);
});

Deno.test("FileCache sees siblings that appear and disappear", () => {
  const [br] = CODINGS;
  assert(br !== undefined);
  const cache = cacheWith(1000);
  const sibling = { file: { ...FILE, ino: 3 }, isMade: false };
  const both = new Map([...ONE, [br, sibling]]);
  const kept = cache.check("/a.txt", 0, both, NOW_MS);
  assertEquals([...kept?.variants.keys() ?? []], [null, br]);
  assertEquals(kept?.variants.get(br)?.loaded, null);
  cache.keep("/a.txt", 0, both, br, loaded(10), NOW_MS);
  const found = cache.find("/a.txt", 0, NOW_MS)?.variants;
  assertEquals(found?.get(br)?.loaded?.content, new Uint8Array(10));
  assertEquals(found?.get(null)?.loaded?.content, new Uint8Array(FILE.size));
  assertEquals(cache.check("/a.txt", 0, ONE, NOW_MS)?.variants.size, 1);
});

Deno.test("FileCache drops what was made of an earlier version while it was being made", () => {
  const [br] = CODINGS;
  assert(br !== undefined);
  const made = (file: typeof FILE) =>
    new Map([...plain(file), [br, { file, isMade: true }]]);
  const cache = cacheWith(1000);
  cache.check("/a.txt", 0, made(FILE), NOW_MS);
  cache.keep("/a.txt", 0, made({ ...FILE, ino: 9 }), br, loaded(5), NOW_MS);
  const variants = () => cache.find("/a.txt", 0, NOW_MS)?.variants;
  assertEquals(variants()?.get(br)?.loaded, null);
  const { bytes } = cache;
  cache.keep("/a.txt", 0, made(FILE), br, loaded(5), NOW_MS);
  cache.keep("/a.txt", 0, made(FILE), br, loaded(5), NOW_MS); // two clients at the same time
  assertEquals(variants()?.get(br)?.loaded?.content, new Uint8Array(5));
  assertEquals(cache.bytes, bytes + 5);
});

Deno.test("FileCache keeps no file that is large or has changed just now", () => {
  const cache = cacheWith(1000);
  const mayKeep = (change: Partial<typeof FILE>): boolean =>
    cache.mayKeep({ ...FILE, ...change }, NOW_MS);
  assert(mayKeep({}));
  assert(mayKeep({ size: MAX_KEPT_FILE_BYTES }));
  assert(!mayKeep({ size: MAX_KEPT_FILE_BYTES + 1 }));
  assert(!mayKeep({ mtimeMs: NOW_MS - 1000 }));
  assert(!mayKeep({ ctimeMs: NOW_MS - 1000 }));
  assert(!mayKeep({ mtimeMs: NOW_MS + 86_400_000 }));
  assert(!cacheWith(1000, 3000).mayKeep(FILE, NOW_MS));
  assert(!cacheWith(0, 0).mayKeep({ ...FILE, size: 0 }, NOW_MS));
});

Deno.test("FileCache stays within its bytes, and drops first what is not used", () => {
  const maxBytes = 100_000;
  const cache = new FileCache({ maxBytes, checkEveryMs: 1000 });
  const keep = (path: string): void =>
    cache.keep(path, 0, ONE, null, loaded(), NOW_MS);
  keep("/used.txt");
  keep("/unused.txt");
  for (let count = 0; count < 1000; count++) {
    cache.find("/used.txt", 0, NOW_MS);
    keep(`/${count}.txt`);
    assert(cache.bytes <= maxBytes);
  }
  assert(cache.bytes > maxBytes - 2 * FILE.size - 8192);
  assert(cache.find("/used.txt", 0, NOW_MS) !== null);
  assertEquals(cache.find("/unused.txt", 0, NOW_MS), null);
  assert(cache.find("/999.txt", 0, NOW_MS) !== null);
});

Deno.test("FileCache counts the bytes of what it replaces and drops", () => {
  const cache = cacheWith(1000);
  const { bytes } = cache;
  for (let count = 0; count < 10; count++) {
    cache.check("/a.txt", 0, ONE, NOW_MS);
    assertEquals(cache.bytes, bytes);
  }
  const changed = plain({ ...FILE, size: 1 });
  assertEquals(cache.check("/a.txt", 0, changed, NOW_MS), null);
  assertEquals(cache.bytes, 0);
});

Deno.test("FileCache keeps one way to write a path, as browsers write it", () => {
  const isKept = (path: string): boolean => {
    const cache = cacheWith(1000);
    cache.keep(path, 0, ONE, null, loaded(), NOW_MS);
    return cache.find(path, 0, NOW_MS) !== null;
  };
  for (const path of ["/b.txt", "/a%20b.txt", "/%C3%A9.txt", "/a'b!.txt"]) {
    assert(isKept(path), path);
  }
  for (const path of ["/%62.txt", "/%c3%a9.txt", "/b%2Etxt", "/%27.txt"]) {
    assert(!isKept(path), path);
  }
});
