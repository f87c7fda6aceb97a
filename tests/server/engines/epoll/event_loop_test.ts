/**
 * The epoll engine within the runtime: the program's other work continues under
 * load, and an idle server uses no CPU. The time limits are generous; the
 * benchmarks measure.
 */

import { assert, assertEquals, assertLess } from "@std/assert";
import { EventLoop } from "../../../../server/engines/epoll/event_loop.ts";
import { Libc } from "../../../../server/engines/epoll/libc.ts";
import { EPOLL, testEngine } from "../../../support/engines.ts";
import { Program } from "../../../support/program.ts";
import type { RawClient } from "../../../support/raw_client.ts";
import { request, type TestServer } from "../../../support/serve.ts";
import { turn } from "../../../support/turns.ts";

const mod = new URL("../../../../mod.ts", import.meta.url);

/** Connections that send one request after the other. */
const LOAD_CONNECTIONS = 16;

/** How late the program's other work may be under load, in ms, as the median of several tries. */
const MEDIAN_LATE_MS = 100;

/** Keeps connections sending requests until the end of the scope. */
class Load implements AsyncDisposable {
  #isOver = false;
  #clients: RawClient[] = [];
  #loops: Promise<void>[] = [];
  /** Responses so far. */
  answers = 0;

  static async start(server: TestServer): Promise<Load> {
    const load = new Load();
    for (let n = 0; n < LOAD_CONNECTIONS; n++) {
      const client = await server.connect();
      load.#clients.push(client);
      load.#loops.push(load.#ask(client));
    }
    return load;
  }

  async #ask(client: RawClient): Promise<void> {
    while (!this.#isOver) {
      assertEquals((await client.ask(request("GET /"))).body, "ok");
      this.answers++;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isOver = true;
    await Promise.all(this.#loops);
    for (const client of this.#clients) client.close();
  }
}

function serveOk(): TestServer {
  return EPOLL.serve((app) => app.get("/", (_, res) => res.ok("ok")));
}

/** The median duration of several tries, in ms. */
async function medianMs(
  count: number,
  act: () => Promise<unknown>,
): Promise<number> {
  const times: number[] = [];
  for (let n = 0; n < count; n++) {
    const beganMs = performance.now();
    await act();
    times.push(performance.now() - beganMs);
  }
  return times.sort((a, b) => a - b)[count >> 1]!; // there is one
}

testEngine(EPOLL, "timers fire under load", async () => {
  await using server = serveOk();
  await using load = await Load.start(server);
  const before = load.answers;
  const timer = (): Promise<void> =>
    new Promise((resolve) => setTimeout(resolve, 10));
  assertLess(await medianMs(20, timer), 10 + MEDIAN_LATE_MS);
  assert(load.answers > before);
});

testEngine(
  EPOLL,
  "the program's own sockets make progress under load",
  async () => {
    await using server = serveOk();
    await using _load = await Load.start(server);
    using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    const echo = (async () => {
      using conn = await listener.accept();
      const buffer = new Uint8Array(10);
      for (;;) {
        const size = await conn.read(buffer);
        if (size === null) break;
        await conn.write(buffer.subarray(0, size));
      }
    })();
    {
      using conn = await Deno.connect({ port: listener.addr.port });
      const buffer = new Uint8Array(10);
      const roundTrip = async (): Promise<void> => {
        await conn.write(new Uint8Array(5));
        assertEquals(await conn.read(buffer), 5);
      };
      assertLess(await medianMs(50, roundTrip), MEDIAN_LATE_MS);
    }
    await echo;
  },
);

testEngine(
  EPOLL,
  "fetch, files, child processes and signals work under load",
  async () => {
    await using server = serveOk();
    await using _load = await Load.start(server);
    await using other = EPOLL.serve((app) =>
      app.get("/", (_, res) => res.ok("other"))
    );
    const caught = Promise.withResolvers<void>();
    const note = (): void => caught.resolve();
    Deno.addSignalListener("SIGUSR2", note);
    Deno.kill(Deno.pid, "SIGUSR2");
    await caught.promise;
    Deno.removeSignalListener("SIGUSR2", note);
    const child = new Deno.Command("true").output();
    using client = Deno.createHttpClient({ poolMaxIdlePerHost: 1 });
    const asked = fetch(`http://127.0.0.1:${other.port}/`, { client });
    const file = Deno.readTextFile(mod);
    assertEquals((await child).code, 0);
    assertEquals(await (await asked).text(), "other");
    assert((await file).includes("serve"));
  },
);

testEngine(EPOLL, "handlers may await anything at the same time", async () => {
  let running = 0;
  let most = 0;
  await using server = EPOLL.serve((app) => {
    app.get("/micro/:n", async (ctx, res) => {
      for (let n = 0; n < 10; n++) await null;
      res.ok(ctx.params.get("n"));
    });
    app.get("/timer/:n", async (ctx, res) => {
      most = Math.max(most, ++running);
      await new Promise((resolve) => setTimeout(resolve, 5));
      running--;
      res.ok(ctx.params.get("n"));
    });
    app.get("/file/:n", async (ctx, res) => {
      await Deno.stat(mod);
      res.ok(ctx.params.get("n"));
    });
    app.get("/self/:n", async (ctx, res) => {
      const inner = await server.connect();
      const { body } = await inner.ask(
        request(`GET /timer/${ctx.params.get("n")}`),
      );
      inner.close();
      res.ok(body);
    });
    app.get("/throws/:n", async () => {
      await turn();
      throw new Error("scripted");
    });
  });
  const paths = ["micro", "timer", "file", "self", "throws"];
  await Promise.all(Array.from({ length: 40 }, async (_, n) => {
    using client = await server.connect();
    for (let round = 0; round < 10; round++) {
      const path = paths[(n + round) % paths.length];
      const id = `${n}-${round}`;
      const answer = await client.ask(request(`GET /${path}/${id}`));
      const expected = path === "throws"
        ? [500, "Internal Server Error"]
        : [200, id];
      assertEquals([answer.status, answer.body], expected);
    }
  }));
  assert(most > 1, "handlers run concurrently");
});

testEngine(
  EPOLL,
  "a server whose loop was parked responds immediately",
  async () => {
    await using server = serveOk();
    using client = await server.connect();
    const rested = async (): Promise<void> => {
      await new Promise((resolve) => setTimeout(resolve, 100));
      assertEquals((await client.ask(request("GET /"))).body, "ok");
    };
    assertLess(await medianMs(5, rested), 100 + MEDIAN_LATE_MS);
  },
);

testEngine(
  EPOLL,
  "a response that a timer triggers on an idle server is sent",
  async () => {
    await using server = EPOLL.serve((app) =>
      app.get("/", async (_, res) => {
        await new Promise((resolve) => setTimeout(resolve, 100));
        res.ok("late");
      })
    );
    using client = await server.connect();
    assertEquals((await client.ask(request("GET /"))).body, "late");
  },
);

/** Starts a program whose source follows the import of `Server`. */
async function startProgram(source: string): Promise<Program> {
  const file = await Deno.makeTempFile({ suffix: ".ts" });
  try {
    await Deno.writeTextFile(
      file,
      `import { Server } from "${mod}";\n${source}`,
    );
    return await Program.start({ args: ["run", "-A", "--no-check", file] });
  } finally {
    await Deno.remove(file);
  }
}

const SERVE = `
const handle = Server.builder("127.0.0.1:0")
  .get("/", (_, res) => res.ok("ok")).build().serveEpoll();
console.log("127.0.0.1:" + handle.addr.port);
`;

/** CPU time that a process has used, in ticks of 10 ms. */
async function ticksOf(pid: number): Promise<number> {
  const text = await Deno.readTextFile(`/proc/${pid}/stat`);
  const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
  return Number(fields[11]) + Number(fields[12]); // utime and stime
}

testEngine(
  EPOLL,
  "an idle server uses no CPU, with a connection or without",
  async () => {
    await using program = await startProgram(SERVE);
    const conn = await Deno.connect({ port: program.port });
    try {
      await conn.write(new TextEncoder().encode(request("GET /")));
      await conn.read(new Uint8Array(1000));
      const used: number[] = [];
      // Work left over from the start, such as compiling, ends after a while.
      for (let n = 0; n < 5 && (used.at(-1) ?? 9) >= 2; n++) {
        await new Promise((resolve) => setTimeout(resolve, 500));
        const before = await ticksOf(program.pid);
        await new Promise((resolve) => setTimeout(resolve, 2000));
        used.push(await ticksOf(program.pid) - before);
      }
      assert(used.at(-1)! < 2, `${used} ticks in 2 s each`); // there is one
    } finally {
      conn.close();
    }
  },
);

testEngine(
  EPOLL,
  "unref() lets the process end, and ref() keeps it",
  async () => {
    await using ending = await startProgram(`${SERVE}
    handle.unref();
    setTimeout(() => console.log("last"), 50);
  `);
    assertEquals(await ending.ended(), 0);
    assert(ending.stdout.endsWith("last\n"));
    await using staying = await startProgram(`${SERVE}
    handle.unref();
    setTimeout(() => handle.ref(), 50);
    setTimeout(() => console.log("still here"), 200);
  `);
    await staying.printed("still here");
    const conn = await Deno.connect({ port: staying.port });
    await conn.write(new TextEncoder().encode(request("GET /")));
    assert((await conn.read(new Uint8Array(1000)) ?? 0) > 0);
    conn.close();
  },
);

testEngine(
  EPOLL,
  "an unreferenced server serves as long as something else keeps the process alive",
  async () => {
    await using program = await startProgram(`${SERVE}
    handle.unref();
    setTimeout(() => {}, 60_000);
  `);
    for (let n = 0; n < 3; n++) {
      const conn = await Deno.connect({ port: program.port });
      await new Promise((resolve) => setTimeout(resolve, 50));
      await conn.write(new TextEncoder().encode(request("GET /")));
      assert((await conn.read(new Uint8Array(1000)) ?? 0) > 0);
      conn.close();
    }
  },
);

testEngine(
  EPOLL,
  "bulk tasks run in turns of bounded length, one after the other, and do not delay other tasks",
  async () => {
    const libc = new Libc();
    const loop = new EventLoop(libc, 16, (error) => {
      throw error;
    });
    const runs: string[] = [];
    /** A connection that always has more to send, and takes half of a turn's budget each time. */
    const bulk = (name: string): void => {
      loop.scheduleBulk({
        run: () => {
          runs.push(name);
          loop.spendBulk(0.5);
          bulk(name);
        },
      });
    };
    for (const name of ["a", "b", "c", "d", "e"]) bulk(name);
    for (let turns = 0; turns < 5; turns++) {
      await loop.nextTurn();
      runs.push("|");
    }
    await loop.close();
    libc.close();
    assertEquals(runs.join("").slice(0, 14), "ab|cd|ea|bc|de");
  },
);
