import { assertEquals } from "@std/assert";
import { LiteralEdges } from "../../router/literal_edges.ts";

function edgesOf(...texts: string[]): LiteralEdges<{ text: string }> {
  return new LiteralEdges(texts.map((text) => ({ text })));
}

Deno.test("LiteralEdges find the segment that starts at an offset", () => {
  const edges = edgesOf("issues", "pulls", "labels", "license");
  const cases: [path: string, start: number, text: string | undefined][] = [
    ["/r/issues", 3, "issues"],
    ["/r/issues/7", 3, "issues"],
    ["/r/issues/", 3, "issues"],
    ["/pulls/issues", 1, "pulls"],
    ["/r/issue", 3, undefined],
    ["/r/issuesx", 3, undefined],
    ["/r/issue/s", 3, undefined],
    ["/r/labels", 3, "labels"],
    ["/r/lxbels", 3, undefined],
    ["/r/", 3, undefined],
    ["/r", 1, undefined],
  ];
  for (const [path, start, text] of cases) {
    assertEquals(edges.find(path, start)?.text, text, path);
  }
});

Deno.test("LiteralEdges tell apart texts that are prefixes of each other", () => {
  const texts = ["", "a", "ab", "abc", "abd", "b", "ba"];
  const edges = edgesOf(...texts);
  for (const text of texts) {
    for (const rest of ["", "/", "/a", "//"]) {
      assertEquals(edges.find(`/${text}${rest}`, 1), { text });
    }
  }
  for (const text of ["c", "ac", "abe", "abcd", "bab", "bb"]) {
    assertEquals(edges.find(`/${text}`, 1), undefined, text);
  }
});

Deno.test("LiteralEdges find an empty segment", () => {
  const edges = edgesOf("");
  assertEquals(edges.find("/", 1), { text: "" });
  assertEquals(edges.find("//", 1), { text: "" });
  assertEquals(edges.find("/a", 1), undefined);
});

Deno.test("LiteralEdges find each of 3,000 texts", () => {
  const texts = Array.from({ length: 3000 }, (_, index) => `n${index}`);
  const edges = edgesOf(...texts);
  for (const text of texts) {
    assertEquals(edges.find(`/${text}/x`, 1), { text });
    assertEquals(edges.find(`/${text}y`, 1), undefined);
  }
  assertEquals(edges.find("/n3000", 1), undefined);
});

Deno.test("LiteralEdges find nothing for characters that no text has", () => {
  const edges = edgesOf("a", "b", "~");
  for (const path of ["/\uffff", "/\u{1f600}", "/\0", "/á", "/!"]) {
    assertEquals(edges.find(path, 1), undefined);
  }
});
