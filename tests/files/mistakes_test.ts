/** Folders and files that cannot be served: an error when the handler is created, which says what to change. */

import { assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { serveDir, serveFile } from "../../files/mod.ts";
import { Site } from "../support/site.ts";

/** The error that a call throws, as its class and message. */
function errorOf(call: () => unknown): string {
  const { constructor, message } = assertThrows(call) as Error;
  return `${constructor.name}: ${message}`;
}

Deno.test("serveDir() needs a folder that exists", async () => {
  await using site = await Site.make({ "a.txt": "a" });
  const { path } = site;
  assertEquals(
    errorOf(() => serveDir(`${path}/none`)),
    `NotFound: Cannot serve folder "${path}/none": it does not exist; a relative path begins at the working directory`,
  );
  assertEquals(
    errorOf(() => serveDir(`${path}/a.txt/b`)),
    `NotFound: Cannot serve folder "${path}/a.txt/b": it does not exist; a relative path begins at the working directory`,
  );
  assertEquals(
    errorOf(() => serveDir(`${path}/a.txt`)),
    `TypeError: Cannot serve folder "${path}/a.txt": it is not a folder; serveFile() serves a file`,
  );
});

Deno.test("serveDir() needs a page of `spa` that exists", async () => {
  await using site = await Site.make({ "a/b.html": "b", "folder/": "" });
  const { path } = site;
  const spaError = (spa: string): string =>
    errorOf(() => serveDir(path, { spa }));
  serveDir(path, { spa: "a/b.html" });
  assertEquals(
    spaError("index.html"),
    `NotFound: Cannot use spa "index.html", "${path}/index.html": it does not exist; a relative path begins at the working directory`,
  );
  assertEquals(
    spaError("folder"),
    `TypeError: Cannot use spa "folder": "${path}/folder" is a folder`,
  );
  if (Deno.build.os === "windows") return;
  await Deno.symlink("../secret.txt", `${path}/link.html`);
  assertEquals(
    spaError("link.html"),
    'TypeError: Cannot use spa "link.html": it is no file inside the folder',
  );
});

Deno.test("serveDir() needs a prefix that is a path", () => {
  for (const prefix of ["", "/", "/a", "/a/b/", "/%20"]) {
    serveDir(".", { prefix });
  }
  for (const prefix of ["a", "/a/**", "/:a", "//a", "/a?b", "/a//"]) {
    assertEquals(
      errorOf(() => serveDir(".", { prefix })),
      `TypeError: Cannot use prefix ${
        JSON.stringify(prefix)
      }: it must be a path as it is sent, such as "/assets"`,
    );
  }
});

Deno.test("serveFile() needs the path of a file, which may be created later", async () => {
  await using site = await Site.make({ "folder/": "" });
  const { path } = site;
  serveFile(`${path}/later.txt`);
  assertEquals(
    errorOf(() => serveFile(`${path}/folder`)),
    `TypeError: Cannot serve file "${path}/folder": it is a folder; serveDir() serves the files of a folder`,
  );
});

Deno.test("a missing permission throws an error that names the flag", async () => {
  await using site = await Site.make({ "a.txt": "a" });
  const entry = new URL("../../files/mod.ts", import.meta.url);
  const program = `${site.root}/program.js`;
  await Deno.writeTextFile(
    program,
    `import { serveDir, serveFile } from ${JSON.stringify(entry.href)};
    for (const serve of [serveDir, serveFile]) {
      try { serve(Deno.args[0]); } catch (error) {
        console.log(error.constructor.name + ": " + error.message);
      }
    }`,
  );
  const { stdout } = await new Deno.Command(Deno.execPath(), {
    args: [
      ...["run", "--no-prompt", "--no-check", "--allow-read=nowhere"],
      ...[program, site.path],
    ],
  }).output();
  const lines = new TextDecoder().decode(stdout);
  for (const what of ["folder", "file"]) {
    assertStringIncludes(
      lines,
      `NotCapable: Cannot serve ${what} "${site.path}": the program may not read it; run it with --allow-read=${site.path}`,
    );
  }
});
