import { assertEquals, assertThrows } from "@std/assert";
import { parsePattern, SegmentKind } from "../../router/pattern.ts";

const { literal, param, wildcard, rest } = SegmentKind;

Deno.test("parsePattern() splits at the slash and tells the kinds apart", () => {
  const cases: [pattern: string, kinds: number[], texts: string[]][] = [
    ["/", [literal], [""]],
    ["/hello", [literal], ["hello"]],
    ["/hello/", [literal, literal], ["hello", ""]],
    ["/foo//bar", [literal, literal, literal], ["foo", "", "bar"]],
    ["/user/:id", [literal, param], ["user", "id"]],
    ["/:a/*/x/**", [param, wildcard, literal, rest], ["a", "", "x", ""]],
    ["/**", [rest], [""]],
    ["/***/a*/*a/a:b", [literal, literal, literal, literal], [
      "***",
      "a*",
      "*a",
      "a:b",
    ]],
    ["/::", [param], [":"]],
    ["/:id.json", [param], ["id.json"]],
    ["*", [], []],
  ];
  for (const [pattern, kinds, texts] of cases) {
    const { segments } = parsePattern(pattern);
    assertEquals(segments.map((segment) => segment.kind), kinds, pattern);
    assertEquals(segments.map((segment) => segment.text), texts, pattern);
  }
});

Deno.test("parsePattern() lists param names with the places of their segments", () => {
  const { paramNames, paramSegments } = parsePattern("/a/:b/*/:c");
  assertEquals(paramNames, ["b", "c"]);
  assertEquals(paramSegments, [1, 3]);
});

Deno.test("parsePattern() knows all-literal patterns", () => {
  for (const pattern of ["/", "/a/b", "*", "/***"]) {
    assertEquals(parsePattern(pattern).isLiteral, true, pattern);
  }
  for (const pattern of ["/:a", "/*", "/**", "/a/*/b"]) {
    assertEquals(parsePattern(pattern).isLiteral, false, pattern);
  }
});

Deno.test("parsePattern() rejects wrong patterns and points at the segment", () => {
  const cases: [pattern: string, problem: string][] = [
    ["/a/**/b", '"**" must be the last segment (segment 2)'],
    ["/**/", '"**" must be the last segment (segment 1)'],
    ["/**/**", '"**" must be the last segment (segment 1)'],
    ["/:", "param name is empty (segment 1)"],
    ["/a/:/b", "param name is empty (segment 2)"],
    ["/:id/x/:id", 'param name "id" is used twice (segment 3)'],
    ["", 'pattern must start with "/" (segment 1)'],
    ["a/b", 'pattern must start with "/" (segment 1)'],
    ["**", 'pattern must start with "/" (segment 1)'],
    [":id", 'pattern must start with "/" (segment 1)'],
    ["*/a", 'pattern must start with "/" (segment 1)'],
  ];
  for (const [pattern, problem] of cases) {
    const { message } = assertThrows(() => parsePattern(pattern), TypeError);
    assertEquals(
      message,
      `Cannot register route ${JSON.stringify(pattern)}: ${problem}`,
    );
  }
});

Deno.test("parsePattern() rejects characters that no path has", () => {
  const texts = [
    "b?c=1",
    "b#c",
    "b c",
    "b\tc",
    "b\r\nc",
    "\0",
    "\x7f",
    "é",
    "\u2028",
    ":id?",
    ":n m",
  ];
  for (const text of texts) {
    assertThrows(
      () => parsePattern(`/a/${text}`),
      TypeError,
      "has a character that no path has (segment 2)",
    );
  }
});

Deno.test("parsePattern() escapes the pattern in its message", () => {
  const { message } = assertThrows(() => parsePattern("/\n"), TypeError);
  assertEquals(
    message,
    'Cannot register route "/\\n": "\\n" has a character that no path has (segment 1)',
  );
});
