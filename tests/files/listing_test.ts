import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { formatDate } from "../../files/listing.ts";
import { serveDir, type ServeDirOptions } from "../../files/mod.ts";
import { type TestEngine, testEngines } from "../support/engines.ts";
import type { RawResponse } from "../support/raw_client.ts";
import type { TestServer } from "../support/serve.ts";
import { ask, Site, textOf } from "../support/site.ts";

const IS_WINDOWS = Deno.build.os === "windows";

/** Names that HTML, URLs or a client may take for something else. */
const oddNames: readonly string[] = [
  "plain.txt",
  "a b.txt",
  "two  spaces",
  "+.txt",
  "100%.txt",
  "%41.txt",
  "%2e%2e",
  "h#x.txt",
  "a;b&c=d.txt",
  "&lt;.txt",
  "'s'.txt",
  "ünï.txt",
  "日本.txt",
  "💡.txt",
  "~x@y!$(z)*,.txt",
  "__proto__",
  ...IS_WINDOWS ? [] : [
    `"q".txt`,
    "<script>alert(1)<",
    `" onclick="alert(1)`,
    "q?x.txt",
    "javascript:alert(1)",
    "http:",
    "line\nend.txt",
    "\x1b[2J",
  ],
];

function serveSite(
  engine: TestEngine,
  site: Site,
  options: ServeDirOptions = {},
): TestServer {
  return engine.serve((app) => {
    app.get("/**", serveDir(site.path, { listing: true, ...options }));
  });
}

function unescapeHtml(text: string): string {
  return text.replace(/&#(\d+);/g, (_, code) => String.fromCharCode(code));
}

/** The links of the rows by their texts, in their order. */
function linksOf(answer: RawResponse): Map<string, string> {
  const row = /<td class="name"><a href="([^"<>]*)">([^<>]*)<\/a>/g;
  return new Map(
    [...textOf(answer).matchAll(row)].map(([, href = "", text = ""]) => [
      unescapeHtml(text),
      unescapeHtml(href),
    ]),
  );
}

testEngines(
  "a listing escapes names of any kind, and each link leads to its file",
  async (engine) => {
    await using site = await Site.make({ "folder <b>&/inner.txt": "inner" });
    for (const name of oddNames) await site.add(name, `text of ${name}`);
    await using server = serveSite(engine, site);
    const page = await ask(server, "GET /");
    assertEquals(page.headers.get("content-type"), "text/html; charset=utf-8");
    assertEquals(page.headers.get("x-content-type-options"), "nosniff");
    assertStringIncludes(
      page.headers.get("content-security-policy") ?? "",
      "default-src 'none'",
    );
    assertEquals(textOf(page).match(/<script|<b>/g), null);
    const links = linksOf(page);
    assertEquals(
      [...links.keys()].sort(),
      [...oddNames, "folder <b>&/"].toSorted(),
    );
    const base = new URL(`http://127.0.0.1:${server.port}/`);
    for (const [name, href] of links) {
      const url = new URL(href, base);
      assertEquals(url.host, base.host);
      const answer = await ask(server, `GET ${url.pathname}${url.search}`);
      assertEquals(answer.status, 200);
      if (!name.endsWith("/")) assertEquals(textOf(answer), `text of ${name}`);
      else assertStringIncludes(textOf(answer), "Index of /folder &#60;b&#62;");
    }
  },
);

testEngines(
  "a listing has a link to the parent, sizes and dates, and sorts by each column",
  async (engine) => {
    await using site = await Site.make({
      "d/b.txt": "x".repeat(2048),
      "d/a.txt": "xx",
      "d/c.txt": "xxxx",
      "d/sub/": "",
      "empty/": "",
    });
    for (const [index, name] of ["c", "a", "b"].entries()) {
      await site.setModified(`d/${name}.txt`, 784_111_777 + index * 60);
    }
    await using server = serveSite(engine, site);
    const orderOf = async (query: string): Promise<string> =>
      [...linksOf(await ask(server, `GET /d/${query}`)).keys()].join(" ");
    const orders: readonly (readonly [query: string, order: string])[] = [
      ["", "../ sub/ a.txt b.txt c.txt"],
      ["?sort=name&order=desc", "../ sub/ c.txt b.txt a.txt"],
      ["?sort=size", "../ sub/ a.txt c.txt b.txt"],
      ["?sort=size&order=desc", "../ sub/ b.txt c.txt a.txt"],
      ["?sort=date&order=asc", "../ sub/ c.txt a.txt b.txt"],
      ["?sort=date&order=desc", "../ sub/ b.txt a.txt c.txt"],
      ["?sort=%3Cscript%3E&order=x", "../ sub/ a.txt b.txt c.txt"],
    ];
    for (const [query, order] of orders) {
      assertEquals([query, await orderOf(query)], [query, order]);
    }
    const page = textOf(await ask(server, "GET /d/?sort=size"));
    assertStringIncludes(page, `<td class="size">2.0 KiB</td>`);
    assertStringIncludes(
      page,
      `<time datetime="1994-11-06T08:49:37.000Z">1994-11-06 08:49</time>`,
    );
    assertStringIncludes(
      page,
      `<th class="size" scope="col" aria-sort="ascending"><a href="?sort=size&amp;order=desc">Size ↑</a>`,
    );
    assertStringIncludes(textOf(await ask(server, "GET /empty/")), "No files");
    assert(!linksOf(await ask(server, "GET /")).has("../"));
  },
);

testEngines("a listing shows only what is served", async (engine) => {
  await using site = await Site.make({
    "a.txt": "a",
    ".hidden": "x",
    ".well-known/x": "x",
    "d/.well-known/x": "x",
    "page/index.html": "<p>index",
  });
  const { path } = site;
  await Deno.symlink("a.txt", `${path}/link_inside`);
  await Deno.symlink("d", `${path}/link_to_folder`);
  await Deno.symlink("../secret.txt", `${path}/link_out`);
  await Deno.symlink("nothing", `${path}/link_to_nothing`);
  await new Deno.Command("mkfifo", { args: [`${path}/pipe`] }).output();
  await using server = serveSite(engine, site);
  assertEquals([...linksOf(await ask(server, "GET /")).keys()], [
    ".well-known/",
    "d/",
    "link_to_folder/",
    "page/",
    "a.txt",
    "link_inside",
  ]);
  assertEquals([...linksOf(await ask(server, "GET /d/")).keys()], ["../"]);
  assertEquals((await ask(server, "GET /page/")).body, "<p>index");
  const head = await ask(server, "HEAD /");
  assertEquals([head.status, head.body], [200, ""]);
  await using all = serveSite(engine, site, { dotfiles: true });
  assert(linksOf(await ask(all, "GET /")).has(".hidden"));
  await using none = serveSite(engine, site, { listing: false });
  assertEquals((await ask(none, "GET /d/")).status, 404);
});

testEngines(
  "a listing shows names with a backslash, which are refused, without a link",
  async (engine) => {
    if (Deno.build.os !== "linux") return; // others refuse such names
    await using site = await Site.make({ "a\\b.txt": "x" });
    await using server = serveSite(engine, site);
    const page = await ask(server, "GET /");
    assertEquals(linksOf(page).size, 0);
    assertStringIncludes(textOf(page), `<td class="name">a\\b.txt</td>`);
  },
);

Deno.test("formatDate() formats times of files, and returns nothing for times that a listing cannot show", () => {
  assertStringIncludes(formatDate(1), ">1970-01-01 00:00<");
  assertStringIncludes(formatDate(Date.UTC(9999, 0)), ">9999-01-01 00:00<");
  for (const ms of [0, -1, Date.UTC(10_000, 0), 8.64e15 + 1, 2 ** 63, NaN]) {
    assertEquals(formatDate(ms), "");
  }
});
