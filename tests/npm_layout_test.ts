/**
 * The package as npm gets it: built from the files that are published, installed
 * into a folder, and used by a program on Node and on Bun, and by one in
 * TypeScript that knows the types of Node only.
 */

import { assert, assertEquals } from "@std/assert";
import config from "../deno.json" with { type: "json" };

const root = new URL("../", import.meta.url).pathname;

/** Imports every entry, serves, and asks the server with the client. */
const PROGRAM = `
const entries = ${JSON.stringify(Object.keys(config.exports))};
const modules = {};
for (const entry of entries) {
  modules[entry] = await import("${config.name}" + entry.slice(1));
}
const { basic, Client, Server } = modules["."];
const app = Server.builder("127.0.0.1:0");
app.get("/:name", (ctx, res) => res.ok("hello " + ctx.params.get("name")));
const handle = app.build().serve();
const client = new Client(handle.url);
const response = await client.get("/npm");
const body = await response.text();
await client[Symbol.asyncDispose]();
await handle.shutdown();
const counts = entries.map((entry) => Object.keys(modules[entry]).length);
console.log(JSON.stringify({ body, counts, basic: basic("ada", "pässword") }));
`;

const importAll = Object.keys(config.exports).map((entry, index) =>
  `import * as entry${index} from "${config.name}${entry.slice(1)}";`
).join("\n");
const useAll = Object.keys(config.exports).map((_, index) => `entry${index}`);

/** Uses types of all entries; the two marked lines are mistakes that only types show. */
const TYPED_PROGRAM = `${importAll}
import { Client, type Duplex, Server } from "${config.name}";
import { serve } from "${config.name}/fetch";
import { connect, type Socket } from "node:net";

console.log(${useAll.join()});
const app = Server.builder("127.0.0.1:0");
app.get("/user/:id", (ctx, res) => {
  const id: string = ctx.params.get("id");
  // @ts-expect-error: it is not a param of this route
  ctx.params.get("name");
  res.ok(id, { "x-kind": "user" });
});
app.connectionSetupHook((accepted) => {
  const conn: Duplex | null = accepted.ok ? accepted.conn : null;
  if (conn?.remoteAddr?.transport === "tcp") console.log(conn.remoteAddr.port);
  return entry0.ConnectionSetupAction.drop;
});
const handle = app.build().serveThreaded({
  engine: "node",
  onListen: (addr) => console.log(addr.transport),
});
// @ts-expect-error: there is no such engine
app.build().serve({ engine: "net" });
serve({ port: 0 }, (request: Request) => new Response(request.url));
const status: number = (await new Client(handle.url).get("/")).status;
const socket: Socket = connect(status);
socket.end();
`;

const TSCONFIG = {
  strict: true,
  exactOptionalPropertyTypes: true,
  noEmit: true,
  target: "esnext",
  lib: ["esnext"],
  module: "nodenext",
  types: ["node"],
};

const TYPESCRIPT = "node_modules/typescript";

async function run(
  command: string,
  args: readonly string[],
  { cwd = root, input = "" }: { cwd?: string; input?: string } = {},
): Promise<string> {
  const child = new Deno.Command(command, {
    args: [...args],
    cwd,
    env: { NO_COLOR: "1" },
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const writer = child.stdin.getWriter();
  await writer.write(new TextEncoder().encode(input));
  await writer.close();
  const { success, stdout, stderr } = await child.output();
  const decoder = new TextDecoder();
  const text = decoder.decode(stdout);
  assert(success, `${command}: ${text}${decoder.decode(stderr)}`);
  return text + decoder.decode(stderr);
}

/** The paths of the files that would be published. */
async function publishedFiles(): Promise<string[]> {
  const output = await run(Deno.execPath(), [
    ...["publish", "--dry-run", "--allow-dirty", "--no-check"],
  ]);
  const urls = output.matchAll(/file:\/\/(\S+) \(/g);
  return [...urls].map(([, path = ""]) =>
    decodeURIComponent(path).slice(root.length)
  );
}

/** Compiles the typed program, with and without the check of all declarations. */
async function checkTypes(folder: string): Promise<void> {
  await Deno.writeTextFile(`${folder}/typed.mts`, TYPED_PROGRAM);
  for (const skipLibCheck of [false, true]) {
    await Deno.writeTextFile(
      `${folder}/tsconfig.json`,
      JSON.stringify({
        compilerOptions: { ...TSCONFIG, skipLibCheck },
        files: ["typed.mts"],
      }),
    );
    const tsc = `${TYPESCRIPT}/bin/tsc`;
    await run("npx", ["-y", "node@24", tsc], { cwd: folder });
  }
}

Deno.test("the npm package works on Node and Bun, and is made of the published files", async () => {
  const files = await publishedFiles();
  assert(files.includes("mod.ts"), files.join());
  assert(!files.some((file) => /^(?:tests|bench)\//.test(file)), files.join());
  const folder = await Deno.makeTempDir();
  try {
    const home = `${folder}/node_modules/${config.name}`;
    await run(
      "npm",
      ["install", "--no-audit", "typescript@5.9.3", "@types/node@24"],
      { cwd: folder },
    );
    const compiler = `${folder}/${TYPESCRIPT}/lib/typescript.js`;
    const program = "tests/programs/npm_layout.mjs";
    await run(
      "npx",
      ["-y", "node@24", program, root, home, compiler],
      { input: files.join("\n") },
    );
    await checkTypes(folder);
    await Deno.writeTextFile(`${folder}/program.mjs`, PROGRAM);
    for (const runtime of ["node@24", "bun@1.4.5"]) {
      const output = await run("npx", ["-y", runtime, "program.mjs"], {
        cwd: folder,
      });
      const line = output.split("\n").find((text) => text.startsWith("{"));
      const { basic, body, counts } = JSON.parse(line ?? "null");
      assertEquals(body, "hello npm", runtime);
      assertEquals(basic, "Basic YWRhOnDDpHNzd29yZA==", runtime);
      assert(counts.every((count: number) => count > 0), `${counts}`);
    }
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
