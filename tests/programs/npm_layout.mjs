// deno-lint-ignore-file explicit-function-return-type -- plain JavaScript has no types
/**
 * Builds the package as npm gets it, in the layout of JSR's compatibility
 * registry: JavaScript without types, specifiers that end in `.js`, and the
 * entries in `package.json`. Run by Node, which strips the types:
 *
 *     node npm_layout.mjs ROOT FOLDER < list of files
 */
import { cpSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { stripTypeScriptTypes } from "node:module";
import { dirname, join } from "node:path";

const [, , root, folder] = process.argv;
const files = readFileSync(0, "utf8").trim().split("\n");

const toJs = (path) => path.replace(/\.ts$/, ".js");

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

const config = JSON.parse(readFileSync(join(root, "deno.json"), "utf8"));
const exports = Object.fromEntries(
  Object.entries(config.exports).map(([name, path]) => [name, toJs(path)]),
);
const { name, version } = config;
const manifest = { name, version, type: "module", exports };
writeFileSync(join(folder, "package.json"), JSON.stringify(manifest));
