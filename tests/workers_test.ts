/** Workers that share a port, on all engines and runtimes; most tests start a program in its own process. */

import {
  assert,
  assertEquals,
  assertMatch,
  assertStringIncludes,
} from "@std/assert";
import { withDeadline } from "./support/with_deadline.ts";
import { countSockets } from "./support/process_sockets.ts";
import type { Program } from "./support/program.ts";
import { RawClient } from "./support/raw_client.ts";
import { request } from "./support/serve.ts";
import { turn, turns, untilRefused } from "./support/turns.ts";
import {
  ask,
  Clients,
  commandOf,
  DEADLINE_MS,
  isDeno,
  MANY,
  type Platform,
  PLATFORMS,
  startOn,
  untilAnswered,
  untilCut,
  untilNamed,
} from "./support/workers.ts";

const root = new URL("../", import.meta.url);
const ignore = Deno.build.os !== "linux";

/** Number of clients that send requests in sequence during a test. */
const LOAD = 4;

interface Ended {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a program of `tests/workers` to its end. */
async function runToEnd(
  platform: Platform,
  name: string,
  ...its: readonly string[]
): Promise<Ended> {
  const { runtime, args } = await commandOf(platform, name, ...its);
  const child = new Deno.Command(runtime, {
    args: [...args],
    cwd: root,
    env: { NO_COLOR: "1" },
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const { code, stdout, stderr } = await withDeadline(
    child.output(),
    DEADLINE_MS,
  );
  const decoder = new TextDecoder();
  return {
    code,
    stdout: decoder.decode(stdout),
    stderr: decoder.decode(stderr),
  };
}

/** Counts the lines that start with `text`. */
function countLines(text: string, begin: string): number {
  return text.split("\n").filter((line) => line.startsWith(begin)).length;
}

for (const platform of PLATFORMS) {
  const test = (name: string, fn: () => Promise<void>): void =>
    Deno.test({ name: `${name} [${platform.name}]`, ignore, fn });

  const start = (...args: string[]): Promise<Program> =>
    startOn(platform, "app", ...args);

  test("each worker gets some of the connections, with the least permissions", async () => {
    await using program = await start("2");
    using clients = new Clients(program.port);
    const found = await clients.oneOfEach();
    for (const [name, client] of found) {
      assertEquals((await client.ask(request("GET /"))).body, name);
    }
    assertEquals(countLines(program.stdout, "listening"), 1);
  });

  test("no request fails under load, and both workers answer", async () => {
    await using program = await start("2");
    const counts = new Map<string, number>();
    const load = Array.from({ length: MANY }, async () => {
      using client = await RawClient.connect(program.port);
      for (let count = 0; count < 50; count++) {
        const { status, body } = await client.ask(request("GET /"));
        assertEquals(status, 200);
        counts.set(body, (counts.get(body) ?? 0) + 1);
      }
    });
    await Promise.all(load);
    assertEquals([...counts.keys()].toSorted(), ["khttp 1", "khttp 2"]);
    const sum = [...counts.values()].reduce((all, count) => all + count);
    assertEquals(sum, MANY * 50);
  });

  test("serveThreaded() works with one worker", async () => {
    await using program = await start("1");
    assertEquals(await ask(program.port, "/"), "khttp 1");
  });

  test("shutdown() lets all workers finish their requests, and sums their counts", async () => {
    await using program = await start("2");
    using clients = new Clients(program.port);
    const found = await clients.oneOfEach();
    const fields = "Content-Length: 6\r\nExpect: 100-continue\r\n";
    for (const client of found.values()) {
      await client.send(request("POST /echo", fields));
      assertEquals((await client.response()).status, 100); // its handler is running
    }
    program.signal("SIGTERM");
    await untilRefused(program.port);
    for (const client of found.values()) {
      await client.send("abcdef");
      let answer = await client.response();
      assertEquals(answer.body, "abcdef");
      // The workers announce the end when they know that none of them listens.
      while (answer.headers.get("connection") !== "close") {
        answer = await client.ask(request("GET /"));
        assertEquals(answer.status, 200);
      }
    }
    clients.close();
    assertEquals([await program.ended(), program.stderr], [0, ""]);
    assertEquals(countLines(program.stdout, "finished: khttp"), 2);
    const [, requests] = /requests: ([0-9]+)/.exec(program.stdout) ?? [];
    assert(Number(requests) >= 4, program.stdout); // at least two for each worker
  });

  test("a worker announces the end only after all others have stopped listening", async () => {
    await using program = await start("2");
    using clients = new Clients(program.port);
    const [[, blocked] = [], [, other] = []] = await clients.oneOfEach();
    assert(blocked !== undefined && other !== undefined);
    let isBlocked = true;
    const blocking = blocked.ask(request("GET /block/300")).then(() => {
      isBlocked = false;
    });
    program.signal("SIGTERM");
    const isClosing = async (): Promise<boolean> =>
      (await other.ask(request("GET /"))).headers.get("connection") === "close";
    while (!await isClosing());
    await turns(20); // the blocked worker has answered before it stopped listening
    assertEquals(isBlocked, false);
    await blocking;
    clients.close();
    assertEquals(await program.ended(), 0);
  });

  test("closeNow() cuts the connections of all workers", async () => {
    await using program = await start("2");
    using clients = new Clients(program.port);
    const found = await clients.oneOfEach();
    for (const client of found.values()) {
      await client.send(request("POST /echo", "Content-Length: 6\r\n"));
    }
    program.signal("SIGINT");
    for (const client of found.values()) await untilCut(client);
    assertEquals([await program.ended(), program.stderr], [0, ""]);
  });

  test("closeNow() ends a worker that hangs", async () => {
    await using program = await start("2");
    using client = await RawClient.connect(program.port);
    await client.send(request("GET /hang"));
    program.signal("SIGINT");
    assertEquals(await withDeadline(program.ended(), DEADLINE_MS), 0);
  });

  test("shutdown() in a worker ends all of them", async () => {
    await using program = await start("2");
    assertMatch(await ask(program.port, "/shutdown") ?? "", /^khttp [12]$/);
    assertEquals([await program.ended(), program.stderr], [0, ""]);
    assertEquals(countLines(program.stdout, "finished: khttp"), 2);
  });

  test("during the delay of shutdown(), all workers drain, and one that dies is replaced by one that drains", async () => {
    await using program = await start("2");
    const { port } = program;
    assertMatch(await ask(port, "/drain") ?? "", /^khttp [12]$/);
    const names = ["khttp 1", "khttp 2"];
    for (const name of names) {
      await untilAnswered(port, "/ready", `${name} false`);
    }
    assertEquals(await ask(port, "/exit"), null);
    await program.printed("code 3");
    for (const name of names) {
      await untilAnswered(port, "/ready", `${name} false`);
    }
    program.signal("SIGTERM");
    assertEquals([await program.ended(), program.stderr], [0, ""]);
    assertEquals(countLines(program.stdout, "finished: khttp"), 2);
  });

  for (
    const [path, reason] of [["/throw", "boom"], ["/exit", "code 3"]] as const
  ) {
    test(`a worker that dies by ${path} under load is replaced, and reported`, async () => {
      await using program = await start("2");
      const { port } = program;
      using clients = new Clients(port);
      const found = await clients.oneOfEach();
      let isLoaded = true;
      let cut = 0;
      const load = Array.from({ length: LOAD }, async () => {
        while (isLoaded) {
          if (await ask(port, "/") === null) cut++;
        }
      });
      const [[name, dying] = []] = found;
      assert(name !== undefined && dying !== undefined);
      await dying.send(request(`GET ${path}`));
      await untilCut(dying);
      const [other] = [...found].filter(([its]) => its !== name);
      assertEquals((await other?.[1].ask(request("GET /")))?.body, other?.[0]);
      await program.printed(`worker "${name}"`);
      assertStringIncludes(program.stdout, reason);
      await untilNamed(port, name);
      isLoaded = false;
      await Promise.all(load);
      assert(cut <= LOAD, `${cut} requests failed when one worker died`);
      await clients.oneOfEach();
      clients.close();
      program.signal("SIGTERM");
      assertEquals(await program.ended(), 0);
    });
  }

  test("workers that die leave no socket", async () => {
    await using program = await start("2");
    const { port, pid } = program;
    let before = 0;
    for (let death = 0; death < 3; death++) {
      using clients = new Clients(port);
      const [[name, dying] = []] = await clients.oneOfEach();
      assert(name !== undefined && dying !== undefined);
      if (death === 0) before = countSockets(pid) - clients.count;
      await dying.send(request("GET /exit"));
      await untilCut(dying);
      await untilNamed(port, name);
    }
    const isClean = async (): Promise<void> => {
      while (countSockets(pid) > before) await turn();
    };
    await withDeadline(isClean(), DEADLINE_MS);
  });

  // The programs listen on a port that their permissions do not name.
  const open: Platform = isDeno(platform)
    ? {
      ...platform,
      flags: platform.flags.map((flag) => flag.replace(/(-net)=.*/, "$1")),
    }
    : platform;
  const inUse = isDeno(platform) ? "AddrInUse" : "EADDRINUSE";

  test("serveThreaded() throws if the port is in use", async () => {
    using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    const { port } = listener.addr;
    const { code, stderr } = await runToEnd(open, "app", "2", `${port}`);
    assertEquals(code, 1);
    assertStringIncludes(stderr, inUse);
    assertStringIncludes(stderr, "at serveThreaded");
  });

  test("serveThreaded() throws if the workers of another program use the port", async () => {
    await using program = await start("2");
    const { code, stderr } = await runToEnd(
      ...[open, "app", "2", `${program.port}`] as const,
    );
    assertEquals(code, 1);
    assertStringIncludes(stderr, inUse);
  });

  const unlucky = (what: string): Promise<Ended> =>
    runToEnd(platform, "unlucky", what);

  const failures = [
    ["throws", "boom"],
    ["leaves", "it ended before it called serveThreaded()"],
    ["differs", "it ended before it called serveThreaded()"],
    ["twins", "Cannot tell two servers on 127.0.0.1:0 apart"],
  ] as const;
  for (const [what, reason] of failures) {
    test(`a program fails if a worker never starts to serve (${what})`, async () => {
      const { code, stdout, stderr } = await unlucky(what);
      assertEquals(code, 1);
      assertMatch(
        stderr,
        /(?:Uncaught .*|[Ee]rror: )Cannot continue in worker "khttp [1-4]": /,
      );
      assertStringIncludes(stderr, reason);
      // A worker of twins has begun to serve for one of them, so it may be
      // replaced until the other one ends the program.
      if (what === "twins") return;
      const begun = countLines(stdout, "worker");
      assert(begun <= 2, stdout); // no worker is replaced
    });
  }

  if (platform.name === "listen") { // it takes 10 s
    test("a worker that does not begin to serve is reported", async () => {
      const { code, stdout } = await unlucky("loops");
      assertEquals(code, 0);
      assertStringIncludes(
        stdout,
        'error: Error: Worker "khttp 1" has not called serveThreaded() within 10000 ms: its program is still waiting for something, or is in an endless loop',
      );
    });
  }

  test("an error from onListen ends serving", async () => {
    const { code, stderr } = await unlucky("onListen");
    assertEquals(code, 1);
    assertStringIncludes(stderr, "RangeError: boom");
  });

  test("unref() lets the program end while workers listen", async () => {
    const { code, stderr } = await unlucky("unref");
    assertEquals([code, stderr], [0, ""]);
  });

  test("a worker that dies repeatedly is replaced after longer and longer waits", async () => {
    const beganMs = performance.now();
    await using program = await startOn(platform, "unlucky", "dies");
    await program.untilOutput(() => countLines(program.stdout, "worker") >= 5);
    // The waits are 100, 200, 400 and 800 ms.
    assert(performance.now() - beganMs >= 1500);
  });

  test("two servers of one program have separate workers", async () => {
    await using program = await startOn(platform, "two_servers");
    const [, second = ""] = /localhost:([0-9]+)/.exec(program.stdout) ?? [];
    for (let count = 0; count < 8; count++) {
      assertEquals(await ask(program.port, "/"), "127.0.0.1");
      const answer = await fetch(`http://localhost:${second}/`);
      assertEquals(await answer.text(), "localhost");
    }
    program.signal("SIGTERM");
    assertEquals([await program.ended(), program.stderr], [0, ""]);
    assertEquals(countLines(program.stdout, "finished: worker"), 4);
  });
}
