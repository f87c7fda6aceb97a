/** The example of graceful shutdown. */

import { assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { startExample } from "../support/program.ts";
import { RawClient } from "../support/raw_client.ts";
import { request } from "../support/serve.ts";
import { untilRefused } from "../support/turns.ts";

const ignore = Deno.build.os === "windows"; // a signal ends a process there

/** Longer than a test may take, in ms. */
const NEVER = "600000";

async function ask(port: number, path: string): Promise<[number, string]> {
  using client = await RawClient.connect(port);
  const { status, body } = await client.ask(request(`GET ${path}`));
  return [status, body];
}

Deno.test("graceful answers requests, and reports that it is ready", async () => {
  await using program = await startExample("graceful");
  assertEquals(await ask(program.port, "/"), [200, "Hello, World!\n"]);
  assertEquals(await ask(program.port, "/ready"), [200, "ready\n"]);
  assertEquals(await ask(program.port, "/slow/2"), [200, "1\n2\n"]);
  assertEquals(await ask(program.port, "/slow/x"), [400, "Not a number\n"]);
});

for (const signal of ["SIGINT", "SIGTERM"] as const) {
  Deno.test({
    name:
      `graceful reports that it is not ready on ${signal}, then finishes running requests`,
    ignore,
    fn: async () => {
      await using program = await startExample("graceful", NEVER, NEVER);
      const { port } = program;
      using slow = await RawClient.connect(port);
      await slow.send(request("GET /slow/20"));
      await slow.head();
      assertEquals(await slow.chunk(), "1\n");
      program.signal(signal);
      await program.printed("No longer ready");
      assertEquals(await ask(port, "/"), [200, "Hello, World!\n"]);
      assertEquals(await ask(port, "/ready"), [503, "not ready\n"]);
      await untilRefused(port);
      for (let step = 2; step <= 20; step++) {
        assertEquals(await slow.chunk(), `${step}\n`);
      }
      assertEquals(await slow.chunk(), "");
      slow.close();
      assertEquals(await program.ended(), 0);
      assertStringIncludes(program.stdout, "Ended, 0 responses cut");
    },
  });
}

Deno.test({
  name: "graceful ends even if no readiness check arrives",
  ignore,
  fn: async () => {
    await using program = await startExample("graceful", "0", NEVER);
    program.signal("SIGTERM");
    assertEquals([await program.ended(), program.stderr], [0, ""]);
  },
});

Deno.test({
  name:
    "graceful cuts requests that run longer than its deadline, and reports it by its exit code",
  ignore,
  fn: async () => {
    await using program = await startExample("graceful", "0", "0");
    using slow = await RawClient.connect(program.port);
    await slow.send(request("GET /slow/1000000"));
    await slow.head();
    program.signal("SIGTERM");
    assertEquals(await program.ended(), 1);
    assertStringIncludes(program.stdout, "Ended, 1 responses cut");
    await assertRejects(async () => {
      while (await slow.chunk() !== "");
    });
  },
});

Deno.test({
  name: "graceful ends immediately at the second signal",
  ignore,
  fn: async () => {
    await using program = await startExample("graceful", NEVER, NEVER);
    using slow = await RawClient.connect(program.port);
    await slow.send(request("GET /slow/1000000"));
    await slow.head();
    program.signal("SIGTERM");
    await program.printed("No longer ready");
    program.signal("SIGINT");
    assertEquals(await program.ended(), 1);
    assertStringIncludes(program.stdout, "Forced to end, 1 responses running");
    assertStringIncludes(program.stdout, "Ended, 1 responses cut");
  },
});
