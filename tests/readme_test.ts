/** The programs of README.md run, and its table of options is true. */

import { assertEquals, assertStringIncludes } from "@std/assert";
import { DEFAULT_SERVER_OPTIONS } from "../server/options.ts";
import { Program } from "./_program.ts";
import { RawClient } from "./_raw_client.ts";
import { request } from "./_serve.ts";

const root = new URL("../", import.meta.url);
const readme = await Deno.readTextFile(new URL("README.md", root));

/** The TypeScript blocks: the first is a program, the others make up another. */
const [first = "", ...others] = [...readme.matchAll(/^```ts\n(.*?)^```$/gms)]
  .map(([, code = ""]) => code);

/** Type-checks a program and runs it on a free port. */
async function run(code: string): Promise<Program> {
  const input = code.replace("127.0.0.1:8080", "127.0.0.1:0");
  const args = [
    "run",
    "--no-prompt",
    "--check",
    "--allow-net=127.0.0.1:0",
    "-",
  ];
  return await Program.start({ args, input });
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
  // It prints nothing, but the test has to know its port.
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

Deno.test("the blocks of README.md's sections make up a program that runs", async () => {
  await using program = await run(others.join("\n"));
  const numbers = Array.from({ length: 10_000 }, (_, n) => `${n}\n`).join("");
  await checkAll(program, [
    [request("GET /files/a%20b"), 200, "a b"],
    [request("GET /api/v1/x"), 200, "one segment"],
    [request("GET /docs"), 200, "any number of segments, none too"],
    [request("GET /docs/a/b"), 200, "any number of segments, none too"],
    [request("PURGE /cache"), 204, ""],
    [request("POST /count", "", "abc"), 200, "3 bytes\n"],
    [request("POST /echo", "", "abc"), 200, "abc"],
    [request("GET /numbers"), 200, numbers],
    [request("GET /files/%ff"), 500, "Sorry\n"],
    [request("DELETE /echo"), 405, ""],
    ["GET /docs HTTP/1.0\r\n\r\n", 505, ""],
  ]);
});

Deno.test("README.md lists every option with its default", () => {
  const listed = [...readme.matchAll(/^\| `(\w+)` +\| (\w+) +\|/gm)]
    .map(([, name, value]) => `${name}: ${value}`);
  const options = Object.entries(DEFAULT_SERVER_OPTIONS)
    .map(([name, value]) => `${name}: ${value}`);
  assertEquals(listed.toSorted(), options.toSorted());
});
