/**
 * The gate before every commit: runs the steps below in order and stops at the
 * first that fails. `--no-tests` skips the tests, for use after a run of them.
 */
// deno-lint-ignore-file no-console
import config from "../deno.json" with { type: "json" };
import { deno, findStdSource } from "./support/std_source.ts";

const std = await findStdSource();
console.log(`@std packages come from ${std.name}`);

const entries = Object.values(config.exports);
const sources = ["mod.ts"];
for (
  const folder of [
    "codec",
    "router",
    "server",
    "client",
    "fetch",
    "files",
    "websocket",
  ]
) {
  const isThere = await Deno.stat(new URL(`../${folder}`, import.meta.url))
    .then((info) => info.isDirectory, () => false);
  if (isThere) sources.push(folder);
}

const steps: readonly (readonly [name: string, args: readonly string[]])[] = [
  ["format", ["fmt", "--check"]],
  ["lint", ["lint"]],
  ["types", ["check", ...std.flags, "."]],
  ["documentation", ["doc", "--lint", ...entries]],
  ["examples in documentation", [
    "test",
    "-A",
    "--doc",
    "--permit-no-files",
    ...std.flags,
    ...sources,
  ]],
  ["tests", ["test", "-A", ...std.flags]],
  ["publishing", ["publish", "--dry-run", "--allow-dirty"]],
];

for (const [name, args] of steps) {
  if (name === "tests" && Deno.args.includes("--no-tests")) continue;
  console.log(`\n== ${name}`);
  const { code } = await deno(args).status;
  if (code === 0) continue;
  console.log(`\nNot ok: ${name} failed (deno ${args.join(" ")})`);
  Deno.exit(code);
}
console.log("\nok");
