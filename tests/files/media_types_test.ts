import { assertEquals, assertStringIncludes } from "@std/assert";
import { MediaTypes } from "../../files/media_types.ts";
import {
  generateMediaTypes,
  type MediaTypeDatabase,
} from "../support/media_types.ts";

const types: readonly (readonly [name: string, type: string])[] = [
  ["a.html", "text/html; charset=utf-8"],
  ["a.css", "text/css; charset=utf-8"],
  ["a.js", "text/javascript; charset=utf-8"],
  ["a.mjs", "text/javascript; charset=utf-8"],
  ["A.TXT", "text/plain; charset=utf-8"],
  ["a.json", "application/json"],
  ["a.js.map", "application/json"],
  ["a.webmanifest", "application/manifest+json"],
  ["a.svg", "image/svg+xml"],
  ["a.png", "image/png"],
  ["a.jpeg", "image/jpeg"],
  ["a.webp", "image/webp"],
  ["a.avif", "image/avif"],
  ["favicon.ico", "image/vnd.microsoft.icon"],
  ["a.woff2", "font/woff2"],
  ["a.wasm", "application/wasm"],
  ["a.pdf", "application/pdf"],
  ["a.mp4", "video/mp4"],
  ["a.mp3", "audio/mpeg"],
  ["a.tar.gz", "application/gzip"],
  ["html", "application/octet-stream"],
  ["a.", "application/octet-stream"],
  ["a.__proto__", "application/octet-stream"],
  ["a.constructor", "application/octet-stream"],
  ["folder.html/README", "application/octet-stream"],
];

Deno.test("MediaTypes knows the types of the web, by the last extension", () => {
  const table = new MediaTypes({});
  for (const [name, type] of types) {
    assertEquals([name, table.typeOf(name)], [name, type]);
  }
});

Deno.test("MediaTypes prefers the types of the program, as they are", () => {
  const table = new MediaTypes({ ".TXT": "text/plain", md: "text/x-md" });
  assertEquals(table.typeOf("a.txt"), "text/plain");
  assertEquals(table.typeOf("b.md"), "text/x-md");
  assertEquals(table.typeOf("b.css"), "text/css; charset=utf-8");
});

Deno.test("the generated table is the one of the mime-db release that the build names", async (t) => {
  const build = await Deno.readTextFile(
    new URL("../build_media_types.ts", import.meta.url),
  );
  const [specifier = ""] = /npm:mime-db@[0-9.]+/.exec(build) ?? [];
  assertStringIncludes(specifier, "npm:mime-db@");
  const database = await importOrNull(specifier);
  await t.step({
    name: "deno task build:media-types would change nothing",
    ignore: database === null, // npm cannot be reached
    fn: async () => {
      const generated = await Deno.readTextFile(
        new URL("../../files/media_types.generated.ts", import.meta.url),
      );
      assertEquals(generated, generateMediaTypes(database ?? {}));
    },
  });
});

async function importOrNull(
  specifier: string,
): Promise<MediaTypeDatabase | null> {
  try {
    const { default: database } = await import(specifier);
    return database;
  } catch {
    return null;
  }
}
