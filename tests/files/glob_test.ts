import { assertEquals } from "@std/assert";
import { compileGlob, faultOfGlob } from "../../files/glob.ts";

const cases: readonly (readonly [
  pattern: string,
  matching: string,
  others: string,
])[] = [
  ["*.js", "a.js dir/a.js .js", "a.jsx a.js/b"],
  ["assets/**", "assets/a assets/a/b", "assets x/assets/a"],
  ["assets/*", "assets/a", "assets/a/b"],
  ["**/*.css", "a.css a/b/c.css", "a.csss"],
  ["a/**/b", "a/b a/x/b a/x/y/b", "a/xb ab"],
  ["**", "a a/b", ""],
  ["*-????????.*", "app-3f2a9c81.js d/app-3f2a9c81.css", "app-3f2a.js"],
  ["*.{js,css}", "a.js b.css", "a.html a.js,css"],
  ["a.b", "a.b", "axb"],
  ["a+(b)[c]{d", "a+(b)[c]{d", "aab"],
  ["{*.js,d/**}", "a.js d/a.css", "b/a.js a.css"],
  ["{*.js,*.css}", "a.js d/b.css", "a.html"],
];

Deno.test("compileGlob() matches *, **, ? and {a,b}", () => {
  for (const [pattern, matching, others] of cases) {
    const matches = compileGlob(pattern);
    const found = [...matching.split(" "), ...others.split(" ")]
      .filter((path) => path !== "" && matches(path));
    assertEquals([pattern, found.join(" ")], [pattern, matching]);
  }
});

Deno.test("faultOfGlob() says why no path can match", () => {
  for (const [pattern] of cases) assertEquals(faultOfGlob(pattern), null);
  const inner =
    'paths begin with a name inside the folder, not with a slash or "./"; write ';
  for (
    const [pattern, fault] of [
      ["", 'it is empty; write "**" for all files'],
      ["/", `${inner}"**"`],
      ["/assets/*", `${inner}"assets/*"`],
      ["./*.js", `${inner}"*.js"`],
      ["assets/", 'it must name files; write "assets/**"'],
      ["a/../b", 'no path has the name ".."'],
      ["a//b", "no path has an empty name"],
      ["a/.", 'no path has the name "."'],
      ["*.{j{s,sx},css}", "braces inside of braces are not supported"],
    ] as const
  ) assertEquals(faultOfGlob(pattern), fault);
});
