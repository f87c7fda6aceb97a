/**
 * Enforces the layering: which folder ("room") may import which, no cycles
 * (type imports count), which words the rooms without I/O may use, how files
 * export and how they are named. Works on source text; every rule is also
 * tested with a violation, so that this test can fail.
 */
import { assertEquals } from "@std/assert";
import {
  importsOf,
  readSources,
  resolve,
  type Sources,
  stripped,
} from "./support/sources.ts";
import config from "../deno.json" with { type: "json" };

const packageName = "@khttp/khttp";

/** Rooms (or files beside them) that a room may import, itself included. */
const mayImport: Readonly<Record<string, readonly string[]>> = {
  codec: ["codec"],
  router: ["router"],
  server: ["server", "codec", "router"],
  client: ["client", "codec"],
  fetch: ["fetch", "server", "codec"],
  files: ["files", "server", "codec", "fetch"],
  websocket: ["websocket", "fetch", "server", "codec"],
  "mod.ts": ["codec", "router", "server", "client"],
  examples: ["examples"],
  bench: [
    ...["bench", "mod.ts", "codec", "router", "server", "client"],
    ...["fetch", "files", "websocket", "examples", "release"],
    "deno.json",
  ],
  release: ["release", "deno.json"],
  tests: [
    ...["tests", "mod.ts", "codec", "router", "server", "client"],
    ...["fetch", "files", "websocket", "examples", "bench", "release"],
    "deno.json",
  ],
};

/** Rooms that are published: they contain no packages, tests or vague names. */
const sourceRooms = [
  ...["codec", "router", "server", "client", "fetch", "files"],
  ...["websocket", "mod.ts"],
];

/** Parts of the runtime that it has no web or `Deno` API for, by room. */
const runtimeModules: Readonly<Record<string, readonly string[]>> = {
  codec: ["node:buffer"], // decodes bytes, which is not I/O
  // Loaded with the first `https` origin, or the first body with a coding.
  client: [
    ...["node:crypto", "node:stream", "node:tls", "node:zlib"],
    "node:net", // loaded where there is no `Deno`
  ],
  server: [
    ...["node:timers", "node:worker_threads"],
    // Types alone: loaded when TLS or the engine on them is used, or the first file is sent.
    ...["node:fs", "node:net", "node:stream", "node:tls"],
  ],
  files: ["node:crypto", "node:fs"], // hashes in pieces; opening without waiting, reading at an offset
  // Strings of bytes; SHA-1 without a promise; DEFLATE that can be flushed.
  websocket: ["node:buffer", "node:crypto", "node:zlib"],
};

const ioWords =
  /\b(?:Deno|setTimeout|Date\s*\.\s*now|Math\s*\.\s*random|console|fetch)\b/g;
const asyncWords = /\b(?:await|async|Promise|ReadableStream)\b/g;
/** What the connection machine may not use: engines give it its time and its bytes. */
const machineWords =
  /\b(?:Deno|(?:set|clear)(?:Timeout|Interval|Immediate)|performance|Date\s*\.\s*now|console)\b/g;
const vagueName = /(?:^|[_/])(?:utils?|common|misc|helpers?)(?:_\w+)?\.ts$/;

/** The published entries that list names of other files; no other file re-exports. */
const frontDoors = Object.values(config.exports)
  .map((entry) => entry.replace(/^\.\//, ""))
  .filter((entry) => /(?:^|\/)mod\.ts$/.test(entry));

const roomOf = (path: string): string => path.split("/", 1)[0] ?? path;

function importViolation(path: string, specifier: string): string | undefined {
  const room = roomOf(path);
  const allowed = mayImport[room];
  if (!allowed) return `is in "${room}", which is no room in mayImport`;
  const target = resolve(path, specifier);
  if (target === undefined) {
    const isOwnName = specifier === packageName ||
      specifier.startsWith(`${packageName}/`);
    if (!sourceRooms.includes(room)) {
      return isOwnName || /^(?:node:|npm:|jsr:|@std\/)/.test(specifier)
        ? undefined
        : `imports the unknown package "${specifier}"`;
    }
    if (runtimeModules[room]?.includes(specifier)) return undefined;
    return `imports the package "${specifier}"`;
  }
  if (target.startsWith("tests/std/") && !path.startsWith("tests/std/")) {
    return `imports "${target}" instead of @std`;
  }
  return allowed.includes(roomOf(target)) ? undefined : `imports "${target}"`;
}

function findImportViolations(sources: Sources): string[] {
  return [...sources].flatMap(([path, source]) =>
    importsOf(source)
      .map((specifier) => importViolation(path, specifier))
      .filter((problem) => problem !== undefined)
      .map((problem) => `${path} ${problem}`)
  );
}

/** The rooms and the folder that only convert values. */
const pureFolder = /^(?:codec|router|websocket\/codec)\//;

function findForbiddenWords(sources: Sources): string[] {
  return [...sources].flatMap(([path, source]) => {
    if (!pureFolder.test(path)) return [];
    const code = stripped(source, false);
    const isAsync = path === "codec/body_reader.ts" ||
      path === "codec/body_source.ts";
    const words = [
      ...code.match(ioWords) ?? [],
      ...(isAsync ? [] : code.match(asyncWords) ?? []),
    ];
    return words.map((word) => `${path} uses ${word.replace(/\s/g, "")}`);
  });
}

/** Files of `server/` that the connection machine may import: what a program sees, without I/O. */
const machineImports: ReadonlySet<string> = new Set([
  "server/duplex.ts",
  "server/failure_report.ts",
  "server/file_body.ts",
  "server/hooks.ts",
  "server/options.ts",
  "server/request_view.ts",
  "server/response_fields.ts",
  "server/response_handle.ts",
  "server/route_lookup.ts",
  "server/to_error.ts",
]);

/** Whether the connection machine imports what it may not. */
function crossesMachineWall(path: string, target: string): boolean {
  return path.startsWith("server/connection/") &&
    !/^(?:codec|router|server\/connection)\//.test(target) &&
    !machineImports.has(target);
}

/** Whether the frame codec imports anything but itself. */
function leavesFrameCodec(path: string, target: string): boolean {
  return path.startsWith("websocket/codec/") && target !== "" &&
    !target.startsWith("websocket/codec/");
}

/** Folders of `server/` that files in some other folder of it must not import. */
const serverWalls: readonly (readonly [from: RegExp, to: RegExp])[] = [
  // Entries are built on what a program sees of the server.
  [/^(?:fetch|files|websocket)\//, /^server\/.*\//],
  // The composition of the engines is in files directly under `engines/`.
  [/^server\/workers\//, /^server\/engines\/.*\//],
];

const engineFolderOf = (path: string): string | undefined =>
  /^server\/engines\/(\w+)\//.exec(path)?.[1];

/** Imports across the walls inside `server/`; engines are siblings that never import each other. */
function findServerWallViolations(sources: Sources): string[] {
  return [...sources].flatMap(([path, source]) =>
    importsOf(source)
      .map((specifier) => resolve(path, specifier) ?? "")
      .filter((target) => {
        const [from, to] = [engineFolderOf(path), engineFolderOf(target)];
        if (from !== undefined && to !== undefined && from !== to) return true;
        if (crossesMachineWall(path, target)) return true;
        if (leavesFrameCodec(path, target)) return true;
        return serverWalls.some(([one, other]) =>
          one.test(path) && other.test(target)
        );
      })
      .map((target) => `${path} imports "${target}"`)
  );
}

/** Runtime words in the connection machine. */
function findMachineWords(sources: Sources): string[] {
  return [...sources].flatMap(([path, source]) => {
    if (!path.startsWith("server/connection/")) return [];
    const words = stripped(source, false).match(machineWords) ?? [];
    return words.map((word) => `${path} uses ${word.replace(/\s/g, "")}`);
  });
}

/** The names that a file imports, as it calls them. */
function importedNames(code: string): Set<string> {
  const clauses = code.matchAll(/\bimport\s+(?:type\s+)?([^;"']+?)\s+from\b/g);
  const names = [...clauses].flatMap(([, clause = ""]) =>
    clause.split(/[{},]/).map((part) =>
      part.trim().replace(/^type\s+/, "").split(/\s+as\s+/).at(-1) ?? ""
    )
  );
  return new Set(names.filter((name) => name !== ""));
}

/**
 * Says whether a file exports what another file declares: by `export … from`,
 * by an import that it lists in an `export { … }`, or under a new name by
 * `export const a = b`, `export type A = B` or `export type A = import("…").B`.
 */
function reexports(code: string): boolean {
  if (/\bexport\s+(?:type\s+)?\{[^}]*\}\s*from\b/.test(code)) return true;
  if (/\bexport\s+type\s+\w+\s*=\s*import\b/.test(code)) return true;
  const imported = importedNames(code);
  const listed = [...code.matchAll(/\bexport\s+(?:type\s+)?\{([^}]*)\}/g)]
    .flatMap(([, list = ""]) => list.split(","))
    .map((item) => item.trim().replace(/^type\s+/, "").split(/\s+as\s+/)[0]);
  const renamed = code.matchAll(
    /\bexport\s+(?:const|let|var|type)\s+\w+(?:<[^=]*>|\s*:[^=;]+)?\s*=\s*(\w+)(?:<[^;]*>)?\s*;/g,
  );
  return [...listed, ...[...renamed].map(([, name]) => name)]
    .some((name) => name !== undefined && imported.has(name));
}

function findExportViolations(sources: Sources): string[] {
  return [...sources].flatMap(([path, source]) => {
    const code = stripped(source, false);
    const found: string[] = [];
    if (/\bexport\s+default\b|\bas\s+default\b/.test(code)) {
      found.push(`${path} has a default export`);
    }
    if (/\bexport\s+(?:type\s+)?\*/.test(code)) {
      found.push(`${path} has an export *`);
    }
    if (reexports(code) && !frontDoors.includes(path)) {
      found.push(`${path} re-exports`);
    }
    return found;
  });
}

function findNameViolations(paths: Iterable<string>): string[] {
  return [...paths].filter((path) =>
    /(?:^|\/)index\.ts$/.test(path) ||
    (sourceRooms.includes(roomOf(path)) && vagueName.test(path))
  ).map((path) => `${path} has a name that does not tell its subject`);
}

/** One cycle as the paths along it, or nothing. */
function findCycle(sources: Sources): string[] {
  const finished = new Set<string>();
  const visit = (path: string, trail: readonly string[]): string[] => {
    if (trail.includes(path)) {
      return [...trail.slice(trail.indexOf(path)), path];
    }
    if (finished.has(path)) return [];
    for (const specifier of importsOf(sources.get(path) ?? "")) {
      const target = resolve(path, specifier);
      const cycle = target ? visit(target, [...trail, path]) : [];
      if (cycle.length > 0) return cycle;
    }
    finished.add(path);
    return [];
  };
  for (const path of sources.keys()) {
    const cycle = visit(path, []);
    if (cycle.length > 0) return cycle;
  }
  return [];
}

const sources = await readSources();

Deno.test("imports stay within the walls between the rooms", () => {
  assertEquals(findImportViolations(sources), []);
});

Deno.test("imports form no cycle, types included", () => {
  assertEquals(findCycle(sources), []);
});

Deno.test("engines do not import each other, nor the connection machine an engine", () => {
  assertEquals(findServerWallViolations(sources), []);
});

Deno.test("the connection machine uses no runtime API", () => {
  assertEquals(findMachineWords(sources), []);
});

Deno.test("codec and router use no I/O, clock, randomness or async", () => {
  assertEquals(findForbiddenWords(sources), []);
});

Deno.test("exports are named, and only published entries re-export", () => {
  assertEquals(findExportViolations(sources), []);
});

Deno.test("file names state their subject", () => {
  assertEquals(findNameViolations(sources.keys()), []);
});

const planted: readonly (readonly [
  check: (sources: Sources) => readonly string[],
  path: string,
  source: string,
  found: number,
])[] = [
  [
    findImportViolations,
    "codec/a.ts",
    `import { b } from "../server/b.ts";`,
    1,
  ],
  [
    findImportViolations,
    "codec/a.ts",
    `import type {\n B } from "node:fs";`,
    1,
  ],
  [findImportViolations, "server/a.ts", `import { b } from "node:os";`, 1],
  [findImportViolations, "client/a.ts", `import "node:timers";`, 1],
  [findImportViolations, "server/a.ts", `import "node:timers";`, 0],
  [findImportViolations, "codec/a.ts", `type B = import("../mod.ts").B;`, 1],
  [findImportViolations, "codec/a.ts", `// import { b } from "npm:b";`, 0],
  [findImportViolations, "router/a.ts", `import "../codec/b.ts";`, 1],
  [findImportViolations, "server/a.ts", `import "../client/b.ts";`, 1],
  [
    findImportViolations,
    "server/engines/a.ts",
    `import "../../codec/b.ts";`,
    0,
  ],
  [
    findImportViolations,
    "client/a.ts",
    `export { b } from "../server/b.ts";`,
    1,
  ],
  [findImportViolations, "mod.ts", `import "./tests/support/turns.ts";`, 1],
  [
    findImportViolations,
    "bench/a.ts",
    `import "../tests/support/turns.ts";`,
    1,
  ],
  [findImportViolations, "tests/a_test.ts", `import "./std/assert.ts";`, 1],
  [
    findImportViolations,
    "tests/a_test.ts",
    `import "./support/turns.ts";`,
    0,
  ],
  [findImportViolations, "examples/a.ts", `import "../server/server.ts";`, 1],
  [findImportViolations, "examples/a.ts", `import "${packageName}/router";`, 0],
  [findImportViolations, "extra/a.ts", `import "./b.ts";`, 1],
  [
    findServerWallViolations,
    "server/engines/epoll/a.ts",
    `import { b } from "../listen/engine.ts";`,
    1,
  ],
  [
    findServerWallViolations,
    "server/engines/listen/a.ts",
    `import type { B } from "../epoll/libc.ts";`,
    1,
  ],
  [
    findServerWallViolations,
    "server/engines/epoll/a.ts",
    `import "./libc.ts"; import "../duplex_transport.ts";`,
    0,
  ],
  [
    findServerWallViolations,
    "server/engines/start.ts",
    `import "./epoll/engine.ts"; import "./listen/engine.ts";`,
    0,
  ],
  [
    findServerWallViolations,
    "server/connection/a.ts",
    `import "../engines/system_clock.ts";`,
    1,
  ],
  [
    findServerWallViolations,
    "server/connection/a.ts",
    `import "../server.ts"; import type { A } from "../address.ts";`,
    2,
  ],
  [
    findServerWallViolations,
    "server/connection/a.ts",
    `import "../duplex.ts"; import "../../codec/a.ts"; import "./b.ts";`,
    0,
  ],
  [
    findServerWallViolations,
    "server/workers/a.ts",
    `import "../engines/epoll/shared_ports.ts";`,
    1,
  ],
  [
    findServerWallViolations,
    "server/workers/a.ts",
    `import "../engines/shared_ports.ts";`,
    0,
  ],
  [
    findServerWallViolations,
    "websocket/a.ts",
    `import "../server/connection/exchange.ts"; import "../server/duplex.ts";`,
    1,
  ],
  [
    findServerWallViolations,
    "websocket/codec/a.ts",
    `import "../deflate.ts"; import "./mask.ts";`,
    1,
  ],
  [findForbiddenWords, "websocket/codec/a.ts", `await Deno.stat("a");`, 2],
  [findForbiddenWords, "websocket/a.ts", `await Deno.stat("a");`, 0],
  [
    findServerWallViolations,
    "fetch/a.ts",
    `import "../server/connection/exchange.ts";`,
    1,
  ],
  [findServerWallViolations, "fetch/a.ts", `import "../server/hooks.ts";`, 0],
  [
    findServerWallViolations,
    "files/a.ts",
    `import "../server/connection/exchange.ts";`,
    1,
  ],
  [findImportViolations, "files/a.ts", `import "../client/client.ts";`, 1],
  [findMachineWords, "server/connection/a.ts", `setTimeout(f, 1);`, 1],
  [findMachineWords, "server/connection/a.ts", `let a: Deno.Addr;`, 1],
  [findMachineWords, "server/connection/a.ts", `// performance.now()`, 0],
  [findMachineWords, "server/engines/a.ts", `setTimeout(f, 1);`, 0],
  [findForbiddenWords, "codec/a.ts", `const t = Date.now();`, 1],
  [findForbiddenWords, "codec/a.ts", "const t = `at ${Date.now()}`;", 1],
  [findForbiddenWords, "router/a.ts", `await x; Deno.cwd();`, 2],
  [findForbiddenWords, "codec/a.ts", `// await\n/** Deno */ "fetch it";`, 0],
  [findForbiddenWords, "codec/body_reader.ts", `async () => {};`, 0],
  [findForbiddenWords, "codec/body_reader.ts", `console.log();`, 1],
  [findForbiddenWords, "server/a.ts", `await Deno.stat("a");`, 0],
  [findExportViolations, "codec/a.ts", `export default 1;`, 1],
  [findExportViolations, "mod.ts", `export * from "./codec/a.ts";`, 1],
  [findExportViolations, "mod.ts", `export { a } from "./codec/a.ts";`, 0],
  [findExportViolations, "codec/a.ts", `export type {\n b } from "./b.ts";`, 1],
  [findExportViolations, "codec/a.ts", `export { b };`, 0],
  [
    findExportViolations,
    "server/a.ts",
    `export type A = import("./b.ts").A;`,
    1,
  ],
  [
    findExportViolations,
    "server/a.ts",
    `import type { A } from "./b.ts";\nexport type B<T> = A<T>;`,
    1,
  ],
  [
    findExportViolations,
    "server/a.ts",
    `import { a, type A } from "./b.ts";\nexport const b: A = a;`,
    1,
  ],
  [findExportViolations, "router/mod.ts", `export { a } from "./a.ts";`, 0],
  [
    findExportViolations,
    "server/workers/mod.ts",
    `export { a } from "./a.ts";`,
    1,
  ],
  [
    findExportViolations,
    "router/a.ts",
    `import { A } from "./b.ts";\nimport { type B, c } from "./c.ts";\nexport { A, type B };`,
    1,
  ],
  [
    findExportViolations,
    "router/a.ts",
    `import type { A } from "./b.ts";\nexport type { A as B };`,
    1,
  ],
  [
    findExportViolations,
    "router/a.ts",
    `import { a as b } from "./b.ts";\nexport { b };`,
    1,
  ],
  [
    findExportViolations,
    "router/a.ts",
    `import * as a from "./b.ts";\nexport { a };`,
    1,
  ],
  [
    findExportViolations,
    "router/a.ts",
    `import { a } from "./b.ts";\nexport const b = a;`,
    1,
  ],
  [
    findExportViolations,
    "router/a.ts",
    `import { type A } from "./b.ts";\nexport type B = A;`,
    1,
  ],
  [
    findExportViolations,
    "router/a.ts",
    `import { a } from "./b.ts";\nconst b = a(1);\nexport { b };`,
    0,
  ],
  [(all) => findNameViolations(all.keys()), "codec/index.ts", "", 1],
  [(all) => findNameViolations(all.keys()), "server/body_utils.ts", "", 1],
  [(all) => findNameViolations(all.keys()), "server/engines/helpers.ts", "", 1],
  [(all) => findNameViolations(all.keys()), "tests/support/turns.ts", "", 0],
  [findCycle, "codec/a.ts", `import type { A } from "./a.ts";`, 2],
];

for (const [check, path, source, found] of planted) {
  const verb = found > 0 ? "notices" : "lets pass";
  Deno.test(`layering ${verb} ${JSON.stringify(source)} in ${path}`, () => {
    assertEquals(check(new Map([[path, source]])).length, found);
  });
}

Deno.test("layering notices a cycle through three files", () => {
  const cycle = findCycle(
    new Map([
      ["codec/a.ts", `import { b } from "./b.ts";`],
      ["codec/b.ts", `import type { C } from "./deep/c.ts";`],
      ["codec/deep/c.ts", `import { a } from "../a.ts";`],
    ]),
  );
  assertEquals(cycle.length, 4);
});
