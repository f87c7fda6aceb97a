/**
 * The epoll engine as a whole: the end of serving from every kind of callback,
 * several engines in one process, and shortages.
 */

import { assert, assertEquals, assertRejects } from "@std/assert";
import {
  type Accepted,
  ConnectionSetupAction,
  type Duplex,
  PreRoutingAction,
  Server,
  type ServerBuilder,
} from "../../../../mod.ts";
import { EPOLL, testEngine } from "../../../support/engines.ts";
import { withDeadline } from "../../../support/with_deadline.ts";
import { Program } from "../../../support/program.ts";
import { RawClient } from "../../../support/raw_client.ts";
import { request } from "../../../support/serve.ts";
import { until, untilRefused } from "../../../support/turns.ts";
import { toBytes } from "../../../support/epoll_peers.ts";

const DEADLINE_MS = 20_000;

testEngine(
  EPOLL,
  "finished settles after stopAccepting when the running requests are done",
  async (engine) => {
    const running = Promise.withResolvers<void>();
    const release = Promise.withResolvers<void>();
    let count = 0;
    const server = engine.serve((app) =>
      app.get("/", async (_, res) => {
        running.resolve();
        await release.promise;
        res.ok("done");
      }).connectionSetupHook((accepted: Accepted) =>
        count++ === 0 && accepted.ok
          ? ConnectionSetupAction.proceed(accepted.conn)
          : ConnectionSetupAction.stopAccepting
      )
    );
    let isFinished = false;
    const finished = server.handle.finished.then(() => isFinished = true);
    using first = await server.connect();
    await first.send(request("GET /"));
    await running.promise;
    using second = await server.connect();
    assertEquals(await second.toEnd(), "");
    await untilRefused(server.port);
    assertEquals(isFinished, false);
    release.resolve();
    const answer = await first.response();
    assertEquals(
      [answer.body, answer.headers.get("connection")],
      ["done", "close"],
    );
    first.close();
    await withDeadline(finished, DEADLINE_MS);
  },
);

testEngine(
  EPOLL,
  "maxConnections covers all addresses, and a free slot is used immediately",
  async (engine) => {
    let most = 0;
    const app = Server.builder(["127.0.0.1:0", "[::1]:0"], {
      maxConnections: 3,
    });
    app.get("/", (_, res) => {
      most = Math.max(most, handle.connectionCount);
      res.ok("ok");
    });
    const handle = engine.start(app.build());
    const [first, second] = handle.addrs.map((addr) => addr as Deno.NetAddr); // TCP addresses were given
    await Promise.all(Array.from({ length: 60 }, async (_, n) => {
      const { hostname, port } = (n % 2 === 0 ? first : second)!; // there are two
      const conn = await Deno.connect({ hostname, port });
      await conn.write(toBytes(request("GET /", "Connection: close\r\n")));
      const answer = await new Response(conn.readable).text();
      assert(answer.endsWith("\r\n\r\nok"), answer);
    }));
    assertEquals(most <= 3, true, `${most} at once`);
    await handle.shutdown();
  },
);

testEngine(
  EPOLL,
  "several servers in one process do not disturb each other",
  async (engine) => {
    const servers = Array.from(
      { length: 3 },
      (_, n) =>
        engine.serve((app) => app.get("/", (_, res) => res.ok(`server ${n}`))),
    );
    const ask = async (n: number): Promise<void> => {
      using client = await RawClient.connect(servers[n]?.port ?? 0);
      for (let round = 0; round < 50; round++) {
        const { body } = await client.ask(request("GET /"));
        assertEquals(body, `server ${n}`);
      }
    };
    await Promise.all([0, 1, 2, 0, 1, 2].map(ask));
    await servers[1]?.handle.shutdown();
    await Promise.all([0, 2].map(ask));
    await assertRejects(() => ask(1), Deno.errors.ConnectionRefused);
    for (const { handle } of servers) await handle.shutdown();
  },
);

/** Applications that end serving from different callbacks. */
const endings: Readonly<
  Record<string, (app: ServerBuilder, end: () => void) => void>
> = {
  "a handler": (app, end) =>
    app.get("/end", (_, res) => {
      end();
      res.ok("too late");
    }),
  "a handler after its response": (app, end) =>
    app.get("/end", (_, res) => {
      res.ok("last");
      end();
    }),
  "a pre-routing hook": (app, end) =>
    app.preRoutingHook((req) => {
      if (req.uri.path === "/end") end();
      return PreRoutingAction.proceed;
    }),
  "a stream's source": (app, end) =>
    app.get("/end", (_, res) => {
      async function* pieces(): AsyncGenerator<string> {
        yield "x".repeat(10_000);
        end();
        yield "y";
      }
      res.ok(pieces());
    }),
  "a connection that was taken over": (app, end) =>
    app.get("/end", async (_, res) => {
      const conn = await res.hijack();
      end();
      conn.close();
    }),
  "a teardown hook": (app, end) => app.connectionTeardownHook(() => end()),
};

for (const [where, configure] of Object.entries(endings)) {
  testEngine(
    EPOLL,
    `closeNow() in ${where} ends all connections, and serving`,
    async (engine) => {
      const server = engine.serve((app) => {
        app.get("/", (_, res) => res.ok("ok"));
        configure(app, () => server.handle.closeNow());
      });
      const clients = await Promise.all(
        Array.from({ length: 20 }, () => server.connect()),
      );
      for (const client of clients) await client.ask(request("GET /"));
      // All of them have an event in the same batch.
      const line = request("GET /end", "Connection: close\r\n");
      const sent = clients.map((client, n) =>
        client.send(n === 10 ? line : request("GET /").repeat(5))
      );
      await Promise.all(sent);
      await clients[10]?.end().catch(() => {}); // it may be closed already
      await withDeadline(server.handle.finished, DEADLINE_MS);
      assertEquals(server.handle.connectionCount, 0);
      assertEquals(server.errors, []);
      for (const client of clients) {
        await client.toEnd().catch(() => {}); // complete or cut
        client.close();
      }
    },
  );
}

testEngine(
  EPOLL,
  "a handler may close another connection that has bytes in the same batch",
  async (engine) => {
    const taken: Duplex[] = [];
    await using server = engine.serve((app) =>
      app.get("/take", async (_, res) => {
        const conn = await res.hijack();
        taken.push(conn);
        await conn.write(toBytes("x"));
        await conn.read(new Uint8Array(1)).catch(() => {});
      }).get("/kill", (_, res) => {
        for (const conn of taken.splice(0)) conn.close();
        res.ok("killed");
      })
    );
    for (let round = 0; round < 20; round++) {
      const victims = await Promise.all(
        Array.from({ length: 5 }, () => server.connect()),
      );
      for (const victim of victims) {
        await victim.send(request("GET /take"));
        assertEquals(await victim.take(1), "x");
      }
      using killer = await server.connect();
      const sent = victims.map((victim) => victim.send("bytes"));
      await Promise.all([killer.send(request("GET /kill")), ...sent]);
      assertEquals((await killer.response()).body, "killed");
      for (const victim of victims) {
        await victim.toEnd().catch(() => {}); // reset if its bytes were not read
        victim.close();
      }
    }
    assertEquals(server.errors, []);
  },
);

testEngine(
  EPOLL,
  "the engine also serves if a wait returns one event at a time",
  async (engine) => {
    const app = Server.builder("127.0.0.1:0").epollQueueMaxEvents(1);
    app.post("/", async (ctx, res) => res.ok(await ctx.body.text()));
    await using handle = engine.start(app.build());
    const { port } = handle.addr as Deno.NetAddr; // a TCP address was given
    await Promise.all(Array.from({ length: 30 }, async (_, n) => {
      using client = await RawClient.connect(port);
      for (let round = 0; round < 20; round++) {
        const body = `${n}-${round}`.repeat(1000);
        const answer = await client.ask(request("POST /", "", body));
        assertEquals(answer.body, body);
      }
    }));
  },
);

/** A program that serves with few descriptors and counts the reported failures. */
const SCARCE = `
import { ConnectionSetupAction, Server } from "${new URL(
  "../../../../mod.ts",
  import.meta.url,
)}";
const RLIMIT_NOFILE = 7;
const libc = Deno.dlopen("libc.so.6", {
  setrlimit: { parameters: ["i32", "buffer"], result: "i32" },
});
let failures = 0;
const handle = Server.builder("127.0.0.1:0")
  .get("/", (_, res) => res.ok("failures: " + failures))
  .connectionSetupHook((accepted) => {
    if (accepted.ok) return ConnectionSetupAction.proceed(accepted.conn);
    failures++;
    return ConnectionSetupAction.drop;
  }).build().serveEpoll({ onError: () => {} });
// After one answer, the engine has opened all descriptors that it keeps.
const conn = await Deno.connect({ port: handle.addr.port });
await conn.write(new TextEncoder().encode("GET / HTTP/1.1\\r\\nHost: a\\r\\n\\r\\n"));
await conn.read(new Uint8Array(1000));
conn.close();
const open = [...Deno.readDirSync("/proc/self/fd")].length;
libc.symbols.setrlimit(RLIMIT_NOFILE, BigUint64Array.of(BigInt(open + 20), BigInt(open + 20)));
console.log("127.0.0.1:" + handle.addr.port);
`;

testEngine(
  EPOLL,
  "R158: without a free descriptor, open connections are served, and queued ones are accepted later",
  async () => {
    const file = await Deno.makeTempFile({ suffix: ".ts" });
    await Deno.writeTextFile(file, SCARCE);
    await using program = await Program.start({
      args: ["run", "-A", "--no-check", file],
    });
    await Deno.remove(file);
    const clients = await Promise.all(
      Array.from({ length: 40 }, () => RawClient.connect(program.port)),
    );
    const answers = clients.map(async (client) => {
      await client.send(request("GET /"));
      return await client.response();
    });
    let answered = 0;
    for (const answer of answers) answer.then(() => answered++, () => {});
    await until(() => answered >= 10);
    for (let n = 0; n < 10; n++) {
      const { status } = await clients[0]!.ask(request("GET /")); // there are 40
      assertEquals(status, 200);
    }
    assert(answered < clients.length, "all of them had a descriptor");
    for (const [index, answer] of answers.entries()) {
      assertEquals((await withDeadline(answer, DEADLINE_MS)).status, 200);
      clients[index]?.close();
    }
    using last = await RawClient.connect(program.port);
    const { body } = await last.ask(request("GET /"));
    assert(/^failures: [1-9]/.test(body), body);
  },
);

/** A program that serves in a Worker until a message stops it; reports its port and its end. */
const WORKER = `
import { Server } from "${new URL("../../../../mod.ts", import.meta.url)}";
const handle = Server.builder("127.0.0.1:0")
  .get("/", (_, res) => res.ok("worker")).build().serveEpoll();
self.onmessage = async () => {
  await handle.shutdown();
  self.postMessage("over");
};
self.postMessage(handle.addr.port);
`;

testEngine(
  EPOLL,
  "a server in a Worker serves beside one on the main thread",
  async (engine) => {
    await using server = engine.serve((app) =>
      app.get("/", (_, res) => res.ok("main"))
    );
    const file = await Deno.makeTempFile({ suffix: ".js" });
    await Deno.writeTextFile(file, WORKER);
    const worker = new Worker(`file://${file}`, { type: "module" });
    let told = Promise.withResolvers<unknown>();
    worker.onmessage = ({ data }) => told.resolve(data);
    try {
      const port = await withDeadline(told.promise, DEADLINE_MS);
      told = Promise.withResolvers();
      const ports = [[Number(port), "worker"], [server.port, "main"]] as const;
      await Promise.all(ports.map(async ([port, name]) => {
        using client = await RawClient.connect(port);
        for (let n = 0; n < 100; n++) {
          assertEquals((await client.ask(request("GET /"))).body, name);
        }
      }));
      worker.postMessage("stop");
      assertEquals(await withDeadline(told.promise, DEADLINE_MS), "over");
      await untilRefused(Number(port));
    } finally {
      worker.terminate();
      await Deno.remove(file);
    }
  },
);
