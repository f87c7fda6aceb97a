/** The programs in README.md run, and its table of options is correct. */

import {
  assert,
  assertEquals,
  assertMatch,
  assertStringIncludes,
} from "@std/assert";
import { fileURLToPath } from "node:url";
import settings from "../deno.json" with { type: "json" };
import { DEFAULT_SERVER_OPTIONS } from "../server/options.ts";
import { Program } from "./support/program.ts";
import { RawClient } from "./support/raw_client.ts";
import { request } from "./support/serve.ts";
import { deno, findStdSource } from "./support/std_source.ts";

const root = new URL("../", import.meta.url);
const readme = await readPage("README.md");
const config = `--config=${fileURLToPath(new URL("deno.json", root))}`;

/** A recipe has fewer lines than this. */
const RECIPE_LINES = 12;

/** The programs of the page in their order: each begins with a block that imports, and contains the blocks up to the next one. */
const programs = blocksOf(readme).reduce<string[]>((programs, block) => {
  if (/^import /m.test(block)) programs.push(block);
  else programs.push(`${programs.pop() ?? ""}\n${block}`);
  return programs;
}, []);
const [first = "", recipes = "", testing = "", threaded = "", reference = ""] =
  programs;

function readPage(path: string): Promise<string> {
  return Deno.readTextFile(new URL(path, root));
}

/** The TypeScript blocks of a page or of a part of it. */
function blocksOf(page: string): string[] {
  return [...page.matchAll(/^```ts\n(.*?)^```$/gms)]
    .map(([, code = ""]) => code);
}

/** A part of the page, from its heading to the next one of the same level. */
function partOf(heading: string): string {
  const [, part] = readme.split(`\n## ${heading}\n`);
  return (part ?? "").split("\n## ")[0] ?? "";
}

/** Type-checks a program and runs it on a free port. */
async function run(
  code: string,
  cwd?: string,
  ...permissions: string[]
): Promise<Program> {
  const input = code.replace("127.0.0.1:8080", "127.0.0.1:0");
  const net = ["--allow-net=127.0.0.1:0", ...permissions];
  return await Program.start({
    args: ["run", "--no-prompt", config, "--check", ...net, "-"],
    input,
    ...cwd !== undefined && { cwd },
  });
}

/** Runs a test with a new folder. */
async function withFolder(
  run: (folder: string) => Promise<void>,
): Promise<void> {
  const folder = await Deno.makeTempDir({ prefix: "khttp" });
  try {
    await run(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

type Check = readonly [wire: string, status: number, body: string];

async function checkAll(
  program: Program,
  checks: readonly Check[],
): Promise<void> {
  using client = await RawClient.connect(program.port);
  for (const [wire, status, body] of checks) {
    const answer = await client.ask(wire);
    assertEquals([wire, answer.status, answer.body], [wire, status, body]);
  }
}

Deno.test("README.md's first program runs", async () => {
  const serve = "app.build().serve();";
  assertStringIncludes(first, serve);
  // It prints nothing, so the test adds a line that prints its port.
  const print = "console.log(`127.0.0.1:${(addr as Deno.NetAddr).port}`);";
  await using program = await run(
    first.replace(serve, () => `const { addr } = ${serve}\n${print}`),
  );
  await checkAll(program, [
    [request("GET /"), 200, "Hello, World!"],
    [request("POST /uppercase", "", "abc"), 200, "ABC"],
    [request("GET /user/42"), 200, "42"],
    [request("GET /user/x"), 400, ""],
  ]);
});

Deno.test("README.md consists of five programs", () => {
  assertEquals(programs.length, 5);
  assertStringIncludes(threaded, "serveThreaded");
  assertStringIncludes(testing, "Deno.test(");
});

Deno.test("README.md's recipes are short", () => {
  const lines = blocksOf(partOf("Recipes")).map((code) =>
    code.trimEnd().split("\n").length
  );
  assert(lines.length >= 14, `${lines.length} recipes`);
  assertEquals(lines.filter((count) => count >= RECIPE_LINES), []);
});

/** Runs the recipes in a folder with a file to serve, and with a server to download from. */
async function withRecipes(
  test: (program: Program, base: string, folder: string) => Promise<void>,
): Promise<void> {
  await withFolder(async (folder) => {
    await Deno.mkdir(`${folder}/static`);
    await Deno.mkdir(`${folder}/uploads`);
    await Deno.writeTextFile(`${folder}/static/a.css`, "p {}");
    await Deno.writeTextFile(`${folder}/secret.css`, "secret");
    await using files = Deno.serve(
      { port: 0, hostname: "127.0.0.1", onListen: () => {} },
      () => new Response("x".repeat(100_000)),
    );
    const origin = `127.0.0.1:${files.addr.port}`;
    const code = recipes.replace("https://files.example", `http://${origin}`) +
      'await download("/big", "uploads/big");\nconsole.log("downloaded");\n';
    await using program = await run(
      code,
      folder,
      `--allow-net=127.0.0.1:0,${origin}`,
      "--allow-read=static,uploads",
      "--allow-write=uploads",
    );
    await test(program, `http://127.0.0.1:${program.port}`, folder);
    program.signal("SIGTERM");
    assertEquals(await program.ended(), 0);
  });
}

Deno.test("README.md's recipes answer", async () => {
  await withRecipes(async (program) => {
    const problem = (status: number, title: string): string =>
      JSON.stringify({ title, status });
    await checkAll(program, [
      [request("GET /search?q=a%20b"), 200, "10 results for a b\n"],
      [request("GET /search?q=a&limit=3"), 200, "3 results for a\n"],
      [request("POST /sum", "", "[1,2,3]"), 200, '{"sum":6}'],
      [request("POST /sum", "", "{"), 400, problem(400, "Bad Request")],
      [request("GET /visits"), 200, "Visit 1\n"],
      [request("GET /visits", "Cookie: visits=7\r\n"), 200, "Visit 8\n"],
      [request("GET /assets/a.css"), 200, "p {}"],
      [request("GET /assets/a.css", "Range: bytes=2-\r\n"), 206, "{}"],
      [
        request("GET /assets/b.css"),
        404,
        '{"title":"Not Found","status":404}',
      ],
      [request("GET /assets/..%2fsecret.css"), 400, "Bad Request"],
      [
        request("GET /admin/stats", "Authorization: Bearer secret\r\n"),
        200,
        '{"users":1}',
      ],
      [request("GET /admin/stats"), 401, problem(401, "Unauthorized")],
      [request("GET /web/x"), 200, "http://a/web/x"],
      [request("GET /nothing"), 404, problem(404, "Not Found")],
    ]);
    using client = await RawClient.connect(program.port);
    const refused = await client.ask(request("POST /sum", "", "{}"));
    const detail = JSON.parse(refused.body);
    assertEquals([refused.status, detail.detail], [422, "Send an array"]);
    const moved = await client.ask(request("GET /old"));
    assertEquals([moved.status, moved.headers.get("location")], [
      301,
      "/search?q=new",
    ]);
    const preflight = await client.ask(request("OPTIONS /sum"));
    assertEquals(preflight.status, 200);
    const allowed = preflight.headers.get("access-control-allow-methods");
    assertEquals(allowed, "GET, POST, PUT, DELETE");
    const style = await client.ask(request("GET /assets/a.css"));
    assertEquals(style.headers.get("content-type"), "text/css; charset=utf-8");
    const visit = await client.ask(request("GET /visits"));
    assertEquals(
      visit.headers.get("set-cookie"),
      "visits=1; HttpOnly; SameSite=Lax",
    );
    assertEquals((await client.ask("nonsense\r\n\r\n")).status, 400);
    await program.printed("127.0.0.1 GET /web/x 200 14\n");
    await program.printed("refused 400 INVALID_");
  });
});

Deno.test("README.md's recipes take uploads and download", async () => {
  await withRecipes(async (program, base, folder) => {
    const form = new FormData();
    form.set("photo", new File(["12345"], "me.jpg"));
    const taken = await fetch(`${base}/photos`, { method: "POST", body: form });
    assertEquals(await taken.text(), "me.jpg has 5 bytes\n");
    const empty = await fetch(`${base}/photos`, {
      method: "POST",
      body: new FormData(),
    });
    assertEquals([empty.status, await empty.text()], [
      400,
      "photo is missing\n",
    ]);
    const body = "y".repeat(3_000_000);
    const stored = await fetch(`${base}/backup`, { method: "PUT", body });
    assertEquals([stored.status, await stored.text()], [201, ""]);
    assertEquals(await Deno.readTextFile(`${folder}/uploads/backup`), body);
    await program.printed("100000 of 100000 bytes\n");
    await program.printed("downloaded\n");
    const big = await Deno.readTextFile(`${folder}/uploads/big`);
    assertEquals(big, "x".repeat(100_000));
    assertEquals([...Deno.readDirSync(`${folder}/uploads`)].length, 3);
  });
});

Deno.test("README.md's recipes send events and echo WebSocket messages", async () => {
  await withRecipes(async (_program, base) => {
    const clock = await fetch(`${base}/clock`);
    assertEquals(clock.headers.get("content-type"), "text/event-stream");
    const events = clock.body!.pipeThrough(new TextDecoderStream()).getReader();
    assertMatch((await events.read()).value ?? "", /^data: 2\S+Z\n\n$/);
    await events.cancel();
    const socket = new WebSocket(`${base.replace("http", "ws")}/echo`);
    const next = (event: string): Promise<Event> =>
      new Promise((resolve) =>
        socket.addEventListener(event, resolve, { once: true })
      );
    await next("open");
    socket.send("hello");
    assertEquals(((await next("message")) as MessageEvent).data, "hello");
    socket.close();
    await next("close");
  });
});

Deno.test("README.md's test passes", async () => {
  await withFolder(async (folder) => {
    await Deno.writeTextFile(`${folder}/main_test.ts`, testing);
    const { flags } = await findStdSource();
    const child = deno(
      [
        "test",
        "--no-prompt",
        "--allow-net=127.0.0.1",
        config,
        ...flags,
        folder,
      ],
      { stdout: "piped" },
    );
    const { success, stdout } = await child.output();
    assert(success, new TextDecoder().decode(stdout));
  });
});

Deno.test("the blocks of README.md's reference form a program that runs", async () => {
  await using program = await run(reference);
  const numbers = Array.from({ length: 10_000 }, (_, n) => `${n}\n`).join("");
  await checkAll(program, [
    [request("GET /files/a%20b"), 200, "a b"],
    [request("GET /api/v1/x"), 200, "one segment"],
    [request("GET /docs"), 200, "any number of segments, even none"],
    [request("GET /docs/a/b"), 200, "any number of segments, even none"],
    [request("PURGE /cache"), 204, ""],
    [request("POST /count", "", "abc"), 200, "3 bytes\n"],
    [request("POST /echo", "", "abc"), 200, "abc"],
    [request("GET /numbers"), 200, numbers],
    [request("GET /files/%ff"), 500, "Sorry\n"],
    [request("DELETE /echo"), 405, "Method Not Allowed"],
    ["GET /docs HTTP/1.0\r\n\r\n", 505, ""],
  ]);
});

Deno.test({
  name:
    "README.md's program for several cores runs, with the permissions that it names",
  ignore: Deno.build.os !== "linux",
  fn: async () => {
    await withFolder(async (folder) => {
      const path = `${folder}/program.ts`;
      const print =
        "onListen: (addr) => console.log(`127.0.0.1:${(addr as Deno.NetAddr).port}`)";
      await Deno.writeTextFile(
        path,
        threaded.replace("127.0.0.1:8080", "127.0.0.1:0")
          .replace('onListen: () => console.log("Listening")', () => print),
      );
      // Its workers would type-check it too.
      const check = new Deno.Command(Deno.execPath(), {
        args: ["check", config, path],
      });
      assertEquals((await check.output()).success, true);
      await using program = await Program.start({
        args: [
          "run",
          "--no-prompt",
          config,
          "--allow-net=127.0.0.1:0",
          "--allow-ffi",
          `--allow-read=${folder},${fileURLToPath(root)}`,
          path,
        ],
      });
      const answer = await fetch(`http://127.0.0.1:${program.port}/`);
      assertMatch(await answer.text(), /^Hello from khttp [12]$/);
      program.signal("SIGINT");
      assertEquals([await program.ended(), program.stderr], [0, ""]);
    });
  },
});

Deno.test("README.md lists every option with its default", () => {
  const listed = [...readme.matchAll(/^\| `(\w+)` +\| (\w+) +\|/gm)]
    .map(([, name, value]) => `${name}: ${value}`);
  const options = Object.entries(DEFAULT_SERVER_OPTIONS)
    .map(([name, value]) => `${name}: ${value}`);
  assertEquals(listed.toSorted(), options.toSorted());
});

Deno.test("README.md's figures are those of the benchmarks and the conformance page", async () => {
  const bench = await readPage("bench/README.md");
  const text = partOf("Why") + partOf("Engines and cores") +
    partOf("When not to use it");
  const figures = [
    ...text.matchAll(/[0-9]+,[0-9]{3}(?= |;|,)|[0-9]+\.[0-9]+(?= MiB| µs)/g),
  ]
    .map(([figure]) => figure)
    .filter((figure) => figure !== "3,000");
  assert(figures.length >= 9, figures.join(" "));
  assertEquals(figures.filter((figure) => !bench.includes(` ${figure} `)), []);
  const rows = (await readPage("docs/conformance.md")).match(/^- \*\*R/gm);
  assertStringIncludes(partOf("Why"), ` lists ${rows?.length} rules`);
});

Deno.test("README.md lists every example", () => {
  const listed = [...partOf("Examples").matchAll(/^\| `(\w+\.ts)`/gm)]
    .map(([, name]) => name);
  const files = [...Deno.readDirSync(new URL("examples/", root))]
    .filter(({ isFile }) => isFile).map(({ name }) => name);
  assertEquals(listed.toSorted(), files.toSorted());
});

Deno.test("README.md lists every entry of the package", () => {
  const listed = [...partOf("Reference").matchAll(/^\| `@khttp\/khttp(.*?)`/gm)]
    .map(([, path]) => `.${path}`);
  assertEquals(listed.toSorted(), Object.keys(settings.exports).toSorted());
});

Deno.test("each example's header names the permissions that it needs", async () => {
  for (const { name, isFile } of Deno.readDirSync(new URL("examples/", root))) {
    if (!isFile) continue;
    const source = await readPage(`examples/${name}`);
    const header = source.split(/^import /m)[0] ?? "";
    assertMatch(header, /deno run (?:-\S+ )*--(?:allow|unstable)-/, name);
  }
});

Deno.test("README.md's links lead to files and headings", async () => {
  const headings = [...readme.matchAll(/^#+ (.*)$/gm)]
    .map(([, title = ""]) => title.toLowerCase().replaceAll(" ", "-"));
  for (const [, target = ""] of readme.matchAll(/\]\((?!https:)(.*?)\)/g)) {
    if (target.startsWith("#")) {
      assert(headings.includes(target.slice(1)), target);
    } else await Deno.stat(new URL(target, root));
  }
});
