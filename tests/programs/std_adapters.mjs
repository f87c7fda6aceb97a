// deno-lint-ignore-file explicit-function-return-type -- Node has no types here
/**
 * Finds the tests' `@std` packages in `tests/std/` on Node:
 *
 *     node --import ./tests/programs/std_adapters.mjs …
 *
 * Bun reads `tests/std/tsconfig.json` instead.
 */
import { readFileSync } from "node:fs";
import { registerHooks } from "node:module";

const folder = new URL("../std/", import.meta.url);
const { imports } = JSON.parse(
  readFileSync(new URL("import_map.json", folder), "utf8"),
);

registerHooks({
  resolve(specifier, context, nextResolve) {
    const path = imports[specifier];
    if (path === undefined) return nextResolve(specifier, context);
    return { url: new URL(path, folder).href, shortCircuit: true };
  },
});
