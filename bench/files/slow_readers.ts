/**
 * Measures the memory that a server of files needs for each slow reader:
 *
 *     deno run -A bench/files/slow_readers.ts --engines listen,epoll,node
 *
 * It starts a server for each engine and downloads a file of 100 MiB many times,
 * on 16 connections. Without these downloads, the figures would mostly show V8's
 * young generation, which grows once, by up to 10 MiB, under any load. Then it opens the
 * connections, each of which asks for the file. The figure is the growth of the
 * server's resident memory from before the first of them, divided by their
 * number. The socket's buffers are the kernel's and do not count.
 *
 * Slow readers take a little every 100 ms, and stalled ones nothing. `--cold`
 * leaves the downloads out. Linux only.
 */
// deno-lint-ignore-file no-console

import { parseArgs } from "node:util";

const { values } = parseArgs({
  options: {
    engines: { type: "string", default: "listen,epoll,node" },
    readers: { type: "string", default: "200" },
    seconds: { type: "string", default: "5" },
    cold: { type: "boolean", default: false },
  },
});
const FILE_BYTES = 104_857_600;
const PIECE_BYTES = 32_768;
const PAUSE_MS = 100;
const WARM_UP_ROUNDS = 5;
const WARM_UP_CONNECTIONS = 16;
const readerCount = Number(values.readers);
const scratch = await Deno.makeTempDir({ prefix: "khttp-slow-readers-" });

const pause = (ms: number): Promise<void> =>
  new Promise((resolve) => setTimeout(resolve, ms));

/** Resident memory of a process, in KiB. */
function residentKib(pid: number): number {
  const status = Deno.readTextFileSync(`/proc/${pid}/status`);
  return Number(/^VmRSS:\s*([0-9]+) kB$/m.exec(status)?.[1]);
}

/** Opens a connection that asks for the file. */
async function ask(port: number, path = "/100m.bin"): Promise<Deno.TcpConn> {
  const conn = await Deno.connect({ hostname: "127.0.0.1", port });
  const head = `GET ${path} HTTP/1.1\r\nHost: a\r\n\r\n`;
  await conn.write(new TextEncoder().encode(head));
  return conn;
}

/** Reads until the connection is closed, with a pause after each piece. */
async function readSlowly(conn: Deno.TcpConn): Promise<void> {
  const buffer = new Uint8Array(PIECE_BYTES);
  try {
    while (await conn.read(buffer) !== null) await pause(PAUSE_MS);
  } catch {
    // The main program has closed it.
  }
}

/** Downloads the whole file, as fast as it comes. */
async function download(port: number): Promise<void> {
  using conn = await ask(port);
  const buffer = new Uint8Array(262_144);
  for (let count = 0; count < FILE_BYTES;) {
    count += await conn.read(buffer) ?? Infinity;
  }
}

async function waitForPort(port: number): Promise<void> {
  for (let attempt = 0; attempt < 100; attempt++) {
    try {
      (await Deno.connect({ hostname: "127.0.0.1", port })).close();
      return;
    } catch {
      await pause(100); // it is still starting
    }
  }
  throw new Error("Cannot connect: the server did not start within 10 s");
}

function freePort(): number {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return listener.addr.port;
}

/** KiB for each reader. */
async function measure(engine: string, isStalled: boolean): Promise<number> {
  const port = freePort();
  const program = decodeURIComponent(
    new URL("khttp.ts", import.meta.url).pathname,
  );
  const options = ["--engine", engine, "--port", `${port}`];
  const server = new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--no-check", program, ...options, "--folder", scratch],
  }).spawn();
  try {
    await waitForPort(port);
    for (let round = 0; round < WARM_UP_ROUNDS && !values.cold; round++) {
      const conns = Array.from({ length: WARM_UP_CONNECTIONS });
      await Promise.all(conns.map(() => download(port)));
    }
    await pause(1000);
    const before = residentKib(server.pid);
    const conns = [];
    for (let count = 0; count < readerCount; count++) {
      const conn = await ask(port);
      conns.push(conn);
      if (!isStalled) void readSlowly(conn);
    }
    await pause(Number(values.seconds) * 1000);
    const after = residentKib(server.pid);
    for (const conn of conns) conn.close();
    return (after - before) / readerCount;
  } finally {
    server.kill("SIGKILL");
    await server.status;
  }
}

try {
  const file = await Deno.create(`${scratch}/100m.bin`);
  await file.truncate(FILE_BYTES);
  file.close();
  for (const engine of values.engines.split(",")) {
    for (const isStalled of [false, true]) {
      const kib = await measure(engine, isStalled);
      const kind = isStalled ? "stalled" : "slow";
      console.log(`${engine}: ${kib.toFixed(1)} KiB for each ${kind} reader`);
    }
  }
} finally {
  await Deno.remove(scratch, { recursive: true });
}
