import { assertEquals } from "@std/assert";
import { LiteralPaths } from "../../router/literal_paths.ts";

function pathsOf(...patterns: string[]): LiteralPaths<{ pattern: string }> {
  return new LiteralPaths(patterns.map((pattern) => ({ pattern })));
}

Deno.test("LiteralPaths find nothing when they are empty", () => {
  const paths = pathsOf();
  for (const path of ["", "/", "*", "/a"]) {
    assertEquals(paths.find(path), undefined);
  }
});

Deno.test("LiteralPaths find each path and nothing beside it", () => {
  const known = ["/", "*", "/a", "/b", "/ab", "/ba", "/a/", "/a/b", "/a//b"];
  const paths = pathsOf(...known);
  for (const pattern of known) assertEquals(paths.find(pattern), { pattern });
  for (const path of ["", "a", "/c", "/aa", "/bb", "//", "/a/c", "/a/b/"]) {
    assertEquals(paths.find(path), undefined, path);
  }
});

Deno.test("LiteralPaths tell apart what differs at more places than they look at", () => {
  const letters = ["x", "y"];
  const known = letters.flatMap((a) =>
    letters.flatMap((b) =>
      letters.flatMap((c) =>
        letters.flatMap((d) => letters.map((e) => `/${a}-${b}-${c}-${d}-${e}`))
      )
    )
  );
  const paths = pathsOf(...known);
  for (const pattern of known) assertEquals(paths.find(pattern), { pattern });
  assertEquals(paths.find("/x-x-x-x-z"), undefined);
  assertEquals(paths.find("/x-x-x+x-x"), undefined);
});

Deno.test("LiteralPaths tell apart paths that differ only far behind", () => {
  const long = "/" + "a".repeat(2000);
  const known = [`${long}b`, `${long}c`, `${long}bb`, long];
  const paths = pathsOf(...known);
  for (const pattern of known) assertEquals(paths.find(pattern), { pattern });
  assertEquals(paths.find(`${long}d`), undefined);
  assertEquals(paths.find("a".repeat(2001)), undefined);
});

Deno.test("LiteralPaths find nothing for characters that no path has", () => {
  const paths = pathsOf("/aaa", "/aab", "/aba", "/baa", "/b");
  for (const path of ["/\uffff", "/aa\u00e1", "/\u{1f600}a", "/\0\0\0"]) {
    assertEquals(paths.find(path), undefined);
  }
});
