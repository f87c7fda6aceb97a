/** Shutting down a server through its handle; `shutdown_test.ts` tests the connections. */

import {
  assert,
  assertEquals,
  assertRejects,
  assertStringIncludes,
  assertThrows,
} from "@std/assert";
import {
  ServerHandle,
  type Serving,
  type ShutdownOptions,
} from "../../server/server_handle.ts";
import { testEngines } from "../support/engines.ts";
import { request } from "../support/serve.ts";
import { turns, untilRefused } from "../support/turns.ts";

testEngines(
  "shutdown() lets the active response finish and closes idle connections",
  async (engine) => {
    const { promise, resolve } = Promise.withResolvers<void>();
    const running = Promise.withResolvers<void>();
    await using server = engine.serve((app) => {
      app.get("/slow", async (_, res) => {
        running.resolve();
        await promise;
        res.ok("slow");
      });
      app.get("/", (_, res) => res.ok());
    });
    using idle = await server.connect();
    await idle.ask(request("GET /"));
    using busy = await server.connect();
    await busy.send(request("GET /slow"));
    await running.promise;
    const finished = server.handle.shutdown();
    assertEquals(await idle.toEnd(), "");
    idle.close();
    await untilRefused(server.port);
    resolve();
    const answer = await busy.response();
    assertEquals(answer.body, "slow");
    assertEquals(answer.headers.get("connection"), "close");
    busy.close();
    await finished;
    assertEquals(server.handle.connectionCount, 0);
  },
);

testEngines(
  "shutdown() cuts requests that run longer than its deadline",
  async (engine) => {
    const reasons: unknown[] = [];
    await using server = engine.serve((app) => {
      app.get("/", (ctx) =>
        new Promise<void>((resolve) => {
          ctx.signal.addEventListener("abort", () => {
            reasons.push(ctx.signal.reason);
            resolve();
          });
          const shutdown = server.handle.shutdown({ deadline: 1 });
          assert(shutdown instanceof Promise);
        }));
    });
    using client = await server.connect();
    await client.send(request("GET /"));
    await server.handle.finished;
    assertEquals(reasons.length, 1);
    assertStringIncludes(String(reasons[0]), "AbortError");
  },
);

testEngines(
  "shutdown() treats a deadline that is too long for a timer as no deadline",
  async (engine) => {
    const begun = Promise.withResolvers<void>();
    const going = Promise.withResolvers<void>();
    await using server = engine.serve((app) =>
      app.get("/", async (_, res) => {
        begun.resolve();
        await going.promise;
        res.ok("done");
      })
    );
    using client = await server.connect();
    await client.send(request("GET /"));
    await begun.promise;
    const over = server.handle.shutdown({ deadline: 2 ** 31 });
    await turns(20); // a timer of that length would fire after 1 ms
    going.resolve();
    assertEquals((await client.response()).body, "done");
    client.close();
    await over;
  },
);

function handleOf(addrs: readonly Deno.Addr[], isSecure = false): ServerHandle {
  const serving = { addrs, finished: Promise.resolve() } as unknown as Serving;
  return new ServerHandle(serving, isSecure);
}

const tcp = (hostname: string, port: number): Deno.Addr => ({
  transport: "tcp",
  hostname,
  port,
});
const unix: Deno.Addr = { transport: "unix", path: "/run/a.sock" };

const named: readonly (readonly [
  addrs: readonly Deno.Addr[],
  isSecure: boolean,
  url: string,
])[] = [
  [[tcp("127.0.0.1", 8080)], false, "http://127.0.0.1:8080"],
  [[tcp("127.0.0.1", 8443)], true, "https://127.0.0.1:8443"],
  [[tcp("0.0.0.0", 8080)], false, "http://127.0.0.1:8080"],
  [[tcp("::", 8080)], false, "http://[::1]:8080"],
  [[tcp("::1", 8080)], false, "http://[::1]:8080"],
  [
    [unix, tcp("127.0.0.1", 1), tcp("127.0.0.1", 2)],
    false,
    "http://127.0.0.1:1",
  ],
];

for (const [addrs, isSecure, url] of named) {
  Deno.test(`handle.url is ${url} for ${JSON.stringify(addrs)}`, () => {
    const handle = handleOf(addrs, isSecure);
    assertEquals(handle.url, url);
    assertEquals(String(handle.port), new URL(url).port);
  });
}

Deno.test("handle.port and handle.url throw without a TCP address", () => {
  const handle = handleOf([unix]);
  assertThrows(() => handle.port, TypeError, "Cannot read port");
  assertThrows(() => handle.url, TypeError, "Cannot read url");
});

testEngines(
  "shutdown() refuses an unknown option and a wrong deadline, and serving continues",
  async (engine) => {
    await using server = engine.serve((app) =>
      app.get("/", (_, res) => res.ok("hi"))
    );
    const { handle } = server;
    const wrong = { timeout: 1000 } as unknown as ShutdownOptions;
    await assertRejects(() => handle.shutdown(wrong), TypeError, '"timeout"');
    for (const deadline of [-1, NaN, "1000" as unknown as number]) {
      await assertRejects(() => handle.shutdown({ deadline }), RangeError);
    }
    using client = await server.connect();
    assertEquals((await client.ask(request("GET /"))).body, "hi");
    client.close();
    await handle.shutdown({ deadline: undefined });
  },
);
