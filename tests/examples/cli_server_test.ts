/** The command line's server commands: what they serve, their options, their end. */

import { assert, assertEquals, assertMatch } from "@std/assert";
import { Program } from "../support/program.ts";
import { RawClient } from "../support/raw_client.ts";
import { request } from "../support/serve.ts";
import { startServer } from "../support/cli.ts";
import { untilRefused } from "../support/turns.ts";

Deno.test("cli server echo sends the body back while it arrives", async () => {
  await using program = await startServer("echo");
  using client = await RawClient.connect(program.port);
  const fields = "Content-Type: a/b\r\n";
  for (const method of ["POST", "PUT", "PATCH"]) {
    const answer = await client.ask(
      request(`${method} /any/path?x`, fields, "hello"),
    );
    assertEquals([answer.status, answer.body], [200, "hello"]);
    assertEquals(answer.headers.get("content-type"), "a/b");
  }
  assertEquals((await client.ask(request("GET /"))).status, 405);
  // The first half comes back before the second was sent.
  const chunked = "Transfer-Encoding: chunked\r\n";
  const half = "x".repeat(20_000);
  const chunk = `${half.length.toString(16)}\r\n${half}\r\n`;
  await client.send(request("POST /", chunked) + chunk);
  const head = await client.head();
  assertMatch(head, /^HTTP\/1\.1 200 .*transfer-encoding: chunked\r\n/s);
  let back = "";
  while (back.length < half.length) back += await client.chunk();
  await client.send(`${chunk}0\r\n\r\n`);
  while (back.length < 2 * half.length) back += await client.chunk();
  assertEquals(back, half + half);
});

Deno.test("cli server sleep responds after the requested time", async () => {
  await using program = await startServer("sleep");
  using client = await RawClient.connect(program.port);
  const startMs = performance.now();
  assertEquals((await client.ask(request("GET /sleep/400"))).status, 200);
  const elapsedMs = performance.now() - startMs;
  assert(elapsedMs >= 395, `${elapsedMs} ms`);
  for (const path of ["/sleep/x", "/sleep/-1", "/sleep/99999999999"]) {
    assertEquals((await client.ask(request(`GET ${path}`))).status, 400);
  }
});

Deno.test("cli server status answers with the requested status", async () => {
  await using program = await startServer("status");
  using client = await RawClient.connect(program.port);
  for (const code of [200, 204, 302, 304, 404, 418, 503, 599]) {
    const answer = await client.ask(request(`GET /status/${code}`));
    const body = code === 204 || code === 304 ? "" : `${code}\n`;
    assertEquals([answer.status, answer.body], [code, body]);
  }
  for (const code of ["100", "600", "x", "2e2"]) {
    const answer = await client.ask(request(`GET /status/${code}`));
    assertEquals(answer.status, 400);
  }
});

Deno.test("cli server drip sends a byte at a time", async () => {
  await using program = await startServer("drip");
  using client = await RawClient.connect(program.port);
  const startMs = performance.now();
  await client.send(request("GET /drip?bytes=4&delay=150"));
  assertMatch(await client.head(), /content-length: 4\r\n/);
  const times: number[] = [];
  for (let byte = 0; byte < 4; byte++) {
    assertEquals(await client.take(1), "*");
    times.push(performance.now() - startMs);
  }
  const [first = 0, , , last = 0] = times;
  assert(last - first > 300, `${times}`); // not all bytes at once
  assertEquals((await client.ask(request("GET /drip?bytes=0"))).body, "");
  const wrong = await client.ask(request("GET /drip?bytes=-1"));
  assertEquals(wrong.status, 400);
});

Deno.test("cli server ends a connection after --tcp-read-timeout", async () => {
  await using program = await startServer("echo", "--tcp-read-timeout", "300");
  using silent = await RawClient.connect(program.port);
  assertEquals(await silent.toEnd(), "");
  using slow = await RawClient.connect(program.port);
  await slow.send(
    "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\n",
  );
  // The response had started, and ends without its last chunk.
  assertMatch(await slow.toEnd(), /^HTTP\/1\.1 200 .*chunked\r\n\r\n$/s);
});

Deno.test("cli server cuts clients that do not read after --tcp-write-timeout", async () => {
  await using program = await startServer(
    ...["echo", "-v", "--tcp-write-timeout", "300"],
    ...["--tcp-nodelay", "-t", "1", "-b", "127.0.0.1"],
  );
  const conn = await Deno.connect({
    hostname: "127.0.0.1",
    port: program.port,
  });
  const head = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999\r\n\r\n";
  const piece = new Uint8Array(1 << 16);
  await conn.write(new TextEncoder().encode(head));
  // The client does not read, so the response stalls and is then cut off.
  try {
    for (let sent = 0; sent < 99_999_999; sent += piece.length) {
      await conn.write(piece);
    }
  } catch {
    // The client sees the cut.
  }
  conn.close();
  await program.untilOutput(() => /^POST \/ 200: /m.test(program.stderr));
  assertMatch(program.stderr, /^127\.0\.0\.1:[0-9]+ closed: .*writeTimeout/m);
});

Deno.test({
  name: "cli server serves on as many threads as -t says",
  ignore: Deno.build.os !== "linux", // threads can share a port only on Linux
  fn: async () => {
    const threadCount = 3;
    await using program = await Program.start({
      args: [
        "run",
        "--quiet",
        "--no-prompt",
        "--allow-net=127.0.0.1",
        "--allow-read",
        "--allow-ffi",
        ...["examples/cli.ts", "server", "status", "-v"],
        ...["-t", String(threadCount), "-p", "0"],
      ],
    });
    // Each worker that shares the port has a listening socket of its own.
    assertEquals(countListeners(program.port), threadCount);
    using client = await RawClient.connect(program.port);
    const answer = await client.ask(request("GET /status/404"));
    assertEquals([answer.status, answer.body], [404, "404\n"]);
    client.close();
    program.signal("SIGINT");
    assertEquals(await program.ended(), 0);
    assertEquals(program.stdout.match(/Listening/g)?.length, 1);
    assertMatch(program.stderr, /^GET \/status\/404 404 4$/m);
  },
});

/** Number of sockets of this machine that listen on a port of 127.0.0.1. */
function countListeners(port: number): number {
  const LISTENING = "0A";
  const address = `0100007F:${
    port.toString(16).toUpperCase().padStart(4, "0")
  }`;
  return Deno.readTextFileSync("/proc/net/tcp").split("\n")
    .map((line) => line.trim().split(/\s+/))
    .filter(([, local, , state]) => local === address && state === LISTENING)
    .length;
}

Deno.test("cli server shows connections and requests with -v only", async () => {
  for (const flags of [["-v"], []]) {
    await using program = await startServer("echo", ...flags);
    {
      using client = await RawClient.connect(program.port);
      await client.ask(request("POST /a?b", "", "hello"));
    }
    program.signal("SIGTERM");
    assertEquals(await program.ended(), 0);
    const name = "127.0.0.1:N";
    const shown = program.stderr.replaceAll(/127\.0\.0\.1:[0-9]+/g, name);
    const lines = `${name} connected\nPOST /a?b 200 5\n${name} closed\n`;
    assertEquals(shown, flags.length > 0 ? lines : "");
  }
});

for (const kind of ["echo", "sleep", "status", "drip"]) {
  Deno.test({
    name: `cli server ${kind} ends on SIGINT with 0`,
    ignore: Deno.build.os === "windows", // a signal ends a process there
    fn: async () => {
      await using program = await startServer(kind);
      using idle = await RawClient.connect(program.port);
      await idle.ask(request("GET /status/200"));
      program.signal("SIGINT");
      assertEquals(await idle.toEnd(), "");
      idle.close();
      assertEquals([await program.ended(), program.stderr], [0, ""]);
      assertEquals(
        program.stdout,
        `Listening on http://127.0.0.1:${program.port}/\n`,
      );
    },
  });
}

Deno.test({
  name:
    "cli server finishes a running response on SIGINT, and cuts it on a second one",
  ignore: Deno.build.os === "windows",
  fn: async () => {
    for (const isForced of [false, true]) {
      await using program = await startServer("drip");
      using client = await RawClient.connect(program.port);
      const bytes = isForced ? 1000 : 10;
      await client.send(request(`GET /drip?bytes=${bytes}&delay=50`));
      await client.head();
      await client.take(1);
      program.signal("SIGINT");
      if (!isForced) assertEquals(await client.take(9), "*".repeat(9));
      else {
        await untilRefused(program.port);
        program.signal("SIGINT");
      }
      await client.toEnd().catch(() => ""); // a cut is a reset, maybe
      client.close();
      assertEquals([await program.ended(), program.stderr], [0, ""]);
    }
  },
});
