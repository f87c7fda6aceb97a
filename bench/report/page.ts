/** The whole page: how to run and read the benchmarks, and the sections. */

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
deno task bench:count          # count instructions per request, with valgrind
deno task bench:client         # compare HTTP clients, by CPU time per exchange
deno task bench:websocket      # compare WebSocket echoes, by CPU time per message
deno task bench:files          # compare servers of files, by CPU time per response
deno task bench:start          # compare the time to the first answer, and memory
deno task bench:restart        # count requests lost in rolling restarts behind balancers
deno task bench:pooled         # count POSTs that fail on idle connections of balancers
\`\`\``;

const HOW_TO_READ = `\
All contenders of a group do the same work on the same input, and each file
asserts that their results are equal before it measures. Contenders that begin
with \`khttp\` are ours. The others are compared with the first of the group.

- *Fastest batch* is the best of many batches of 10,000 calls (of single calls
  if one takes more than 10 µs) in all rounds. Other work of the machine only
  adds time, so this is the most stable figure.
- *All calls* is the mean of all calls in a round, garbage collection included;
  the table shows the median of the rounds.
- *Times the first* compares fastest batches. More than 1 is slower than the
  first.

In the plots, a bar with a gap is more than 25 times as long as the shortest one.

The machine in the table above is that of the last run. Each section states its
day; sections of another day were measured on another machine with 2 cores, so
compare only figures of one section.

Each section states the load average of the machine. If nothing else runs, it is
close to 1. If it is much higher, small differences mean nothing.

Ratios carry over to other machines better than times. The contenders of a file
share one process, so V8 compiles shared code for all of them, as in a program
that does more than one thing.`;

const HOW_TO_COUNT = `\
Times of small changes drown in the noise of a machine; instructions do not.
\`deno task bench:count\` runs the cases of \`machine_bench.ts\`, and those of
\`client_bench.ts\` with a short body, under valgrind's callgrind and prints the user-space instructions per request:

- Each case runs in its own process. It handles 180,000 reads first, so that
  V8 has compiled the code; then callgrind is switched on, and five rounds of
  24,000 requests follow.
- The program calls \`umask\` between two rounds, and callgrind starts a new count
  at each call, so the rounds are counted separately.
- The cases that begin with \`listen-\` run through the transport of the listen
  engine, on 64 connections in memory whose promises settle as the runtime's do.
- V8 runs with \`--predictable\`: it compiles and collects garbage on the main
  thread. Garbage collection is included.
- The result is the lowest round. The highest one is printed too; if it is more
  than a few percent higher, V8 was still compiling: repeat the count.

Compare two versions with one release of Deno, on one machine.`;

const HOW_TO_START = `\
\`deno task bench:start\` starts each server many times, in turns. It measures
the time until the first answer, the CPU time until then, and the memory
(\`VmRSS\`). A server is started from the sources; from the published package,
with \`jsr:\` imports that Deno has cached from a registry on this machine, as in
a user's program; and as one file. The first two starts, in which Deno fills its
caches, are not counted. \`docs/deploying.md\` has the figures.`;

const WHAT_PEERS_DO = `\
- **llhttp** is the WebAssembly module that \`undici\` ships (with SIMD), called
  as \`undici\` calls it: one parser for all messages, and a callback from the
  module for each name and value. The callbacks here record offsets and create
  no objects, unlike those of \`undici\`. *Copied*: the bytes are copied into
  the module's memory first, as \`undici\` does. *In place*: they are already
  there. Strings are created as our own parser creates them.
- **http-parser-js** is used as Node uses a replacement of its own parser: one
  object for all messages, four callbacks. It creates a string for every line.
- **khttp, plain** is our parser without WebAssembly. **khttp, SIMD** is the
  parser of a server: the plain parser handles the heads that the scanner does
  not take.

Both peers check less than our parser, which also checks \`Host\`, repeated
fields and contradictory framing. Our times include these checks.`;

/** Renders the page. */
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
    "## How to count",
    HOW_TO_COUNT,
    "## How the start is measured",
    HOW_TO_START,
    "## What the parsers do",
    WHAT_PEERS_DO,
    "## Where a peer is faster",
    lost.length === 0
      ? "In no group."
      : lost.map((group) => `- ${group}`).join("\n"),
    ...sections.map(({ markdown }) => markdown),
  ].join("\n\n") + "\n";
}
