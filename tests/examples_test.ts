/** Each example as a user starts it: in its own process, over the network. */

import {
  assert,
  assertEquals,
  assertMatch,
  assertStringIncludes,
} from "@std/assert";
import { fileURLToPath } from "node:url";
import config from "../deno.json" with { type: "json" };
import { Program } from "./support/program.ts";
import { RawClient } from "./support/raw_client.ts";
import { request } from "./support/serve.ts";
import { untilRefused } from "./support/turns.ts";

const root = new URL("../", import.meta.url);

/** The command of the start task on a free port, with the same permissions. */
function startTask(): Promise<Program> {
  const command = config.tasks.start.command.replace(":8080", ":0");
  const [, ...args] = command.split(" ");
  const [run = "", ...rest] = args;
  return Program.start({ args: [run, "--no-prompt", ...rest, "0"] });
}

/** Starts the program in a folder, with more permissions than the start task gives, so that only the program can refuse. */
function startIn(folder: string): Promise<Program> {
  const settings = new URL("deno.json", root);
  const example = new URL("examples/basics.ts", root);
  const config = `--config=${fileURLToPath(settings)}`;
  return Program.start({
    args: ["run", "-A", config, example.href, "0"],
    cwd: folder,
  });
}

Deno.test("hello_world answers", async () => {
  await using program = await Program.start({
    args: ["run", "--allow-net=127.0.0.1:0", "examples/hello_world.ts", "0"],
  });
  const response = await fetch(`http://127.0.0.1:${program.port}/`);
  assertEquals(await response.text(), "Hello, World!");
});

Deno.test("basics answers all its routes with the permissions of the start task", async () => {
  await using program = await startTask();
  const base = `http://127.0.0.1:${program.port}`;
  const hello = await fetch(`${base}/`);
  assertEquals([hello.status, await hello.text()], [200, "Hello, World!"]);
  assertEquals(hello.headers.get("key"), "value");
  assertMatch(
    hello.headers.get("date") ?? "",
    /^[A-Z][a-z]{2}, \d{2} [A-Z][a-z]{2} \d{4} \d{2}:\d{2}:\d{2} GMT$/,
  );
  const upper = await fetch(`${base}/uppercase`, {
    method: "POST",
    body: "abc",
  });
  assertEquals([upper.status, await upper.text()], [200, "ABC"]);

  using client = await RawClient.connect(program.port);
  for (const [path, status, body] of routes) {
    const answer = await client.ask(request(`GET ${path}`));
    assertEquals([path, answer.status, answer.body], [path, status, body]);
  }
  const files = [
    ["hello.txt", "text/plain; charset=utf-8"],
    ["assets/main.js", "text/javascript; charset=utf-8"],
  ] as const;
  for (const [name, type] of files) {
    const answer = await client.ask(request(`GET /static/${name}`));
    const file = await Deno.readTextFile(new URL(`static/${name}`, root));
    assertEquals([answer.status, answer.body], [200, file]);
    assertEquals(answer.headers.get("content-type"), type);
  }
  assertMatch(program.stdout, /method=GET, uri=\/, headers=\n(?:.+: .+\n)+/);
});

const routes: readonly (readonly [string, number, string])[] = [
  ["/user/42", 200, "42"],
  ["/user/x", 400, ""],
  ["/user/-1", 400, ""],
  ["/user/1e3", 400, ""],
  ["/user/99999999999999999999", 400, ""],
  ["/api/v1/health", 200, "api"],
  ["/api/v1/a/b", 404, "404"],
  ["/nope", 404, "404"],
  ["/uppercase", 404, "404"],
];

const refused: readonly (readonly [string, string, number])[] = [
  ["HTTP/1.0", "GET / HTTP/1.0\r\n\r\n", 505],
  ["an unknown method", request("BREW /"), 405],
  ["CONNECT", "CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n\r\n", 405],
  ["a head over 16 KiB", request("GET /", `X: ${"y".repeat(16_384)}\r\n`), 431],
  [
    "a length together with a coding",
    request(
      "POST /uppercase",
      "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n",
    ),
    400,
  ],
];

/** The builder's calls in khttp's own tour of the server, beside the routes. */
const TOUR = [
  "threadCount(20)",
  "fallbackRoute(",
  "maxRequestHeadSize(16 * 1024)",
  "connectionSetupHook(",
  "preRoutingHook(",
  "connectionTeardownHook(",
];

Deno.test("basics shows all settings of khttp's tour", async () => {
  const source = await Deno.readTextFile(new URL("examples/basics.ts", root));
  for (const call of TOUR) assertStringIncludes(source, `\napp.${call}`);
});

Deno.test("basics rejects invalid requests and closes", async () => {
  await using program = await startTask();
  for (const [what, wire, status] of refused) {
    using client = await RawClient.connect(program.port);
    const answer = await client.ask(wire);
    assertEquals([what, answer.status], [what, status]);
    assertEquals(answer.headers.get("connection"), "close");
    assertEquals(await client.toEnd(), "");
  }
  const large = request("GET /nope", `X: ${"y".repeat(16_000)}\r\n`);
  using client = await RawClient.connect(program.port);
  assertEquals((await client.ask(large)).status, 404); // just under the limit
});

/** Paths that must not serve a file, however a file system reads them. */
const outside: readonly string[] = [
  "/static/../secret.txt",
  "/static/%2e%2e/secret.txt",
  "/static/%2E%2E/secret.txt",
  "/static/..%2fsecret.txt",
  "/static/%2e%2e%2fsecret.txt",
  "/static/..%5csecret.txt",
  "/static/%252e%252e/secret.txt",
  "/static/%c0%ae%c0%ae/secret.txt",
  "/static/inner/../../secret.txt",
  "/static/inner%2fdeep.js",
  "/static/./hello.txt",
  "/static//hello.txt",
  "/static//etc/passwd",
  "/static/%2fetc/passwd",
  "/static/link_to_file",
  "/static/link_to_folder/secret.txt",
  "/static/link_to_sibling",
  "/static/",
  "/static/inner",
  "/static/inner/",
  "/static/missing.txt",
];

const types: readonly (readonly [name: string, type: string])[] = [
  ["a.css", "text/css; charset=utf-8"],
  ["a.gif", "image/gif"],
  ["a.htm", "text/html; charset=utf-8"],
  ["a.html", "text/html; charset=utf-8"],
  ["a.jpeg", "image/jpeg"],
  ["A.JPG", "image/jpeg"],
  ["a.js", "text/javascript; charset=utf-8"],
  ["a.json", "application/json"],
  ["a.pdf", "application/pdf"],
  ["a.png", "image/png"],
  ["a.svg", "image/svg+xml"],
  ["a.txt", "text/plain; charset=utf-8"],
  ["a.unknown", "text/plain; charset=utf-8"],
  ["README", "text/plain; charset=utf-8"],
];

Deno.test("basics sends each file's media type", async () => {
  const folder = await Deno.makeTempDir();
  try {
    await Deno.mkdir(`${folder}/static`);
    for (const [name] of types) {
      await Deno.writeTextFile(`${folder}/static/${name}`, name);
    }
    await using program = await startIn(folder);
    using client = await RawClient.connect(program.port);
    for (const [name, type] of types) {
      const { headers, body } = await client.ask(
        request(`GET /static/${name}`),
      );
      assertEquals([name, headers.get("content-type"), body], [
        name,
        type,
        name,
      ]);
    }
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("basics serves nothing outside its folder", async () => {
  const folder = await Deno.makeTempDir();
  try {
    await Deno.mkdir(`${folder}/static/inner`, { recursive: true });
    await Deno.mkdir(`${folder}/static_sibling`);
    await Deno.writeTextFile(`${folder}/secret.txt`, "SECRET");
    await Deno.writeTextFile(`${folder}/static_sibling/secret.txt`, "SECRET");
    await Deno.writeTextFile(`${folder}/static/hello.txt`, "hello");
    await Deno.writeTextFile(`${folder}/static/inner/a b.js`, "deep");
    const links = [
      ["../secret.txt", "link_to_file"],
      ["..", "link_to_folder"],
      ["../static_sibling/secret.txt", "link_to_sibling"],
      ["hello.txt", "link_inside"],
    ] as const;
    for (const [target, name] of links) {
      await Deno.symlink(target, `${folder}/static/${name}`);
    }
    await using program = await startIn(folder);
    using client = await RawClient.connect(program.port);
    for (const path of outside) {
      const answer = await client.ask(request(`GET ${path}`));
      assert([403, 404].includes(answer.status), `${path}: ${answer.status}`);
      assert(!answer.body.includes("SECRET"), path);
    }
    const inside = [
      ["/static/hello.txt", "hello"],
      ["/static/link_inside", "hello"],
      ["/static/inner/a%20b.js", "deep"],
    ] as const;
    for (const [path, body] of inside) {
      assertEquals((await client.ask(request(`GET ${path}`))).body, body);
    }
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

for (const signal of ["SIGINT", "SIGTERM"] as const) {
  Deno.test({
    name: `basics finishes a running response on ${signal}, and exits with 0`,
    ignore: Deno.build.os === "windows", // a signal kills a process there
    fn: async () => {
      await using program = await startTask();
      using idle = await RawClient.connect(program.port);
      assertEquals((await idle.ask(request("GET /nope"))).status, 404);
      using busy = await RawClient.connect(program.port);
      await busy.send(
        request(
          "POST /uppercase",
          "Content-Length: 6\r\nExpect: 100-continue\r\n",
        ),
      );
      assertEquals((await busy.response()).status, 100); // its handler is running
      program.signal(signal);
      assertEquals(await idle.toEnd(), "");
      idle.close();
      await untilRefused(program.port);
      await busy.send("abcdef");
      const answer = await busy.response();
      assertEquals(answer.body, "ABCDEF");
      assertEquals(answer.headers.get("connection"), "close");
      busy.close();
      assertEquals([await program.ended(), program.stderr], [0, ""]);
    },
  });
}

Deno.test("basics reports why a connection failed", async () => {
  await using program = await startTask();
  const client = await RawClient.connect(program.port);
  assertEquals((await client.ask("nonsense\r\n\r\n")).status, 400);
  client.close();
  program.signal("SIGTERM");
  assertEquals(await program.ended(), 0);
  assertStringIncludes(program.stderr, "tcp socket error: Cannot parse");
});
