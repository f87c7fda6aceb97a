/**
 * Writes the package as JSR and npm get it: one JavaScript file and one file of
 * declarations for each entry, and one of each for each part that entries share.
 * So a class is the same one in every entry, and a server loads 4 modules instead
 * of 130. Names and layout of the code stay readable; comments are only in the
 * declarations.
 */

import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import {
  type InputOptions,
  type OutputChunk,
  rolldown,
} from "npm:rolldown@1.3.3";
import { dts } from "npm:rolldown-plugin-dts@0.25.2";
import "npm:typescript@5.9.3"; // the plugin makes declarations with it
import config from "../deno.json" with { type: "json" };

const ROOT = fileURLToPath(new URL("../", import.meta.url));

/** Folders that become one part each; a part imports only earlier ones. */
const PARTS = [
  ...["codec", "router", "server", "client", "fetch", "files", "websocket"],
];

/**
 * Parts that load everything at once. In the other parts, what the source loads
 * with `import()` is in files of its own, since it imports modules of the
 * runtime, which take longer to load.
 */
const WHOLE_PARTS = ["codec", "router", "server"];

/** The file of an entry such as `./server`, without extension. */
function nameOf(entry: string): string {
  return entry === "." ? "mod" : entry.slice(2);
}

const input = Object.fromEntries(
  Object.entries(config.exports).map(([entry, path]) => [
    nameOf(entry),
    join(ROOT, path),
  ]),
);

const COMMON_INPUT: InputOptions = {
  input,
  cwd: ROOT,
  platform: "neutral",
  external: /^node:/,
  checks: { pluginTimings: false },
  tsconfig: false,
};

/** Joins the modules to files; returns their text by path. */
async function bundle(
  options: InputOptions,
  extension: string,
  isInOnePart: (part: string) => boolean,
): Promise<Map<string, string>> {
  await using build = await rolldown({ ...COMMON_INPUT, ...options });
  const { output } = await build.generate({
    format: "esm",
    comments: { annotation: false, jsdoc: false, legal: false },
    entryFileNames: "[name].js",
    chunkFileNames: `parts/[name]${extension}`,
    codeSplitting: {
      groups: PARTS.map((name) => ({
        name,
        test: (id: string): boolean => id.startsWith(join(ROOT, name, "/")),
        ...(isInOnePart(name) ? {} : { tags: ["$initial"] as const }),
      })),
    },
  });
  const chunks = output.filter((file): file is OutputChunk =>
    file.type === "chunk"
  );
  return new Map(chunks.map(({ fileName, code }) => [fileName, code]));
}

/**
 * Escapes characters that are not ASCII, which occur in strings only.
 * Otherwise, V8 would hold the whole file with two bytes for each character.
 */
function toAscii(code: string): string {
  return code.replace(
    /[^\0-\x7f]/g,
    (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}

function bundleCode(): Promise<Map<string, string>> {
  return bundle({}, ".js", (part) => WHOLE_PARTS.includes(part));
}

function bundleDeclarations(): Promise<Map<string, string>> {
  const plugin = dts({
    cwd: ROOT,
    emitDtsOnly: true,
    tsconfig: false,
    compilerOptions: {
      allowImportingTsExtensions: true,
      lib: ["esnext"],
      module: "esnext",
      moduleResolution: "bundler",
      noCheck: true,
      strict: true,
      target: "esnext",
      types: [],
    },
  });
  return bundle({ plugins: [plugin] }, ".d.ts", () => true);
}

/** The comment that documents an entry, which the bundler leaves out. */
async function moduleDoc(path: string): Promise<string> {
  const source = await Deno.readTextFile(join(ROOT, path));
  const doc = /^\/\*\*.*?\*\/\n/s.exec(source)?.[0] ?? "";
  if (!doc.includes("@module")) throw new Error(`No module doc in ${path}`);
  return doc;
}

/** The files of the package by path, without those that are copied. */
async function files(): Promise<Map<string, string>> {
  const [code, declarations] = await Promise.all([
    bundleCode(),
    bundleDeclarations(),
  ]);
  const all = new Map<string, string>();
  for (const [path, text] of code) {
    const types = path.replace(/\.js$/, ".d.ts");
    const pragma = declarations.has(types)
      ? `/* @ts-self-types="./${types.split("/").at(-1)}" */\n`
      : "";
    all.set(path, pragma + toAscii(text));
  }
  for (const [entry, path] of Object.entries(config.exports)) {
    const types = `${nameOf(entry)}.d.ts`;
    declarations.set(
      types,
      await moduleDoc(path) + (declarations.get(types) ?? ""),
    );
  }
  return new Map([...all, ...declarations, ...manifests()]);
}

/** The manifests: `deno.json`, the only one that JSR gets, and `package.json` for npm. */
function manifests(): [path: string, text: string][] {
  const { name, version, license } = config;
  const entries = Object.keys(config.exports);
  const deno = {
    ...{ name, version, license },
    exports: Object.fromEntries(
      entries.map((entry) => [entry, `./${nameOf(entry)}.js`]),
    ),
    nodeModulesDir: "none", // although there is a package.json
    // The first pattern is for a folder that Git ignores.
    publish: { exclude: ["!**", "package.json"] },
  };
  const npm = {
    ...{ name, version, license },
    type: "module",
    sideEffects: false,
    engines: { node: ">=24", bun: ">=1.4" },
    exports: Object.fromEntries(entries.map((entry) => [entry, {
      types: `./${nameOf(entry)}.d.ts`,
      default: `./${nameOf(entry)}.js`,
    }])),
  };
  return [
    ["deno.json", `${JSON.stringify(deno, null, 2)}\n`],
    ["package.json", `${JSON.stringify(npm, null, 2)}\n`],
  ];
}

/** Writes the package into a folder, which need not exist. */
export async function writePackage(folder: string): Promise<void> {
  for (const [path, text] of await files()) {
    const target = join(folder, path);
    await Deno.mkdir(dirname(target), { recursive: true });
    await Deno.writeTextFile(target, text);
  }
  for (const name of ["README.md", "LICENSE"]) {
    await Deno.copyFile(join(ROOT, name), join(folder, name));
  }
}
