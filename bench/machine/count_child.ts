/**
 * The program that `machine_count.ts` runs under callgrind, with the name of a
 * case, the reads of a round and the number of rounds. It calls `umask` before
 * the first and after each round; callgrind writes its counts out there.
 */

import { machineCaseOf } from "./cases.ts";
import { Machine } from "./machine.ts";

/** Enough for V8 to have compiled everything that a request runs through. */
const WARM_UP_READS = 20_000;
const WARM_UP_RUNS = 3;

/** The usual mask; what it is does not matter here. */
const MASK = 0o022;

const [name = "", reads, rounds] = Deno.args;
const machine = await Machine.create(machineCaseOf(name));
for (let run = 0; run < WARM_UP_RUNS; run++) {
  await machine.run(WARM_UP_READS);
  await new Promise((resolve) => setTimeout(resolve, 0)); // lets V8 install what it compiled
}
Deno.umask(MASK);
for (let round = 0; round < Number(rounds); round++) {
  await machine.run(Number(reads));
  Deno.umask(MASK);
}
