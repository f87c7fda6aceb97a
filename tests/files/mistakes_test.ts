/** Folders and files that cannot be served: an error when the handler is created, which says what to change. */

import { assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { serveDir, serveFile } from "../../files/mod.ts";
import { toHandler } from "../../fetch/mod.ts";
import { Server } from "../../mod.ts";
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

Deno.test("serveDir() rejects a prefix that no path can begin with", () => {
  for (const prefix of ["", "/", "/a", "/a/b/", "/%20"]) {
    serveDir(".", { prefix });
  }
  for (
    const [prefix, advice] of [
      ["a", '; write "/a"'],
      ["no-slash/b", '; write "/no-slash/b"'],
      ["/a/**", '; write "/a"'],
      ["//a", '; write "/a"'],
      ["/a//", '; write "/a"'],
      ["/a?b", '; write "/a"'],
      ["/%zz", '; write "/%25zz"'],
      ["/100%", '; write "/100%25"'],
      ["/ä b", '; write "/%C3%A4%20b"'],
      ["/:a", ', such as "/assets"'],
      ["/a/../b", ', such as "/assets"'],
      ["?", ', such as "/assets"'],
    ] as const
  ) {
    assertEquals(
      errorOf(() => serveDir(".", { prefix })),
      `TypeError: Cannot use prefix ${
        JSON.stringify(prefix)
      }: it must be a path as it is sent${advice}`,
    );
  }
});

Deno.test("a route for fetch() of serveDir() needs a prefix that fits", () => {
  const add = (pattern: string, prefix?: string): string => {
    const files = serveDir(".", prefix === undefined ? {} : { prefix });
    const outcomes = [files, files.fetch].map((handler) => { // both call fetch()
      const app = Server.builder("127.0.0.1:0");
      try {
        app.get(pattern, toHandler(handler));
        return "no error";
      } catch (error) {
        return `${error}`;
      }
    });
    assertEquals(outcomes[0], outcomes[1]);
    return outcomes[0] ?? "";
  };
  const without =
    'Cannot serve a folder by fetch() at route "/a/**" without the option prefix: write prefix: "/a" if the rest of the path names the file, or prefix: "/" if the whole path names it, or add the handler of serveDir() itself to the route';
  const withOther =
    'Cannot serve a folder by fetch() at route "/a/**" with prefix "/b": no path of the route begins with it';
  const withParam =
    'Cannot serve a folder by fetch() at route "/:a/**" without the option prefix: write prefix: "/" if the whole path names it, or add the handler of serveDir() itself to the route';
  assertEquals(add("/a/**"), `TypeError: ${without}`);
  assertEquals(add("/a/**", "/b"), `TypeError: ${withOther}`);
  assertEquals(add("/:a/**"), `TypeError: ${withParam}`);
  for (
    const [pattern, prefix] of [
      ["/**", undefined],
      ["/**", "/b"],
      ["/robots.txt", undefined],
      ["/a/**", "/a"],
      ["/a/**", "/"],
      ["/a/**", "/a/b"],
      ["/a/b/**", "/a"],
      ["/:a/**", "/a"],
    ] as const
  ) assertEquals([pattern, add(pattern, prefix)], [pattern, "no error"]);
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

Deno.test("handlers of files are refused at routes for other methods than GET and HEAD", async () => {
  await using site = await Site.make({ "a.txt": "a" });
  const folder = serveDir(site.path, { prefix: "/" });
  const file = serveFile(`${site.path}/a.txt`);
  for (
    const handler of [
      ...[folder, file, toHandler(folder.fetch), toHandler(file.fetch)],
    ]
  ) {
    const app = Server.builder("127.0.0.1:0");
    app.get("/a/**", handler).head("/a/**", handler);
    for (const method of ["POST", "OPTIONS", "QUERY"]) {
      assertEquals(
        errorOf(() => app.route(method, "/a/**", handler)),
        `TypeError: Cannot serve files at route "/a/**" for ${method}: they are only for GET and HEAD; add the handler with get()`,
      );
    }
  }
});

Deno.test("serveFile() refuses a path that only a folder can have", async () => {
  await using site = await Site.make({ "a.txt": "a" });
  for (const path of [`${site.path}/a.txt/`, `${site.path}/none/`]) {
    assertEquals(
      errorOf(() => serveFile(path)),
      `TypeError: Cannot serve file "${path}": it ends with a slash, which only the path of a folder may do`,
    );
  }
});
