/**
 * The program that `machine_count.ts` runs under callgrind. Its arguments are
 * the name of a case, the reads of a round and the number of rounds. After a
 * warm-up, it prints a line and waits for one, so that callgrind can be
 * switched on. It calls `umask` before the first and after each round;
 * callgrind dumps its counts there.
 */
// deno-lint-ignore-file no-console

import { EXCHANGE_CASES, MemoryExchanges } from "../client/memory_exchanges.ts";
import { ECHO_CASES, MemoryEcho } from "../websocket/memory_echo.ts";
import { machineCaseOf } from "./cases.ts";
import { LISTEN_PREFIX, ListenMachine } from "./listen_machine.ts";
import { Machine } from "./machine.ts";

/** Enough reads for V8 to optimise and re-optimise everything that a request uses. */
const WARM_UP_READS = 30_000;
const WARM_UP_RUNS = 6;

/** The mask; its value does not matter. */
const MASK = 0o022;

const [name = "", reads, rounds] = Deno.args;
const machine = await createMachine();
for (let run = 0; run < WARM_UP_RUNS; run++) {
  await machine.run(WARM_UP_READS);
  await new Promise((resolve) => setTimeout(resolve, 0)); // V8 installs optimised code in tasks of the event loop
}
console.log("ready");
await Deno.stdin.read(new Uint8Array(1));
Deno.umask(MASK);
for (let round = 0; round < Number(rounds); round++) {
  await machine.run(Number(reads));
  Deno.umask(MASK);
}

function createMachine():
  | Promise<Machine | ListenMachine>
  | MemoryExchanges
  | MemoryEcho {
  const exchangeCase = EXCHANGE_CASES.find((known) => known.name === name);
  if (exchangeCase !== undefined) return new MemoryExchanges(exchangeCase);
  const echoCase = ECHO_CASES.find((known) => known.name === name);
  if (echoCase !== undefined) return new MemoryEcho(echoCase);
  return name.startsWith(LISTEN_PREFIX)
    ? ListenMachine.create(machineCaseOf(name.slice(LISTEN_PREFIX.length)))
    : Machine.create(machineCaseOf(name));
}
