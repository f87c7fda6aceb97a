import { assertEquals, assertThrows } from "@std/assert";
import { serveFile } from "../../files/mod.ts";
import { testEngines } from "../support/engines.ts";
import { ask, Site } from "../support/site.ts";

testEngines("serveFile() sends one file on any route", async (engine) => {
  await using site = await Site.make({
    "icon.svg": "<svg/>",
    "icon.svg.br": "in br",
    "folder/": "",
  });
  await using server = engine.serve((app) => {
    const options = { cacheControl: "max-age=60", precompressed: true };
    app.get("/favicon.ico", serveFile(`${site.path}/icon.svg`, options));
    app.get("/:id", serveFile(`${site.path}/icon.svg`, { download: true }));
    app.get("/x/missing", serveFile(`${site.path}/nothing`));
    app.get("/x/link", serveFile(`${site.path}/link`));
    app.get("/x/folder", serveFile(`${site.path}/later`));
  });
  const icon = await ask(server, "GET /favicon.ico");
  assertEquals([icon.status, icon.body], [200, "<svg/>"]);
  assertEquals(icon.headers.get("content-type"), "image/svg+xml");
  assertEquals(icon.headers.get("cache-control"), "max-age=60");
  const br = await ask(server, "GET /favicon.ico", "Accept-Encoding: br\r\n");
  assertEquals([br.body, br.headers.get("content-encoding")], ["in br", "br"]);
  const saved = await ask(server, "GET /anything");
  assertEquals(
    saved.headers.get("content-disposition"),
    'attachment; filename="icon.svg"',
  );
  assertEquals((await ask(server, "GET /x/missing")).status, 404);
  await Deno.mkdir(`${site.path}/later`);
  assertEquals((await ask(server, "GET /x/folder")).status, 404);
  await Deno.symlink("../secret.txt", `${site.path}/link`);
  assertEquals((await ask(server, "GET /x/link")).body, "SECRET"); // the program named it
});

Deno.test("serveFile() checks its arguments", () => {
  assertThrows(() => serveFile(""), TypeError);
  assertThrows(
    () => serveFile("a", { headers: { "bad name": "" } }),
    TypeError,
  );
});
