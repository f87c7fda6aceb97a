/** The programs in README.md run, and its table of options is correct. */

import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { fileURLToPath } from "node:url";
import { DEFAULT_SERVER_OPTIONS } from "../server/options.ts";
import { Program } from "./support/program.ts";
import { RawClient } from "./support/raw_client.ts";
import { request } from "./support/serve.ts";

const root = new URL("../", import.meta.url);
const readme = await Deno.readTextFile(new URL("README.md", root));

/** The TypeScript blocks: the first is a program, the one about several cores is another, and the rest together form a third. */
const [first = "", ...rest] = [...readme.matchAll(/^```ts\n(.*?)^```$/gms)]
  .map(([, code = ""]) => code);
const threaded = rest.filter((code) => code.includes("serveThreaded"));
const others = rest.filter((code) => !threaded.includes(code));

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

Deno.test("the blocks of README.md's sections form a program that runs", async () => {
  await using program = await run(others.join("\n"));
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
    const [code = "", ...more] = threaded;
    assertEquals(more, []);
    const settings = new URL("deno.json", root);
    const folder = await Deno.makeTempDir({ prefix: "khttp" });
    try {
      const path = `${folder}/program.ts`;
      const print =
        "onListen: (addr) => console.log(`127.0.0.1:${(addr as Deno.NetAddr).port}`)";
      await Deno.writeTextFile(
        path,
        code.replace("127.0.0.1:8080", "127.0.0.1:0")
          .replace('onListen: () => console.log("Listening")', () => print),
      );
      const config = `--config=${fileURLToPath(settings)}`;
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
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  },
});

Deno.test("README.md lists every option with its default", () => {
  const listed = [...readme.matchAll(/^\| `(\w+)` +\| (\w+) +\|/gm)]
    .map(([, name, value]) => `${name}: ${value}`);
  const options = Object.entries(DEFAULT_SERVER_OPTIONS)
    .map(([name, value]) => `${name}: ${value}`);
  assertEquals(listed.toSorted(), options.toSorted());
});
