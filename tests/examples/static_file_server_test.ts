/** The example that serves files: what it serves, and what it refuses. */

import {
  assert,
  assertEquals,
  assertNotEquals,
  assertStringIncludes,
} from "@std/assert";
import { createHash } from "node:crypto";
import { fileURLToPath } from "node:url";
import { Program } from "../support/program.ts";
import { decodeLatin1 } from "../support/latin1.ts";
import { RawClient, type RawResponse } from "../support/raw_client.ts";
import { request } from "../support/serve.ts";

const IS_WINDOWS = Deno.build.os === "windows";

/** `Sun, 06 Nov 1994 08:49:37 GMT`, and times around it. */
const MODIFIED_SECONDS = 784_111_777;
const MODIFIED = "Sun, 06 Nov 1994 08:49:37 GMT";
const BEFORE = "Sun, 06 Nov 1994 08:49:36 GMT";
const AFTER = "Sun, 06 Nov 1994 08:49:38 GMT";

const BIG_BYTES = 50 * 1024 * 1024;

/** A folder `site`, and a file beside it that must not be served. */
class Site implements AsyncDisposable {
  readonly root: string;
  readonly path: string;

  private constructor(root: string) {
    this.root = root;
    this.path = `${root}/site`;
  }

  /** Makes files of names in `site` and their texts. */
  static async make(files: Readonly<Record<string, string>>): Promise<Site> {
    const site = new Site(await Deno.makeTempDir());
    await Deno.mkdir(site.path);
    await Deno.mkdir(`${site.root}/site_sibling`);
    await Deno.writeTextFile(`${site.root}/secret.txt`, "SECRET");
    await Deno.writeTextFile(`${site.root}/site_sibling/secret.txt`, "SECRET");
    for (const [name, text] of Object.entries(files)) {
      await site.add(name, text);
    }
    return site;
  }

  /** Adds a file, or a folder if the name ends with a slash. */
  async add(name: string, text: string): Promise<void> {
    const path = `${this.path}/${name}`;
    const folder = path.slice(0, path.lastIndexOf("/"));
    await Deno.mkdir(folder, { recursive: true });
    if (!name.endsWith("/")) await Deno.writeTextFile(path, text);
  }

  /** Serves it with the permissions that the example's header names, or others. */
  serve(flags = [`--allow-read=${this.path}`]): Promise<Program> {
    return startServer(this.path, ["--allow-net=127.0.0.1", ...flags]);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Deno.remove(this.root, { recursive: true });
  }
}

function startServer(path: string, flags: string[]): Promise<Program> {
  const example = "examples/static_file_server.ts";
  return Program.start({
    args: ["run", "--no-prompt", ...flags, example, path, "--port", "0"],
  });
}

async function ask(
  program: Program,
  line: string,
  fields = "",
): Promise<RawResponse> {
  using client = await RawClient.connect(program.port);
  return await client.ask(request(line, fields));
}

/** UTF-8 of a body. */
function textOf({ body }: RawResponse): string {
  return new TextDecoder().decode(
    Uint8Array.from(body, (byte) => byte.charCodeAt(0)),
  );
}

const types: readonly (readonly [name: string, type: string])[] = [
  ["a.html", "text/html; charset=utf-8"],
  ["a.css", "text/css; charset=utf-8"],
  ["a.js", "text/javascript; charset=utf-8"],
  ["A.TXT", "text/plain; charset=utf-8"],
  ["a.json", "application/json"],
  ["a.svg", "image/svg+xml"],
  ["a.png", "image/png"],
  ["a.webp", "image/webp"],
  ["a.woff2", "font/woff2"],
  ["a.wasm", "application/wasm"],
  ["a.tar.gz", "application/gzip"],
  ["html", "application/octet-stream"],
  ["a.", "application/octet-stream"],
  ["a.unknown_extension", "application/octet-stream"],
  ["folder.html/README", "application/octet-stream"],
];

Deno.test("static_file_server serves files with their types, and the same head for HEAD", async () => {
  const files = types.map(([name]) => [name, `text of ${name}`] as const);
  await using site = await Site.make(Object.fromEntries(files));
  await using program = await site.serve();
  for (const [name, type] of types) {
    const answer = await ask(program, `GET /${name}`);
    assertEquals([answer.status, answer.body], [200, `text of ${name}`]);
    assertEquals([name, answer.headers.get("content-type")], [name, type]);
    assertEquals(answer.headers.get("x-content-type-options"), "nosniff");
    const head = await ask(program, `HEAD /${name}`);
    assertEquals(
      new Map([...head.headers, ["date", ""]]),
      new Map([...answer.headers, ["date", ""]]),
    );
  }
});

/** Names that have a special meaning in HTML, in URLs or for a client. */
const oddNames: readonly string[] = [
  "plain.txt",
  "a b.txt",
  "+.txt",
  "100%.txt",
  "%41.txt",
  "%2e%2e",
  "..a",
  ".hidden",
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
    "a\\b.txt",
    "..\\..\\secret.txt",
    "line\nend.txt",
    "\x1b[2J",
  ],
];

Deno.test("static_file_server lists names of any kind, and each link leads to its file", async () => {
  await using site = await Site.make({ "folder <b>&/inner.txt": "inner" });
  for (const name of oddNames) await site.add(name, `text of ${name}`);
  await using program = await site.serve();
  const page = await ask(program, "GET /");
  assertEquals(page.headers.get("content-type"), "text/html; charset=utf-8");
  const text = textOf(page);
  const links = new Map(
    [...text.matchAll(/<li><a href="([^"<>]*)">([^<>]*)<\/a>\n/g)]
      .map(([, href = "", name = ""]) => [unescapeHtml(name), href]),
  );
  assertEquals(
    [...links.keys()].toSorted(),
    [...oddNames, "folder <b>&/"].toSorted(),
  );
  assertEquals(text.match(/<li/g)?.length, links.size);
  assertEquals(text.match(/<script|<b>/g), null);
  const base = new URL(`http://127.0.0.1:${program.port}/`);
  for (const [name, href] of links) {
    const url = new URL(unescapeHtml(href), base);
    assertEquals(url.host, base.host);
    const answer = await ask(program, `GET ${url.pathname}${url.search}`);
    assertEquals(answer.status, 200);
    if (!name.endsWith("/")) assertEquals(textOf(answer), `text of ${name}`);
    else {assertStringIncludes(
        textOf(answer),
        "listing for /folder &#60;b&#62;",
      );}
  }
});

function unescapeHtml(text: string): string {
  return text.replace(/&#(\d+);/g, (_, code) => String.fromCharCode(code));
}

Deno.test("static_file_server serves index.html instead of a listing", async () => {
  await using site = await Site.make({
    "index.html": "<p>index",
    "a/index.html/": "",
    "a/b.txt": "b",
  });
  await using program = await site.serve();
  for (const path of ["/", "/?x=1", "/index.html"]) {
    assertEquals((await ask(program, `GET ${path}`)).body, "<p>index");
  }
  const list = await ask(program, "GET /a/");
  assertStringIncludes(list.body, `<a href="b.txt">b.txt</a>`);
  assertStringIncludes(list.body, `<a href="index.html/">index.html/</a>`);
});

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
    ["//evil/", null],
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

Deno.test("static_file_server redirects to the slash of a folder, and nowhere else", async () => {
  await using site = await Site.make({ "evil/deep/": "", "file.txt": "" });
  await using program = await site.serve();
  for (const [path, location] of redirects) {
    for (const method of ["GET", "HEAD"]) {
      const answer = await ask(program, `${method} ${path}`);
      assertEquals(
        [path, answer.headers.get("location") ?? null],
        [path, location],
      );
      assertEquals(answer.status === 301, location !== null);
    }
  }
});

/** Paths that name nothing in the folder, whatever a file system makes of them. */
const outside: readonly string[] = [
  "/../secret.txt",
  "/../site_sibling/secret.txt",
  "/%2e%2e/secret.txt",
  "/%2E%2E/secret.txt",
  "/.%2e/secret.txt",
  "/..%2fsecret.txt",
  "/%2e%2e%2fsecret.txt",
  "/..%5csecret.txt",
  "/..\\secret.txt",
  "/%252e%252e/secret.txt",
  "/%252e%252e%252fsecret.txt",
  "/%25252e%25252e/secret.txt",
  "/%c0%ae%c0%ae/secret.txt",
  "/%e0%80%ae%e0%80%ae/secret.txt",
  "/%uff0e%uff0e/secret.txt",
  "/%EF%BC%8E%EF%BC%8E/secret.txt",
  "/.../secret.txt",
  "/..;/secret.txt",
  "/..%00/secret.txt",
  "/%00/../secret.txt",
  "/inner/../../secret.txt",
  "/inner/%2e%2e/%2e%2e/secret.txt",
  "/inner/..%2f..%2fsecret.txt",
  "/inner/../hello.txt",
  "/inner%2fdeep.txt",
  "/./hello.txt",
  "//hello.txt",
  "/hello.txt/",
  "/hello.txt/x",
  "/hello.txt/../hello.txt",
  "/hello.txt%00.html",
  "/~/secret.txt",
  "/secret.txt",
  "/ROOT/secret.txt",
  "/%2fROOT/secret.txt",
  "//ROOT/secret.txt",
  "/file:ROOT/secret.txt",
  "/C:%5csecret.txt",
  "http://a/../secret.txt",
  "http://a/%2e%2e/secret.txt",
  "/link_to_file",
  "/link_to_folder/",
  "/link_to_folder/secret.txt",
  "/link_to_folder/site/hello.txt%2f..%2f..%2fsecret.txt",
  "/link_to_sibling",
  "/link_to_link",
  "/link_absolute",
  "/link_to_nothing",
  "/link_to_itself",
  "/with_index/",
  "/with_index/index.html",
  "/" + "x".repeat(300),
  "/" + "x/".repeat(3000),
];

const links: readonly (readonly [target: string, name: string])[] = [
  ["../secret.txt", "link_to_file"],
  ["..", "link_to_folder"],
  ["../site_sibling/secret.txt", "link_to_sibling"],
  ["link_to_file", "link_to_link"],
  ["nothing", "link_to_nothing"],
  ["link_to_itself", "link_to_itself"],
  ["../../secret.txt", "with_index/index.html"],
  ["hello.txt", "link_inside"],
  ["inner", "link_to_inner"],
];

for (const flags of [["--allow-read"], null]) {
  const how = flags === null ? "its own" : "more";
  Deno.test(`static_file_server serves nothing outside its folder, with ${how} permissions`, async () => {
    await using site = await Site.make({
      "hello.txt": "hello",
      "inner/deep.txt": "deep",
      "with_index/": "",
    });
    const { root, path: folder } = site;
    for (const [target, name] of links) {
      await Deno.symlink(target, `${folder}/${name}`);
    }
    await Deno.symlink(`${root}/secret.txt`, `${folder}/link_absolute`);
    await using program = await site.serve(flags ?? undefined);
    for (const path of outside) {
      const answer = await ask(program, `GET ${path.replace("ROOT", root)}`);
      const isRefused = [400, 403, 404].includes(answer.status);
      assert(isRefused, `${path}: ${answer.status}`);
      assert(!answer.body.includes("SECRET"), path);
      assert(!answer.body.includes(root), path);
    }
    const inside = [
      ["/hello.txt", "hello"],
      ["/link_inside", "hello"],
      ["/link_to_inner/deep.txt", "deep"],
    ] as const;
    for (const [path, body] of inside) {
      assertEquals((await ask(program, `GET ${path}`)).body, body);
    }
    const list = await ask(program, "GET /");
    assertStringIncludes(list.body, `<a href="link_inside">link_inside@</a>`);
    assertEquals(program.stderr, "");
  });
}

const statuses: readonly (readonly [line: string, status: number])[] = [
  ["GET /nothing", 404],
  ["HEAD /nothing", 404],
  ["GET /link_out", 403],
  ["GET /denied/a.txt", 403],
  ["GET /%ff", 400],
  ["POST /hello.txt", 405],
  ["PUT /hello.txt", 405],
  ["DELETE /nothing", 405],
  ["BREW /hello.txt", 501],
];

Deno.test("static_file_server distinguishes 403, 404 and 405", async () => {
  await using site = await Site.make({
    "hello.txt": "hello",
    "denied/a.txt": "SECRET",
  });
  await Deno.symlink("../secret.txt", `${site.path}/link_out`);
  await using program = await site.serve([
    `--allow-read=${site.path}`,
    `--deny-read=${site.path}/denied`,
  ]);
  for (const [line, status] of statuses) {
    const answer = await ask(program, line);
    assertEquals([line, answer.status], [line, status]);
    const allow = status === 405 ? "GET, HEAD, OPTIONS" : undefined;
    assertEquals(answer.headers.get("allow"), allow);
  }
  const { headers } = await ask(program, "OPTIONS /hello.txt");
  assertEquals(headers.get("allow"), "GET, HEAD, OPTIONS");
});

Deno.test({
  name:
    "static_file_server refuses pipes, sockets and devices without waiting for them",
  ignore: IS_WINDOWS,
  fn: async () => {
    await using site = await Site.make({ "hello.txt": "hello" });
    const { success } = await new Deno.Command("mkfifo", {
      args: [`${site.path}/pipe`],
    }).output();
    assert(success);
    using _socket = Deno.listen({
      transport: "unix",
      path: `${site.path}/socket`,
    });
    await Deno.symlink("pipe", `${site.path}/link_to_pipe`);
    await using program = await site.serve();
    for (const name of ["pipe", "socket", "link_to_pipe"]) {
      assertEquals((await ask(program, `GET /${name}`)).status, 403);
    }
    const list = await ask(program, "GET /");
    assert(!list.body.includes(`"pipe"`) && !list.body.includes(`"socket"`));
    await using devices = await startServer("/dev", ["-A"]);
    assertEquals((await ask(devices, "GET /zero")).status, 403);
    assertEquals((await ask(devices, "GET /null")).status, 403);
  },
});

Deno.test({
  name:
    "static_file_server lists names that are not UTF-8 without a link, and real U+FFFD with one",
  ignore: Deno.build.os !== "linux", // others refuse such names
  fn: async () => {
    await using site = await Site.make({ "a\ufffd.txt": "kept" });
    const { success } = await new Deno.Command("sh", {
      args: [
        "-c",
        String.raw`mkdir "$(printf 'b\377')" && touch "$(printf 'c\377.txt')"`,
      ],
      cwd: site.path,
    }).output();
    assert(success);
    await using program = await site.serve();
    const list = textOf(await ask(program, "GET /"));
    assertStringIncludes(
      list,
      `<li><a href="a%EF%BF%BD.txt">a\ufffd.txt</a>\n`,
    );
    assertStringIncludes(list, "<li>b\ufffd/\n");
    assertStringIncludes(list, "<li>c\ufffd.txt\n");
    const kept = await ask(program, "GET /a%EF%BF%BD.txt");
    assertEquals([kept.status, kept.body], [200, "kept"]);
  },
});

const conditions: readonly (readonly [fields: string, status: number])[] = [
  [`If-Modified-Since: ${BEFORE}\r\n`, 200],
  [`If-Modified-Since: ${MODIFIED}\r\n`, 304],
  [`If-Modified-Since: ${AFTER}\r\n`, 304],
  ["If-Modified-Since: Sunday, 06-Nov-94 08:49:37 GMT\r\n", 304],
  ["If-Modified-Since: Sun Nov  6 08:49:37 1994\r\n", 304],
  ["If-Modified-Since: 1994-11-06T08:49:37Z\r\n", 200],
  ["If-Modified-Since: \r\n", 200],
  [`If-Modified-Since: ${AFTER}\r\nIf-None-Match: "x"\r\n`, 200],
  ["If-None-Match: *\r\n", 304],
  [`If-Unmodified-Since: ${MODIFIED}\r\n`, 200],
  [`If-Unmodified-Since: ${BEFORE}\r\n`, 412],
  [`If-Unmodified-Since: ${BEFORE}\r\nIf-Match: *\r\n`, 200],
  ['If-Match: "x"\r\n', 412],
  [`If-Modified-Since: ${MODIFIED}\r\nRange: bytes=0-1\r\n`, 304],
];

Deno.test("static_file_server answers conditional requests", async () => {
  await using site = await Site.make({ "a.txt": "0123456789", "b.txt": "b" });
  await Deno.utime(`${site.path}/a.txt`, MODIFIED_SECONDS, MODIFIED_SECONDS);
  const tomorrow = new Date(Date.now() + 86_400_000);
  await Deno.utime(`${site.path}/b.txt`, tomorrow, tomorrow);
  await using program = await site.serve();
  for (const [fields, status] of conditions) {
    for (const method of ["GET", "HEAD"]) {
      const answer = await ask(program, `${method} /a.txt`, fields);
      assertEquals([fields, answer.status], [fields, status]);
      assertEquals(answer.headers.get("last-modified"), MODIFIED);
      if (status !== 200) assertEquals(answer.body, "");
    }
  }
  const { headers } = await ask(program, "GET /b.txt");
  const seconds = (name: string): number => Date.parse(headers.get(name) ?? "");
  assert(seconds("last-modified") <= seconds("date"));
});

const ranges: readonly (readonly [
  range: string,
  status: number,
  body: string,
  contentRange?: string,
])[] = [
  ["bytes=0-3", 206, "0123", "bytes 0-3/10"],
  ["bytes=4-4", 206, "4", "bytes 4-4/10"],
  ["bytes=7-", 206, "789", "bytes 7-9/10"],
  ["bytes=7-99999999999999999999", 206, "789", "bytes 7-9/10"],
  ["bytes=-3", 206, "789", "bytes 7-9/10"],
  ["BYTES=-1", 206, "9", "bytes 9-9/10"],
  ["bytes=10-", 416, "", "bytes */10"],
  ["bytes=99-100", 416, "", "bytes */10"],
  ["bytes=-0", 416, "", "bytes */10"],
  ["bytes=0-9", 200, "0123456789"],
  ["bytes=-11", 200, "0123456789"],
  ["bytes=4-3", 200, "0123456789"],
  ["bytes=0-1,3-4", 200, "0123456789"],
  ["bytes=-", 200, "0123456789"],
  ["bytes=--1", 200, "0123456789"],
  ["bytes=1-0x2", 200, "0123456789"],
  ["bytes 1-2", 200, "0123456789"],
  ["items=1-2", 200, "0123456789"],
];

Deno.test("static_file_server serves ranges of a file", async () => {
  await using site = await Site.make({
    "a.txt": "0123456789",
    "empty.txt": "",
  });
  await Deno.utime(`${site.path}/a.txt`, MODIFIED_SECONDS, MODIFIED_SECONDS);
  await using program = await site.serve();
  for (const [range, status, body, contentRange] of ranges) {
    const answer = await ask(program, "GET /a.txt", `Range: ${range}\r\n`);
    assertEquals(
      [range, answer.status, answer.body, answer.headers.get("content-range")],
      [range, status, body, contentRange],
    );
    assertEquals(answer.headers.get("accept-ranges"), "bytes");
  }
  const part = "Range: bytes=0-1\r\n";
  const head = await ask(program, "HEAD /a.txt", part); // a range is GET's affair
  assertEquals([head.status, head.headers.get("content-length")], [200, "10"]);
  const same = await ask(
    program,
    "GET /a.txt",
    `${part}If-Range: ${MODIFIED}\r\n`,
  );
  assertEquals([same.status, same.body], [206, "01"]);
  for (const other of [BEFORE, AFTER, '"x"']) {
    const fields = `${part}If-Range: ${other}\r\n`;
    assertEquals((await ask(program, "GET /a.txt", fields)).status, 200);
  }
  const empty = async (range: string): Promise<number> =>
    (await ask(program, "GET /empty.txt", `Range: ${range}\r\n`)).status;
  for (const range of ["bytes=0-", "bytes=0-0", "bytes=0-99", "bytes=-5"]) {
    assertEquals([range, await empty(range)], [range, 200]);
  }
  for (const range of ["bytes=1-", "bytes=1-1", "bytes=-0"]) {
    assertEquals([range, await empty(range)], [range, 416]);
  }
});

Deno.test("static_file_server serves 50 MiB unchanged, whole and from the middle", async () => {
  await using site = await Site.make({});
  const bytes = new Uint8Array(BIG_BYTES);
  for (let at = 0; at < BIG_BYTES; at++) bytes[at] = at * 31 + (at >> 8);
  await Deno.writeFile(`${site.path}/big.bin`, bytes);
  await using program = await site.serve();
  const hash = (data: Uint8Array): string =>
    createHash("sha256").update(data).digest("hex");
  const url = `http://127.0.0.1:${program.port}/big.bin`;
  for (const start of [0, 12_345_678]) {
    const response = await fetch(url, {
      headers: { range: `bytes=${start}-` },
    });
    assertEquals(response.status, start === 0 ? 200 : 206);
    const { length } = bytes.subarray(start);
    assertEquals(response.headers.get("content-length"), `${length}`);
    assertEquals(hash(await response.bytes()), hash(bytes.subarray(start)));
  }
});

Deno.test({
  name:
    "static_file_server closes the files of clients that disconnect in the middle",
  ignore: Deno.build.os !== "linux", // only there a process shows its files
  fn: async () => {
    await using site = await Site.make({ "small.txt": "small" });
    await Deno.writeFile(`${site.path}/big.bin`, new Uint8Array(BIG_BYTES));
    await using program = await site.serve();
    const countOpen = async (): Promise<number> => {
      let count = 0;
      for await (const entry of Deno.readDir(`/proc/${program.pid}/fd`)) {
        const path = `/proc/${program.pid}/fd/${entry.name}`;
        const target = await Deno.readLink(path).catch(() => ""); // closed since
        if (target.includes("/site/")) count++;
      }
      return count;
    };
    const clients: RawClient[] = [];
    for (let i = 0; i < 10; i++) {
      const client = await RawClient.connect(program.port);
      clients.push(client);
      await client.send(request("GET /big.bin"));
      await client.take(100_000);
    }
    assertNotEquals(await countOpen(), 0);
    for (const client of clients) client.close();
    using client = await RawClient.connect(program.port);
    do { // the client's deadline bounds this
      assertEquals((await client.ask(request("GET /small.txt"))).body, "small");
    } while (await countOpen() > 0);
    const fields = "If-None-Match: *\r\n";
    await client.ask(request("HEAD /big.bin"));
    await client.ask(request("GET /big.bin", fields));
    assertEquals(await countOpen(), 0);
    client.close();
    program.signal("SIGTERM");
    assertEquals([await program.ended(), program.stderr], [0, ""]);
  },
});

const wrongArguments: readonly (readonly string[])[] = [
  ["one", "two"],
  ["--port", "x"],
  ["--port", ""],
  ["--nothing"],
];

Deno.test("static_file_server prints its usage", async () => {
  for (const args of wrongArguments) {
    const { code, stderr } = await new Deno.Command(Deno.execPath(), {
      args: ["run", "--no-prompt", "examples/static_file_server.ts", ...args],
      cwd: new URL("../../", import.meta.url),
    }).output();
    assertEquals(code, 2);
    assertStringIncludes(decodeLatin1(stderr), "Usage: static_file_server.ts");
  }
});

Deno.test("static_file_server serves a folder behind a link, and the working directory", async () => {
  await using site = await Site.make({ "hello.txt": "hello" });
  await Deno.symlink("site", `${site.root}/link`);
  const link = `${site.root}/link`;
  const flags = ["--allow-net=127.0.0.1", `--allow-read=${link}`];
  await using program = await startServer(link, flags);
  assertEquals((await ask(program, "GET /hello.txt")).body, "hello");
  assertStringIncludes((await ask(program, "GET /")).body, "hello.txt");
  const root = new URL("../../", import.meta.url);
  await using here = await Program.start({
    args: [
      ...["run", "--no-prompt", "--allow-net=127.0.0.1", "--allow-read=."],
      ...[new URL("examples/static_file_server.ts", root).href, "-p0"],
    ],
    cwd: fileURLToPath(new URL("static/", root)),
  });
  assertEquals((await ask(here, "GET /hello.txt")).status, 200);
});
