// deno-lint-ignore-file explicit-function-return-type -- plain JavaScript has no types
/**
 * Builds the package as npm gets it, in the layout of JSR's compatibility
 * registry: JavaScript without types, declarations beside it, specifiers that
 * end in `.js`, and the entries in `package.json`. Run by Node, which strips the
 * types, with the path of TypeScript's module, which makes the declarations:
 *
 *     node npm_layout.mjs ROOT FOLDER TYPESCRIPT < list of files
 */
import { cpSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { createRequire, stripTypeScriptTypes } from "node:module";
import { dirname, join } from "node:path";

const [, , root, folder, typescript] = process.argv;
const ts = createRequire(import.meta.url)(typescript);
const files = readFileSync(0, "utf8").trim().split("\n");

const toJs = (path) => path.replace(/\.ts$/, ".js");
const toDeclaration = (path) => path.replace(/\.ts$/, ".d.ts");

/** Writes the declarations of all files; nothing is checked. */
function writeDeclarations() {
  const paths = files.filter((file) => file.endsWith(".ts"))
    .map((file) => join(root, file));
  const program = ts.createProgram(paths, {
    allowImportingTsExtensions: true,
    declaration: true,
    emitDeclarationOnly: true,
    lib: ["lib.esnext.d.ts"],
    module: ts.ModuleKind.ESNext,
    moduleResolution: ts.ModuleResolutionKind.Bundler,
    noCheck: true,
    outDir: folder,
    rootDir: root,
    strict: true,
    target: ts.ScriptTarget.ESNext,
    types: [],
  });
  program.emit(undefined, (path, text) => {
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, rewritten(text));
  });
}

/** Rewrites the specifiers of imports, also of dynamic ones. */
function rewritten(source) {
  return source.replace(
    /(\b(?:from|import)\s*\(?\s*"\.{1,2}\/[^"\n]*)\.ts"/g,
    '$1.js"',
  );
}

for (const file of files) {
  const target = join(folder, toJs(file));
  mkdirSync(dirname(target), { recursive: true });
  if (file.endsWith(".ts")) {
    const source = readFileSync(join(root, file), "utf8");
    writeFileSync(target, rewritten(stripTypeScriptTypes(source)));
  } else cpSync(join(root, file), target);
}

writeDeclarations();

const config = JSON.parse(readFileSync(join(root, "deno.json"), "utf8"));
const exports = Object.fromEntries(
  Object.entries(config.exports).map(([name, path]) => [
    name,
    { types: toDeclaration(path), default: toJs(path) },
  ]),
);
const { name, version } = config;
const manifest = { name, version, type: "module", exports };
writeFileSync(join(folder, "package.json"), JSON.stringify(manifest));
