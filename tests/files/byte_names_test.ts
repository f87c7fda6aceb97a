/** Names that are not UTF-8: as strings, as segments of paths, and served. */

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import {
  bytesOfName,
  nameOfBytes,
  nameOfSegment,
  segmentOfName,
} from "../../files/byte_names.ts";
import { serveDir, type ServeDirOptions } from "../../files/mod.ts";
import { type TestEngine, testEngines } from "../support/engines.ts";
import type { TestServer } from "../support/serve.ts";
import { Program } from "../support/program.ts";
import { ask, KEEPS_LIBRARY, SECRET, Site, textOf } from "../support/site.ts";

const IS_LINUX = Deno.build.os === "linux"; // other systems refuse such names

/** A name in Latin-1. */
const CAFE = Uint8Array.of(0x63, 0x61, 0x66, 0xe9); // "café"

Deno.test("each name in bytes has its own string, which converts back to the same bytes", () => {
  const seen = new Set<string>();
  const tails = [[], [0x61], [0xa4], [0x9f, 0x98, 0x80], [0xed, 0xb2, 0x80]];
  for (let byte = 1; byte < 256; byte++) {
    for (const tail of tails) {
      const bytes = Uint8Array.of(byte, ...tail);
      const name = nameOfBytes(bytes);
      assert(!seen.has(name));
      seen.add(name);
      assertEquals(bytesOfName(name), bytes);
      assertEquals(nameOfSegment(segmentOfName(name)), name);
    }
  }
  assertEquals(nameOfBytes(CAFE), "caf\udce9");
  assertEquals(segmentOfName("caf\udce9 b"), "caf%E9%20b");
  assertEquals(nameOfBytes(new TextEncoder().encode("café")), "café");
  assertEquals(nameOfSegment("caf%e9/%"), null);
  assertEquals(nameOfSegment("é%e9"), "\udcc3\udca9\udce9");
});

Deno.test("a path may have names that are UTF-8 and names that are not", () => {
  const path = `/é/${nameOfBytes(CAFE)}/日`;
  const bytes = [0x2f, 0xc3, 0xa9, 0x2f, ...CAFE, 0x2f, 0xe6, 0x97, 0xa5];
  assertEquals(bytesOfName(path), Uint8Array.from(bytes));
});

/** Runs a shell script in a folder. */
async function shell(script: string, cwd: string): Promise<void> {
  const { success } = await new Deno.Command("sh", {
    args: ["-c", script],
    cwd,
  })
    .output();
  assert(success);
}

/** A site with such files, and links that lead out of it. */
async function makeSite(): Promise<Site> {
  const site = await Site.make({ "plain.txt": "plain", "é/x.txt": "x" });
  await shell(
    String.raw`
      latin="$(printf 'caf\351')"
      printf 'text' > "$latin.txt"
      mkdir "$latin" && printf 'inner' > "$latin/ü.txt"
      head -c 200000 /dev/zero > "$latin/big.bin"
      printf 'plain' > "$latin/index.html"
      ln -s ../secret.txt "$(printf 'out\351')"
      ln -s .. "$(printf 'up\351')"
      ln -s plain.txt "$(printf 'in\351')"
      ln -s "$latin.txt" to_file
      ln -s "$latin" to_folder
      mkfifo "$(printf 'pipe\351')"
      printf 'SECRET' > "$(printf '.env\351')"
      mkdir "$latin/list" && : > "$latin/list/a$latin"
      printf 'replaced' > "$(printf 'caf\357\277\275.txt')"`,
    site.path,
  );
  return site;
}

/** Registers a test for each engine on Linux. */
function testNames(
  name: string,
  run: (engine: TestEngine) => Promise<void>,
): void {
  const onLinux = (engine: TestEngine): void | Promise<void> =>
    IS_LINUX ? run(engine) : undefined;
  testEngines(name, onLinux, KEEPS_LIBRARY);
}

function serve(
  engine: TestEngine,
  site: Site,
  options: ServeDirOptions = {},
): TestServer {
  return engine.serve((app) => {
    app.get("/**", serveDir(site.path, { listing: true, ...options }));
  });
}

testNames("files with names that are not UTF-8 are sent", async (engine) => {
  await using site = await makeSite();
  await using server = serve(engine, site, { etag: "strong" });
  const file = await ask(server, "GET /caf%E9.txt");
  assertEquals([file.status, file.body], [200, "text"]);
  assertEquals(file.headers.get("content-type"), "text/plain; charset=utf-8");
  const etag = file.headers.get("etag") ?? "";
  const kept = await ask(
    server,
    "GET /caf%e9.txt",
    `If-None-Match: ${etag}\r\n`,
  );
  assertEquals(kept.status, 304);
  const head = await ask(server, "HEAD /caf%E9.txt");
  assertEquals([head.headers.get("content-length"), head.body], ["4", ""]);
  assertEquals((await ask(server, "GET /caf%E9/%C3%BC.txt")).body, "inner");
  assertEquals((await ask(server, "GET /caf%E9/")).body, "plain");
  const folder = await ask(server, "GET /caf%E9");
  assertEquals([folder.status, folder.headers.get("location")], [
    301,
    "/caf%E9/",
  ]);
  const part = await ask(server, "GET /caf%E9/big.bin", "Range: bytes=5-\r\n");
  assertEquals([part.status, part.body.length], [206, 199_995]);
  const big = await ask(server, "GET /caf%E9/big.bin");
  assertEquals(big.body.length, 200_000);
  assertEquals((await ask(server, "GET /in%E9")).body, "plain");
  assertEquals((await ask(server, "GET /to_file")).body, "text");
  assertEquals((await ask(server, "GET /to_folder/%C3%BC.txt")).body, "inner");
  const list = await ask(server, "GET /to_folder/list/");
  assert(list.body.includes('"./acaf%E9"'));
  assertEquals(site.countOpen(), 0);
});

testNames(
  "names that are not UTF-8 do not lead out of the folder",
  async (engine) => {
    await using site = await makeSite();
    await using server = serve(engine, site);
    const requests: readonly (readonly [path: string, status: number])[] = [
      ["/out%E9", 403],
      ["/up%E9/secret.txt", 403],
      ["/up%E9/site_sibling/secret.txt", 403],
      ["/caf%E9/../../secret.txt", 404],
      ["/caf%E9%2F..%2Fplain.txt", 400],
      ["/caf%E9%00", 400],
      ["/caf%E9%5C", 400],
      ["/caf%E9%", 400],
      ["/%C0%AE%C0%AE/secret.txt", 404],
      ["/%C0%AF..%C0%AFsecret.txt", 404],
      ["/pipe%E9", 403],
      ["/.env%E9", 404],
      ["/nothing%E9", 404],
      ["/plain.txt/x%E9", 404],
      [`/${"%E9".repeat(300)}`, 404],
    ];
    for (const [path, status] of requests) {
      const answer = await ask(server, `GET ${path}`);
      assertEquals([path, answer.status], [path, status]);
      assert(!answer.body.includes(SECRET));
    }
    assertEquals(site.countOpen(), 0);
  },
);

testNames(
  "a listing links names that are not UTF-8, and each link works",
  async (engine) => {
    await using site = await makeSite();
    await using server = serve(engine, site);
    const linksOf = (page: string): string[] =>
      [...page.matchAll(/class="name"><a href="([^"]+)">/g)].map(([, href]) =>
        href ?? ""
      );
    const root = textOf(await ask(server, "GET /"));
    assertEquals(linksOf(root), [
      "./caf%E9/",
      "./to_folder/",
      "./%C3%A9/",
      "./caf%E9.txt",
      "./caf%EF%BF%BD.txt",
      "./in%E9",
      "./plain.txt",
      "./to_file",
    ]);
    assertStringIncludes(root, ">caf\ufffd.txt</a>");
    assertStringIncludes(root, "4 B");
    for (const link of linksOf(root)) {
      const path = link.slice(1);
      assertEquals([path, (await ask(server, `GET ${path}`)).status], [
        path,
        200,
      ]);
    }
    const inner = textOf(await ask(server, "GET /caf%E9/list/"));
    assertEquals(linksOf(inner), ["../", "./acaf%E9"]);
    assertEquals((await ask(server, "GET /caf%E9/list/acaf%E9")).status, 200);
  },
);

Deno.test("without the permission for FFI, such names are listed without a link, and not found", async () => {
  if (!IS_LINUX) return;
  await using site = await makeSite();
  await using program = await Program.start({
    args: [
      "run",
      "--no-prompt",
      "--allow-net=127.0.0.1",
      `--allow-read=${site.path}`,
      "examples/static_file_server.ts",
      ...[site.path, "--port", "0", "--listing"],
    ],
  });
  const base = `http://127.0.0.1:${program.port}`;
  const page = await (await fetch(`${base}/`)).text();
  assertStringIncludes(page, `<td class="name">in\ufffd</td>`);
  assert(!page.includes("./caf%EF%BF%BD/"));
  assert(!page.includes("%E9"));
  for (const path of ["/caf%E9.txt", "/caf%E9/"]) {
    const answer = await fetch(base + path);
    assertEquals([answer.status, await answer.text()], [404, "Not Found"]);
  }
});
