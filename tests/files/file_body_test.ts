/** Files as bodies: large ones, ranges past 4 GiB, and what happens to their descriptors. */

import { assert, assertEquals, assertRejects } from "@std/assert";
import { createHash } from "node:crypto";
import { serveDir } from "../../files/mod.ts";
import { testEngines } from "../support/engines.ts";
import { Program } from "../support/program.ts";
import { RawClient } from "../support/raw_client.ts";
import { request, type TestServer } from "../support/serve.ts";
import { ShiftedClock } from "../support/shifted_clock.ts";
import { ask, Site } from "../support/site.ts";
import { until } from "../support/turns.ts";

const MIB = 1024 * 1024;
const GIB = 1024 * MIB;
const BIG_BYTES = 20 * MIB;

/** More than the sockets between server and client hold. */
const HUGE_BYTES = 200 * MIB;

/** Clients that read fast, and how much each of them gets, in bytes: many turns of the event loop. */
const FAST_CLIENTS = 8;
const SHARE_BYTES = 30 * MIB;

const hasProc = Deno.build.os === "linux";

/** Makes a file of zeros that takes no space. */
function makeSparse(path: string, size: number): void {
  using file = Deno.openSync(path, { create: true, write: true });
  file.truncateSync(size);
}

function hashOf(data: Uint8Array): string {
  return createHash("sha256").update(data).digest("hex");
}

testEngines(
  "serveDir() sends large files unchanged, whole and in ranges",
  async (engine) => {
    await using site = await Site.make({});
    const bytes = new Uint8Array(BIG_BYTES);
    for (let at = 0; at < BIG_BYTES; at++) bytes[at] = at * 31 + (at >> 8);
    await Deno.writeFile(`${site.path}/big.bin`, bytes);
    await using server = engine.serve((app) => {
      app.get("/**", serveDir(site.path));
    });
    const url = `http://127.0.0.1:${server.port}/big.bin`;
    const sizes = [65_535, 65_536, 65_537, 8192, BIG_BYTES];
    for (const size of sizes) {
      const start = Math.min(12_345, BIG_BYTES - size);
      const range = `bytes=${start}-${start + size - 1}`;
      const response = await fetch(url, { headers: { range } });
      assertEquals(response.status, 206);
      const expected = bytes.subarray(start, start + size);
      assertEquals(hashOf(await response.bytes()), hashOf(expected));
    }
    const whole = await fetch(url);
    assertEquals(whole.headers.get("content-length"), `${BIG_BYTES}`);
    assertEquals(hashOf(await whole.bytes()), hashOf(bytes));
    const several = await fetch(url, {
      headers: { range: "bytes=0-99999,1000000-1099999" },
    });
    const body = await several.bytes();
    assertEquals(Number(several.headers.get("content-length")), body.length);
    const text = new TextDecoder("latin1").decode(body.subarray(0, 500));
    const start = text.indexOf("\r\n\r\n") + 4;
    assertEquals(
      hashOf(body.subarray(start, start + 100_000)),
      hashOf(bytes.subarray(0, 100_000)),
    );
    assertEquals(server.errors, []);
  },
);

testEngines("serveDir() sends ranges past 4 GiB", async (engine) => {
  await using site = await Site.make({});
  const path = `${site.path}/huge.bin`;
  const size = 5 * GIB + 10;
  makeSparse(path, size);
  {
    using file = Deno.openSync(path, { write: true });
    file.seekSync(5 * GIB, Deno.SeekMode.Start);
    file.writeSync(new TextEncoder().encode("0123456789"));
  }
  await using server = engine.serve((app) => {
    app.get("/**", serveDir(site.path));
  });
  const cases = [
    ["bytes=-4", "6789", `bytes ${size - 4}-${size - 1}/${size}`],
    [
      `bytes=${5 * GIB + 2}-${5 * GIB + 3}`,
      "23",
      `bytes ${5 * GIB + 2}-${5 * GIB + 3}/${size}`,
    ],
  ] as const;
  for (const [range, body, contentRange] of cases) {
    const answer = await ask(server, "GET /huge.bin", `Range: ${range}\r\n`);
    assertEquals([answer.status, answer.body], [206, body]);
    assertEquals(answer.headers.get("content-range"), contentRange);
  }
  const head = await ask(server, "HEAD /huge.bin");
  assertEquals(head.headers.get("content-length"), `${size}`);
});

/** Sends a request and waits until part of the body has arrived. */
async function begin(server: TestServer, path: string): Promise<RawClient> {
  const client = await server.connect();
  await client.send(request(`GET ${path}`));
  await client.head();
  await client.take(100_000);
  return client;
}

testEngines(
  "serveDir() has no file open after 200, 206, 304, 404, 412, 416, HEAD and a redirect",
  async (engine) => {
    if (!hasProc) return;
    await using site = await Site.make({
      "a.txt": "a",
      "a.txt.gz": "z",
      "d/": "",
    });
    makeSparse(`${site.path}/big.bin`, MIB);
    await using server = engine.serve((app) => {
      app.get(
        "/weak/**",
        serveDir(site.path, { precompressed: true, listing: true }),
      );
      app.get("/strong/**", serveDir(site.path, { etag: "strong" }));
    });
    const requests: readonly (readonly [line: string, fields?: string])[] = [
      ["GET /weak/a.txt"],
      ["GET /weak/a.txt", "Accept-Encoding: gzip\r\n"],
      ["GET /weak/a.txt", "Accept-Encoding: br, identity;q=0\r\n"],
      ["HEAD /weak/big.bin"],
      ["GET /weak/big.bin"],
      ["GET /weak/big.bin", "Range: bytes=0-9,20-90000\r\n"],
      ["GET /weak/big.bin", "If-None-Match: *\r\n"],
      ["GET /weak/big.bin", 'If-Match: "x"\r\n'],
      ["GET /weak/big.bin", "Range: bytes=99999999-\r\n"],
      ["GET /weak/big.bin/"],
      ["GET /weak/d"],
      ["GET /weak/d/"],
      ["GET /weak/nothing"],
      ["GET /strong/big.bin"],
      ["HEAD /strong/big.bin"],
      ["GET /strong/d/"],
    ];
    for (const [line, fields] of requests) {
      await ask(server, line, fields);
      assertEquals([line, site.countOpen()], [line, 0]);
    }
  },
);

testEngines(
  "serveDir() closes the files of clients that leave in the middle",
  async (engine) => {
    if (!hasProc) return;
    await using site = await Site.make({});
    makeSparse(`${site.path}/huge.bin`, HUGE_BYTES);
    await using server = engine.serve((app) => {
      app.get("/**", serveDir(site.path, { cache: false }));
    });
    const clients: RawClient[] = [];
    for (let count = 0; count < 5; count++) {
      clients.push(await begin(server, "/huge.bin"));
    }
    assert(site.countOpen() >= 5); // the runtime may hold a copy while it reads
    for (const client of clients) client.close();
    await until(() => site.countOpen() === 0);
  },
);

testEngines(
  "serveDir() has a large file open once for all clients, while one of them takes it",
  async (engine) => {
    if (!hasProc) return;
    await using site = await Site.make({});
    const path = `${site.path}/huge.bin`;
    makeSparse(path, HUGE_BYTES);
    using clock = new ShiftedClock(0);
    await using server = engine.serve((app) => {
      app.get("/**", serveDir(site.path, { cache: { checkEveryMs: 1e9 } }));
    });
    const clients: RawClient[] = [];
    for (let count = 0; count < 5; count++) {
      clients.push(await begin(server, "/huge.bin"));
    }
    // A read of the runtime holds a copy of the descriptor while it lasts.
    await until(() => site.countOpen() === 1);
    const head = await ask(server, "HEAD /huge.bin");
    assertEquals(head.headers.get("content-length"), `${HUGE_BYTES}`);
    for (const client of clients.splice(1)) client.close();
    await Deno.truncate(path, HUGE_BYTES + 1);
    clock.advance(5); // the metadata is not read again for 5 ms
    const changed = await ask(server, "HEAD /huge.bin");
    assertEquals(changed.headers.get("content-length"), `${HUGE_BYTES + 1}`);
    clients[0]?.close();
    await until(() => site.countOpen() === 0);
    assertEquals((await ask(server, "HEAD /huge.bin")).status, 200);
    assertEquals(site.countOpen(), 0);
  },
);

testEngines(
  "serveDir() lets all clients take a large file that others read fast, and answers small requests meanwhile",
  async (engine) => {
    await using site = await Site.make({ "a.txt": "a" });
    makeSparse(`${site.path}/endless.bin`, 500 * GIB);
    await using server = engine.serve((app) => {
      app.get("/**", serveDir(site.path));
    });
    const sizes = new Array<number>(FAST_CLIENTS).fill(0);
    const areDone = (): boolean => sizes.every((size) => size >= SHARE_BYTES);
    // Each one reads on until the last one has its share.
    const reading = sizes.map(async (_, at) => {
      using conn = await Deno.connect({ port: server.port });
      const head = new TextEncoder().encode(request("GET /endless.bin"));
      await conn.write(head);
      const buffer = new Uint8Array(MIB);
      while (!areDone()) sizes[at]! += await conn.read(buffer) ?? 0;
    });
    while (!areDone()) {
      assertEquals((await ask(server, "GET /a.txt")).body, "a");
    }
    await Promise.all(reading);
  },
);

testEngines(
  "serveDir() cuts the connection when the file shrinks while it is sent",
  async (engine) => {
    await using site = await Site.make({});
    const path = `${site.path}/huge.bin`;
    makeSparse(path, HUGE_BYTES);
    await using server = engine.serve((app) => {
      app.get("/**", serveDir(site.path));
    });
    using client = await begin(server, "/huge.bin");
    await Deno.truncate(path, 1000);
    let received = 100_000;
    await assertRejects(async () => {
      for (;;) {
        await client.take(65_536);
        received += 65_536;
      }
    });
    assert(received < HUGE_BYTES);
    await until(() => server.errors.length > 0);
    assert(`${server.errors[0]}`.includes("Cannot send file: it ends at byte"));
    if (hasProc) assertEquals(site.countOpen(), 0);
  },
);

testEngines(
  "serveDir() sends the size that it declared when the file grows",
  async (engine) => {
    await using site = await Site.make({});
    const path = `${site.path}/huge.bin`;
    makeSparse(path, HUGE_BYTES / 10);
    await using server = engine.serve((app) => {
      app.get("/**", serveDir(site.path));
    });
    using client = await begin(server, "/huge.bin");
    await Deno.truncate(path, HUGE_BYTES);
    await client.take(HUGE_BYTES / 10 - 100_000);
    const next = await client.ask(request("HEAD /huge.bin"));
    assertEquals(next.headers.get("content-length"), `${HUGE_BYTES}`);
  },
);

/** Descriptors that the process may have: few, so that connections use them up. */
const MAX_DESCRIPTORS = 64;

testEngines(
  "serveDir() answers 503 without descriptors, and recovers",
  async (engine) => {
    if (!hasProc) return;
    await using site = await Site.make({ "a.txt": "text" });
    await using program = await Program.start({
      args: [
        "run",
        "-A",
        "tests/programs/file_server.ts",
        engine.name,
        site.path,
      ],
      maxDescriptors: MAX_DESCRIPTORS,
    });
    using client = await RawClient.connect(program.port);
    const get = () => client.ask(request("GET /a.txt"));
    assertEquals((await get()).status, 200);
    const others = await Promise.all(
      Array.from({ length: 100 }, () => RawClient.connect(program.port)),
    );
    await program.untilOutput(() =>
      program.stderr.includes("os error 24") ||
      program.stderr.includes("EMFILE")
    );
    const refused = await get();
    assertEquals([refused.status, refused.headers.get("retry-after")], [
      503,
      "1",
    ]);
    for (const other of others) other.close();
    let last = refused;
    while (last.status === 503) last = await get(); // the client's deadline bounds this
    assertEquals([last.status, last.body], [200, "text"]);
    assert(!program.stderr.includes("panicked"), program.stderr);
  },
);
