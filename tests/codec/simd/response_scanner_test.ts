/** Checks that the scanner of responses and the plain parser have the same outcome for any bytes. */

import { assert, assertEquals } from "@std/assert";
import { encodeLatin1 } from "../../../codec/ascii.ts";
import { NEED_DATA, ProtocolError } from "../../../codec/errors.ts";
import { DEFAULT_HEAD_LIMITS } from "../../../codec/limits.ts";
import { ResponseHeadParser } from "../../../codec/response_parser.ts";
import { ResponseScanner } from "../../../codec/simd/response_scanner.ts";
import { SeededRandom } from "../../support/random.ts";

/** How many inputs are generated. */
const RUNS = Number(Deno.env.get("KHTTP_SCANNER_RUNS") ?? 100_000);

/** Small limits, so that generated heads reach them. */
const LIMITS = {
  ...DEFAULT_HEAD_LIMITS,
  maxHeaderBytes: 300,
  maxHeaderCount: 9,
};

const STATUS_LINES = [
  "HTTP/1.1 200 OK",
  "HTTP/1.1 404 Not Found",
  "HTTP/1.0 200 OK",
  "HTTP/1.1 204 No Content",
  "HTTP/1.1 304 Not Modified",
  "HTTP/1.1 100 Continue",
  "HTTP/1.1 999 ",
  "HTTP/1.1 200",
  "HTTP/1.1 302 F\xf6und \t x",
  "HTTP/1.1 099 x",
  "HTTP/1.1 20 OK",
  "HTTP/1.1 2000 OK",
  "HTTP/1.2 200 OK",
  "HTTP/2.0 200 OK",
  "http/1.1 200 OK",
  "HTTP/1.1  200 OK",
  "HTTP/1.1 200  OK",
  "HTTP/1.1 200 " + "r".repeat(40),
];
/** The status lines of usual heads. */
const USUAL_STATUS_LINES = STATUS_LINES.indexOf("HTTP/1.1 099 x");

const LINES = [
  "Content-Length: 5",
  "Transfer-Encoding: chunked",
  "Connection: close",
  "Content-Type: text/plain; charset=utf-8",
  "Date: Thu, 01 Jan 2026 00:00:00 GMT",
  "Server: x",
  "Set-Cookie: a=b; Path=/; HttpOnly",
  "Keep-Alive: timeout=5, max=100",
  "connection: keep-alive",
  "CONTENT-LENGTH:13",
  "Vary: Accept-Encoding, Cookie",
  "Accept-Ranges: bytes",
  "Cache-Control: private, max-age=0, must-revalidate",
  "X-Empty:",
  "X-Spaces: \t v \t ",
  "X-A-Longer-Name-Than-Sixteen: value",
  "x!#$%&'*+-.^_`|~9: v",
  "Permissions-Policy: geolocation=()",
  "Proxy-Authenticate: Basic",
  "Expires: 0",
  'Etag: "\x80\xff"',
  "Content-Length: 05x",
  "Content-Length: 9007199254740992",
  "Content-Length: 1234567890123456",
  "Content-Length:",
  "transfer-encoding: gzip, chunked",
  "Transfer-Encoding: Chunked",
  "Connection: close, Upgrade",
  "Connection: ,",
  "Connection: a b",
  "Upgrade: websocket",
  "upgrade: \xe9",
  "Trailer: x",
  "TE: trailers\xff",
  "Host: a",
  "Expect: 100-continue",
  "Authorization: Basic eA==",
  "Proxy-Authorization: Basic eA==",
  " folded",
  "no colon",
  ": no name",
  "X\xe9: y",
];
/** The lines of usual heads. */
const USUAL_LINES = LINES.indexOf("Content-Length: 05x");
const CHARACTERS = '\0\t\n\r :/?%#\\"<>\x7f\x80\xffAa09-_';

/** Generates mostly what servers send, otherwise any of the lists with some bytes changed. */
function generate(random: SeededRandom): string {
  const isUsual = random.below(3) > 0;
  const some = <T>(items: readonly T[], usual: number): T =>
    random.pick(isUsual ? items.slice(0, usual) : items);
  let wire = `${some(STATUS_LINES, USUAL_STATUS_LINES)}\r\n`;
  for (let lines = random.below(11); lines > 0; lines--) {
    wire += `${some(LINES, USUAL_LINES)}\r\n`;
  }
  wire += "\r\n";
  if (random.below(3) === 0) wire += "HTTP/1.1 299 next\r\n\r\n";
  for (let changes = random.below(4); changes > 1; changes--) {
    const at = random.below(wire.length + 1);
    const byte = CHARACTERS.charAt(random.below(CHARACTERS.length));
    wire = wire.slice(0, at) + byte + wire.slice(at + random.below(3));
  }
  return random.below(6) === 0
    ? wire.slice(0, random.below(wire.length))
    : wire;
}

/** Everything that can be compared of an outcome. */
function outcomeOf(
  parser: ResponseHeadParser,
  bytes: Uint8Array,
  [start, end]: readonly [number, number],
  method: string,
): unknown {
  try {
    const head = parser.parse(bytes, start, end, method);
    if (head === NEED_DATA) return "more";
    const { status, reason, minorVersion, sizeBytes, bodyLength } = head;
    if (!head.hasKeepAlive) assert(!head.headers.has("keep-alive"));
    return [
      ...[status, reason, minorVersion, sizeBytes, bodyLength],
      head.connectionOptions,
      [...head.headers],
    ];
  } catch (error) {
    if (!(error instanceof ProtocolError)) throw error;
    return [error.code, error.offset];
  } finally {
    parser.reset();
  }
}

Deno.test("ResponseScanner accepts and refuses what the plain parser does, with the same results", () => {
  const scanner = ResponseScanner.maybeCreate(LIMITS);
  assert(scanner !== null);
  const plain = new ResponseHeadParser(LIMITS);
  const fast = new ResponseHeadParser(LIMITS, { keepsBytes: true });
  fast.scanner = scanner;
  const buffer = new Uint8Array(2048);
  let taken = 0;
  for (let seed = 1; seed <= RUNS; seed++) {
    const random = new SeededRandom(seed * 0x9e3779b1 + 1);
    const wire = generate(random);
    const method = random.pick(["GET", "GET", "HEAD", "CONNECT"]);
    const why = `seed ${seed}: ${method} ${JSON.stringify(wire)}`;
    // Stale bytes before the start and after the end must not matter.
    buffer.fill(CHARACTERS.charCodeAt(random.below(CHARACTERS.length)));
    const start = random.below(200);
    buffer.set(encodeLatin1(wire), start);
    const range = [start, start + wire.length] as const;
    const expected = outcomeOf(plain, buffer, range, method);
    assertEquals(outcomeOf(fast, buffer, range, method), expected, why);
    if (scanner.scan(buffer, start, start + wire.length) !== 0) taken++;
  }
  assert(taken > RUNS / 5, `the scanner took ${taken} of ${RUNS}`);
});

Deno.test("ResponseScanner leaves a head that arrives in two parts, or is long, to the plain parser", () => {
  const scanner = ResponseScanner.maybeCreate(DEFAULT_HEAD_LIMITS);
  const long = `X-Long: ${"v".repeat(5000)}\r\n`;
  for (const line of ["X-Note: one\r\n", long]) {
    const wire = `HTTP/1.1 200 OK\r\n${line}Content-Length: 5\r\n\r\n`;
    const bytes = encodeLatin1(wire);
    for (let cut = 0; cut <= bytes.length; cut += cut < 60 ? 1 : 97) {
      const parser = new ResponseHeadParser();
      parser.scanner = scanner;
      const first = parser.parse(bytes, 0, cut, "GET");
      const head = first === NEED_DATA
        ? parser.parse(bytes, 0, bytes.length, "GET")
        : first;
      assert(head !== NEED_DATA);
      assertEquals([head.bodyLength, head.headers.count], [5, 2]);
    }
  }
});

Deno.test("the heads that ResponseScanner found stay valid, however many follow", () => {
  const scanner = ResponseScanner.maybeCreate(DEFAULT_HEAD_LIMITS);
  const parser = new ResponseHeadParser();
  parser.scanner = scanner;
  const heads = Array.from({ length: 2000 }, (_, index) => {
    const bytes = encodeLatin1(
      `HTTP/1.1 200 ${index}\r\nX: ${index}\r\nY: ${index}\r\n\r\n`,
    );
    const head = parser.parse(bytes, 0, bytes.length, "GET");
    assert(head !== NEED_DATA);
    bytes.fill(0); // the parser has copied them
    return head;
  });
  for (const [index, { reason, headers }] of heads.entries()) {
    const read = [reason, headers.get("x"), headers.get("y")];
    assertEquals(read, Array(3).fill(String(index)));
  }
});
