/** The example that serves files: its options and permissions. What it serves is tested in `tests/files/`. */

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { connect } from "node:tls";
import { fileURLToPath } from "node:url";
import { Program } from "../support/program.ts";
import { decodeLatin1 } from "../support/latin1.ts";
import { RawClient, type RawResponse } from "../support/raw_client.ts";
import { request } from "../support/serve.ts";
import { ask as askServer, Site } from "../support/site.ts";

const root = new URL("../../", import.meta.url);
const HTML = "Accept: text/html\r\n";

/** Serves a site with the permissions that the example's header names, or others. */
function start(
  path: string,
  options: readonly string[] = [],
  flags = [`--allow-read=${path}`],
): Promise<Program> {
  const example = "examples/static_file_server.ts";
  return Program.start({
    args: [
      ...["run", "--no-prompt", "--allow-net=127.0.0.1", ...flags, example],
      ...[path, "--port", "0", ...options],
    ],
  });
}

function ask(
  program: Program,
  line: string,
  fields = "",
): Promise<RawResponse> {
  const connect = () => RawClient.connect(program.port);
  return askServer({ connect }, line, fields);
}

Deno.test("static_file_server serves files, ranges and index.html, and lists folders only if told to", async () => {
  await using site = await Site.make({
    "index.html": "<p>index",
    "a/b.txt": "0123456789",
    ".env": "SECRET",
  });
  await using program = await start(site.path);
  assertStringIncludes(program.stdout, `Serving ${site.path} on http://127`);
  assertEquals((await ask(program, "GET /")).body, "<p>index");
  const file = await ask(program, "GET /a/b.txt", "Range: bytes=2-3\r\n");
  assertEquals([file.status, file.body], [206, "23"]);
  assertEquals(file.headers.get("content-type"), "text/plain; charset=utf-8");
  assertEquals(file.headers.get("cache-control"), "no-cache");
  assertEquals(file.headers.has("access-control-allow-origin"), false);
  const statuses = ["/a/", "/x", "/.env", "/../secret.txt", "/x/y"].map(
    async (path) => (await ask(program, `GET ${path}`, HTML)).status,
  );
  assertEquals(await Promise.all(statuses), [404, 404, 404, 404, 404]);
  const put = await ask(program, "PUT /a/b.txt");
  assertEquals(
    [put.status, put.headers.get("allow")],
    [405, "GET, HEAD, OPTIONS"],
  );
  program.signal("SIGTERM");
  assertEquals([await program.ended(), program.stderr], [0, ""]);
});

Deno.test("static_file_server has --listing, --cors, --cache and --spa", async () => {
  await using site = await Site.make({ "index.html": "app", "a/b.txt": "b" });
  const options = ["--listing", "--cors", "--cache", "60", "--spa"];
  await using program = await start(site.path, options);
  assertStringIncludes((await ask(program, "GET /a/")).body, "./b.txt");
  const { headers } = await ask(program, "GET /a/b.txt");
  assertEquals(headers.get("cache-control"), "max-age=60");
  assertEquals(headers.get("access-control-allow-origin"), "*");
  assertEquals((await ask(program, "GET /users/7", HTML)).body, "app");
  assertEquals((await ask(program, "GET /app.js")).status, 404);
});

Deno.test("static_file_server serves HTTPS with --tls", async () => {
  await using site = await Site.make({ "a.txt": "secure" });
  const fixtures = fileURLToPath(new URL("tests/fixtures/", root));
  const [cert, key] = ["localhost.cert.pem", "localhost.key.pem"];
  const files = `${fixtures}${cert},${fixtures}${key}`;
  await using program = await start(site.path, ["--tls", files], [
    `--allow-read=${site.path},${files}`,
  ]);
  assertStringIncludes(program.stdout, "on https://127.0.0.1");
  const ca = await Deno.readTextFile(`${fixtures}${cert}`);
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  const socket = connect({ port: program.port, servername: "localhost", ca });
  let text = "";
  socket.on("error", reject);
  socket.on("data", (data: Uint8Array) => text += decodeLatin1(data));
  socket.on("close", () => resolve(text));
  socket.write(request("GET /a.txt", "Connection: close\r\n"));
  assert((await promise).endsWith("\r\n\r\nsecure"));
});

const wrongArguments: readonly (readonly string[])[] = [
  ["one", "two"],
  ["--port", "x"],
  ["--port", ""],
  ["--cache", "-1"],
  ["--tls", "cert.pem"],
  ["--nothing"],
];

async function run(
  args: readonly string[],
  flags: readonly string[] = [],
): Promise<{
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}> {
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: [
      ...["run", "--no-prompt", ...flags],
      ...["examples/static_file_server.ts", ...args],
    ],
    cwd: root,
  }).output();
  return { code, stdout: decodeLatin1(stdout), stderr: decodeLatin1(stderr) };
}

Deno.test("static_file_server prints its usage", async () => {
  for (const args of wrongArguments) {
    const { code, stderr } = await run(args);
    assertEquals([args, code], [args, 2]);
    assertStringIncludes(stderr, "Usage: static_file_server.ts");
  }
  const { code, stdout } = await run(["--help"]);
  assertEquals(code, 0);
  assertStringIncludes(stdout, "Usage: static_file_server.ts");
});

Deno.test("static_file_server says why it cannot serve a folder", async () => {
  const { code, stderr } = await run(["nowhere"]);
  assertEquals([code, stderr], [
    1,
    'Cannot serve folder "nowhere": the program may not read it; run it with --allow-read=nowhere\n',
  ]);
});

Deno.test("static_file_server says in one line why it cannot listen", async () => {
  const cases = [
    [["--tls", "cert.pem,key.pem"], "cert.pem"],
    [["--host", "127.0.0.2"], "127.0.0.2"], // not in --allow-net
  ] as const;
  for (const [args, why] of cases) {
    const { code, stderr } = await run(
      [".", "--port", "0", ...args],
      ["--allow-read=.", "--allow-net=127.0.0.1"],
    );
    assertEquals(code, 1);
    assertStringIncludes(stderr, why);
    assertEquals(stderr.trim().split("\n").length, 1);
  }
});

Deno.test("static_file_server serves a folder that is named by a link, or the working one", async () => {
  await using site = await Site.make({ "hello.txt": "hello" });
  await Deno.symlink("site", `${site.root}/link`);
  await using program = await start(`${site.root}/link`, ["--listing"]);
  assertEquals((await ask(program, "GET /hello.txt")).body, "hello");
  assertStringIncludes((await ask(program, "GET /")).body, "hello.txt");
  await using here = await Program.start({
    args: [
      ...["run", "--no-prompt", "--allow-net=127.0.0.1", "--allow-read=."],
      ...[new URL("examples/static_file_server.ts", root).href, "-p0"],
    ],
    cwd: fileURLToPath(new URL("static/", root)),
  });
  assertEquals((await ask(here, "GET /hello.txt")).status, 200);
});

Deno.test("static_file_server answers 403 where it has no permission", async () => {
  await using site = await Site.make({
    "a.txt": "a",
    "denied/a.txt": "SECRET",
  });
  await using program = await start(site.path, [], [
    `--allow-read=${site.path}`,
    `--deny-read=${site.path}/denied`,
  ]);
  assertEquals((await ask(program, "GET /a.txt")).status, 200);
  assertEquals((await ask(program, "GET /denied/a.txt")).status, 403);
});
