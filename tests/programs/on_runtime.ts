/**
 * Runs files of tests on Node or Bun, where the engine on `node:net` is the only
 * one:
 *
 *     node --import ./tests/programs/std_adapters.mjs tests/programs/on_runtime.ts FILE...
 *
 * `--skip=NAME` leaves out the tests whose names start so. Prints each test that
 * fails with its error, and at the end one line of JSON: how many have passed
 * and the names of those that failed.
 */
// deno-lint-ignore-file no-console

import { registered, type TestCase } from "../support/register.ts";

/** How long one test may take, in ms. */
const DEADLINE_MS = 60_000;

const SKIP = "--skip=";

const root = new URL("../../", import.meta.url);
const [, , ...args] = process.argv;
const skipped = args.filter((arg) => arg.startsWith(SKIP))
  .map((arg) => arg.slice(SKIP.length));
let passed = 0;
const failed: string[] = [];

for (const file of args.filter((arg) => !arg.startsWith(SKIP))) {
  await import(new URL(file, root).href);
}
for (const test of registered) await run(test);
console.log(JSON.stringify({ passed, failed }));
process.exit(failed.length === 0 && passed > 0 ? 0 : 1);

async function run({ name, ignore, fn }: TestCase): Promise<void> {
  if (ignore || skipped.some((start) => name.startsWith(start))) return;
  try {
    await inTime(fn);
    passed++;
  } catch (error) {
    failed.push(name);
    console.log(`FAILED ${name}`);
    console.log(error);
  }
}

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
