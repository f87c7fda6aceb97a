/**
 * The connection machine in memory: `deno bench -A bench/machine_bench.ts`.
 *
 * A request is parsed, routed, handled and answered, without a socket and
 * without a system call. One iteration is one read of the connection: one
 * request, or 16 pipelined ones. `deno task bench:count` counts the instructions
 * of the same cases.
 */

import { MACHINE_CASES } from "./machine/cases.ts";
import { Machine } from "./machine/machine.ts";

for (const machineCase of MACHINE_CASES) {
  const { name, description, isAsync } = machineCase;
  const machine = await Machine.create(machineCase);
  // `deno bench` waits for the promises of async functions only.
  const read = isAsync
    ? async (): Promise<void> => await machine.readAndWait()
    : (): void => machine.read();
  Deno.bench(
    `khttp, ${name}: ${description}`,
    { group: "request in memory", baseline: name === "hello" },
    read,
  );
}
