import { assertEquals, assertStrictEquals } from "@std/assert";
import { LiteralPaths } from "../../router/literal_paths.ts";

type Route = { pattern: string };

function pathsOf(...patterns: string[]): LiteralPaths<Route> {
  return new LiteralPaths(patterns.map((pattern) => ({ pattern })));
}

/** Finds a path as a string, and as bytes among others, with equal results. */
function find(paths: LiteralPaths<Route>, path: string): Route | undefined {
  const found = paths.find(path);
  const units = Array.from(path, (unit) => unit.charCodeAt(0));
  if (units.every((unit) => unit < 0x100)) {
    const bytes = Uint8Array.from([0x2f, 0x61, ...units, 0x62, 0x2f]);
    assertStrictEquals(paths.findBytes(bytes, 2, 2 + units.length), found);
    const alone = Uint8Array.from(units);
    assertStrictEquals(paths.findBytes(alone, 0, units.length), found);
  }
  return found;
}

Deno.test("LiteralPaths find nothing when they are empty", () => {
  const paths = pathsOf();
  for (const path of ["", "/", "*", "/a"]) {
    assertEquals(find(paths, path), undefined);
  }
});

Deno.test("LiteralPaths find each path and nothing else", () => {
  const known = ["/", "*", "/a", "/b", "/ab", "/ba", "/a/", "/a/b", "/a//b"];
  const paths = pathsOf(...known);
  for (const pattern of known) assertEquals(find(paths, pattern), { pattern });
  for (const path of ["", "a", "/c", "/aa", "/bb", "//", "/a/c", "/a/b/"]) {
    assertEquals(find(paths, path), undefined, path);
  }
});

Deno.test("LiteralPaths tell apart paths that differ at more positions than a key has", () => {
  const letters = ["x", "y"];
  const known = letters.flatMap((a) =>
    letters.flatMap((b) =>
      letters.flatMap((c) =>
        letters.flatMap((d) => letters.map((e) => `/${a}-${b}-${c}-${d}-${e}`))
      )
    )
  );
  const paths = pathsOf(...known);
  for (const pattern of known) assertEquals(find(paths, pattern), { pattern });
  assertEquals(find(paths, "/x-x-x-x-z"), undefined);
  assertEquals(find(paths, "/x-x-x+x-x"), undefined);
});

Deno.test("LiteralPaths tell apart paths that differ only near a distant end", () => {
  const long = "/" + "a".repeat(2000);
  const known = [`${long}b`, `${long}c`, `${long}bb`, long];
  const paths = pathsOf(...known);
  for (const pattern of known) assertEquals(find(paths, pattern), { pattern });
  assertEquals(find(paths, `${long}d`), undefined);
  assertEquals(find(paths, "a".repeat(2001)), undefined);
});

Deno.test("LiteralPaths find nothing for characters that no path has", () => {
  const paths = pathsOf("/aaa", "/aab", "/aba", "/baa", "/b");
  for (const path of ["/\uffff", "/aa\u00e1", "/\u{1f600}a", "/\0\0\0"]) {
    assertEquals(find(paths, path), undefined);
  }
});

Deno.test("LiteralPaths findBytes() compares each byte", () => {
  const pattern = "/0123456789abcdef";
  const paths = pathsOf(pattern, "/x");
  const bytes = new TextEncoder().encode(pattern);
  assertEquals(paths.findBytes(bytes, 0, bytes.length), { pattern });
  for (let at = 0; at < bytes.length; at++) {
    for (let bit = 0; bit < 8; bit++) {
      const changed = bytes.slice();
      changed[at] = (changed[at] ?? 0) ^ (1 << bit);
      assertEquals(paths.findBytes(changed, 0, changed.length), undefined);
    }
  }
});

Deno.test("LiteralPaths find each of 10,000 paths that differ in one segment", () => {
  const patterns = Array.from(
    { length: 10_000 },
    (_, index) => `/api/v1/resource${index}/items`,
  );
  const paths = pathsOf(...patterns);
  for (const pattern of patterns) {
    assertEquals(find(paths, pattern), { pattern });
    assertEquals(find(paths, `${pattern}/`), undefined);
  }
});
