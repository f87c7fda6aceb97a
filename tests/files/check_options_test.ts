/** Wrong options of `serveDir()` and `serveFile()`, as programs without types pass them. */

import { assertEquals, assertThrows } from "@std/assert";
import { checkResult } from "../../files/check_options.ts";
import { serveDir, serveFile } from "../../files/mod.ts";

/** Options of `serveDir()` as JSON, and a part of the message. */
const WRONG: readonly (readonly [options: string, message: string])[] = [
  ['{"cachecontrol":"no-store"}', '"cachecontrol": no such option'],
  ['{"cache":{"maxbytes":1}}', '"cache.maxbytes": no such option'],
  ['{"compress":{"level":1}}', '"compress.level": no such option'],
  ['{"constructor":1}', '"constructor": no such option'],
  ['{"cacheControl":60}', "Cannot set cacheControl to 60: it must be a string"],
  ['{"etag":"hash"}', 'Cannot set etag to "hash": it must be "weak", "strong"'],
  ['{"precompressed":["br"]}', "precompressed to an array: it must be true"],
  ['{"compress":"br"}', 'compress to "br": it must be true, false'],
  ['{"compress":{"minBytes":"1"}}', 'compress.minBytes to "1": it must be a'],
  ['{"cache":true}', "cache to true: it must be false, or an object"],
  ['{"cache":{"maxBytes":"1"}}', 'cache.maxBytes to "1": it must be a number'],
  ['{"download":"a.txt"}', 'download to "a.txt": it must be true, false'],
  [
    '{"cacheControl":{"/a/*":"no-cache"}}',
    'Cannot set cacheControl["/a/*"]: paths begin with a name inside the folder, not with a slash or "./"; write "a/*"',
  ],
  [
    '{"cacheControl":{"*.js":60}}',
    'Cannot set cacheControl["*.js"] to 60: it must be a string',
  ],
  [
    '{"cacheControl":{"*.js":"a\\nb"}}',
    'field "cache-control": character 1 is U+000A',
  ],
  ['{"mediaTypes":null}', "mediaTypes to null: it must be an object"],
  [
    '{"mediaTypes":{"md":"text"}}',
    'mediaTypes.md to "text": it must be a media',
  ],
  ['{"mediaTypes":{"md":"a/b;\\r\\nc"}}', "character 4 is U+000D"],
  [
    '{"mediaTypes":{"tar.gz":"a/b"}}',
    'mediaTypes["tar.gz"]: it must be the part of a name after its last dot',
  ],
  ['{"mediaTypes":{"*.md":"a/b"}}', 'mediaTypes["*.md"]: it must be the part'],
  ['{"mediaTypes":{"":"a/b"}}', 'mediaTypes[""]: it must be the part'],
  [
    '{"headers":{"Content-Type":"a/b"}}',
    'field "content-type" by headers: use m',
  ],
  ['{"headers":"a: b"}', 'headers to "a: b": it must be an object such as {'],
  ['{"headers":null}', "headers to null: it must be an object such as {"],
  [
    '{"headers":{"Cache-Control":"no-store"}}',
    'field "cache-control" by headers: use cacheControl',
  ],
  [
    '{"headers":{"Content-Disposition":"inline"}}',
    'field "content-disposition" by headers: use download',
  ],
  [
    '{"headers":{"Content-Encoding":"br"}}',
    'field "content-encoding" by headers: it depends',
  ],
  ['{"headers":{"ETag":"1"}}', 'field "etag" by headers: use etag'],
  [
    '{"headers":{"Content-Length":"1"}}',
    '"content-length" by headers: it depends',
  ],
  ['{"index":"index.html"}', 'index to "index.html": it must be an array'],
  [
    '{"index":["/index.html"]}',
    'Cannot use index "/index.html": it must be the name of a file, such as',
  ],
  ['{"index":[".."]}', 'Cannot use index "..": it must be the name of a file'],
  ['{"index":false}', "index to false: it must be an array"],
  ['{"listing":"yes"}', 'listing to "yes": it must be true or false'],
  ['{"spa":true}', "spa to true: it must be a path inside the folder"],
  ['{"dotfiles":"allow"}', 'dotfiles to "allow": it must be true or false'],
  ["null", "Cannot call serveDir() with options null: not an object"],
  ["[]", "Cannot call serveDir() with options an array: not an object"],
];

for (const [options, message] of WRONG) {
  Deno.test(`serveDir() refuses the options ${options}`, () => {
    assertThrows(
      () => serveDir(".", JSON.parse(options)),
      TypeError,
      message,
    );
  });
}

Deno.test("serveFile() refuses an option of serveDir()", () => {
  const options: object = { listing: true };
  assertThrows(
    () => serveFile("a.txt", options),
    TypeError,
    'Cannot call serveFile() with "listing": no such option; serveDir() has it',
  );
  serveFile("a.txt", { cache: false, headers: { vary: "Origin" } });
});

Deno.test("serveFile() refuses a path that is no string", () => {
  const url = new URL(import.meta.url) as unknown as string; // the wrong types are what is tested
  const isUrl = "is a URL, which fileURLToPath() of node:url converts";
  const object = {} as unknown as string; // as above
  const none = undefined as unknown as string; // as above
  for (
    const [path, why] of [
      ["", "is empty"],
      [none, "is undefined"],
      [object, "is an object"],
      [url, isUrl],
      [import.meta.url, isUrl],
      ["a\0b", "has a null byte"],
    ] as const
  ) {
    assertThrows(
      () => serveFile(path),
      TypeError,
      `Cannot serve file: the path ${why}; it must be a string, such as "public/icon.svg"`,
    );
    assertThrows(
      () => serveDir(path),
      TypeError,
      `Cannot serve folder: the path ${why}; it must be a string, such as "public"`,
    );
  }
});

Deno.test("an option that is undefined has its default", () => {
  const options: object = { etag: undefined, cache: undefined, spa: undefined };
  serveDir(".", options);
});

Deno.test("a function of an option has to return a string, null or nothing", () => {
  const resultOf = (value: unknown): string | null =>
    checkResult("cacheControl", () => value as string)("a.txt"); // a wrong program
  assertEquals(resultOf("no-cache"), "no-cache");
  assertEquals(resultOf(null), null);
  assertEquals(resultOf(undefined), null);
  assertThrows(
    () => resultOf(Promise.resolve("no-cache")),
    TypeError,
    "Cannot use cacheControl: the function returned a promise, not a string or null",
  );
  assertThrows(() => resultOf(60), TypeError, "returned 60");
});
