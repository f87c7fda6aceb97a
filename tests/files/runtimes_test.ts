/** The file handlers on Node and Bun, each in its own process. */

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { Site } from "../support/site.ts";

const root = new URL("../../", import.meta.url);

interface Printed {
  readonly served: Readonly<Record<string, readonly [number, string]>>;
  readonly made: string;
  readonly mistakes: readonly string[];
}

for (const runtime of ["node@24", "bun@1.4.5"]) {
  Deno.test({
    name:
      `serveDir() serves a folder on ${runtime}, also names that are not UTF-8`,
    ignore: Deno.build.os !== "linux",
    async fn(): Promise<void> {
      await using site = await Site.make({
        "a.txt": "a",
        "big.txt": "x".repeat(300_000),
      });
      const script = String.raw`
        latin="$(printf 'caf\351')"
        mkdir "$latin" && printf inner > "$latin/x.txt"
        ln -s ../secret.txt "$(printf 'out\351')"
        ln -s ../secret.txt out && ln -s a.txt in && mkfifo pipe`;
      const options = { args: ["-c", script], cwd: site.path };
      assert((await new Deno.Command("sh", options).output()).success);
      const statuses: Readonly<Record<string, readonly [number, string]>> = {
        "/a.txt": [200, "a"],
        "/big.txt": [200, "x".repeat(300_000)],
        "/in": [200, "a"],
        "/caf%E9/x.txt": [200, "inner"],
        "/out": [403, "Forbidden"],
        "/out%E9": [403, "Forbidden"],
        "/pipe": [403, "Forbidden"],
        "/none": [404, "Not Found"],
        "/none%E9": [404, "Not Found"],
        "/..%2fsecret.txt": [400, "Bad Request"],
      };
      const paths = [...Object.keys(statuses), "/"];
      const program = "tests/programs/serve_files.mjs";
      const { stdout, stderr } = await new Deno.Command("npx", {
        args: ["-y", runtime, program, site.path, ...paths],
        cwd: root,
      }).output();
      const decoder = new TextDecoder();
      const text = decoder.decode(stdout);
      assert(text.startsWith("{"), decoder.decode(stderr));
      const { served, made, mistakes }: Printed = JSON.parse(text);
      for (const [path, answer] of Object.entries(statuses)) {
        assertEquals([path, served[path]], [path, answer]);
      }
      const [, list = ""] = served["/"] ?? [];
      assertStringIncludes(list, '"./caf%E9/"');
      assert(!list.includes("out"));
      assertEquals(made, "a");
      const { path } = site;
      assertEquals(mistakes, [
        `Cannot serve folder "${path}/none": it does not exist; a relative path begins at the working directory`,
        `Cannot use spa "none", "${path}/none": it does not exist; a relative path begins at the working directory`,
        `Cannot serve file "${path}": it is a folder; serveDir() serves the files of a folder`,
      ]);
    },
  });
}
