import { assertEquals, assertStringIncludes } from "@std/assert";
import { assertThrows } from "@std/assert";
import { findForeignSyntax } from "../../router/foreign_syntax.ts";
import { RouterBuilder } from "../../router/router.ts";

/** Segments in the syntax of other routers, each with words of the advice for it. */
const FOREIGN: readonly (readonly [segment: string, advice: string])[] = [
  // Express 4, Hono, path-to-regexp, URLPattern
  [":id?", 'one route with ":id"'],
  [":id(\\d+)", 'write ":id" and check the value'],
  [":id(\\\\d+)", 'write ":id" and check the value'],
  [":id(\\d+)?", 'write ":id" and check the value'],
  [":id{[0-9]+}", 'write ":id" and check the value'],
  [":id{.+\\.png}", 'write ":id" and check the value'],
  [":id[0-9]", 'write ":id" and check the value'],
  [":id<int>", 'write ":id" and check the value'],
  [":name.json", 'write ":name" and check the value'],
  [":file.:ext", 'write ":file" and check the value'],
  [":id:verb", 'write ":id" and check the value'],
  [":path*", 'write "**" as the last segment'],
  [":path+", 'write "**" as the last segment'],
  [":path(.*)*", 'write "**" as the last segment'],
  [":a-:b", "split the value in the handler"],
  [":a~:b", "split the value in the handler"],
  [":user-id", "split the value in the handler"],
  [":id$", "split the value in the handler"],
  ["::", 'only letters, digits and "_"'],
  [":\u00e9t\u00e9", 'only letters, digits and "_"'],
  [":n m", 'only letters, digits and "_"'],
  [":...", 'only letters, digits and "_"'],
  // Wildcards with names, globs
  ["*name", 'write "**" for any number of segments'],
  ["*:name", 'write "**" for any number of segments'],
  ["**name", 'write "**"'],
  ["**:name", 'write "**"'],
  ["***", 'write "**"'],
  ["**.png", 'write "**"'],
  ["*.png", 'write ":name" and check the value'],
  ["a*", 'write ":name" and check the value'],
  ["a*b", 'write ":name" and check the value'],
  ["img-*.*", "write a literal"],
  ["*.{png,jpg}", "write a literal"],
  // Templates of other frameworks and languages
  ["{id}", 'write ":id" for a param'],
  ["{id:int}", 'write ":id" for a param'],
  ["{id:[0-9]+}", 'write ":id" for a param'],
  ["{id?}", 'write ":id" for a param'],
  ["{*path}", 'write ":path" for a param'],
  ["{path...}", 'write ":path" for a param'],
  ["{:id}", 'write ":id" for a param'],
  ["file-{id}", "write a literal"],
  ["{", "write a literal"],
  ["<id>", 'write ":id" for a param'],
  ["<int:id>", 'write ":id" for a param'],
  ["v<id>", "write a literal"],
  ["[id]", 'write ":id" for a param'],
  ["[...slug]", 'write "**" as the last segment'],
  ["[[...slug]]", 'write "**" as the last segment'],
  ["@:user", 'write ":user" and check the value'],
  ["(:id)", 'write ":id" and check the value'],
  ["file-:id", 'write ":id" and check the value'],
  ["file.:ext", 'write ":ext" and check the value'],
  // Regular expressions
  ["(.*)", "write a literal"],
  ["(.+)", "write a literal"],
  [".*", "write"],
  [".+", "write a literal"],
  ["\\d+", "write a literal"],
  ["(\\d+)", "write a literal"],
  ["[0-9]+", "write a literal"],
  ["[^a]", "write a literal"],
  ["[a-z]", "write a literal"],
  ["(en|de)", "write a literal"],
  ["(en)?", "write a literal"],
  ["(?:en)", "write a literal"],
  ["^a$", "write a literal"],
  ["a{2}", "write a literal"],
];

Deno.test("findForeignSyntax() recognises the syntax of other routers, and says what to write instead", () => {
  for (const [segment, advice] of FOREIGN) {
    assertStringIncludes(findForeignSyntax(segment) ?? "", advice, segment);
  }
});

Deno.test("findForeignSyntax() accepts segments of this router", () => {
  const own = ["", "a", "*", "**", ":id", ":Id_2", ":", ":__proto__", ":0"];
  for (const segment of [...own, "a:b", "a.b", "$id", "a(b)", "a[0]"]) {
    assertEquals(findForeignSyntax(segment), undefined, segment);
  }
});

Deno.test("RouterBuilder add() refuses foreign syntax in any segment and adds nothing", () => {
  const builder = new RouterBuilder<number>();
  for (const [segment] of FOREIGN) {
    for (
      const [pattern, number] of [
        [`/${segment}`, 1],
        [`/a/:b/${segment}`, 3],
        [`/a/${segment}/b`, 2],
      ] as const
    ) {
      const { message } = assertThrows(
        () => builder.add("GET", pattern, 0),
        TypeError,
        `Cannot register route ${JSON.stringify(pattern)}: `,
      );
      assertEquals(message.endsWith(`(segment ${number})`), true, message);
      assertStringIncludes(message, JSON.stringify(segment));
    }
  }
  assertEquals(builder.build().knowsMethod("GET"), false);
});
