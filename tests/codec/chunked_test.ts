import { assert, assertEquals, assertThrows } from "@std/assert";
import { decodeLatin1, encodeLatin1 } from "../../codec/ascii.ts";
import {
  ChunkedDecoder,
  chunkSizeLineBytes,
  CRLF,
  LAST_CHUNK,
  writeChunkSize,
} from "../../codec/chunked.ts";
import { ProtocolError, type ProtocolErrorCode } from "../../codec/errors.ts";
import { type BodyLimits, DEFAULT_BODY_LIMITS } from "../../codec/limits.ts";
import { everySplit } from "../support/splits.ts";

const NEXT_REQUEST = "GET /next HTTP/1.1\r\n\r\n0\r\n\r\n";
/** Surrounds each part, so that a read outside of it changes the result. */
const MARGIN = 3;

/** The outcome of a body, which is the same for every split. */
interface Outcome {
  readonly payload: string;
  /** Bytes consumed by a complete body, otherwise the offset of the fault. */
  readonly offset: number;
  readonly code: ProtocolErrorCode | "COMPLETE";
  readonly trailers?: readonly string[];
}

function trailerLines(decoder: ChunkedDecoder): string[] {
  const section = decoder.trailerSection;
  if (section === null) return [];
  const { bytes, table, count } = section;
  return Array.from({ length: count }, (_, field) => {
    const [from, to, start, end] = table.subarray(field * 4, field * 4 + 4);
    return `${decodeLatin1(bytes, from!, to!)}=${
      decodeLatin1(bytes, start!, end!)
    }`; // the table has 4 entries for each of `count` fields
  });
}

/** Feeds the parts and returns the outcome, which may be a fault or a missing end. */
function decodeParts(
  parts: readonly Uint8Array[],
  limits: BodyLimits,
): Outcome {
  const decoder = new ChunkedDecoder(limits);
  let payload = "";
  let consumed = 0;
  try {
    for (const part of parts) {
      const bytes = new Uint8Array(part.length + 2 * MARGIN).fill(0x30);
      bytes.set(part, MARGIN);
      const end = MARGIN + part.length;
      for (let at = MARGIN; at < end && !decoder.done;) {
        const step = decoder.decode(bytes, at, end);
        assert(step > 0, "a step consumes something");
        assert(at <= decoder.pieceStart && decoder.pieceEnd <= at + step);
        payload += decodeLatin1(bytes, decoder.pieceStart, decoder.pieceEnd);
        at += step;
        consumed += step;
      }
    }
    decoder.end();
  } catch (error) {
    if (!(error instanceof ProtocolError)) throw error;
    assertEquals(decoder.done, false);
    assertThrows(() => decoder.decode(CRLF, 0, 2), ProtocolError);
    return { payload, offset: error.offset, code: error.code };
  }
  const trailers = trailerLines(decoder);
  assertEquals(decoder.decode(CRLF, 0, 2), 0);
  return { payload, offset: consumed, code: "COMPLETE", trailers };
}

interface Case {
  readonly wire: string;
  readonly expect: Outcome;
  readonly limits?: Partial<BodyLimits>;
}

/** Feeds the wire in every split, with and without bytes after it. */
function check({ wire, expect, limits }: Case): void {
  const allLimits = { ...DEFAULT_BODY_LIMITS, ...limits };
  const isTruncated = expect.code === "TRUNCATED_BODY";
  for (const suffix of isTruncated ? [""] : ["", NEXT_REQUEST]) {
    const bytes = encodeLatin1(wire + suffix);
    for (const parts of everySplit(bytes)) {
      const message = `${JSON.stringify(wire)} as ${
        parts.map((part) => part.length)
      }`;
      assertEquals(decodeParts(parts, allLimits), expect, message);
    }
  }
}

function complete(
  wire: string,
  payload: string,
  trailers: readonly string[] = [],
): Case {
  return {
    wire,
    expect: { payload, offset: wire.length, code: "COMPLETE", trailers },
  };
}

/** A case that fails at the first byte after `valid`. */
function fault(
  valid: string,
  rest: string,
  code: ProtocolErrorCode,
  payload = "",
): Case {
  return {
    wire: valid + rest,
    expect: { payload, offset: valid.length, code },
  };
}

function testCases(name: string, cases: readonly Case[]): void {
  Deno.test(`ChunkedDecoder ${name}`, () => cases.forEach(check));
}

testCases("R66: yields the payload and leaves the bytes after the body", [
  complete("5\r\nhello\r\n0\r\n\r\n", "hello"),
  complete(`aA\r\n${"x".repeat(170)}\r\n0\r\n\r\n`, "x".repeat(170)),
  complete("0005\r\nhello\r\n000\r\n\r\n", "hello"),
  complete("000000000000000a\r\n0123456789\r\n0\r\n\r\n", "0123456789"),
  complete("9\r\n\r\n0\r\n\r\nab\r\n0\r\n\r\n", "\r\n0\r\n\r\nab"),
  complete("3\r\nabc\r\n1\r\nd\r\n2\r\n\0\xff\r\n0\r\n\r\n", "abcd\0\xff"),
  complete("0\r\n\r\n", ""),
]);

testCases("R67: refuses an invalid chunk size", [
  fault("", "\r\nhello\r\n0\r\n\r\n", "INVALID_CHUNK_SIZE"),
  fault("", ";a\r\nhello", "INVALID_CHUNK_SIZE"),
  fault("", "+5\r\nhello", "INVALID_CHUNK_SIZE"),
  fault("", "-1\r\nhello", "INVALID_CHUNK_SIZE"),
  fault("0", "x5\r\nhello", "INVALID_CHUNK_SIZE"),
  fault("5", "_0\r\nhello", "INVALID_CHUNK_SIZE"),
  fault("", " 5\r\nhello", "INVALID_CHUNK_SIZE"),
  fault("5", " \r\nhello", "INVALID_CHUNK_SIZE"),
  fault("5", "\t\r\nhello", "INVALID_CHUNK_SIZE"),
  fault("", "g\r\nhello", "INVALID_CHUNK_SIZE"),
  fault("5", "\0\r\nhello", "INVALID_CHUNK_SIZE"),
  fault("5", "\xb2\r\nhello", "INVALID_CHUNK_SIZE"),
  fault("1\r\na\r\n", "\r\n0\r\n\r\n", "INVALID_CHUNK_SIZE", "a"),
]);

testCases("R68: reads a size exactly or refuses it", [
  fault("0".repeat(16), "5\r\nhello", "INVALID_CHUNK_SIZE"),
  fault("2000000000000", "0\r\n", "INVALID_CHUNK_SIZE"),
  fault("FFFFFFFFFFFFF", "FFF\r\n", "INVALID_CHUNK_SIZE"),
  fault("002000000000000", "0\r\n", "INVALID_CHUNK_SIZE"),
  fault("1fffffffffffff\r\nhello", "", "TRUNCATED_BODY", "hello"),
]);

Deno.test("ChunkedDecoder R68: reads 0x100000004 as 4294967300 bytes, not 4", () => {
  const decoder = new ChunkedDecoder();
  const line = encodeLatin1("100000004\r\n");
  assertEquals(decoder.decode(line, 0, line.length), line.length);
  const mebibyte = new Uint8Array(2 ** 20);
  for (let i = 0; i < 4096; i++) {
    assertEquals(decoder.decode(mebibyte, 0, mebibyte.length), 2 ** 20);
    assertEquals(decoder.pieceEnd, 2 ** 20);
  }
  const rest = encodeLatin1("last\r\n0\r\n\r\n");
  assertEquals(decoder.decode(rest, 0, rest.length), 4);
  decoder.decode(rest, 4, rest.length);
  assert(decoder.done);
});

testCases("R69: refuses every line end but CRLF", [
  fault("5", "\nhello\r\n0\r\n\r\n", "INVALID_LINE_END"),
  fault("5\r", "\r\nhello\r\n0\r\n\r\n", "INVALID_LINE_END"),
  fault("5\r", "Xhello\r\n0\r\n\r\n", "INVALID_LINE_END"),
  fault("0", "\n\n", "INVALID_LINE_END"),
  fault("0\r\n", "\n", "INVALID_FIELD_NAME"),
  fault("0\r\n\r", "\r\n", "INVALID_LINE_END"),
]);

testCases("R70: ignores extensions that follow the grammar", [
  complete("5;a\r\nhello\r\n0\r\n\r\n", "hello"),
  complete('5;a=b;c="q;\\"x"\r\nhello\r\n0\r\n\r\n', "hello"),
  complete('5;a="";b=\'!~\r\nhello\r\n0;x=y\r\n\r\n', "hello"),
  complete('5;a="\t \xff\\\t\\\\";b\r\nhello\r\n0;x\r\n\r\n', "hello"),
]);

testCases("R71: refuses extensions that do not follow the grammar", [
  fault("5;", "\r\nhello", "INVALID_CHUNK_EXTENSION"),
  fault("5;", "=b\r\nhello", "INVALID_CHUNK_EXTENSION"),
  fault("5;", ";a\r\nhello", "INVALID_CHUNK_EXTENSION"),
  fault("5;a=", "\r\nhello", "INVALID_CHUNK_EXTENSION"),
  fault("5;a=", ";b\r\nhello", "INVALID_CHUNK_EXTENSION"),
  fault('5;a="x', "\r\nhello", "INVALID_CHUNK_EXTENSION"),
  fault('5;a="x', "\nhello", "INVALID_CHUNK_EXTENSION"),
  fault('5;a="x\\', "\r\nhello", "INVALID_CHUNK_EXTENSION"),
  fault('5;a="x', '\0"\r\nhello', "INVALID_CHUNK_EXTENSION"),
  fault('5;a="x"', "y\r\nhello", "INVALID_CHUNK_EXTENSION"),
  fault("5;a=b", '"x"\r\nhello', "INVALID_CHUNK_EXTENSION"),
  fault("5;a=b", "=c\r\nhello", "INVALID_CHUNK_EXTENSION"),
  fault("5;a", "\nb\r\nhello", "INVALID_LINE_END"),
  fault("5;a=b", "\nhello", "INVALID_LINE_END"),
  fault('5;a="b"', "\nhello", "INVALID_LINE_END"),
  fault("5;a\r", "b\r\nhello", "INVALID_LINE_END"),
  fault("5;a\r", "\r\nhello", "INVALID_LINE_END"),
  fault("5;", "\r\r\nhello", "INVALID_CHUNK_EXTENSION"),
  fault("5;a", "\x01\r\nhello", "INVALID_CHUNK_EXTENSION"),
  fault("5;", "\xe9\r\nhello", "INVALID_CHUNK_EXTENSION"),
]);

testCases("R72: refuses white space around an extension", [
  fault("5", " ;a\r\nhello", "INVALID_CHUNK_SIZE"),
  fault("5;", " a\r\nhello", "INVALID_CHUNK_EXTENSION"),
  fault("5;a", " =b\r\nhello", "INVALID_CHUNK_EXTENSION"),
  fault("5;a=", " b\r\nhello", "INVALID_CHUNK_EXTENSION"),
  fault("5;a", " \r\nhello", "INVALID_CHUNK_EXTENSION"),
  fault('5;a="b"', "\t;c\r\nhello", "INVALID_CHUNK_EXTENSION"),
]);

const line1024 = `1;${"x".repeat(1022)}`;

testCases("R73: limits one chunk line", [
  complete(`${line1024}\r\na\r\n0\r\n\r\n`, "a"),
  fault(line1024, "x\r\na\r\n0\r\n\r\n", "CHUNK_LINE_TOO_LONG"),
  fault(line1024, "\n\r\na\r\n0\r\n\r\n", "CHUNK_LINE_TOO_LONG"),
  fault(`${line1024}\r`, "x", "INVALID_LINE_END"),
  {
    ...fault("1\r\na\r\n5;abc", "d\r\nhello", "CHUNK_LINE_TOO_LONG", "a"),
    limits: { maxChunkLineBytes: 5 },
  },
]);

const costly = `1;${"x".repeat(98)}\r\na\r\n`; // 84 bytes over budget each

testCases("R73: limits the framing of a body in relation to its payload", [
  {
    ...complete(`${costly.repeat(3)}0\r\n\r\n`, "aaa"),
    limits: { maxChunkOverheadBytes: 252 },
  },
  {
    ...fault(
      `${costly.repeat(2)}1;${"x".repeat(98)}\r`,
      "\na\r\n0\r\n\r\n",
      "CHUNK_OVERHEAD_TOO_LARGE",
      "aa",
    ),
    limits: { maxChunkOverheadBytes: 251 },
  },
  { // payload makes up for earlier overhead, but not for later
    ...fault(
      `ff\r\n${"p".repeat(255)}\r\n${costly}1;${"x".repeat(98)}\r`,
      "\na\r\n",
      "CHUNK_OVERHEAD_TOO_LARGE",
      `${"p".repeat(255)}a`,
    ),
    limits: { maxChunkOverheadBytes: 150 },
  },
  {
    ...complete(
      `${`${costly}24\r\n${"p".repeat(36)}\r\n`.repeat(9)}0\r\n\r\n`,
      `a${"p".repeat(36)}`.repeat(9),
    ),
    limits: { maxChunkOverheadBytes: 84 },
  },
]);

Deno.test("ChunkedDecoder R73: stops 900-byte extensions by default at 16 KiB", () => {
  const line = `1;${"x".repeat(900)}\r\n`;
  const bytes = encodeLatin1(`${line}a\r\n`.repeat(30));
  const [whole, singleBytes] = [...everySplit(bytes).take(2)];
  const expect: Outcome = {
    payload: "a".repeat(18),
    offset: 18 * (line.length + 3) + line.length - 1,
    code: "CHUNK_OVERHEAD_TOO_LARGE",
  };
  assertEquals(decodeParts(whole!, DEFAULT_BODY_LIMITS), expect); // the first two
  assertEquals(decodeParts(singleBytes!, DEFAULT_BODY_LIMITS), expect);
});

Deno.test("ChunkedDecoder R73: accepts a long body of one-byte chunks", () => {
  const wire = encodeLatin1(`${"1\r\na\r\n".repeat(20_000)}0\r\n\r\n`);
  assertEquals(decodeParts([wire], DEFAULT_BODY_LIMITS).code, "COMPLETE");
});

testCases("R74: refuses data that CRLF does not follow", [
  fault("5\r\nhello", "XX0\r\n\r\n", "INVALID_CHUNK_END", "hello"),
  fault("5\r\nhello", "0\r\n\r\n", "INVALID_CHUNK_END", "hello"),
  fault("5\r\nhello", "\n0\r\n\r\n", "INVALID_CHUNK_END", "hello"),
  fault("5\r\nhello\r", "0\r\n\r\n", "INVALID_CHUNK_END", "hello"),
  fault("5\r\nhello\r", "\r\n0\r\n\r\n", "INVALID_CHUNK_END", "hello"),
]);

testCases("R75: refuses an early end", [
  fault("", "", "TRUNCATED_BODY"),
  fault("5", "", "TRUNCATED_BODY"),
  fault("5;a", "", "TRUNCATED_BODY"),
  fault("5\r\n", "", "TRUNCATED_BODY"),
  fault("5\r\nhel", "", "TRUNCATED_BODY", "hel"),
  fault("5\r\nhello", "", "TRUNCATED_BODY", "hello"),
  fault("5\r\nhello\r\n", "", "TRUNCATED_BODY", "hello"),
  fault("5\r\nhello\r\n0\r\n", "", "TRUNCATED_BODY", "hello"),
  fault("5\r\nhello\r\n0\r\n\r", "", "TRUNCATED_BODY", "hello"),
  fault("0\r\nX-T", "", "TRUNCATED_BODY"),
  fault("0\r\nX-T: y\r\n", "", "TRUNCATED_BODY"),
  fault("0\r\nX-T: y\r\n\r", "", "TRUNCATED_BODY"),
]);

const limits = { maxBodyBytes: 10 };

testCases("R76: refuses too large a body when the size is read", [
  { ...complete("a\r\n0123456789\r\n0\r\n\r\n", "0123456789"), limits },
  { ...fault("b\r", "\n", "BODY_TOO_LARGE"), limits },
  { ...fault("b;a=b\r", "\n01234567890\r\n", "BODY_TOO_LARGE"), limits },
  { ...fault("1fffffffffffff\r", "\n", "BODY_TOO_LARGE"), limits },
  {
    ...fault("6\r\nabcdef\r\n5\r", "\nghijk\r\n", "BODY_TOO_LARGE", "abcdef"),
    limits,
  },
  { ...complete("0\r\n\r\n", ""), limits: { maxBodyBytes: 0 } },
]);

testCases("R77: returns trailers separately, as written", [
  complete("0\r\nX-T: y\r\n\r\n", "", ["X-T=y"]),
  complete(
    "1\r\na\r\n0;x\r\nDigest:\t\xe9 b \r\n__proto__:\r\nX-T: 1\r\nx-t: 2\r\n\r\n",
    "a",
    ["Digest=\xe9 b", "__proto__=", "X-T=1", "x-t=2"],
  ),
  complete(
    `0\r\nLong: ${"x".repeat(700)}\r\n\r\n`,
    "",
    [`Long=${"x".repeat(700)}`],
  ),
]);

testCases("R78: applies the grammar of field lines to trailers", [
  fault("0\r\nX-T", " y\r\n\r\n", "INVALID_FIELD_NAME"),
  fault("0\r\nX-T", "\r\n\r\n", "INVALID_FIELD_NAME"),
  fault("0\r\nX", " : y\r\n\r\n", "INVALID_FIELD_NAME"),
  fault("0\r\n", ": y\r\n\r\n", "INVALID_FIELD_NAME"),
  fault("0\r\n", " X: y\r\n\r\n", "OBSOLETE_LINE_FOLDING"),
  fault("0\r\nX: y\r\n", "\tz\r\n\r\n", "OBSOLETE_LINE_FOLDING"),
  fault("0\r\nX: y", "\nZ: a\r\n\r\n", "INVALID_LINE_END"),
  fault("0\r\nX: y\r", "Z: a\r\n\r\n", "INVALID_LINE_END"),
  fault("0\r\nX: y\r\n\r", "Z", "INVALID_LINE_END"),
  fault("0\r\nX: y\r\n", "\n", "INVALID_FIELD_NAME"),
  fault("0\r\nX: ", "\0\r\n\r\n", "INVALID_FIELD_VALUE"),
  fault("3\r\nabc\r\n0\r\nX: y", "\x7f\r\n\r\n", "INVALID_FIELD_VALUE", "abc"),
]);

Deno.test("ChunkedDecoder R78: counts the offset in the message from the start of the framing", () => {
  const wire = encodeLatin1("1\r\na\r\n0\r\nX: \0");
  const decoder = new ChunkedDecoder();
  decoder.decode(wire, 0, wire.length);
  const error = assertThrows(
    () => decoder.decode(wire, 4, wire.length),
    ProtocolError,
  );
  assertEquals(
    error.message,
    'Cannot parse field line: value has an invalid byte "\\u0000" at offset 12',
  );
});

const forbidden = [
  ..."Content-Length Transfer-Encoding Host Trailer TE Connection".split(" "),
  ..."Upgrade Expect Authorization Cookie Content-Type".split(" "),
  ..."Content-Encoding Content-Range Set-Cookie content-LENGTH".split(" "),
];

testCases("R79: refuses trailers that must come before the body", [
  ...forbidden.map((name) =>
    fault("0\r\n", `${name}: 5\r\n\r\n`, "FORBIDDEN_TRAILER")
  ),
  fault("0\r\nX: y\r\n", "Host: a\r\nZ: a\r\n\r\n", "FORBIDDEN_TRAILER"),
  // a malformed line is reported first in any split
  fault("0\r\nHost: a\r\nX", " : y\r\n\r\n", "INVALID_FIELD_NAME"),
]);

testCases("R80: limits the trailer section", [
  {
    ...complete("0\r\nX: 12345\r\n\r\n", "", ["X=12345"]),
    limits: { maxTrailerBytes: 10 },
  },
  {
    ...fault("0\r\nX: 12345\r", "\n\r\n", "TRAILERS_TOO_LARGE"),
    limits: { maxTrailerBytes: 9 },
  },
  {
    ...fault("0\r\nX: 12345\r\n", "Y: a\r\n\r\n", "TRAILERS_TOO_LARGE"),
    limits: { maxTrailerBytes: 10 },
  },
  {
    ...complete("0\r\nA: 1\r\nB: 2\r\n\r\n", "", ["A=1", "B=2"]),
    limits: { maxTrailerCount: 2 },
  },
  {
    ...fault("0\r\nA: 1\r\nB: 2\r\n", "C: 3\r\n\r\n", "TRAILERS_TOO_LARGE"),
    limits: { maxTrailerCount: 2 },
  },
  {
    ...fault("0\r\n", "A: 1\r\n\r\n", "TRAILERS_TOO_LARGE"),
    limits: { maxTrailerCount: 0 },
  },
  {
    ...fault("0\r\n", "A: 1\r\n\r\n", "TRAILERS_TOO_LARGE"),
    limits: { maxTrailerBytes: 0 },
  },
]);

Deno.test("ChunkedDecoder R80: accepts 8 KiB and 32 lines of trailers by default", () => {
  const lines = `X: ${"x".repeat(251)}\r\n`.repeat(32); // 256 bytes each
  const tooLong = `${lines.slice(0, -2)}x\r\n`;
  for (
    const [section, code, offset] of [
      [lines, "COMPLETE", 3 + 8192 + 2],
      [tooLong, "TRAILERS_TOO_LARGE", 3 + 8192],
      ["X: y\r\n".repeat(33), "TRAILERS_TOO_LARGE", 3 + 32 * 6],
    ] as const
  ) {
    const bytes = encodeLatin1(`0\r\n${section}\r\n${NEXT_REQUEST}`);
    for (const parts of everySplit(bytes).take(2)) {
      const outcome = decodeParts(parts, DEFAULT_BODY_LIMITS);
      assertEquals([outcome.code, outcome.offset], [code, offset]);
    }
  }
});

Deno.test("ChunkedDecoder throws the same error again after a fault", () => {
  const decoder = new ChunkedDecoder();
  const wire = encodeLatin1("5 \r\n0\r\n\r\n");
  const first = assertThrows(() => decoder.decode(wire, 0, wire.length));
  const second = assertThrows(() => decoder.decode(wire, 4, wire.length));
  const third = assertThrows(() => decoder.end());
  assert(first === second && second === third);
});

Deno.test("ChunkedDecoder does nothing without bytes", () => {
  const decoder = new ChunkedDecoder();
  const wire = encodeLatin1("5");
  assertEquals(decoder.decode(wire, 0, 0), 0);
  assertEquals(decoder.decode(wire, 1, 1), 0);
  assertEquals([decoder.pieceStart, decoder.pieceEnd], [1, 1]);
});

Deno.test("ChunkedDecoder has the same outcome for any bytes in every split", () => {
  const alphabet = '0012afF;;=="\\ab\r\n\r\n\r\n\r\n: \t\0X-\xff';
  let seed = 1;
  const random = (below: number): number => {
    seed = (seed * 48_271) % 2_147_483_647; // Lehmer's generator
    return seed % below;
  };
  const limits = {
    maxBodyBytes: 40,
    maxChunkLineBytes: 8,
    maxChunkOverheadBytes: 12,
    maxTrailerBytes: 12,
    maxTrailerCount: 2,
  };
  const starts = [
    "",
    "0\r\n",
    "1\r\na\r\n",
    "1;",
    "0\r\nX:",
    '2;a="',
    "0\r\nA:1\r\n",
  ];
  for (let round = 0; round < 4000; round++) {
    let wire = starts[random(starts.length)]!; // an index below the length
    const length = random(20);
    for (let i = 0; i < length; i++) wire += alphabet[random(alphabet.length)];
    let first: Outcome | undefined;
    for (const parts of everySplit(encodeLatin1(wire))) {
      const outcome = decodeParts(parts, limits);
      assertEquals(outcome, first ??= outcome, JSON.stringify(wire));
    }
  }
});

Deno.test("writeChunkSize() writes lower-case digits and CRLF", () => {
  for (
    const size of [1, 9, 10, 15, 16, 255, 256, 65_535, 65_536, 2 ** 32 + 4]
      .concat(2 ** 31, 2 ** 49 - 1, 2 ** 53 - 1)
  ) {
    const bytes = new Uint8Array(24).fill(0x2e);
    const end = writeChunkSize(bytes, 2, size);
    const text = `${size.toString(16)}\r\n`;
    assertEquals(decodeLatin1(bytes, 0, end + 1), `..${text}.`);
    assertEquals(chunkSizeLineBytes(size), text.length);
  }
});

Deno.test("writeChunkSize() R118: refuses a size that would end the body", () => {
  for (const size of [0, -0, -1, 1.5, NaN, Infinity, 2 ** 53]) {
    assertThrows(
      () => writeChunkSize(new Uint8Array(24), 0, size),
      RangeError,
      `Cannot write chunk: size ${size} is not an integer from 1 to 2^53 - 1`,
    );
  }
});

Deno.test("writeChunkSize(), CRLF and LAST_CHUNK write what the decoder reads", () => {
  const bytes = new Uint8Array(300);
  let at = writeChunkSize(bytes, 0, 200);
  at = bytes.fill(0x61, at, at + 200) && at + 200;
  bytes.set(CRLF, at);
  bytes.set(LAST_CHUNK, at + CRLF.length);
  const wire = bytes.subarray(0, at + CRLF.length + LAST_CHUNK.length);
  check(complete(decodeLatin1(wire, 0, wire.length), "a".repeat(200)));
});
