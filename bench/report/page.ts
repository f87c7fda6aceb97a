/** The page as a whole: what it is, how to run and read it, and its sections. */

import { machineTable } from "./machine.ts";
import type { MicroResults } from "./micro.ts";
import { lostGroups, type Section } from "./micro_page.ts";

const HOW_TO_RUN = `\
\`\`\`sh
deno task bench                # all micro-benchmarks, on the terminal
deno bench -A bench/http_date_bench.ts
deno task bench:report         # measure all of them and write this page
deno task bench:report router  # measure one file, keep the other figures
deno task bench:report --render-only
deno task bench:load           # whole servers under load
deno task bench:count          # instructions a request in memory, by valgrind
\`\`\``;

const HOW_TO_READ = `\
All contenders of a group do the same work on the same input, and each file
asserts that their answers are equal before it takes a time. Contenders that
begin with \`khttp\` are ours; the first of a group is what the others are
compared with.

- *Fastest batch* is the best of many batches of 10,000 calls (of single calls
  where one takes more than 10 µs) in all rounds. Whatever else a machine does
  only ever adds time, so this is the steadiest figure.
- *All calls* is the mean of a round with everything that came between, the
  garbage collector included; the median of the rounds.
- *Times the first* compares fastest batches. More than 1 is slower than the
  first.

In the plots a bar with a gap stands for more than 25 times the shortest one.

The load average stands with each file. With nothing else running it stays near
1; much above it, small differences mean nothing.

Times of one machine say little about another; ratios say more. The contenders
of a file share one process, so that the compiler has seen what all of them do,
as in a program that does more than one thing.`;

const WHAT_PEERS_DO = `\
- **llhttp** is the WebAssembly module that \`undici\` ships (with SIMD), called
  as \`undici\` calls it: one parser for all messages, and a callback out of
  the module for each name and value. Its callbacks note places and make no
  objects, unlike \`undici\`'s own. *Copied*: the bytes are copied into the
  module's memory first, as \`undici\` does; *in place*: they stand there
  already. When it is asked for text it makes it the way we do.
- **http-parser-js** is used as Node uses a parser in its own one's place: one
  object for all messages, four callbacks. It makes text of every line.
- **khttp, plain** is our parser without WebAssembly; **khttp, SIMD** is what a
  server runs: what the scanner does not take, the plain parser decides.

Neither peer checks all that ours does (\`Host\`, repeated fields, framing that
contradicts itself): the work compared is what all of them do, the rest is ours
on top.`;

/** Puts the page together. */
export function page(
  micro: MicroResults,
  sections: readonly Section[],
): string {
  const lost = lostGroups(Object.values(micro.files));
  return [
    "# Benchmarks",
    "Measured by `deno task bench:report`, which also wrote this page.",
    machineTable(micro.machine, micro.peers),
    "## How to run",
    HOW_TO_RUN,
    "## How to read",
    HOW_TO_READ,
    "## What the parsers do",
    WHAT_PEERS_DO,
    "## Where a peer is ahead",
    lost.length === 0
      ? "In no group."
      : lost.map((group) => `- ${group}`).join("\n"),
    ...sections.map(({ markdown }) => markdown),
  ].join("\n\n") + "\n";
}
