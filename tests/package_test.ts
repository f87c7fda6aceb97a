/**
 * The package that is published: written by `release/write_package.ts`, loaded by
 * Deno from a registry on this machine, and by Node and Bun from `node_modules`.
 * One program runs on all three; another one is compiled by Deno and by
 * TypeScript with the types of Node only.
 */

import { assert, assertEquals } from "@std/assert";
import config from "../deno.json" with { type: "json" };
import { serveRegistry } from "../release/local_registry.ts";
import { writePackage } from "../release/write_package.ts";
import { npmRuntime } from "./support/npm_runtime.ts";

const ROOT = new URL("../", import.meta.url).pathname;

/**
 * Imports every entry, serves on each engine of the runtime and from workers, and
 * asks each server with the client. The workers run it again.
 */
const PROGRAM = `
import process from "node:process";
import { isMainThread } from "node:worker_threads";
const entries = ${JSON.stringify(Object.keys(config.exports))};
const modules = {};
for (const entry of entries) {
  modules[entry] = await import("${config.name}" + entry.slice(1));
}
const { basic, Client, Server } = modules["."];
const app = Server.builder("127.0.0.1:0", { threadCount: 2 });
app.get("/:name", (ctx, res) => res.ok("hello " + ctx.params.get("name")));
const server = app.build();

async function ask(handle, name) {
  const client = new Client(handle.url);
  const body = await (await client.get("/" + name)).text();
  await client[Symbol.asyncDispose]();
  await handle.shutdown();
  return body;
}

/** What is not the same in two entries that export it under one name. */
function differences() {
  const values = new Map();
  const names = [];
  for (const entry of entries) {
    for (const [name, value] of Object.entries(modules[entry])) {
      if (values.has(name) && values.get(name) !== value) names.push(name);
      values.set(name, value);
    }
  }
  return names;
}

function traceOf(call) {
  try {
    call();
  } catch (error) {
    return error.stack;
  }
}

async function threaded() {
  const { promise, resolve } = Promise.withResolvers();
  const handle = server.serveThreaded({ onListen: resolve });
  if (!isMainThread) return null;
  await promise;
  return await ask(handle, "workers");
}

const workers = await threaded();
if (isMainThread) {
  const bodies = [workers];
  if (globalThis.Deno !== undefined) {
    bodies.push(await ask(server.serveEpoll(), "epoll"));
    bodies.push(await ask(server.serve(), "listen"));
  }
  bodies.push(await ask(server.serve({ engine: "node" }), "node"));
  console.log(JSON.stringify({
    bodies,
    differences: differences(),
    counts: entries.map((entry) => Object.keys(modules[entry]).length),
    basic: basic("ada", "pässword"),
    trace: traceOf(() => app.get("/a{b}", () => {})),
  }));
}
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

/** Runs a command to its end; returns what it printed. */
async function run(
  command: string,
  args: readonly string[],
  { cwd, env = {} }: { cwd: string; env?: Record<string, string> },
): Promise<string> {
  const { success, stdout, stderr } = await new Deno.Command(command, {
    args: [...args],
    cwd,
    env: { NO_COLOR: "1", ...env },
    stdin: "null",
  }).output();
  const decoder = new TextDecoder();
  const text = decoder.decode(stdout);
  assert(success, `${command}: ${text}${decoder.decode(stderr)}`);
  return text;
}

/** Checks what {@linkcode PROGRAM} printed. */
function assertUse(output: string, servers: readonly string[]): void {
  const { bodies, differences, counts, basic, trace } = JSON.parse(output);
  assertEquals(bodies, servers.map((server) => `hello ${server}`));
  assertEquals(differences, []);
  assert(counts.every((count: number) => count > 0), `${counts}`);
  assertEquals(basic, "Basic YWRhOnDDpHNzd29yZA==");
  for (const place of ["parsePattern", "parts/router.js"]) {
    assert(trace.includes(place), trace);
  }
}

/** The package, and a folder of programs that use it. */
interface Workshop extends AsyncDisposable {
  readonly home: string;
  /** The files of its entries. */
  readonly exports: Readonly<Record<string, string>>;
  readonly programs: string;
  /** What makes Deno load the package as a user's program does. */
  readonly env: Record<string, string>;
}

/** Writes the package and the programs, and starts the registry. */
async function openWorkshop(): Promise<Workshop> {
  const folder = await Deno.makeTempDir();
  const home = `${folder}/package`;
  const programs = `${folder}/programs`;
  await writePackage(home);
  const registry = await serveRegistry(home);
  const imports = { [config.name]: `jsr:${config.name}@${config.version}` };
  const files = {
    "program.mjs": PROGRAM,
    "typed.mts": TYPED_PROGRAM,
    "deno.json": JSON.stringify({ imports, nodeModulesDir: "none" }),
  };
  await Deno.mkdir(programs);
  for (const [name, text] of Object.entries(files)) {
    await Deno.writeTextFile(`${programs}/${name}`, text);
  }
  const manifest = JSON.parse(await Deno.readTextFile(`${home}/deno.json`));
  return {
    home,
    exports: manifest.exports,
    programs,
    env: { JSR_URL: registry.url, DENO_DIR: `${folder}/deno` },
    async [Symbol.asyncDispose](): Promise<void> {
      await registry[Symbol.asyncDispose]();
      await Deno.remove(folder, { recursive: true });
    },
  };
}

/** Installs the package into `node_modules`, and what compiles programs. */
async function installFromNpm({ home, programs }: Workshop): Promise<void> {
  const flags = ["--install-links", "--no-audit"];
  const packages = [home, "typescript@5.9.3", "@types/node@24"];
  await run("npm", ["install", ...flags, ...packages], { cwd: programs });
}

/** Compiles the typed program, and checks all declarations. */
async function compileWithNodeTypes(cwd: string): Promise<void> {
  await Deno.writeTextFile(
    `${cwd}/tsconfig.json`,
    JSON.stringify({ compilerOptions: TSCONFIG, files: ["typed.mts"] }),
  );
  const tsc = "node_modules/typescript/bin/tsc";
  await run(await npmRuntime("node@24"), [tsc], { cwd });
}

/** What documents a file of the sources or of the package. */
interface Documentation {
  readonly module_doc: { readonly doc: string };
  readonly symbols: readonly {
    readonly name: string;
    readonly declarations: readonly {
      readonly jsDoc?: { readonly doc?: string };
    }[];
  }[];
}

/** The names that a module exports, each with its comment, sorted; first the module's own. */
async function documentationOf(path: string, cwd: string): Promise<string[]> {
  const output = await run(Deno.execPath(), ["doc", "--json", path], { cwd });
  const nodes: Record<string, Documentation> = JSON.parse(output).nodes;
  return Object.values(nodes).flatMap(({ module_doc, symbols }) => [
    module_doc.doc,
    ...symbols.map(({ name, declarations }) =>
      `${name}: ${declarations.flatMap(({ jsDoc }) => jsDoc?.doc ?? [])}`
    ).sort(),
  ]);
}

Deno.test("the published package", async (t) => {
  await using workshop = await openWorkshop();
  const { home, programs: cwd, env } = workshop;

  await t.step("passes the checks of deno publish", async () => {
    const args = ["publish", "--dry-run", "--allow-dirty", "--no-check"];
    await run(Deno.execPath(), args, { cwd: home });
  });

  await t.step("has the documentation of the sources", async () => {
    const sources = Object.values(config.exports);
    const entries = Object.values(workshop.exports);
    assertEquals(sources.length, entries.length);
    for (const [index, source] of sources.entries()) {
      assertEquals(
        await documentationOf(entries[index] ?? "", home),
        await documentationOf(source, ROOT),
      );
    }
  });

  await t.step("has no types that the bundler has renamed", async () => {
    for await (const { name } of Deno.readDir(`${home}/parts`)) {
      if (!name.endsWith(".d.ts")) continue;
      const text = await Deno.readTextFile(`${home}/parts/${name}`);
      assertEquals(text.match(/\w+\$\d+\b/g), null, name);
    }
  });

  await t.step("serves on Deno, loaded from a registry", async () => {
    const args = ["run", "-A", "--unstable-net", "program.mjs"];
    const output = await run(Deno.execPath(), args, { cwd, env });
    assertUse(output, ["workers", "epoll", "listen", "node"]);
  });

  await t.step("has types for Deno", async () => {
    await run(Deno.execPath(), ["check", "typed.mts"], { cwd, env });
  });

  await t.step("can be installed from npm", () => installFromNpm(workshop));

  for (const runtime of ["node@24", "bun@1.4.5"]) {
    await t.step(`serves on ${runtime}`, async () => {
      const program = await npmRuntime(runtime);
      const output = await run(program, ["program.mjs"], { cwd });
      assertUse(output, ["workers", "node"]);
    });
  }

  await t.step("has types for Node", () => compileWithNodeTypes(cwd));
});
