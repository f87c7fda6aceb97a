/** The scanner and the plain parser are one: the same outcome for any octets. */

import { assert, assertEquals } from "@std/assert";
import { encodeOctets } from "../../../codec/ascii.ts";
import { NEED_DATA, ProtocolError } from "../../../codec/errors.ts";
import { DEFAULT_HEAD_LIMITS } from "../../../codec/limits.ts";
import { RequestHeadParser } from "../../../codec/request_parser.ts";
import { HeadScanner } from "../../../codec/simd/head_scanner.ts";
import {
  MODULE_BASE64,
  SOURCE_HASH,
} from "../../../codec/simd/head_scanner_wasm.ts";
import { SeededRandom } from "../../_random.ts";

/** How many inputs are generated; ten million were, once. */
const RUNS = Number(Deno.env.get("KHTTP_SCANNER_RUNS") ?? 100_000);

/** Small limits, so that generated heads meet them. */
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
  "Host: [::1]:80",
  "HOST: a:99999",
  "Host:",
  "Host: a b",
  "Connection: keep-alive",
  "connection: close, Upgrade",
  "Content-Length: 5",
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
/** Lines that stand in usual heads, by their places in the list. */
const USUAL_FROM = LINES.indexOf("Expect: 100-continue");
const USUAL_TO = LINES.indexOf(" folded");
const OCTETS = '\0\t\n\r :/?%#\\"<>\x7f\x80\xffAa09-_';

/** Mostly what a client sends; otherwise anything of the lists, and changed octets. */
function generate(random: SeededRandom): string {
  const isUsual = random.below(3) > 0;
  const usual = <T>(items: readonly T[], count: number): T =>
    random.pick(isUsual ? items.slice(0, count) : items);
  const version = random.below(12) === 0 ? "HTTP/1.0" : "HTTP/1.1";
  let wire = `${usual(METHODS, 3)} ${usual(TARGETS, 3)} ${version}\r\n`;
  if (isUsual) wire += `${random.pick(LINES.slice(0, 2))}\r\n`;
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
    const octet = OCTETS.charAt(random.below(OCTETS.length));
    wire = wire.slice(0, at) + octet + wire.slice(at + random.below(3));
  }
  return random.below(6) === 0
    ? wire.slice(0, random.below(wire.length))
    : wire;
}

/** All that can be told of an outcome. */
function outcomeOf(
  parser: RequestHeadParser,
  bytes: Uint8Array,
  end: number,
): unknown {
  try {
    const head = parser.parse(bytes, 0, end);
    if (head === NEED_DATA) return "more";
    const { host, contentLength, connection, expect, upgrade } = head.index;
    return [
      head.method,
      head.target,
      head.originPath,
      head.minorVersion,
      head.sizeBytes,
      head.bodyLength,
      head.connectionOptions,
      head.expectsContinue,
      head.offersUpgrade,
      [host, contentLength, connection, expect, upgrade],
      [...head.headers],
    ];
  } catch (error) {
    if (!(error instanceof ProtocolError)) throw error;
    return [error.code, error.offset];
  } finally {
    parser.reset();
  }
}

Deno.test("the scanner takes and refuses what the plain parser does, and finds the same in it", () => {
  const scanner = HeadScanner.maybeCreate(LIMITS);
  assert(scanner !== null);
  const plain = new RequestHeadParser(LIMITS);
  const fast = new RequestHeadParser(LIMITS, scanner);
  const buffer = new Uint8Array(1024);
  let taken = 0;
  for (let seed = 1; seed <= RUNS; seed++) {
    const random = new SeededRandom(seed * 0x9e3779b1 + 1);
    const wire = generate(random);
    // Stale octets behind the end must not matter.
    buffer.fill(OCTETS.charCodeAt(random.below(OCTETS.length)));
    buffer.set(encodeOctets(wire));
    const expected = outcomeOf(plain, buffer, wire.length);
    const actual = outcomeOf(fast, buffer, wire.length);
    if (scanner.scan(buffer, wire.length) !== 0) taken++;
    assertEquals(actual, expected, `seed ${seed}: ${JSON.stringify(wire)}`);
  }
  assert(taken > RUNS / 10, `the scanner took ${taken} of ${RUNS}`);
});

Deno.test("the scanner goes on in the plain parser when a head comes in two parts", () => {
  const wire =
    "GET /a?b HTTP/1.1\r\nHost: a\r\nX-Note: one\r\nAccept: */*\r\n\r\n";
  const bytes = encodeOctets(wire);
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

Deno.test("a head that the scanner found holds once it is detached", () => {
  const parser = new RequestHeadParser(LIMITS, HeadScanner.maybeCreate(LIMITS));
  const bytes = encodeOctets("GET /1 HTTP/1.1\r\nHost: a\r\nX: 1\r\n\r\n");
  const head = parser.parse(bytes, 0, bytes.length);
  assert(head !== NEED_DATA);
  const { headers } = head;
  parser.detach();
  const next = encodeOctets("PUT /22 HTTP/1.1\r\nhost: bb\r\nYY: 22\r\n\r\n");
  assert(parser.parse(next, 0, next.length) !== NEED_DATA);
  assertEquals([head.target, headers.get("x"), head.headers.count], [
    "/1",
    "1",
    2,
  ]);
});

Deno.test("the embedded module was built from the source beside it, is small and imports nothing", async () => {
  const source = await Deno.readFile(
    new URL("../../../codec/simd/head_scanner.as", import.meta.url),
  );
  const hash = new Uint8Array(await crypto.subtle.digest("SHA-256", source));
  assertEquals(hash.toHex(), SOURCE_HASH);
  const bytes = Uint8Array.fromBase64(MODULE_BASE64);
  assert(bytes.length < 4096);
  const module = new WebAssembly.Module(bytes);
  assertEquals(WebAssembly.Module.imports(module), []);
  const { exports } = new WebAssembly.Instance(module);
  const memory = exports.memory as WebAssembly.Memory; // as the source has it
  assertEquals(memory.buffer.byteLength, 65_536);
});
