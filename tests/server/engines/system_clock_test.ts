/** The runtime's clock: its periodic timer. */

import { assert, assertEquals } from "@std/assert";
import { SYSTEM_CLOCK } from "../../../server/engines/system_clock.ts";

Deno.test("every() ticks until it is stopped, and not earlier than its period", async () => {
  const periodMs = 5;
  const alive = setInterval(() => {}, 1000); // the clock keeps nothing alive
  const start = SYSTEM_CLOCK.monotonicMs();
  const times: number[] = [];
  const done = Promise.withResolvers<void>();
  const stop = SYSTEM_CLOCK.every(periodMs, () => {
    times.push(SYSTEM_CLOCK.monotonicMs());
    if (times.length === 3) done.resolve();
  });
  await done.promise;
  stop();
  assertEquals(times.length, 3);
  assert(times[2]! - start >= 3 * periodMs - 3); // the runtime rounds each wait to 1 ms
  await new Promise((resolve) => setTimeout(resolve, 3 * periodMs));
  assertEquals(times.length, 3);
  clearInterval(alive);
});

Deno.test("every() does not keep the process alive", async () => {
  const module = new URL(
    "../../../server/engines/system_clock.ts",
    import.meta.url,
  );
  const { success, stdout } = await new Deno.Command(Deno.execPath(), {
    args: [
      "eval",
      `import { SYSTEM_CLOCK } from ${JSON.stringify(module.href)};
      SYSTEM_CLOCK.every(600_000, () => {});
      console.log("end");`,
    ],
  }).output();
  assert(success);
  assertEquals(new TextDecoder().decode(stdout), "end\n");
});
