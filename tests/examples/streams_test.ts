/**
 * The example that streams: what comes back, when, and in how much memory. 50
 * MiB go through each stream; the process may grow by MAX_GROWTH_BYTES in
 * total, which has no room for one of these bodies in addition to V8's garbage.
 */

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { createHash } from "node:crypto";
import { gunzipSync } from "node:zlib";
import { type Program, startExample } from "../support/program.ts";
import { SeededRandom } from "../support/random.ts";
import { decodeLatin1, encodeLatin1 } from "../support/latin1.ts";
import { RawClient } from "../support/raw_client.ts";
import { request } from "../support/serve.ts";
import { writeAll } from "../support/write_all.ts";

const PIECE_BYTES = 65_536;
const PIECES = 800;
const BODY_BYTES = PIECES * PIECE_BYTES;
const MAX_GROWTH_BYTES = 64 * 1024 * 1024;

/** A writer that makes no progress for this long, in ms, counts as blocked. */
const STALL_MS = 300;

/** How long one body may take, in ms. */
const BODY_DEADLINE_MS = 120_000;

const UPPER_CASE = "ABCDEFGHIJKLMNOPQRSTUVWXYZ";
const LOWER_CASE = UPPER_CASE.toLowerCase();
const LETTERS = UPPER_CASE + LOWER_CASE;
const ROTATED = "NOPQRSTUVWXYZABCDEFGHIJKLM" + "nopqrstuvwxyzabcdefghijklm";

/** A table that maps the characters of one string to those of another, and all other bytes to themselves. */
function table(from: string, to: string): Uint8Array {
  const bytes = Uint8Array.from({ length: 256 }, (_, byte) => byte);
  for (let i = 0; i < from.length; i++) {
    bytes[from.charCodeAt(i)] = to.charCodeAt(i);
  }
  return bytes;
}

const SAME = table("", "");

/** The mapping of each stream; gzip is unpacked first. */
const tables: Readonly<Record<string, Uint8Array>> = {
  "/echo": SAME,
  "/upper": table(LOWER_CASE, UPPER_CASE),
  "/rot13": table(LETTERS, ROTATED),
  "/gzip": SAME,
};

/** Random bytes, which do not compress; no two pieces are equal. */
function* pieces(): Generator<Uint8Array<ArrayBuffer>> {
  const random = new SeededRandom(13);
  const base = Uint8Array.from(
    { length: PIECE_BYTES },
    () => random.below(256),
  );
  for (let index = 0; index < PIECES; index++) {
    const piece = base.slice();
    new DataView(piece.buffer).setUint32(random.below(PIECE_BYTES - 4), index);
    yield piece;
  }
}

function expectedHash(bytes: Uint8Array): string {
  const hash = createHash("sha256");
  // a table has an entry for each byte
  for (const piece of pieces()) hash.update(piece.map((at) => bytes[at]!));
  return hash.digest("hex");
}

async function hashOf(stream: ReadableStream<Uint8Array>): Promise<string> {
  const hash = createHash("sha256");
  for await (const piece of stream) hash.update(piece);
  return hash.digest("hex");
}

/** A line of a process's status on Linux, in bytes; `null` on other systems. */
async function readMemory(
  program: Program,
  line: "VmHWM" | "VmRSS",
): Promise<number | null> {
  if (Deno.build.os !== "linux") return null;
  const text = await Deno.readTextFile(`/proc/${program.pid}/status`);
  const [, kibibytes] = new RegExp(`^${line}:\\s*(\\d+) kB$`, "m").exec(text) ??
    [];
  return Number(kibibytes) * 1024;
}

/** Fails if the process was ever larger than it may get. */
async function checkGrowth(
  program: Program,
  begun: number | null,
): Promise<void> {
  const peak = await readMemory(program, "VmHWM");
  if (begun === null || peak === null) return;
  const grown = peak - begun;
  assert(grown <= MAX_GROWTH_BYTES, `grew by ${grown} bytes from ${begun}`);
}

function unpack(
  path: string,
  stream: ReadableStream<Uint8Array<ArrayBuffer>>,
): ReadableStream<Uint8Array> {
  if (path !== "/gzip") return stream;
  return stream.pipeThrough(new DecompressionStream("gzip"));
}

Deno.test("streams sends 50 MiB back through each stream, in bounded memory", async () => {
  await using program = await startExample("streams");
  await program.printed("/\n");
  const before = program.stdout.length;
  const begun = await readMemory(program, "VmRSS");
  for (const [path, bytes] of Object.entries(tables)) {
    const response = await fetch(`http://127.0.0.1:${program.port}${path}`, {
      method: "POST",
      body: ReadableStream.from(pieces()),
      signal: AbortSignal.timeout(BODY_DEADLINE_MS),
    });
    assert(response.body !== null);
    const hash = await hashOf(unpack(path, response.body));
    assertEquals([path, hash], [path, expectedHash(bytes)]);
  }
  await checkGrowth(program, begun);
  await program.printed(shownEnd());
  assertEquals(program.stdout.length - before, BODY_BYTES);
});

/** What the terminal shows of a body's end. */
function shownEnd(): string {
  const last = [...pieces()].at(-1)?.subarray(-100) ?? [];
  return Array.from(last, (byte) => {
    const isShown = byte === 9 || byte === 10 || byte >= 32 && byte < 127;
    return isShown ? String.fromCharCode(byte).toUpperCase() : ".";
  }).join("");
}

for (const [path, bytes] of Object.entries(tables)) {
  Deno.test(`streams stops reading from a client that does not read from ${path}`, async () => {
    await using program = await startExample("streams");
    const begun = await readMemory(program, "VmRSS");
    const conn = await Deno.connect({
      hostname: "127.0.0.1",
      port: program.port,
    });
    const timer = setTimeout(() => conn.close(), BODY_DEADLINE_MS);
    let written = 0;
    const write = async (): Promise<void> => {
      const fields = `Content-Length: ${BODY_BYTES}\r\nConnection: close\r\n`;
      await writeAll(conn, encodeLatin1(request(`POST ${path}`, fields)));
      for (const piece of pieces()) {
        await writeAll(conn, piece);
        written += piece.length;
      }
    };
    const writing = write();
    for (let before = -1; before < written || written === 0;) {
      before = written;
      await new Promise((resolve) => setTimeout(resolve, STALL_MS));
    }
    assert(written < BODY_BYTES, "nothing blocked the writer");
    await checkGrowth(program, begun);
    const body = decodeChunks(conn.readable);
    assertEquals(await hashOf(unpack(path, body)), expectedHash(bytes));
    await writing;
    clearTimeout(timer);
    await checkGrowth(program, begun);
  });
}

/** The payload of a chunked response, up to the connection's end. */
function decodeChunks(
  stream: ReadableStream<Uint8Array<ArrayBuffer>>,
): ReadableStream<Uint8Array<ArrayBuffer>> {
  let line = "";
  /** Bytes left of a chunk and its CRLF; 0 in a line, -1 in the head. */
  let left = -1;
  return stream.pipeThrough(
    new TransformStream({
      transform(bytes, controller): void {
        for (let at = 0; at < bytes.length;) {
          if (left > 0) {
            const taken = bytes.subarray(at, at + left);
            const payload = Math.min(taken.length, Math.max(0, left - 2));
            if (payload > 0) controller.enqueue(taken.subarray(0, payload));
            left -= taken.length;
            at += taken.length;
            continue;
          }
          line += String.fromCharCode(bytes[at++]!); // below the length
          if (left === -1 && line.endsWith("\r\n\r\n")) {
            assertStringIncludes(line, "transfer-encoding: chunked\r\n");
            [line, left] = ["", 0];
          } else if (left === 0 && line.endsWith("\r\n")) {
            left = parseInt(line, 16) + 2;
            line = "";
          }
        }
      },
      flush(): void {
        assertEquals([line, left], ["", 0]);
      },
    }),
  );
}

function chunk(data: string): string {
  return `${data.length.toString(16)}\r\n${data}\r\n`;
}

/** Bodies are sent and awaited in these pieces. */
const halves: Readonly<Record<string, readonly [string, string]>> = {
  "/echo": ["Hello, ", "World \xe9!"],
  "/upper": ["HELLO, ", "WORLD \xe9!"],
  "/rot13": ["Uryyb, ", "Jbeyq \xe9!"],
};

Deno.test("streams sends the first bytes back before the last were sent", async () => {
  await using program = await startExample("streams");
  using client = await RawClient.connect(program.port);
  for (const [path, [first, second]] of Object.entries(halves)) {
    await client.send(
      request(`POST ${path}`, "Transfer-Encoding: chunked\r\n") +
        chunk("Hello, "),
    );
    const head = await client.head();
    assertStringIncludes(head, "content-type: application/octet-stream\r\n");
    assertEquals(await client.chunk(), first);
    await client.send(chunk("World \xe9!"));
    assertEquals(await client.chunk(), second);
    await client.send("0\r\n\r\n");
    assertEquals(await client.chunk(), "");
    assertEquals(await client.take(2), "\r\n");
  }
  assertStringIncludes(program.stdout, "HELLO, WORLD .!");
});

Deno.test("streams sends the first bytes of a gzip file before the last were sent", async () => {
  await using program = await startExample("streams");
  using client = await RawClient.connect(program.port);
  const fields = "Transfer-Encoding: chunked\r\n";
  const random = new SeededRandom(7);
  const half = (): string =>
    decodeLatin1(Uint8Array.from({ length: 50_000 }, () => random.below(256)));
  const [first, second] = [half(), half()];
  await client.send(request("POST /gzip", fields) + chunk(first));
  assertStringIncludes(await client.head(), "content-type: application/gzip");
  let packed = await client.chunk();
  assertEquals(packed.slice(0, 3), "\x1f\x8b\x08");
  await client.send(chunk(second) + "0\r\n\r\n");
  for (let piece = packed; piece !== "";) {
    piece = await client.chunk();
    packed += piece;
  }
  const unpacked = gunzipSync(encodeLatin1(packed));
  assertEquals(decodeLatin1(unpacked), first + second);
});

Deno.test({
  name:
    "streams continues when clients disconnect in the middle, and ends normally",
  ignore: Deno.build.os === "windows", // a signal ends a process there
  fn: async () => {
    await using program = await startExample("streams");
    const begin = "Content-Length: 10000000\r\n";
    for (const path of Object.keys(tables)) {
      for (let round = 0; round < 10; round++) {
        using client = await RawClient.connect(program.port);
        await client.send(request(`POST ${path}`, begin) + "a".repeat(100_000));
        if (round % 2 === 0) await client.head();
      }
      using client = await RawClient.connect(program.port);
      const wire = request(`POST ${path}`, "", "Hello");
      const answer = await client.ask(wire);
      assertEquals(answer.status, 200);
      if (path === "/gzip") continue;
      const bytes = encodeLatin1("Hello").map((byte) =>
        tables[path]?.[byte] ?? 0
      );
      assertEquals(answer.body, decodeLatin1(bytes));
    }
    program.signal("SIGTERM");
    assertEquals([await program.ended(), program.stderr], [0, ""]);
  },
});

Deno.test("streams shows pieces on the terminal without control characters", async () => {
  await using program = await startExample("streams");
  using client = await RawClient.connect(program.port);
  const body = "\x1b[2Jabc\x9b\0\r\n\tx";
  const answer = await client.ask(request("POST /upper", "", body));
  assertEquals(answer.body, "\x1b[2JABC\x9b\0\r\n\tX");
  await program.printed(".[2JABC...\n\tX");
});

Deno.test("streams lists its paths, and accepts only POST there", async () => {
  await using program = await startExample("streams");
  using client = await RawClient.connect(program.port);
  const index = await client.ask(request("GET /"));
  for (const path of Object.keys(tables)) {
    assertStringIncludes(index.body, path);
    const answer = await client.ask(request(`GET ${path}`));
    assertEquals([answer.status, answer.headers.get("allow")], [
      405,
      "OPTIONS, POST",
    ]);
  }
});
