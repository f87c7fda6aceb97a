/** The exit codes of the command line, each with the failure that it reports. */

import { assert, assertEquals, assertMatch } from "@std/assert";
import {
  CERTIFICATE_PATH,
  ResettingServer,
  run,
  ScriptedServer,
  startServer,
  type Step,
} from "../support/cli.ts";

interface ReplyCase {
  readonly name: string;
  readonly reply: Step;
  readonly code: number;
  /** The part of the body that arrived before the failure. */
  readonly stdout?: string;
}

const replies: readonly ReplyCase[] = [
  { name: "no byte", reply: "", code: 52 },
  { name: "half a head", reply: "HTTP/1.1 200 OK\r\nContent-", code: 56 },
  { name: "another protocol", reply: "SSH-2.0-x\r\n", code: 8 },
  { name: "HTTP/2.0", reply: "HTTP/2.0 200 OK\r\n\r\n", code: 8 },
  {
    name: "two lengths",
    reply: "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
    code: 8,
  },
  {
    name: "a head without an end",
    reply: `HTTP/1.1 200 OK\r\nx: ${"y".repeat(20_000)}\r\n\r\n`,
    code: 8,
  },
  {
    name: "a protocol that was not offered",
    reply: "HTTP/1.1 101 S\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n",
    code: 8,
  },
  {
    name: "interim responses without an end",
    reply: "HTTP/1.1 103 Early Hints\r\n\r\n".repeat(10),
    code: 8,
  },
  {
    name: "half a body",
    reply: "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhello",
    code: 18,
    stdout: "hello",
  },
  {
    name: "chunks without the last one",
    reply:
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",
    code: 18,
    stdout: "hello",
  },
  {
    name: "a chunk without a size",
    reply:
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\nx\r\n",
    code: 56,
    stdout: "hello",
  },
];

for (const { name, reply, code, stdout = "" } of replies) {
  Deno.test(`cli ends with ${code} after ${name}`, async () => {
    await using server = new ScriptedServer([reply]);
    const url = `127.0.0.1:${server.port}`;
    // The client of the package, and the program's own connection.
    const [byClient, onWire] = [await run([url]), await run([url, "--timing"])];
    for (const outcome of [byClient, onWire]) {
      assertEquals([outcome.code, outcome.stdout], [code, stdout]);
      assertMatch(outcome.stderr, new RegExp(`^khttp: \\(${code}\\) .+\\n$`));
    }
  });
}

/** `#` is replaced by the port of a server that answers 404, `!` by a port without a listener. */
const calls: readonly (readonly [code: number, args: string])[] = [
  [0, "--help"],
  [0, "server --help"],
  [1, "ftp://127.0.0.1/"],
  [2, ""],
  [2, "GET a b"],
  [2, "--nope a"],
  [2, "a -d"],
  [2, "CONNECT a"],
  [2, "G@T a"],
  [2, "-I -d x a"],
  [2, "POST -I a"],
  [2, "-H nocolon a"],
  [2, "-H na@me:x a"],
  [2, "-H content-length:7 -d x a"],
  [2, "-H transfer-encoding:gzip -d x a"],
  [2, "-H transfer-encoding:chunked a"],
  [2, "-H transfer-encoding:chunked -d x --http1.0 a"],
  [2, "-H expect:100-continue a"],
  [2, "--stall x -d x a"],
  [2, "--max-time 0 a"],
  [2, "--max-time 1s a"],
  [2, "--unix /nowhere https://a"],
  [2, "--cacert /nowhere a"],
  [2, "server"],
  [2, "server fly"],
  [2, "server echo sleep"],
  [2, "server echo -t 2"],
  [2, "server echo -t 0"],
  [2, "server echo -p 65536"],
  [2, "server echo --tcp-read-timeout 0"],
  [2, "server echo --tcp-write-timeout x"],
  [2, "server echo -b not/an/address"],
  [3, "http://"],
  [3, "127.0.0.1:x"],
  [3, "127.0.0.1:65536"],
  [3, "[::1"],
  [3, "user:secret@127.0.0.1"],
  [3, "127.0.0.1/<"],
  [3, "127.0.0.1/\u00e9"],
  [6, "no-such-host.invalid"],
  [6, "no-such-host.invalid --raw"],
  [6, "https://no-such-host.invalid -k"],
  [7, "127.0.0.1:!"],
  [7, "127.0.0.1:! --raw"],
  [7, "https://127.0.0.1:! -k"],
  [7, "https://127.0.0.1:!"],
  [7, "server echo -p #"],
  [22, "-f 127.0.0.1:#/status/404"],
  [22, "-f 127.0.0.1:#/status/500 --timing"],
  [0, "-f 127.0.0.1:#/status/304"],
  [23, "127.0.0.1:#/status/200 -o /nowhere/at/all"],
  [26, "127.0.0.1:# -d @/nowhere"],
  [26, "127.0.0.1:# -d @/nowhere -d x"],
  [35, "https://127.0.0.1:#"],
  [35, "https://127.0.0.1:# -k"],
  [35, "https://127.0.0.1:# --timing"],
];

Deno.test("cli ends with the code for each call", async (t) => {
  await using program = await startServer("status");
  const free = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const closed = (free.addr as Deno.NetAddr).port; // a TCP listener
  free.close();
  for (const [code, text] of calls) {
    await t.step(`${code}: ${text}`, async () => {
      const args = text.split(" ").filter((arg) => arg !== "")
        .map((arg) => arg.replace("#", `${program.port}`))
        .map((arg) => arg.replace("!", `${closed}`));
      const flags = ["--allow-read", "--allow-write"];
      const outcome = await run(args, { flags });
      assertEquals(outcome.code, code, outcome.stderr);
      if (code === 0) return assertEquals(outcome.stderr, "");
      assertMatch(outcome.stderr, new RegExp(`^khttp: \\(${code}\\) `));
      assertEquals(outcome.stdout, "");
    });
  }
});

Deno.test("cli refuses invalid arguments with a reason", async () => {
  const { stderr } = await run(["server", "echo", "-t", "4"]);
  assertMatch(
    stderr,
    /in workers: they may not read it. Run with --allow-read/,
  );
  const help = await run(["--help"]);
  const options = [...help.stdout.matchAll(/(--[a-z0-9.-]+)/g)];
  assert(options.length > 20);
});

Deno.test("cli ends with 28 after --max-time, wherever it waits", async () => {
  await using sleeping = await startServer("sleep");
  await using dripping = await startServer("drip");
  const waits = [
    `127.0.0.1:${sleeping.port}/sleep/60000`,
    `127.0.0.1:${dripping.port}/drip?bytes=99&delay=300`,
  ];
  for (const url of waits) {
    for (const path of [[], ["--timing"]]) {
      const startMs = performance.now();
      const { code } = await run([url, "--max-time", ".8", ...path]);
      assertEquals(code, 28);
      assert(performance.now() - startMs < 10_000);
    }
  }
  const url = `127.0.0.1:${sleeping.port}/sleep/1`;
  assertEquals((await run([url, "--max-time", "20"])).code, 0);
});

Deno.test("cli ends with 47 after 50 redirects", async () => {
  const again =
    "HTTP/1.1 302 Found\r\nContent-Length: 0\r\nLocation: /\r\nConnection: close\r\n\r\n";
  await using server = new ScriptedServer([again]);
  const { code } = await run(["-L", `127.0.0.1:${server.port}`]);
  assertEquals([code, server.requests.length], [47, 51]);
});

Deno.test("cli ends with 26 if a body from a pipe would have to be sent twice", async () => {
  const again =
    "HTTP/1.1 307 Again\r\nContent-Length: 0\r\nLocation: /b\r\nConnection: close\r\n\r\n";
  await using server = new ScriptedServer([again]);
  const args = ["-L", `127.0.0.1:${server.port}`, "-d", "-"];
  const { code } = await run(args, { input: "x" });
  assertEquals([code, server.requests.length], [26, 1]);
});

Deno.test("cli ends with 3 or 1 if a redirect's target is not valid", async () => {
  const places = [["http://a:b/", 3], ["ftp://a/", 1]] as const;
  for (const [location, expected] of places) {
    await using server = new ScriptedServer([
      `HTTP/1.1 302 Found\r\nContent-Length: 0\r\nLocation: ${location}\r\n\r\n`,
    ]);
    const { code } = await run(["-L", `127.0.0.1:${server.port}`]);
    assertEquals(code, expected);
  }
});

Deno.test("cli exits with 56 if the server resets before or inside a response", async () => {
  for (
    const text of ["", "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhello"]
  ) {
    await using server = await ResettingServer.start(text);
    for (const path of [[], ["--timing"]]) {
      const outcome = await run([`127.0.0.1:${server.port}`, ...path]);
      assertEquals(outcome.code, 56, outcome.stderr);
    }
  }
});

Deno.test("cli ends with 55 or 56 if the peer resets while it sends", async () => {
  await using server = await ResettingServer.start("");
  const input = "x".repeat(4_000_000);
  for (const path of [[], ["--raw"]]) {
    const args = [`127.0.0.1:${server.port}`, "-d", "-", ...path];
    const { code } = await run(args, { input });
    assert(code === 55 || code === 56, `${code}`); // either side may notice first
  }
});

Deno.test("cli exits with 60 for an untrusted certificate", async () => {
  await using server = new ScriptedServer(["HTTP/1.1 204 No\r\n\r\n"], "tls");
  const url = `https://localhost:${server.port}/`;
  for (const path of [[], ["--timing"]]) {
    const { code, stderr } = await run([url, ...path]);
    assertEquals(code, 60, stderr);
    const args = [url, "--cacert", CERTIFICATE_PATH, ...path];
    const flags = ["--allow-read=tests/fixtures"];
    assertEquals((await run(args, { flags })).code, 0);
  }
});

Deno.test("cli shows a response that arrives before the body is sent", async () => {
  await using server = new ScriptedServer([{
    early:
      "HTTP/1.1 413 No\r\nConnection: close\r\nContent-Length: 2\r\n\r\nno",
  }]);
  for (const path of [[], ["--timing"]]) {
    const args = ["-d", "x", "--stall", "60000", ...path];
    const outcome = await run([...args, `127.0.0.1:${server.port}`]);
    assertEquals([outcome.code, outcome.stdout], [0, "no"]);
  }
});
