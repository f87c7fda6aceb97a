/**
 * Enforces limits on the source: files in a folder, lines in a file and in a
 * function, and the length of the import chains in `server/`. Each limit is
 * also tested with a violation, so that this test can fail.
 */

import { assertEquals } from "@std/assert";
import {
  importsOf,
  readSources,
  resolve,
  type Sources,
} from "./support/sources.ts";

/** The most files directly in a folder. */
const maxFiles: Readonly<Record<string, number>> = {
  "server/": 20,
  "server/connection/": 18,
};

const MAX_FILE_LINES = 550;
const MAX_FUNCTION_LINES = 64;

/** Files in the longest chain of imports inside `server/`, types included. */
const MAX_IMPORT_DEPTH = 9;

/** Functions that may be longer, since they are one state machine. */
const longFunctions: ReadonlySet<string> = new Set(["FieldScanner.scan"]);

const sourceFolder =
  /^(?:codec|router|server|client|files|websocket)\/|^mod\.ts$/;

/** The published source files that people write. */
const sources: Sources = new Map(
  [...await readSources()].filter(([path]) =>
    sourceFolder.test(path) && !path.endsWith(".generated.ts")
  ),
);

function findFullFolders(all: Sources): string[] {
  return Object.entries(maxFiles).flatMap(([folder, most]) => {
    const count = [...all.keys()].filter((path) =>
      path.startsWith(folder) && !path.slice(folder.length).includes("/")
    ).length;
    return count > most ? [`${folder} has ${count} files`] : [];
  });
}

function lineCountOf(text: string): number {
  return text.replace(/\n$/, "").split("\n").length;
}

function findLongFiles(all: Sources): string[] {
  return [...all].flatMap(([path, source]) => {
    const count = lineCountOf(source);
    return count > MAX_FILE_LINES ? [`${path} has ${count} lines`] : [];
  });
}

/** A function of a source file, from its first line to its last one. */
interface FunctionLines {
  /** As in `Class.method`, or the beginning of the text if it has no name. */
  readonly name: string;
  readonly count: number;
}

/** Finds all functions of a source file in its syntax tree, comments included in their lines. */
function functionsOf(source: string): FunctionLines[] {
  const found: FunctionLines[] = [];
  const create: Deno.lint.Rule["create"] = ({ sourceCode }) => {
    const visit = (node: Deno.lint.Node): void => {
      const text = sourceCode.getText(node);
      found.push({ name: nameOf(node, text), count: lineCountOf(text) });
    };
    return {
      FunctionDeclaration: visit,
      FunctionExpression: visit,
      ArrowFunctionExpression: visit,
    };
  };
  Deno.lint.runPlugin(
    { name: "shape", rules: { functions: { create } } },
    "source.ts",
    source,
  );
  return found;
}

function nameOf(node: Deno.lint.Node, text: string): string {
  if (node.type === "FunctionDeclaration") return node.id?.name ?? "default";
  const { parent } = node as Deno.lint.FunctionExpression; // or an arrow, which has one too
  if (parent.type !== "MethodDefinition") return text.slice(0, 40);
  const { key, parent: body } = parent;
  const owner = body.type === "ClassBody" ? body.parent : null;
  const ownerName = owner !== null && "id" in owner ? owner.id?.name : "";
  const name = key.type === "Identifier" || key.type === "PrivateIdentifier"
    ? key.name
    : "computed";
  return `${ownerName}.${name}`;
}

function findLongFunctions(all: Sources): string[] {
  return [...all].flatMap(([path, source]) =>
    functionsOf(source)
      .filter(({ name, count }) =>
        count > MAX_FUNCTION_LINES && !longFunctions.has(name)
      )
      .map(({ name, count }) => `${path}: ${name} has ${count} lines`)
  );
}

/** The longest chain of imports inside `server/`, from the importer down; the entry, which lists names, does not count. */
function longestChain(all: Sources): readonly string[] {
  const known = new Map<string, readonly string[]>();
  const chainOf = (path: string): readonly string[] => {
    const before = known.get(path);
    if (before !== undefined) return before;
    let longest: readonly string[] = [];
    for (const specifier of importsOf(all.get(path) ?? "")) {
      const target = resolve(path, specifier);
      if (!target?.startsWith("server/")) continue;
      const chain = chainOf(target);
      if (chain.length > longest.length) longest = chain;
    }
    const chain = [path, ...longest];
    known.set(path, chain);
    return chain;
  };
  return [...all.keys()]
    .filter((path) => path.startsWith("server/") && path !== "server/mod.ts")
    .map(chainOf)
    .reduce((one, other) => other.length > one.length ? other : one, []);
}

function findDeepImports(all: Sources): string[] {
  const chain = longestChain(all);
  return chain.length > MAX_IMPORT_DEPTH ? [chain.join(" → ")] : [];
}

Deno.test("folders of the server hold few files", () => {
  assertEquals(findFullFolders(sources), []);
});

Deno.test("no source file is longer than 550 lines", () => {
  assertEquals(findLongFiles(sources), []);
});

Deno.test("no function is longer than 64 lines", () => {
  assertEquals(findLongFunctions(sources), []);
});

Deno.test("imports in server/ are at most 9 files deep", () => {
  assertEquals(findDeepImports(sources), []);
});

/** Text of so many lines, each of them `line`. */
function linesOf(line: string, count: number): string {
  return `${line}\n`.repeat(count);
}

function filesIn(folder: string, count: number): Sources {
  return new Map(
    Array.from({ length: count }, (_, n) => [`${folder}f${n}.ts`, ""]),
  );
}

/** Files in a row, each of which imports the next one. */
function chainOf(length: number): Sources {
  return new Map(
    Array.from({ length }, (_, n) => [
      `server/f${n}.ts`,
      n + 1 < length ? `import type { A } from "./f${n + 1}.ts";` : "",
    ]),
  );
}

const limits: readonly (readonly [
  what: string,
  find: (all: Sources) => readonly string[],
  make: (size: number) => Sources,
  most: number,
])[] = [
  ["files in server/", findFullFolders, (n) => filesIn("server/", n), 20],
  [
    "files in server/connection/",
    findFullFolders,
    (n) => filesIn("server/connection/", n),
    18,
  ],
  [
    "lines in a file",
    findLongFiles,
    (n) => new Map([["codec/a.ts", linesOf("f();", n)]]),
    550,
  ],
  [
    "lines in a function",
    findLongFunctions,
    (n) =>
      new Map([["a.ts", `// §\nfunction f() {\n${linesOf("f();", n - 2)}}`]]),
    64,
  ],
  [
    "lines in a method",
    findLongFunctions,
    (n) =>
      new Map([["a.ts", `class A {\n  #b() {\n${linesOf("f();", n - 2)}}}`]]),
    64,
  ],
  [
    "lines in an arrow function",
    findLongFunctions,
    (n) =>
      new Map([["a.ts", `const f = () => {\n${linesOf("f();", n - 2)}};`]]),
    64,
  ],
  ["files in a chain of imports", findDeepImports, chainOf, 9],
];

for (const [what, find, make, most] of limits) {
  Deno.test(`shape accepts ${most} ${what} and notices one more`, () => {
    assertEquals(find(make(most)), []);
    assertEquals(find(make(most + 1)).length, 1);
  });
}

Deno.test("shape names a method by its class", () => {
  const source = "export class FieldScanner {\n  scan(): void {\n  }\n}";
  assertEquals(functionsOf(source), [{ name: "FieldScanner.scan", count: 2 }]);
});
