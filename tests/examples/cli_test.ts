/** The command line's client: every option, and what it shows and writes. */

import { assert, assertEquals, assertMatch } from "@std/assert";
import { progressText } from "../../examples/cli/output.ts";
import { decodeLatin1 } from "../support/latin1.ts";
import {
  CERTIFICATE_PATH,
  run,
  ScriptedServer,
  startServer,
  writeText,
} from "../support/cli.ts";

const OK = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nX-A: 1\r\n\r\nhello";
const CHUNKED =
  "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nx-count: 1\r\n\r\n";

Deno.test("cli writes the body, with -i its head, with -o to a file", async () => {
  await using server = new ScriptedServer([OK]);
  const url = `127.0.0.1:${server.port}`;
  assertEquals(await run([url]), { code: 0, stdout: "hello", stderr: "" });
  assertEquals((await run([url, "-i"])).stdout, OK);
  const path = await Deno.makeTempFile();
  try {
    const flags = [`--allow-write=${path}`];
    const outcome = await run([url, "-io", path], { flags });
    assertEquals(outcome, { code: 0, stdout: "", stderr: "" });
    assertEquals(await Deno.readTextFile(path), OK);
    await run([url, "-o", path], { flags });
    assertEquals(await Deno.readTextFile(path), "hello");
  } finally {
    await Deno.remove(path);
  }
});

Deno.test("cli shows only the head with -I", async () => {
  const head = OK.replace("hello", "");
  await using server = new ScriptedServer([head]);
  const outcome = await run(["-I", `127.0.0.1:${server.port}`]);
  assertEquals(outcome, { code: 0, stdout: head, stderr: "" });
  assertMatch(server.requests.join(""), /^HEAD \/ /);
});

Deno.test("cli shows received heads and trailers with -v", async () => {
  const early = "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n";
  await using server = new ScriptedServer([early + CHUNKED]);
  for (const path of [[], ["--http1.0"]]) {
    const args = ["-v", `127.0.0.1:${server.port}`, ...path];
    const { stdout, stderr } = await run(args);
    assertEquals(stdout, "hello");
    assertEquals(stderr.match(/^<.*$/gm), [
      ...["< HTTP/1.1 103 Early Hints", "< Link: </a>", "<"],
      ...["< HTTP/1.1 200 OK", "< Transfer-Encoding: chunked", "<"],
      "< x-count: 1",
    ]);
  }
});

Deno.test("cli ends with the head if the server switches protocols", async () => {
  const head = "HTTP/1.1 101 S\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n";
  await using server = new ScriptedServer([`${head}of x`]);
  const args = ["-H", "upgrade: x", "-H", "connection: upgrade"];
  const outcome = await run(["-i", `127.0.0.1:${server.port}`, ...args]);
  assertEquals(outcome, { code: 0, stdout: head, stderr: "" });
});

Deno.test("cli --raw writes the received bytes unchanged", async () => {
  const early = "HTTP/1.1 103 Early Hints\r\n\r\n";
  const answers = [OK, CHUNKED, early + OK, "HTTP/1.0 200\r\n\r\nto the end"];
  for (const answer of [...answers, "SSH-2.0-x\r\nno HTTP\r\n"]) {
    await using server = new ScriptedServer([answer]);
    const { code, stdout } = await run(["--raw", `127.0.0.1:${server.port}`]);
    assertEquals(stdout, answer);
    assertEquals(code, answer.startsWith("HTTP/") ? 0 : 8);
  }
});

/** A server that answers with redirects to the paths given, then with OK. */
function redirecting(...hops: (readonly [number, string])[]): ScriptedServer {
  const steps = hops.map(([status, location]) =>
    `HTTP/1.1 ${status} Moved\r\nContent-Length: 4\r\nLocation: ${location}\r\nConnection: close\r\n\r\nmove`
  );
  return new ScriptedServer([...steps, OK]);
}

Deno.test("cli follows redirects with -L only, and shows each head", async () => {
  for (const path of [[], ["--http1.0"], ["--timing"]]) {
    await using server = redirecting([302, "b?c"], [303, "/d"]);
    const url = `127.0.0.1:${server.port}/a/a`;
    const args = [...path, "-d", "x", "-H", "cookie: c", url];
    const { code, stdout } = await run(["-iL", ...args]);
    assertEquals([code, stdout.match(/^HTTP.*$/gm)?.length], [0, 3]);
    assert(stdout.endsWith("\r\n\r\nhello"));
    const lines = server.requests.map((text) => text.split(" ", 2).join(" "));
    assertEquals(lines, ["POST /a/a", "GET /a/b?c", "GET /d"]);
    assert(!/content-/.test(server.requests[1] ?? ""));
    assertMatch(server.requests[2] ?? "", /^cookie: c\r$/m);
  }
  await using server = redirecting([301, "/b"]);
  const { stdout } = await run([`127.0.0.1:${server.port}/a`]);
  assertEquals([stdout, server.requests.length], ["move", 1]);
});

Deno.test("cli reads a Location as UTF-8", async () => {
  const location = "/caf\xc3\xa9"; // one character per byte
  await using server = redirecting([302, location]);
  const { stdout } = await run(["-L", `127.0.0.1:${server.port}/`]);
  assertEquals(stdout, "hello");
  assert(server.requests[1]?.startsWith("GET /caf%C3%A9 "));
});

Deno.test("cli sends a body again after 307, but no credentials to another origin", async () => {
  await using other = new ScriptedServer([OK]);
  const there = `http://127.0.0.1:${other.port}/b`;
  await using server = redirecting([307, there]);
  const url = `127.0.0.1:${server.port}`;
  const secrets = ["-H", "authorization: a", "-H", "Cookie: c"];
  const args = [url, "-L", "-d", "@static/hello.txt", ...secrets];
  const flags = ["--allow-read=static"];
  const { code } = await run([...args, "-H", "host: h"], { flags });
  assertEquals(code, 0);
  const [request = ""] = other.requests;
  assert(request.startsWith("POST /b "));
  assert(request.endsWith(Deno.readTextFileSync("static/hello.txt")));
  assert(!/^(?:authorization|cookie|host: h)/im.test(request));
});

const withoutBody: readonly (readonly string[])[] = [[], ["-I"], ["-d", ""]];

Deno.test("cli waits for --stall before the end of the head if there is no body", async () => {
  for (const args of withoutBody) {
    await using server = new ScriptedServer([OK]);
    const pieces: { timeMs: number; text: string }[] = [];
    await using tap = tapped(server.port, (piece) => {
      pieces.push({ timeMs: performance.now(), text: decodeLatin1(piece) });
    });
    const outcome = await run([
      ...[`127.0.0.1:${tap.port}`, "--stall", "500"],
      ...args,
    ]);
    assertEquals([args, outcome.code], [args, 0]);
    const [head, end] = pieces;
    assert(head !== undefined && end !== undefined);
    assertEquals([pieces.length, end.text], [2, "\r\n"]);
    assert(!head.text.includes("\r\n\r\n"));
    assert(end.timeMs - head.timeMs > 400);
  }
});

Deno.test("cli shows fields in UTF-8, and those in Latin-1", async () => {
  const reply = OK.replace("X-A: 1", "X-A: caf\xc3\xa9\r\nX-B: caf\xe9");
  await using server = new ScriptedServer([reply]);
  const url = `127.0.0.1:${server.port}`;
  const { stdout, stderr } = await run([url, "-iv"]);
  assertEquals(stdout, reply); // byte for byte
  assertMatch(stderr, /^< X-A: caf\xc3\xa9\n< X-B: caf\xc3\xa9$/m);
});

Deno.test("cli waits for --stall between head and body", async () => {
  for (const path of [[], ["--raw"]]) {
    await using program = await startServer("echo", "-v");
    const url = `127.0.0.1:${program.port}/`;
    const startMs = performance.now();
    const args = [url, "-d", "hello", "--stall", "700", ...path];
    const { stdout } = await run(args);
    assert(stdout.includes("hello"));
    assert(performance.now() - startMs > 700);
  }
  // The head is there before the body is.
  const times: number[] = [];
  await using server = new ScriptedServer([OK]);
  await using tap = tapped(server.port, () => {
    times.push(performance.now());
  });
  await run([`127.0.0.1:${tap.port}`, "-d", "hello", "--stall", "500"]);
  const [head = 0, body = 0] = times;
  assertEquals(times.length, 2);
  assert(body - head > 400, `${body - head} ms`);
});

/** Forwards one connection, and reports each piece that the program sends. */
function tapped(
  port: number,
  onPiece: (piece: Uint8Array) => void,
): AsyncDisposable & { readonly port: number } {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const passing = (async () => {
    const from = await listener.accept().catch(() => null);
    if (from === null) return; // the program never connected
    const to = await Deno.connect({ hostname: "127.0.0.1", port });
    const tell = new TransformStream<Uint8Array, Uint8Array>({
      transform(piece, controller): void {
        onPiece(piece);
        controller.enqueue(piece);
      },
    });
    await Promise.allSettled([
      from.readable.pipeThrough(tell).pipeTo(to.writable),
      to.readable.pipeTo(from.writable),
    ]);
  })();
  return {
    port: (listener.addr as Deno.NetAddr).port, // a TCP listener
    async [Symbol.asyncDispose](): Promise<void> {
      listener.close();
      await passing;
    },
  };
}

Deno.test("cli trusts the certificates of --cacert, and any certificate with -k", async () => {
  await using server = new ScriptedServer([OK], "tls");
  const url = `https://localhost:${server.port}/`;
  const trust = ["--cacert", CERTIFICATE_PATH];
  const flags = ["--allow-read=tests/fixtures"];
  for (const path of [[], ["--timing"], ["--raw"]]) {
    const trusted = await run([url, ...trust, ...path], { flags });
    assertEquals([trusted.code, trusted.stdout.slice(-5)], [0, "hello"]);
    const insecure = await run([url, "-k", ...path]);
    assertEquals([insecure.code, insecure.stdout.slice(-5)], [0, "hello"]);
  }
  const timed = await run([url, "-k", "--timing", "-d", "x"]);
  assertMatch(timed.stderr, /^\* connect .*\n\* tls .*\n/m);
});

Deno.test({
  name: "cli trusts a certificate for another host with -k",
  ignore: Deno.build.os !== "linux", // on Linux, all of 127.0.0.0/8 is local
  fn: async () => {
    await using server = new ScriptedServer([OK], "tls");
    const url = `https://127.0.0.2:${server.port}/`;
    assertEquals((await run([url, "-k"])).stdout, "hello");
    const flags = ["--allow-read=tests/fixtures"];
    const args = [url, "--cacert", CERTIFICATE_PATH];
    for (const path of [[], ["--raw"]]) {
      assertEquals((await run([...args, ...path], { flags })).code, 60);
    }
  },
});

Deno.test({
  name: "cli connects to a Unix socket with --unix",
  ignore: Deno.build.os === "windows",
  fn: async () => {
    const folder = await Deno.makeTempDir();
    const path = `${folder}/socket`;
    const flags = [`--allow-read=${path}`, `--allow-write=${path}`];
    {
      await using server = new ScriptedServer([OK], { path });
      for (const host of ["localhost", "a.example:81"]) {
        const args = [`${host}/x`, "--unix", path];
        assertEquals((await run(args, { flags })).stdout, "hello");
      }
      assertMatch(server.requests[0] ?? "", /^host: localhost\r$/m);
      assertMatch(server.requests[1] ?? "", /^host: a\.example:81\r$/m);
    }
    const gone = await run(["a", "--unix", `${path}2`], {
      flags: ["--allow-read", "--allow-write"],
    });
    assertEquals(gone.code, 7);
    await Deno.remove(folder, { recursive: true });
  },
});

Deno.test("cli --timing shows phases that add up", async () => {
  await using server = new ScriptedServer([async (conn) => {
    await new Promise((resolve) => setTimeout(resolve, 300));
    await writeText(conn, OK);
  }]);
  const { stderr } = await run([`localhost:${server.port}`, "--timing"]);
  const rows = [...stderr.matchAll(/^\* (\w+) +([0-9.]+) ms$/gm)]
    .map(([, phase, ms]) => [phase, Number(ms)] as const);
  assertEquals(
    rows.map(([phase]) => phase),
    ["resolve", "connect", "send", "wait", "receive", "total"],
  );
  const total = rows.pop()?.[1] ?? 0;
  const sum = rows.reduce((all, [, ms]) => all + ms, 0);
  assert(Math.abs(total - sum) < 1);
  assert((rows[3]?.[1] ?? 0) > 250);
});

Deno.test("cli shows the progress of a transfer", () => {
  assertEquals(progressText(2048, null, 1000), "2.0 KiB, 2.0 KiB/s");
  assertEquals(
    progressText(512, 1024, 2000),
    ` 50% [${"=".repeat(15)}${" ".repeat(15)}] 512 B of 1.0 KiB, 256 B/s`,
  );
  assertMatch(progressText(3_221_225_472, 1, 1), /^100% .* 3\.0 GiB of 1 B/);
});

const hasScript = Deno.build.os === "linux" &&
  await Deno.stat("/usr/bin/script").then(() => true, () => false);

Deno.test({
  name:
    "cli shows the progress of a long transfer on a terminal, but not of a short one",
  ignore: !hasScript,
  fn: async () => {
    await using program = await startServer("drip");
    const url = `127.0.0.1:${program.port}/drip?delay=100&bytes=`;
    const onTerminal = async (bytes: number): Promise<string> => {
      const deno = `${Deno.execPath()} run -q -A examples/cli.ts`;
      const { stdout } = await new Deno.Command("/usr/bin/script", {
        args: ["-qec", `${deno} '${url}${bytes}' -o /dev/null`, "/dev/null"],
        stdin: "null",
      }).output();
      return new TextDecoder().decode(stdout);
    };
    const [long, short] = await Promise.all([onTerminal(20), onTerminal(2)]);
    assertMatch(long, /\r 50% \[=+ +\] 10 B of 20 B, .*\r100% \[=+\] 20 B/s);
    assertEquals(short, "");
    const piped = await run([`${url}20`]);
    assertEquals([piped.stdout, piped.stderr], ["*".repeat(20), ""]);
  },
});
