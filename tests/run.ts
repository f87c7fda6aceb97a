/**
 * Runs `deno test` with the arguments of the command line, with the registry's
 * `@std` packages or the adapters in `tests/std/`. The exit code is that of
 * `deno test`; the last line counts the results.
 */
// deno-lint-ignore-file no-console
import { stripVTControlCharacters } from "node:util";
import { deno, findStdSource } from "./support/std_source.ts";

const std = await findStdSource();
console.log(`@std packages come from ${std.name}`);

const child = deno(["test", "-A", ...std.flags, ...Deno.args], {
  stdout: "piped",
});
let output = "";
for await (const text of child.stdout.pipeThrough(new TextDecoderStream())) {
  await Deno.stdout.write(new TextEncoder().encode(text));
  // The summary is at the end, so the tail is enough.
  output = (output + text).slice(-4096);
}
const { code } = await child.status;

// The summary also counts files that failed outside a test; the JUnit report
// does not.
const summary = [
  ...stripVTControlCharacters(output).matchAll(
    /^(?:ok|FAILED) \| (\d+) passed.*? \| (\d+) failed.*\(\d+.*\)\s*$/gm,
  ),
].at(-1);
console.log(
  summary
    ? `${summary[1]} passed, ${summary[2]} failed`
    : "No test ran: deno test gave no summary",
);
Deno.exit(code);
