import { assertEquals, assertThrows } from "@std/assert";
import { parsePattern, SegmentKind } from "../../router/pattern.ts";

const { literal, param, wildcard, rest } = SegmentKind;

Deno.test("parsePattern() splits at slashes and recognises the kinds of segments", () => {
  const cases: [pattern: string, kinds: number[], texts: string[]][] = [
    ["/", [literal], [""]],
    ["/hello", [literal], ["hello"]],
    ["/hello/", [literal, literal], ["hello", ""]],
    ["/foo//bar", [literal, literal, literal], ["foo", "", "bar"]],
    ["/user/:id", [literal, param], ["user", "id"]],
    ["/:a/*/x/**", [param, wildcard, literal, rest], ["a", "", "x", ""]],
    ["/**", [rest], [""]],
    ["/:user_id2", [param], ["user_id2"]],
    ["*", [], []],
  ];
  for (const [pattern, kinds, texts] of cases) {
    const { segments } = parsePattern(pattern);
    assertEquals(segments.map((segment) => segment.kind), kinds, pattern);
    assertEquals(segments.map((segment) => segment.text), texts, pattern);
  }
});

Deno.test("parsePattern() lists param names with the indexes of their segments", () => {
  const { paramNames, paramSegments } = parsePattern("/a/:b/*/:c");
  assertEquals(paramNames, ["b", "c"]);
  assertEquals(paramSegments, [1, 3]);
});

Deno.test("parsePattern() recognises all-literal patterns", () => {
  for (const pattern of ["/", "/a/b", "*", "/a:b"]) {
    assertEquals(parsePattern(pattern).isLiteral, true, pattern);
  }
  for (const pattern of ["/:a", "/*", "/**", "/a/*/b"]) {
    assertEquals(parsePattern(pattern).isLiteral, false, pattern);
  }
});

Deno.test("parsePattern() treats legal path characters as literal text", () => {
  const texts = [
    ...["", ".", "..", ".well-known", "a.b", "~user", "a;v=1", "a=b&c", "a,b"],
    ...["a:b", "items:batchGet", "12:30", "@user", "$metadata", "$count", "!"],
    ...[
      "Main_(river)",
      "Products(1)",
      "C++",
      "a+b",
      "a[0]",
      "it's",
      "%7Bid%7D",
    ],
    ...["-", "_", "|", "a|b", "%F0%9F%A6%95"],
  ];
  for (const text of texts) {
    const { segments, isLiteral } = parsePattern(`/x/${text}`);
    assertEquals(segments[1], { kind: literal, text }, text);
    assertEquals(isLiteral, true, text);
  }
});

/** Each pattern with the problem that the message must name, segment included. */
const WRONG: readonly (readonly [pattern: string, problem: string])[] = [
  [
    "/a/**/b",
    '"**" must be the last segment; end the pattern there and check the rest of the path in the handler (segment 2)',
  ],
  ["/:id/x/:id", 'param name "id" is used twice (segment 3)'],
  [
    "/a/:/b",
    'param name is empty; write it after the colon, such as ":id" (segment 2)',
  ],
  ["", 'pattern must start with "/" (segment 1)'],
  ["a/b", 'pattern must start with "/" (segment 1)'],
  ["**", 'pattern must start with "/" (segment 1)'],
  [":id", 'pattern must start with "/" (segment 1)'],
  ["*/a", 'pattern must start with "/" (segment 1)'],
  ["GET /a", 'pattern must start with "/" (segment 1)'],
  [
    "/a/:id?",
    '":id?" is not supported: a param cannot be optional; register one route with ":id" and one without (segment 2)',
  ],
  [
    "/a/:id(\\d+)",
    '":id(\\\\d+)" is not supported: a param is a whole segment without conditions; write ":id" and check the value in the handler (segment 2)',
  ],
  [
    "/:from-:to/x",
    '":from-:to" is not supported: a param name has only letters, digits and "_"; to capture several values in one segment, capture the segment and split the value in the handler (segment 1)',
  ],
  [
    "/a?b=1",
    '"a?b=1" has a character that no path has; a path ends before "?" and "#" (segment 1)',
  ],
  [
    "/x/caf\u00e9",
    '"caf\u00e9" has a character that no path has; write it percent-encoded, such as "%20" for a space (segment 2)',
  ],
];

Deno.test("parsePattern() rejects invalid patterns, names the segment and says what to do", () => {
  for (const [pattern, problem] of WRONG) {
    const { message } = assertThrows(() => parsePattern(pattern), TypeError);
    assertEquals(
      message,
      `Cannot register route ${JSON.stringify(pattern)}: ${problem}`,
    );
  }
});

Deno.test("parsePattern() allows two stars only at the end", () => {
  for (const pattern of ["/**/", "/**/**", "/**/a", "/a/**/:b"]) {
    assertThrows(
      () => parsePattern(pattern),
      TypeError,
      '"**" must be the last segment',
    );
  }
});

Deno.test("parsePattern() rejects characters that no path has", () => {
  const texts = ["b?c=1", "b#c", "b c", "b\tc", "b\r\nc", "\0", "\x7f"];
  for (const text of [...texts, "\u00e9", "\u2028", "\ud800", "colou?r"]) {
    const { message } = assertThrows(
      () => parsePattern(`/a/${text}`),
      TypeError,
      "has a character that no path has",
    );
    assertEquals(message.endsWith("(segment 2)"), true, message);
  }
});

Deno.test("parsePattern() escapes the pattern in its message", () => {
  const { message } = assertThrows(() => parsePattern("/\n"), TypeError);
  assertEquals(
    message,
    'Cannot register route "/\\n": "\\n" has a character that no path has; write it percent-encoded, such as "%20" for a space (segment 1)',
  );
});
