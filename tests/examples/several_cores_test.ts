/** The example that runs on several cores. */

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { Program } from "../support/program.ts";
import { RawClient } from "../support/raw_client.ts";
import { request } from "../support/serve.ts";

/** Connections after which both of two workers have had one, but once in 2^63. */
const MANY = 64;

/** Asks on connections of their own until both workers have answered. */
async function untilBoth(port: number): Promise<void> {
  const seen = new Set<string>();
  for (let count = 0; seen.size < 2; count++) {
    assert(count < MANY, `Only ${[...seen].join()} answered ${count} times`);
    using client = await RawClient.connect(port);
    seen.add((await client.ask(request("GET /"))).body);
  }
  const names = ["Hello from khttp 1\n", "Hello from khttp 2\n"];
  assertEquals([...seen].toSorted(), names);
}

Deno.test({
  name: "several_cores answers from both workers, replaces one, and ends",
  ignore: Deno.build.os !== "linux",
  fn: async () => {
    await using program = await Program.start({
      args: [
        "run",
        "--no-prompt",
        "--allow-net=127.0.0.1",
        "--allow-read",
        "--allow-ffi",
        "examples/several_cores.ts",
        ...["0", "2"],
      ],
    });
    const { port } = program;
    await untilBoth(port);
    using client = await RawClient.connect(port);
    await client.send(request("GET /die"));
    await client.toEnd().catch(() => {}); // cut, in whatever way
    await untilBoth(port);
    assertStringIncludes(program.stderr, "it ended with code 1");
    program.signal("SIGINT");
    assertEquals(await program.ended(), 0);
    assertStringIncludes(program.stdout, "Ended");
  },
});
