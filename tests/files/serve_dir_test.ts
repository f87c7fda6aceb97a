import { assert, assertEquals, assertThrows } from "@std/assert";
import { type Handler, PreRoutingAction, Server } from "../../mod.ts";
import { toFetch } from "../../fetch/mod.ts";
import { serveDir, type ServeDirOptions, serveFile } from "../../files/mod.ts";
import { type TestEngine, testEngines } from "../support/engines.ts";
import type { TestServer } from "../support/serve.ts";
import { turns } from "../support/turns.ts";
import { ask, Site, textOf } from "../support/site.ts";

const MODIFIED_SECONDS = 784_111_777;
const MODIFIED = "Sun, 06 Nov 1994 08:49:37 GMT";

function serveSite(
  engine: TestEngine,
  site: Site,
  options: ServeDirOptions = {},
  pattern = "/**",
): TestServer {
  return engine.serve((app) => {
    app.get(pattern, serveDir(site.path, options));
  });
}

testEngines(
  "serveDir() sends a file with its fields, and the same head for HEAD",
  async (engine) => {
    await using site = await Site.make({ "a.css": "body {}", "empty.txt": "" });
    await site.setModified("a.css", MODIFIED_SECONDS);
    await using server = serveSite(engine, site);
    const { status, headers, body } = await ask(server, "GET /a.css");
    assertEquals([status, body], [200, "body {}"]);
    assertEquals(
      Object.fromEntries([...headers].filter(([name]) => name !== "date")),
      {
        "etag": `W/"7-${(MODIFIED_SECONDS * 1000).toString(16)}"`,
        "last-modified": MODIFIED,
        "accept-ranges": "bytes",
        "x-content-type-options": "nosniff",
        "content-type": "text/css; charset=utf-8",
        "content-length": "7",
      },
    );
    const head = await ask(server, "HEAD /a.css");
    assertEquals(
      new Map([...head.headers, ["date", ""]]),
      new Map([...headers, ["date", ""]]),
    );
    const empty = await ask(server, "GET /empty.txt");
    assertEquals([empty.status, empty.body], [200, ""]);
    assertEquals(empty.headers.get("content-length"), "0");
  },
);

testEngines(
  "serveDir() serves what `**` of the route matched, below each pattern",
  async (engine) => {
    await using site = await Site.make({
      "a/b.css": "b",
      "index.html": "home",
    });
    await using server = engine.serve((app) => {
      const files = serveDir(site.path);
      app.get("/assets/**", files);
      app.get("/:user/files/**", files);
      app.get("/wrapped/**", (ctx, res) => files(ctx, res));
    });
    for (const prefix of ["/assets", "/x/files", "/wrapped"]) {
      assertEquals((await ask(server, `GET ${prefix}/a/b.css`)).body, "b");
      assertEquals((await ask(server, `GET ${prefix}/`)).body, "home");
      const bare = await ask(server, `GET ${prefix}?q=1`);
      assertEquals(bare.headers.get("location"), `${prefix}/?q=1`);
    }
    assertEquals((await ask(server, "GET /a/b.css")).status, 404);
  },
);

testEngines(
  "serveDir() takes the whole path in a fallback, and answers GET and HEAD only",
  async (engine) => {
    await using site = await Site.make({ "a/b.css": "b" });
    await using server = engine.serve((app) => {
      app.fallbackRoute(serveDir(site.path));
    });
    assertEquals((await ask(server, "GET /a/b.css")).body, "b");
    const put = await ask(server, "PUT /a/b.css");
    assertEquals([put.status, put.headers.get("allow")], [405, "GET, HEAD"]);
  },
);

Deno.test("serveDir() refuses a route without ** when it is added, and a wrapped one when it is used", async () => {
  await using site = await Site.make({});
  const app = Server.builder("127.0.0.1:0");
  const files = serveDir(site.path);
  for (const pattern of ["/", "/assets", "/assets/*", "/:name", "*"]) {
    assertThrows(() => app.get(pattern, files), TypeError, '"/**"');
  }
  app.get("/**", files).head("/x/**", files);
});

testEngines(
  "serveDir() in a wrapper on a route without ** fails the request",
  async (engine) => {
    await using site = await Site.make({ "a.txt": "a" });
    await using server = engine.serve((app) => {
      const files = serveDir(site.path);
      app.get("/a.txt", (ctx, res) => files(ctx, res));
    });
    assertEquals((await ask(server, "GET /a.txt")).status, 500);
    assert(`${server.errors}`.includes('must end with "/**"'));
  },
);

Deno.test("serveDir() checks its arguments", async () => {
  await using site = await Site.make({ "a.txt": "" });
  const { path } = site;
  assertThrows(() => serveDir(""), TypeError);
  assertThrows(
    () => serveDir(`${path}/nothing`),
    Deno.errors.NotFound,
    `Cannot serve folder "${path}/nothing": it does not exist`,
  );
  assertThrows(() => serveDir(`${path}/a.txt`), TypeError, "not a folder");
  assertThrows(() => serveDir(path, { index: ["a/b"] }), TypeError);
  assertThrows(() => serveDir(path, { index: [".."] }), TypeError);
  assertThrows(() => serveDir(path, { spa: "../secret.txt" }), TypeError);
  assertThrows(() => serveDir(path, { spa: "/etc/passwd" }), TypeError);
  assertThrows(() => serveDir(path, { cacheControl: "a\nb" }), TypeError);
  assertThrows(
    () => serveDir(path, { etag: "hash" as unknown as "weak" }), // a wrong program
    TypeError,
  );
});

testEngines(
  "serveDir() and serveFile() leave what they do not find to the application",
  async (engine) => {
    await using site = await Site.make({ "a.txt": "a", "folder/": "" });
    await site.add("page.html", "removed");
    const spa = serveDir(site.path, { spa: "page.html" });
    await Deno.remove(`${site.path}/page.html`);
    const headers = { "X-Test": "1" };
    const accept = "Accept: text/html\r\n";
    for (const setter of ["notFound", "fallbackRoute"] as const) {
      await using server = engine.serve((app) => {
        app.get("/files/**", serveDir(site.path, { headers }));
        app.get("/spa/**", spa);
        app.get("/file", serveFile(`${site.path}/nothing`));
        app.preRoutingHook((_, res) => {
          res.headers.set("x-test", "0");
          return PreRoutingAction.proceed;
        });
        app[setter]((ctx, res) => {
          if (ctx.uri.path.endsWith("broken")) {
            return Deno.readTextFile(`${site.path}/page`).then(() => {});
          }
          res.html(`<p>${ctx.uri.path}`, 404);
        });
      });
      const paths = [
        ...["/files/x", "/files/folder/", "/files/a.txt/", "/files/.a"],
        ...["/files/../x", "/spa/x", "/file", "/other"],
      ];
      for (const path of paths) {
        const answer = await ask(server, `GET ${path}`, accept);
        assertEquals([answer.status, answer.body], [404, `<p>${path}`]);
        const isFiles = path.startsWith("/files/");
        assertEquals(answer.headers.get("x-test"), isFiles ? "1" : "0");
      }
      const page = await ask(server, "GET /spa/x", accept);
      assertEquals(page.headers.get("vary"), "Accept, Sec-Fetch-Mode");
      assertEquals((await ask(server, "GET /files/%2F")).body, "Bad Request");
      assertEquals(server.errors, []);
      assertEquals((await ask(server, "GET /files/broken")).status, 500); // its page is missing
    }
  },
);

testEngines(
  "serveDir() as the last handler takes the whole path of what a route passed on",
  async (engine) => {
    await using site = await Site.make({
      "a.txt": "a",
      "api/b.txt": "b",
      "empty/": "",
    });
    const files = serveDir(site.path);
    for (const handler of [files, ((ctx, res) => files(ctx, res)) as Handler]) {
      await using server = engine.serve((app) => {
        app.get("/api/**", serveDir(`${site.path}/empty`));
        app.get("/a.txt", serveFile(`${site.path}/none`));
        app.get("/none", (_, res) => res.notFound());
        app.fallbackRoute(handler);
      });
      assertEquals((await ask(server, "GET /a.txt")).body, "a");
      assertEquals((await ask(server, "GET /api/b.txt")).body, "b");
      for (const path of ["/api/a.txt", "/none"]) {
        assertEquals((await ask(server, `GET ${path}`)).status, 404);
      }
      assertEquals(server.errors, []);
    }
  },
);

testEngines(
  "serveDir() as the last handler sends 404 itself",
  async (engine) => {
    await using site = await Site.make({ "a.txt": "a" });
    const files = serveDir(site.path);
    for (const handler of [files, ((ctx, res) => files(ctx, res)) as Handler]) {
      await using server = engine.serve((app) => {
        app.get("/api/**", (_, res) => res.notFound());
        app.fallbackRoute(handler);
      });
      assertEquals((await ask(server, "GET /a.txt")).body, "a");
      for (const path of ["/x", "/api/x"]) {
        const { status, body } = await ask(server, `GET ${path}`);
        assertEquals([status, body], [404, "Not Found"]);
      }
      assertEquals(server.errors, []);
    }
  },
);

Deno.test("serveDir() says which permission its folder needs", {
  permissions: { read: false },
}, () => {
  assertThrows(
    () => serveDir("public"),
    Deno.errors.NotCapable,
    'Cannot serve folder "public": the program may not read it; run it with --allow-read=public',
  );
});

testEngines(
  "serveDir() sends index files, and nothing for a folder without one",
  async (engine) => {
    await using site = await Site.make({
      "index.html": "index",
      "a/index.htm": "other",
      "b/index.html/": "",
      "b/x.txt": "x",
    });
    await using server = serveSite(engine, site, {
      index: ["index.html", "index.htm"],
    });
    for (const path of ["/", "/?x=1", "/index.html", "http://a", "http://a/"]) {
      assertEquals((await ask(server, `GET ${path}`)).body, "index");
    }
    assertEquals((await ask(server, "GET /a/")).body, "other");
    assertEquals((await ask(server, "GET /b/")).status, 404);
    assertEquals((await ask(server, "GET /b/x.txt/")).status, 404);
    assertEquals((await ask(server, "GET /b/x.txt/y")).status, 404);
  },
);

const redirects: readonly (readonly [path: string, location: string | null])[] =
  [
    ["/evil", "/evil/"],
    ["/evil?a=//b", "/evil/?a=//b"],
    ["/evil?", "/evil/?"],
    ["/evil/deep", "/evil/deep/"],
    ["/%65vil", "/%65vil/"],
    ["http://a/evil", "/evil/"],
    ["/evil/", null],
    ["/file.txt", null],
    ["//evil", null],
    ["//evil/deep", null],
    ["///evil", null],
    ["/./evil", null],
    ["/.//evil", null],
    ["/evil/..//evil", null],
    ["/%2fevil", null],
    ["/%2f%2fevil", null],
    ["/%5cevil", null],
    ["/\\evil", null],
    ["/evil//", null],
    ["http://a//evil", null],
  ];

testEngines(
  "serveDir() redirects to the slash of a folder, and never to another host",
  async (engine) => {
    await using site = await Site.make({ "evil/deep/": "", "file.txt": "" });
    await using server = serveSite(engine, site);
    for (const [path, location] of redirects) {
      const answer = await ask(server, `GET ${path}`);
      assertEquals(
        [path, answer.headers.get("location") ?? null, answer.status === 301],
        [path, location, location !== null],
      );
    }
    await using below = serveSite(engine, site, {}, "//x/**");
    const { headers } = await ask(below, "GET //x/evil");
    assertEquals(headers.get("location"), "/.//x/evil/");
    const url = new URL(headers.get("location") ?? "", "http://host/");
    assertEquals(url.host, "host");
  },
);

testEngines(
  "serveDir() sends no validators of a date that says nothing, and no date in the future",
  async (engine) => {
    await using site = await Site.make({ "old.txt": "old", "new.txt": "new" });
    await site.setModified("old.txt", 1);
    await site.setModified("new.txt", Date.now() / 1000 + 86_400);
    await using server = serveSite(engine, site);
    const old = await ask(server, "GET /old.txt", "If-None-Match: *\r\n");
    assertEquals(old.status, 304);
    assertEquals(old.headers.has("last-modified"), false);
    assertEquals(old.headers.has("etag"), false);
    const { headers } = await ask(server, "GET /new.txt");
    const seconds = (name: string): number =>
      Date.parse(headers.get(name) ?? "");
    assert(seconds("last-modified") <= seconds("date"));
  },
);

testEngines(
  "serveDir() answers conditional requests and ranges",
  async (engine) => {
    await using site = await Site.make({ "a.txt": "0123456789", "e.txt": "" });
    await site.setModified("a.txt", MODIFIED_SECONDS);
    await using server = serveSite(engine, site);
    const { headers } = await ask(server, "GET /a.txt");
    const etag = headers.get("etag") ?? "";
    const status = async (fields: string, line = "GET /a.txt") =>
      (await ask(server, line, fields)).status;
    assertEquals(await status(`If-None-Match: ${etag}\r\n`), 304);
    assertEquals(await status(`If-Modified-Since: ${MODIFIED}\r\n`), 304);
    assertEquals(
      await status(`If-None-Match: ${etag}\r\n`, "HEAD /a.txt"),
      304,
    );
    assertEquals(await status(`If-Match: ${etag}\r\n`), 412);
    assertEquals(
      await status(`If-None-Match: ${etag}\r\nRange: bytes=99-\r\n`),
      304,
    );
    const part = await ask(server, "GET /a.txt", "Range: bytes=2-4\r\n");
    assertEquals([part.status, part.body], [206, "234"]);
    assertEquals(part.headers.get("content-range"), "bytes 2-4/10");
    assertEquals(part.headers.get("etag"), etag);
    const all = await ask(server, "GET /a.txt", "Range: bytes=0-\r\n");
    assertEquals([all.status, all.body], [206, "0123456789"]);
    const none = await ask(server, "GET /a.txt", "Range: bytes=10-\r\n");
    assertEquals([none.status, none.body], [416, "Range Not Satisfiable"]);
    assertEquals(none.headers.get("content-range"), "bytes */10");
    const range = "Range: bytes=0-1\r\n";
    assertEquals(await status(`${range}If-Range: ${MODIFIED}\r\n`), 206);
    assertEquals(await status(`${range}If-Range: ${etag}\r\n`), 200);
    assertEquals(await status(range, "HEAD /a.txt"), 200);
    assertEquals(await status(range, "GET /e.txt"), 200);
    assertEquals(await status("Range: bytes=1-\r\n", "GET /e.txt"), 416);
  },
);

testEngines(
  "serveDir() sends several ranges as multipart/byteranges",
  async (engine) => {
    await using site = await Site.make({ "a.txt": "0123456789" });
    await using server = serveSite(engine, site);
    const fields = "Range: bytes=0-1,-2,4-4\r\n";
    const { status, headers, body } = await ask(server, "GET /a.txt", fields);
    assertEquals(status, 206);
    assertEquals(headers.has("content-range"), false);
    const type = headers.get("content-type") ?? "";
    const [, boundary] = /^multipart\/byteranges; boundary=(\S+)$/.exec(type) ??
      [];
    const part = (range: string, text: string): string =>
      `--${boundary}\r\nContent-Type: text/plain; charset=utf-8\r\n` +
      `Content-Range: bytes ${range}/10\r\n\r\n${text}\r\n`;
    assertEquals(
      body,
      `${part("0-1", "01")}${part("8-9", "89")}${
        part("4-4", "4")
      }--${boundary}--\r\n`,
    );
    assertEquals(headers.get("content-length"), `${body.length}`);
  },
);

testEngines(
  "serveDir() has strong entity tags as an option, which If-Match and If-Range accept",
  async (engine) => {
    await using site = await Site.make({ "a.txt": "0123456789" });
    await using server = serveSite(engine, site, { etag: "strong" });
    const tag = async (): Promise<string> =>
      (await ask(server, "GET /a.txt")).headers.get("etag") ?? "";
    const first = await tag();
    assert(/^"[\w-]{22}"$/.test(first), first);
    const fields = `Range: bytes=0-1\r\nIf-Range: ${first}\r\n`;
    assertEquals((await ask(server, "GET /a.txt", fields)).status, 206);
    const match = `If-Match: ${first}\r\n`;
    assertEquals((await ask(server, "GET /a.txt", match)).status, 200);
    await site.add("a.txt", "9876543210");
    await site.setModified("a.txt", MODIFIED_SECONDS);
    assert(await tag() !== first);
    assertEquals((await ask(server, "GET /a.txt", match)).status, 412);
    assertEquals((await ask(server, "GET /a.txt", fields)).status, 200);
    await using none = serveSite(engine, site, { etag: false });
    assertEquals((await ask(none, "GET /a.txt")).headers.has("etag"), false);
  },
);

testEngines(
  "serveDir() sends precompressed siblings, and Vary only where there are some",
  async (engine) => {
    await using site = await Site.make({
      "a.js": "plain",
      "a.js.gz": "in gzip",
      "a.js.br": "in br",
      "b.js": "plain",
      "b.js.zst/": "",
      "c.js.gz": "alone",
    });
    await using server = serveSite(engine, site, { precompressed: true });
    const get = (path: string, fields: string) =>
      ask(server, `GET ${path}`, fields);
    const codings:
      readonly (readonly [string, number, string | undefined, string])[] = [
        ["gzip, br", 200, "br", "in br"],
        ["br;q=0.5, gzip", 200, "gzip", "in gzip"],
        ["zstd, gzip;q=0.1", 200, "gzip", "in gzip"],
        ["zstd", 200, undefined, "plain"],
        ["identity", 200, undefined, "plain"],
        ["gzip, identity;q=0", 200, "gzip", "in gzip"],
        ["zstd, identity;q=0", 406, undefined, "Not Acceptable"],
      ];
    for (const [accepted, status, coding, body] of codings) {
      const answer = await get("/a.js", `Accept-Encoding: ${accepted}\r\n`);
      assertEquals(
        [
          accepted,
          answer.status,
          answer.headers.get("content-encoding"),
          answer.body,
        ],
        [accepted, status, coding, body],
      );
      assertEquals(answer.headers.get("vary"), "Accept-Encoding");
    }
    const gzip = "Accept-Encoding: gzip\r\n";
    const { headers } = await get("/a.js", gzip);
    assertEquals(headers.get("content-type"), "text/javascript; charset=utf-8");
    const etag = headers.get("etag") ?? "";
    assert(etag.endsWith('-gzip"'), etag);
    const unchanged = await get("/a.js", `${gzip}If-None-Match: ${etag}\r\n`);
    assertEquals([unchanged.status, unchanged.headers.get("vary")], [
      304,
      "Accept-Encoding",
    ]);
    const part = await get("/a.js", `${gzip}Range: bytes=3-\r\n`);
    assertEquals([part.status, part.body], [206, "gzip"]);
    assertEquals(part.headers.get("content-encoding"), "gzip");
    assertEquals(part.headers.get("vary"), "Accept-Encoding");
    const other = await get("/b.js", "Accept-Encoding: zstd, gzip\r\n");
    assertEquals([other.body, other.headers.has("vary")], ["plain", false]);
    assertEquals((await get("/c.js", gzip)).status, 404);
  },
);

testEngines(
  "serveDir() sets Cache-Control, Content-Disposition, types and other fields",
  async (engine) => {
    await using site = await Site.make({
      "assets/app-3f2a9c81.js": "",
      "assets/app.js": "",
      "résumé.pdf": "",
    });
    await using server = serveSite(engine, site, {
      cacheControl: {
        "*-????????.*": "max-age=31536000, immutable",
        "assets/**": "max-age=60",
      },
      download: (path) => path.endsWith(".pdf") ? path : null,
      mediaTypes: { js: "text/x-test" },
      headers: { "Access-Control-Allow-Origin": "*" },
    });
    const get = async (path: string) =>
      (await ask(server, `GET ${path}`)).headers;
    const hashed = await get("/assets/app-3f2a9c81.js");
    assertEquals(hashed.get("cache-control"), "max-age=31536000, immutable");
    assertEquals(hashed.get("content-type"), "text/x-test");
    assertEquals(
      (await get("/assets/app.js")).get("cache-control"),
      "max-age=60",
    );
    const pdf = await get("/r%C3%A9sum%C3%A9.pdf");
    assertEquals(pdf.has("cache-control"), false);
    assertEquals(
      pdf.get("content-disposition"),
      `attachment; filename="r_sum_.pdf"; filename*=UTF-8''r%C3%A9sum%C3%A9.pdf`,
    );
    const missing = await get("/nothing");
    assertEquals(missing.get("access-control-allow-origin"), "*");
  },
);

const HTML = "Accept: text/html,application/xhtml+xml,*/*;q=0.8\r\n";
const navigations:
  readonly (readonly [path: string, fields: string, status: number])[] = [
    ["/", HTML, 200],
    ["/users/7", HTML, 200],
    ["/users/7/", HTML, 200],
    ["/.hidden", HTML, 200],
    ["/users/7", `${HTML}Sec-Fetch-Mode: navigate\r\n`, 200],
    ["/users/7", `${HTML}Sec-Fetch-Mode: cors\r\n`, 404],
    ["/app.js", "Accept: */*\r\n", 404],
    ["/app.js", "", 404],
    ["/users/7", "Accept: text/html;q=0\r\n", 404],
    ["/users/7", "Accept: text/html;q=0.5\r\n", 200],
    ["/users/7", "Accept: text/html-x\r\n", 404],
    ["/a%2fb", HTML, 400],
  ];

testEngines(
  "serveDir() sends the page of an application to navigations only",
  async (engine) => {
    await using site = await Site.make({ "app.html": "app", "x.txt": "x" });
    await using server = serveSite(engine, site, { spa: "app.html" });
    for (const [path, fields, status] of navigations) {
      const answer = await ask(server, `GET ${path}`, fields);
      assertEquals([path, fields, answer.status], [path, fields, status]);
      if (status === 400) continue;
      assertEquals(answer.body, status === 200 ? "app" : "Not Found");
      assertEquals(answer.headers.get("vary"), "Accept, Sec-Fetch-Mode");
    }
    const file = await ask(server, "GET /x.txt", HTML);
    assertEquals([file.body, file.headers.has("vary")], ["x", false]);
  },
);

testEngines(
  "serveDir() hides names that begin with a dot, except .well-known",
  async (engine) => {
    await using site = await Site.make({
      ".env": "SECRET",
      ".git/config": "SECRET",
      "a/.well-known/x": "SECRET",
      ".well-known/acme-challenge/token": "token",
      ".well-known/.x": "SECRET",
    });
    await using server = serveSite(engine, site);
    const paths = [
      "/.env",
      "/%2Eenv",
      "/.git/config",
      "/a/.well-known/x",
      "/.well-known/.x",
    ];
    for (const path of paths) {
      assertEquals([path, (await ask(server, `GET ${path}`)).status], [
        path,
        404,
      ]);
    }
    const token = await ask(server, "GET /.well-known/acme-challenge/token");
    assertEquals(token.body, "token");
    await using open = serveSite(engine, site, { dotfiles: true });
    assertEquals((await ask(open, "GET /.env")).body, "SECRET");
  },
);

testEngines("serveDir() serves names of any kind", async (engine) => {
  const names = [
    "a b.txt",
    "+.txt",
    "100%.txt",
    "%41.txt",
    "h#x.txt",
    "q?x.txt",
    "ünï.txt",
    "日本.txt",
    "💡.txt",
    "a\ufffd.txt",
    "__proto__",
    "a:b",
    `"q"`,
    "line\nend",
    "\x1b[2J",
  ];
  await using site = await Site.make(
    Object.fromEntries(names.map((name) => [name, `text of ${name}`])),
  );
  await using server = serveSite(engine, site);
  for (const name of names) {
    const answer = await ask(server, `GET /${encodeURIComponent(name)}`);
    assertEquals([answer.status, textOf(answer)], [200, `text of ${name}`]);
  }
});

testEngines(
  "serveDir() follows a root that is a link, also when the link changes",
  async (engine) => {
    await using site = await Site.make({
      "v1/a.txt": "one",
      "v2/a.txt": "two",
    });
    const current = `${site.path}/current`;
    await Deno.symlink("v1", current);
    await using server = engine.serve((app) => {
      app.get("/**", serveDir(current));
    });
    assertEquals((await ask(server, "GET /a.txt")).body, "one");
    await Deno.remove(current);
    await Deno.symlink("v2", current);
    assertEquals((await ask(server, "GET /a.txt")).body, "two");
  },
);

Deno.test("serveDir() works with toFetch()", async () => {
  await using site = await Site.make({ "a.txt": "0123456789", "d/": "" });
  await Deno.writeFile(`${site.path}/big.bin`, new Uint8Array(300_000));
  const app = Server.builder("127.0.0.1:0");
  app.get("/x/**", serveDir(site.path));
  const { fetch: get } = toFetch(app.build());
  const part = await get(
    new Request("http://a/x/a.txt", { headers: { range: "bytes=2-4" } }),
  );
  assertEquals([part.status, await part.text()], [206, "234"]);
  const big = await get(new Request("http://a/x/big.bin"));
  assertEquals((await big.bytes()).length, 300_000);
  const folder = await get(new Request("http://a/x/d"));
  assertEquals([await folder.text(), folder.headers.get("location")], [
    "",
    "/x/d/",
  ]);
  await turns(2); // the connection in memory ends after its response
});
