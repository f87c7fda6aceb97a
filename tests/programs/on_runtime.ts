/**
 * Runs files of tests on Node or Bun, where the engine on `node:net` is the only
 * one:
 *
 *     node --import ./tests/programs/std_adapters.mjs tests/programs/on_runtime.ts FILE...
 *
 * Prints each test that fails with its error, and at the end one line of JSON:
 * how many have passed and the names of those that failed.
 */
// deno-lint-ignore-file no-console

import { registered } from "../support/register.ts";

/** How long one test may take, in ms. */
const DEADLINE_MS = 30_000;

const root = new URL("../../", import.meta.url);
const [, , ...files] = process.argv;
for (const file of files) await import(new URL(file, root).href);

let passed = 0;
const failed: string[] = [];
for (const { name, ignore, fn } of registered) {
  if (ignore) continue;
  try {
    await inTime(fn);
    passed++;
  } catch (error) {
    failed.push(name);
    console.log(`FAILED ${name}`);
    console.log(error);
  }
}
console.log(JSON.stringify({ passed, failed }));
process.exit(failed.length === 0 && passed > 0 ? 0 : 1);

async function inTime(fn: () => void | Promise<void>): Promise<void> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_, reject) => {
    const error = new Error(`Not done within ${DEADLINE_MS} ms`);
    timer = setTimeout(() => reject(error), DEADLINE_MS);
  });
  try {
    await Promise.race([fn(), late]);
  } finally {
    clearTimeout(timer);
  }
}
