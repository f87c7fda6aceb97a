/** Peers that reset their connection (RST) in every state. */

import { assertEquals, assertRejects } from "@std/assert";
import type { Handler, ServerBuilder } from "../../../../mod.ts";
import { EPOLL, testEngine } from "../../../support/engines.ts";
import { request } from "../../../support/serve.ts";
import { Resetter } from "../../../support/sockets.ts";
import { until } from "../../../support/turns.ts";
import { connect, readAtLeast, toBytes } from "../../../support/epoll_peers.ts";
import { writeAll } from "../../../support/write_all.ts";

/** More than the system buffers for a connection whose peer does not read. */
const FLOOD_BYTES = 50_000_000;

/** The state of a connection when its peer resets it. */
interface ResetCase {
  readonly name: string;
  readonly wire: string;
  /** Response bytes that are read before the reset. */
  readonly readBytes?: number;
  /** How often a handler is called. */
  readonly calls: number;
}

const resets: readonly ResetCase[] = [
  { name: "before the first byte", wire: "", calls: 0 },
  { name: "inside a head", wire: "GET / HTTP/1.1\r\nHo", calls: 0 },
  {
    name: "inside a body that is read",
    wire: request("POST /read", "Content-Length: 9\r\n", "abc"),
    calls: 1,
  },
  {
    name: "inside a body that no handler reads",
    wire: request("POST /", "Content-Length: 9\r\n", "abc"),
    readBytes: 20,
    calls: 1,
  },
  { name: "while a handler is at work", wire: request("GET /wait"), calls: 1 },
  {
    name: "while a response waits for room",
    wire: request("GET /flood"),
    readBytes: 100_000,
    calls: 1,
  },
  {
    name: "while a stream waits for room",
    wire: request("GET /endless"),
    readBytes: 100_000,
    calls: 1,
  },
  {
    name: "while a stream has no data",
    wire: request("GET /stuck"),
    readBytes: 10_000,
    calls: 1,
  },
  { name: "between requests", wire: request("GET /"), readBytes: 20, calls: 1 },
  {
    name: "behind requests that wait",
    wire: request("GET /wait") + request("GET /").repeat(20),
    calls: 1,
  },
  {
    name: "when it was taken over",
    wire: request("GET /hijack"),
    readBytes: 5,
    calls: 1,
  },
  {
    name: "while its last bytes are drained",
    wire: "x\r\n\r\n",
    readBytes: 20,
    calls: 0,
  },
];

/** Counts starts and ends. */
class Counts {
  calls = 0;
  ends = 0;
  /** Handlers that took a connection over and whose read failed. */
  readonly taken: PromiseWithResolvers<void> = Promise.withResolvers();
}

async function* endless(): AsyncGenerator<Uint8Array> {
  for (;;) yield new Uint8Array(65_536);
}

async function* stuck(signal: AbortSignal): AsyncGenerator<string> {
  yield "x".repeat(10_000);
  await aborted(signal);
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener("abort", () => resolve());
  });
}

function addResetRoutes(app: ServerBuilder, counts: Counts): void {
  const routes: Readonly<Record<string, Handler>> = {
    "/": (_, res) => res.ok("ok"),
    "/read": async (ctx, res) => res.ok(await ctx.body.text()),
    "/wait": (ctx) => aborted(ctx.signal),
    "/flood": (_, res) => res.ok(new Uint8Array(FLOOD_BYTES)),
    "/endless": (_, res) => res.ok(endless()),
    "/stuck": (ctx, res) => res.ok(stuck(ctx.signal)),
    "/hijack": async (_, res) => {
      const conn = await res.hijack();
      await writeAll(conn, toBytes("taken"));
      await assertRejects(() => conn.read(new Uint8Array(1)));
      conn.close();
      counts.taken.resolve();
    },
  };
  app.fallbackRoute((ctx, res) => {
    counts.calls++;
    return routes[ctx.uri.path]?.(ctx, res);
  });
  app.connectionTeardownHook(() => void counts.ends++);
}

for (const { name, wire, readBytes = 0, calls } of resets) {
  testEngine(
    EPOLL,
    `a peer that resets ${name} leaks nothing, and does not affect other peers`,
    async (engine) => {
      using resetter = new Resetter();
      const counts = new Counts();
      await using server = engine.serve((app) => addResetRoutes(app, counts));
      using other = await server.connect();
      await other.ask(request("GET /"));
      const peers = 5;
      for (let n = 0; n < peers; n++) {
        const conn = await connect(server);
        await until(() => server.handle.connectionCount === 2);
        await conn.write(toBytes(wire));
        if (readBytes > 0) await readAtLeast(conn, readBytes);
        await until(() => counts.calls === 1 + n * (calls + 1) + calls);
        resetter.reset(conn);
        await until(() => counts.ends === n + 1);
        assertEquals((await other.ask(request("GET /"))).body, "ok");
      }
      if (wire.includes("/hijack")) await counts.taken.promise;
      assertEquals(server.handle.connectionCount, 1);
      assertEquals(server.errors, []);
    },
  );
}
