/** Checks that the scanner and the plain parser have the same outcome for any bytes. */

import { assert, assertEquals } from "@std/assert";
import { encodeLatin1 } from "../../../codec/ascii.ts";
import { NEED_DATA, ProtocolError } from "../../../codec/errors.ts";
import { DEFAULT_HEAD_LIMITS } from "../../../codec/limits.ts";
import {
  HeadOffset,
  type RequestHead,
  UNKNOWN_ROUTE,
} from "../../../codec/request_head.ts";
import { RequestHeadParser } from "../../../codec/request_parser.ts";
import { HeadScanner } from "../../../codec/simd/head_scanner.ts";
import {
  MODULE_BASE64,
  SOURCE_HASH,
} from "../../../codec/simd/head_scanner_wasm.ts";
import { SeededRandom } from "../../support/random.ts";

/** How many inputs are generated. */
const RUNS = Number(Deno.env.get("KHTTP_SCANNER_RUNS") ?? 100_000);

/** Small limits, so that generated heads reach them. */
const LIMITS = {
  ...DEFAULT_HEAD_LIMITS,
  maxMethodBytes: 12,
  maxTargetBytes: 60,
  maxHeaderBytes: 400,
  maxHeaderCount: 12,
  maxRequestHeadSize: 450,
  maxBodyBytes: 300,
};

const METHODS = [
  "GET",
  "HEAD",
  "POST",
  "CONNECT",
  "OPTIONS",
  "M-SEARCH",
  "A".repeat(17),
];
const TARGETS = [
  "/",
  "/a/b/c.html",
  "/a?b=c&d=%2Fx",
  "/%41%zz",
  "/%00",
  "/a%2",
  "/a\\b",
  "/a?\\x?y",
  "/[x]^{y}|`z",
  "/a#b",
  "*",
  "http://a/x",
  "a:443",
  "/" + "p".repeat(30),
  "/\xe9",
];
const LINES = [
  "Host: a",
  "host:a:8080",
  "Host: a:65535",
  "Host: [::1]:80",
  "HOST: a:65536",
  "Host: a:012345",
  "Host:",
  "Host: a b",
  "Connection: keep-alive",
  "connection: close, Upgrade",
  "Content-Length: 5",
  "content-length: 0",
  "Content-Length: 301",
  "content-length: 05x",
  "Transfer-Encoding: chunked",
  "transfer-encoding: gzip, chunked",
  "Expect: 100-continue",
  "Upgrade: websocket",
  "TE: trailers\xff",
  "Trailer: x",
  "Content-Type: text/plain",
  "Authorization: Basic eA==",
  "Cookie: a=b; c=d",
  "Accept: */*",
  "User-Agent: Mozilla/5.0 (X11; Linux x86_64) Gecko/20100101 \x80\xff",
  "X-Empty:",
  "X-Spaces: \t v \t ",
  "X-A-Longer-Name-Than-Sixteen: value",
  "x!#$%&'*+-.^_`|~9: v",
  " folded",
  "no colon",
  ": no name",
  "X\xe9: y",
];
/** Indexes of the lines that occur in usual heads. */
const USUAL_FROM = LINES.indexOf("Expect: 100-continue");
const USUAL_TO = LINES.indexOf(" folded");
const CHARACTERS = '\0\t\n\r :/?%#\\"<>\x7f\x80\xffAa09-_';

/** Generates mostly what clients send, otherwise any of the lists with some bytes changed. */
function generate(random: SeededRandom): string {
  const isUsual = random.below(3) > 0;
  const usual = <T>(items: readonly T[], count: number): T =>
    random.pick(isUsual ? items.slice(0, count) : items);
  const version = random.below(12) === 0 ? "HTTP/1.0" : "HTTP/1.1";
  let wire = `${usual(METHODS, 3)} ${usual(TARGETS, 3)} ${version}\r\n`;
  if (isUsual) wire += `${random.pick(LINES.slice(0, 3))}\r\n`;
  for (let lines = random.below(9); lines > 0; lines--) {
    const line = isUsual
      ? random.pick(LINES.slice(USUAL_FROM, USUAL_TO))
      : random.pick(LINES);
    wire += `${line}\r\n`;
  }
  wire += "\r\n";
  if (random.below(3) === 0) wire += "GET /next HTTP/1.1\r\nHost: b\r\n\r\n";
  for (let changes = random.below(4); changes > 1; changes--) {
    const at = random.below(wire.length + 1);
    const byte = CHARACTERS.charAt(random.below(CHARACTERS.length));
    wire = wire.slice(0, at) + byte + wire.slice(at + random.below(3));
  }
  return random.below(6) === 0
    ? wire.slice(0, random.below(wire.length))
    : wire;
}

/** Routes that some generated heads have, and others that none has. */
const ROUTES = [
  "GET /",
  "HEAD /",
  "GET /a/b/c.html",
  "POST /a",
  "GET /a",
  "M-SEARCH /" + "p".repeat(30),
  "GET /never",
];

function routeOf({ method, originPath }: RequestHead): string {
  return `${method} ${originPath}`;
}

/** Everything that can be compared of an outcome. */
function outcomeOf(
  parser: RequestHeadParser,
  bytes: Uint8Array,
  start: number,
  end: number,
): unknown {
  try {
    const head = parser.parse(bytes, start, end);
    if (head === NEED_DATA) return "more";
    if (head.route !== UNKNOWN_ROUTE) {
      assertEquals(head.route, 1 + ROUTES.indexOf(routeOf(head)));
    }
    return [
      head.flags,
      head.method,
      head.target,
      head.originPath,
      head.isHead,
      head.isConnect,
      head.minorVersion,
      head.sizeBytes,
      head.bodyLength,
      head.connectionOptions,
      head.expectsContinue,
      head.offersUpgrade,
      [...head.headers],
    ];
  } catch (error) {
    if (!(error instanceof ProtocolError)) throw error;
    return [error.code, error.offset];
  } finally {
    parser.reset();
  }
}

Deno.test("HeadScanner accepts and refuses what the plain parser does, with the same results", () => {
  const scanner = HeadScanner.maybeCreate(LIMITS);
  assert(scanner !== null);
  assert(scanner.learnRoutes(ROUTES));
  const { window } = scanner;
  const plain = new RequestHeadParser(LIMITS);
  const fast = new RequestHeadParser(LIMITS, scanner);
  const buffer = new Uint8Array(1024);
  let taken = 0;
  for (let seed = 1; seed <= RUNS; seed++) {
    const random = new SeededRandom(seed * 0x9e3779b1 + 1);
    const wire = generate(random);
    const why = `seed ${seed}: ${JSON.stringify(wire)}`;
    // Stale bytes after the end must not matter.
    buffer.fill(CHARACTERS.charCodeAt(random.below(CHARACTERS.length)));
    buffer.set(encodeLatin1(wire));
    const expected = outcomeOf(plain, buffer, 0, wire.length);
    assertEquals(outcomeOf(fast, buffer, 0, wire.length), expected, why);
    if (scanner.scan(buffer, 0, wire.length) !== 0) taken++;
    // The same at any offset in the window, up to its very end.
    const room = window.size - wire.length;
    const offset = random.below(4) === 0 ? room : random.below(room + 1);
    const start = window.start + offset;
    window.bytes.set(buffer.subarray(0, window.size - offset), start);
    const end = start + wire.length;
    assertEquals(outcomeOf(fast, window.bytes, start, end), expected, why);
    // The same at any offset in copied bytes.
    const shift = random.below(200);
    buffer.copyWithin(shift, 0, wire.length);
    scanner.copyIn(buffer, random.below(shift + 1), shift + wire.length);
    assertEquals(
      outcomeOf(fast, buffer, shift, shift + wire.length),
      expected,
      why,
    );
    scanner.dropCopy();
  }
  assert(taken > RUNS / 10, `the scanner took ${taken} of ${RUNS}`);
});

Deno.test("HeadScanner scans a host with any valid port, and leaves others to the plain parser", () => {
  const scanner = HeadScanner.maybeCreate(LIMITS);
  assert(scanner !== null);
  const ports = ["", "0", "80", "8080", "00080", "10000", "59999", "65535"];
  const others = ["65536", "65540", "66000", "70000", "99999", "080800", "8x"];
  for (const port of [...ports, ...others]) {
    const bytes = encodeLatin1(`GET / HTTP/1.1\r\nHost: a:${port}\r\n\r\n`);
    assertEquals(
      scanner.scan(bytes, 0, bytes.length),
      ports.includes(port) ? bytes.length : 0,
      port,
    );
  }
});

Deno.test("HeadScanner scans all copied heads one after the other", () => {
  const scanner = HeadScanner.maybeCreate(LIMITS);
  assert(scanner !== null);
  const parser = new RequestHeadParser(LIMITS, scanner);
  const targets = Array.from({ length: 300 }, (_, index) => `/${index}`);
  const bytes = encodeLatin1(
    targets.map((target) => `GET ${target} HTTP/1.1\r\nHost: a\r\n\r\n`)
      .join(""),
  );
  scanner.copyIn(bytes, 0, bytes.length);
  const found: string[] = [];
  for (let pos = 0; pos < bytes.length;) {
    const head = parser.parse(bytes, pos, bytes.length);
    assert(head !== NEED_DATA);
    found.push(head.target);
    pos += head.sizeBytes;
  }
  assertEquals(found, targets);
});

Deno.test("HeadScanner forgets a copy when the bytes of another array replace it", () => {
  const scanner = HeadScanner.maybeCreate(LIMITS);
  assert(scanner !== null);
  const parser = new RequestHeadParser(LIMITS, scanner);
  const other = new RequestHeadParser(LIMITS, scanner);
  const one = "GET /1 HTTP/1.1\r\nHost: a\r\n\r\n";
  const bytes = encodeLatin1(one + one.replace("/1 ", "/2 "));
  scanner.copyIn(bytes, 0, bytes.length);
  assert(parser.parse(bytes, 0, bytes.length) !== NEED_DATA);
  const intruder = encodeLatin1(one.repeat(2).replaceAll("/1 ", "/x "));
  assert(other.parse(intruder, 0, intruder.length) !== NEED_DATA);
  const head = parser.parse(bytes, one.length, bytes.length);
  assert(head !== NEED_DATA);
  assertEquals(head.target, "/2");
});

Deno.test("HeadScanner.learnRoutes() stores all routes or none", () => {
  const scanner = HeadScanner.maybeCreate(LIMITS);
  assert(scanner !== null);
  const keys = Array.from({ length: 5000 }, (_, index) => `GET /${index}`);
  assertEquals(scanner.learnRoutes(keys), false);
  const few = keys.slice(0, 1500);
  assertEquals(scanner.learnRoutes(few), true);
  for (const [index, key] of [...few, "GET /none", "get /0"].entries()) {
    const bytes = encodeLatin1(`${key}?q HTTP/1.1\r\nHost: a\r\n\r\n`);
    assertEquals(scanner.scan(bytes, 0, bytes.length), bytes.length);
    assertEquals(
      scanner.offsets[HeadOffset.ROUTE],
      index < few.length ? index + 1 : 0,
      key,
    );
  }
});

Deno.test("HeadScanner leaves a head that arrives in two parts to the plain parser", () => {
  const wire =
    "GET /a?b HTTP/1.1\r\nHost: a\r\nX-Note: one\r\nAccept: */*\r\n\r\n";
  const bytes = encodeLatin1(wire);
  for (let cut = 0; cut <= bytes.length; cut++) {
    const parser = new RequestHeadParser(
      LIMITS,
      HeadScanner.maybeCreate(LIMITS),
    );
    const first = parser.parse(bytes, 0, cut);
    const head = first === NEED_DATA
      ? parser.parse(bytes, 0, bytes.length)
      : first;
    assert(head !== NEED_DATA);
    assertEquals([head.target, head.headers.get("x-note")], ["/a?b", "one"]);
  }
});

Deno.test("a head that HeadScanner found stays valid once it is detached", () => {
  const parser = new RequestHeadParser(LIMITS, HeadScanner.maybeCreate(LIMITS));
  const bytes = encodeLatin1("GET /1 HTTP/1.1\r\nHost: a\r\nX: 1\r\n\r\n");
  const head = parser.parse(bytes, 0, bytes.length);
  assert(head !== NEED_DATA);
  const { headers } = head;
  parser.detach();
  const next = encodeLatin1("PUT /22 HTTP/1.1\r\nhost: bb\r\nYY: 22\r\n\r\n");
  assert(parser.parse(next, 0, next.length) !== NEED_DATA);
  assertEquals([head.target, headers.get("x"), head.headers.count], [
    "/1",
    "1",
    2,
  ]);
});

Deno.test("the embedded module matches its source, is small and imports nothing", async () => {
  const source = await Deno.readFile(
    new URL("../../../codec/simd/head_scanner.as", import.meta.url),
  );
  const hash = new Uint8Array(await crypto.subtle.digest("SHA-256", source));
  assertEquals(hash.toHex(), SOURCE_HASH);
  const bytes = Uint8Array.fromBase64(MODULE_BASE64);
  assert(bytes.length < 6144);
  const module = new WebAssembly.Module(bytes);
  assertEquals(WebAssembly.Module.imports(module), []);
  const { exports } = new WebAssembly.Instance(module);
  const memory = exports.memory as WebAssembly.Memory; // declared in head_scanner.as
  assertEquals(memory.buffer.byteLength, 458_752);
});
