/** The cases of the connection machine in memory: each gets a response to every request. */

import { assertRejects, assertThrows } from "@std/assert";
import { MACHINE_CASES, machineCaseOf } from "../../bench/machine/cases.ts";
import { Machine } from "../../bench/machine/machine.ts";

for (const machineCase of MACHINE_CASES) {
  Deno.test(`Machine answers every request of case "${machineCase.name}"`, async () => {
    const machine = await Machine.create(machineCase);
    await machine.run(100);
  });
}

Deno.test("Machine.create() rejects a case whose response is not the expected one", async () => {
  const wrong = { ...machineCaseOf("hello"), body: "Hello, Moon!" };
  await assertRejects(() => Machine.create(wrong), Error, "Cannot use case");
});

Deno.test("machineCaseOf() lists the existing cases in its error", () => {
  assertThrows(() => machineCaseOf("nothing"), TypeError, "hello");
});
