/**
 * The connection machine in memory: `deno bench -A bench/machine_bench.ts`.
 *
 * The server parses and routes a request, runs its handler and writes the
 * response, without a socket and without system calls. One iteration is one read
 * of the connection: one request, or 16 pipelined ones. `deno task bench:count`
 * counts the instructions of the same cases.
 */

import { MACHINE_CASES } from "./machine/cases.ts";
import { Machine } from "./machine/machine.ts";

for (const machineCase of MACHINE_CASES) {
  const { name, description, group, isAsync } = machineCase;
  const machine = await Machine.create(machineCase);
  // `deno bench` awaits the promises of async functions only.
  const read = isAsync
    ? async (): Promise<void> => await machine.readAndWait()
    : (): void => machine.read();
  Deno.bench(
    `khttp, ${name}: ${description}`,
    { group, baseline: name.endsWith("hello") },
    read,
  );
}
