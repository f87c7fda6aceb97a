/**
 * No request gets a byte from outside the folder: each public kind of traversal
 * by name, links, special files, and random requests on random trees.
 */

import { assert, assertEquals } from "@std/assert";
import { serveDir } from "../../files/mod.ts";
import { testEngines } from "../support/engines.ts";
import { Program } from "../support/program.ts";
import { RawClient } from "../support/raw_client.ts";
import { SeededRandom } from "../support/random.ts";
import { request, type TestServer } from "../support/serve.ts";
import type { SwapOrder } from "../programs/link_swapper.ts";
import { ShiftedClock } from "../support/shifted_clock.ts";
import { ask, KEEPS_LIBRARY, SECRET, Site } from "../support/site.ts";

const IS_WINDOWS = Deno.build.os === "windows";

/** Kinds of traversal that servers had as vulnerabilities; ROOT is the folder around the served one. */
const kinds: readonly (readonly [kind: string, paths: readonly string[]])[] = [
  ["plain dot segments", [
    "/../secret.txt",
    "/inner/../../secret.txt",
    "/inner/../hello.txt",
    "/./hello.txt",
    "http://a/../secret.txt",
  ]],
  ["encoded dots (CVE-2021-41773)", [
    "/%2e%2e/secret.txt",
    "/.%2e/secret.txt",
    "/%2E%2E/secret.txt",
    "/inner/%2e%2e/%2e%2e/secret.txt",
    "/inner/.%2e/.%2e/secret.txt",
  ]],
  ["double encoding (CVE-2021-42013)", [
    "/%252e%252e/secret.txt",
    "/%%32%65%%32%65/secret.txt",
    "/%25252e%25252e/secret.txt",
    "/%252e%252e%252fsecret.txt",
    "/..%252fsecret.txt",
  ]],
  ["encoded separators (CVE-2020-15505)", [
    "/..%2fsecret.txt",
    "/%2e%2e%2fsecret.txt",
    "/inner/..%2f..%2fsecret.txt",
    "/inner%2fdeep.txt",
    "/%2fROOT/secret.txt",
  ]],
  ["backslashes (CVE-2019-11253, CVE-2017-14849)", [
    "/..\\secret.txt",
    "/..%5csecret.txt",
    "/..%5Csecret.txt",
    "/inner\\..\\..\\secret.txt",
    "/C:%5csecret.txt",
  ]],
  ["overlong UTF-8 (CVE-2000-0884, CVE-2008-2938)", [
    "/%c0%ae%c0%ae/secret.txt",
    "/%e0%80%ae%e0%80%ae/secret.txt",
    "/..%c0%afsecret.txt",
    "/..%c1%9csecret.txt",
  ]],
  ["characters that become dots or slashes (CVE-2020-9484)", [
    "/%uff0e%uff0e/secret.txt",
    "/%EF%BC%8E%EF%BC%8E/secret.txt",
    "/..%E2%88%95secret.txt",
    "/..%EF%BC%8Fsecret.txt",
  ]],
  ["NUL that ends a name (CVE-2006-1547, CVE-2013-4547)", [
    "/..%00/secret.txt",
    "/%00/../secret.txt",
    "/hello.txt%00.html",
    "/hello.txt%20%00",
  ]],
  ["path parameters (CVE-2018-1271, CVE-2020-5902)", [
    "/..;/secret.txt",
    "/..;x=1/secret.txt",
    "/inner/..;/..;/secret.txt",
    "/;/../secret.txt",
  ]],
  ["absolute paths (CVE-2015-3337, CVE-2021-32804)", [
    "/ROOT/secret.txt",
    "//ROOT/secret.txt",
    "///ROOT/secret.txt",
    "/file:ROOT/secret.txt",
    "/file:///ROOT/secret.txt",
    "/~/secret.txt",
    "/~root/secret.txt",
  ]],
  ["a sibling with the same beginning (CVE-2018-3731)", [
    "/../site_sibling/secret.txt",
    "_sibling/secret.txt",
    "/_sibling/secret.txt",
    "/%2e%2e/site_sibling/secret.txt",
  ]],
  ["more dots (CVE-2010-2333)", [
    "/.../secret.txt",
    "/..../secret.txt",
    "/....//secret.txt",
    "/..././secret.txt",
  ]],
  ["a file as a folder", [
    "/hello.txt/",
    "/hello.txt/x",
    "/hello.txt/../hello.txt",
    "/hello.txt/../../secret.txt",
  ]],
  ["empty segments (CVE-2018-16487)", [
    "//hello.txt",
    "/inner//deep.txt",
    "/inner//../../secret.txt",
  ]],
  ["names that are too long", [
    `/${"x".repeat(300)}`,
    `/${"x/".repeat(3000)}`,
    `/${"../".repeat(2000)}secret.txt`,
  ]],
  ["links that lead out (CVE-2019-10743, CVE-2021-32803)", [
    "/link_to_file",
    "/link_to_folder",
    "/link_to_folder/",
    "/link_to_folder/secret.txt",
    "/link_to_sibling",
    "/link_to_link",
    "/link_absolute",
    "/link_to_nothing",
    "/link_to_itself",
    "/with_index/",
    "/with_index/index.html",
    "/hello.txt.gz",
  ]],
];

const links: readonly (readonly [target: string, name: string])[] = [
  ["../secret.txt", "link_to_file"],
  ["..", "link_to_folder"],
  ["../site_sibling/secret.txt", "link_to_sibling"],
  ["link_to_file", "link_to_link"],
  ["nothing", "link_to_nothing"],
  ["link_to_itself", "link_to_itself"],
  ["../../secret.txt", "with_index/index.html"],
  ["../secret.txt", "hello.txt.gz"],
  ["hello.txt", "link_inside"],
  ["inner", "link_to_inner"],
];

async function makeSite(): Promise<Site> {
  const site = await Site.make({
    "hello.txt": "hello",
    "inner/deep.txt": "deep",
    "with_index/": "",
  });
  for (const [target, name] of links) {
    await Deno.symlink(target, `${site.path}/${name}`);
  }
  await Deno.symlink(`${site.root}/secret.txt`, `${site.path}/link_absolute`);
  return site;
}

/** Serves a site in a process that may read nothing else. */
function startRestricted(site: Site): Promise<Program> {
  const args = ["run", "--no-prompt", "--allow-net=127.0.0.1"];
  const script = "tests/programs/file_server.ts";
  return Program.start({
    args: [...args, `--allow-read=${site.path}`, script, "listen", site.path],
  });
}

async function checkRefused(
  server: Pick<TestServer, "connect">,
  site: Site,
  path: string,
): Promise<void> {
  const target = path.replace("ROOT", site.root.slice(1));
  if (!/^(?:\/|http:)/.test(target)) return; // no target of a request
  const answer = await ask(
    server,
    `GET ${target}`,
    "Accept-Encoding: gzip\r\n",
  );
  assert([400, 403, 404].includes(answer.status), `${path}: ${answer.status}`);
  assert(!answer.body.includes(SECRET), path);
  assert(!answer.body.includes(site.root), path);
  assert(!answer.head.includes(site.root), path);
}

for (const [kind, paths] of kinds) {
  testEngines(`serveDir() is safe from ${kind}`, async (engine) => {
    await using site = await makeSite();
    const options = { listing: true, precompressed: true };
    await using server = engine.serve((app) => {
      app.get("/**", serveDir(site.path, options));
    });
    for (const path of paths) await checkRefused(server, site, path);
    await using below = engine.serve((app) => {
      app.get("/assets/**", serveDir(site.path, options));
    });
    for (const path of paths) await checkRefused(below, site, `/assets${path}`);
    assertEquals(server.errors, []);
  }, KEEPS_LIBRARY);
}

testEngines("serveDir() follows links inside the folder", async (engine) => {
  await using site = await makeSite();
  await using server = engine.serve((app) => {
    app.get("/**", serveDir(site.path, { precompressed: true }));
  });
  assertEquals((await ask(server, "GET /link_inside")).body, "hello");
  assertEquals((await ask(server, "GET /link_to_inner/deep.txt")).body, "deep");
  // A compressed sibling that leads out is ignored.
  const plain = await ask(
    server,
    "GET /hello.txt",
    "Accept-Encoding: gzip\r\n",
  );
  assertEquals([plain.status, plain.body], [200, "hello"]);
});

Deno.test("serveDir() refuses the same links when it may read only its folder", async () => {
  await using site = await makeSite();
  await using program = await startRestricted(site);
  const server = { connect: () => RawClient.connect(program.port) };
  for (const [, paths] of kinds) {
    for (const path of paths) await checkRefused(server, site, path);
  }
  assertEquals((await ask(server, "GET /link_inside")).body, "hello");
  assertEquals((await ask(server, "GET /link_to_inner/deep.txt")).body, "deep");
  assertEquals(program.stderr, "");
});

testEngines(
  "serveDir() refuses pipes, sockets and devices without waiting for them",
  async (engine) => {
    if (IS_WINDOWS) return;
    await using site = await Site.make({ "hello.txt": "hello" });
    const { success } = await new Deno.Command("mkfifo", {
      args: [`${site.path}/pipe`, `${site.path}/hello.txt.gz`],
    }).output();
    assert(success);
    using _socket = Deno.listen({
      transport: "unix",
      path: `${site.path}/sock`,
    });
    await Deno.symlink("pipe", `${site.path}/link_to_pipe`);
    await using server = engine.serve((app) => {
      app.get("/site/**", serveDir(site.path, { precompressed: true }));
      app.get("/dev/**", serveDir("/dev"));
    });
    const paths = [
      "/site/pipe",
      "/site/sock",
      "/site/link_to_pipe",
      "/dev/zero",
      "/dev/null",
      "/dev/tty",
    ];
    for (const path of paths) {
      assertEquals([path, (await ask(server, `GET ${path}`)).status], [
        path,
        403,
      ]);
    }
    const hello = await ask(
      server,
      "GET /site/hello.txt",
      "Accept-Encoding: gzip\r\n",
    );
    assertEquals(hello.body, "hello");
  },
);

/** Requests while links are swapped. A check that is only repeated once lets several of so many through. */
const SWAPPED_REQUESTS = 3000;

/** Sends requests for a file whose folder is being replaced by a link to the secret, and returns the bodies. */
async function askWhileSwapping(
  server: Pick<TestServer, "connect">,
  site: Site,
): Promise<Set<string>> {
  await Deno.symlink("..", `${site.path}/link`);
  const url = new URL("../programs/link_swapper.ts", import.meta.url);
  const swapper = new Worker(url, { type: "module" });
  const flag = new Int32Array(new SharedArrayBuffer(4));
  const message = (): Promise<unknown> =>
    new Promise((resolve) => swapper.onmessage = resolve);
  const started = message();
  swapper.postMessage({ path: site.path, flag } satisfies SwapOrder);
  await started;
  try {
    using client = await server.connect();
    const bodies = new Set<string>();
    for (let count = 0; count < SWAPPED_REQUESTS; count++) {
      bodies.add((await client.ask(request("GET /a/secret.txt"))).body);
    }
    return bodies;
  } finally {
    const ended = message();
    Atomics.store(flag, 0, 1);
    await ended;
    swapper.terminate();
  }
}

testEngines(
  "serveDir() sends nothing from outside while links replace folders",
  async (engine) => {
    await using site = await Site.make({ "a/secret.txt": "public" });
    await using server = engine.serve((app) => {
      app.get("/**", serveDir(site.path, { cache: false }));
    });
    const bodies = await askWhileSwapping(server, site);
    assert(!bodies.has(SECRET));
    assert(bodies.has("public"));
  },
);

Deno.test("serveDir() sends nothing from outside while links replace folders, with few permissions", async () => {
  await using site = await Site.make({ "a/secret.txt": "public" });
  await using program = await startRestricted(site);
  const server = { connect: () => RawClient.connect(program.port) };
  const bodies = await askWhileSwapping(server, site);
  assert(!bodies.has(SECRET));
  assert(bodies.has("public"));
});

/** Pieces of hostile paths. */
const PIECES: readonly string[] = [
  "..",
  ".",
  "%2e%2e",
  "%2e",
  ".%2e",
  "%252e",
  "..%2f",
  "%2f",
  "%5c",
  "\\",
  "%00",
  "%",
  "%c0%ae",
  "a%e9",
  "A%E9",
  "link%E9",
  "..;",
  "",
  "secret.txt",
  "site",
  "site_sibling",
  "~",
  "%2e%2e%5c",
  "....",
  "a",
  "b",
  "c",
  "d",
  "link0",
  "link1",
  "link2",
];

const LINK_TARGETS: readonly string[] = [
  "..",
  "../..",
  "../secret.txt",
  ".",
  "a",
  "b/c",
  "../site/a",
  "../site_sibling",
  "/",
  "link0",
  "a/../../secret.txt",
];

/** Makes a tree of folders, files with the text `public`, and links to anywhere. */
async function makeTree(random: SeededRandom): Promise<Site> {
  const site = await Site.make({});
  const folders = [site.path];
  for (let count = 0; count < 12; count++) {
    const path = `${random.pick(folders)}/${random.pick(["a", "b", "c", "d"])}`;
    const link = `${random.pick(folders)}/link${random.below(3)}`;
    try {
      if (random.below(2) === 0) {
        await Deno.mkdir(path);
        folders.push(path);
      } else await Deno.writeTextFile(path, "public", { createNew: true });
      await Deno.symlink(random.pick(LINK_TARGETS), link);
    } catch {
      // The name exists already.
    }
  }
  if (Deno.build.os === "linux") await addOddNames(site, folders, random);
  return site;
}

/** Adds files, folders and links whose names are not UTF-8, which only a shell can make. */
async function addOddNames(
  site: Site,
  folders: readonly string[],
  random: SeededRandom,
): Promise<void> {
  const place = (): string => `'${random.pick(folders)}'/`;
  const script = `
    odd="$(printf 'a\\351')"
    mkdir ${place()}"$odd"
    printf public > ${place()}"$odd"
    printf public > ${place()}"$odd"/a
    ln -s '${random.pick(LINK_TARGETS)}' ${place()}"$(printf 'link\\351')"
    ln -s '${random.pick(LINK_TARGETS)}' ${place()}"$odd"/link0
    ln -s "$odd" ${place()}link1
    true`; // commands may fail: a name may exist already, a folder may not
  const options = { args: ["-c", script], cwd: site.path };
  await new Deno.Command("sh", options).output();
}

/** How many trees are made, and from which seed. */
const TREES = Number(Deno.env.get("KHTTP_TRAVERSAL_TREES") ?? 20);
const SEED = Number(Deno.env.get("KHTTP_TRAVERSAL_SEED") ?? 0x5eed);
const REQUESTS = 250;

testEngines(
  "serveDir() sends no byte from outside, for random paths in random trees",
  async (engine) => {
    const random = new SeededRandom(SEED);
    let served = 0;
    for (let tree = 0; tree < TREES; tree++) {
      await using site = await makeTree(random);
      // In every second tree, the files look old enough to be kept in memory.
      using _clock = new ShiftedClock(tree % 2 * 10_000);
      await using server = engine.serve((app) => {
        app.get(
          "/**",
          serveDir(site.path, { dotfiles: true, precompressed: true }),
        );
      });
      let client = await server.connect();
      for (let count = 0; count < REQUESTS; count++) {
        const length = 1 + random.below(5);
        const pieces = Array.from({ length }, () => random.pick(PIECES));
        const path = `/${pieces.join("/")}`;
        const answer = await client.ask(request(`GET ${path}`));
        if (answer.headers.get("connection") === "close") {
          client.close(); // the request line was not valid
          client = await server.connect();
        }
        assert(!answer.body.includes(SECRET), path);
        if (answer.status === 200) {
          assertEquals([path, answer.body], [path, "public"]);
          served += 1;
        } else {assert(
            [301, 400, 403, 404].includes(answer.status),
            `${path}: ${answer.status}`,
          );}
        const location = answer.headers.get("location") ?? "/";
        assertEquals(new URL(location, "http://host").host, "host");
      }
      client.close();
      assertEquals(server.errors, []);
    }
    assert(served > 20, `${served}`);
  },
  KEEPS_LIBRARY,
);
