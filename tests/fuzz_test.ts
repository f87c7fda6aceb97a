// Invariant: any bytes result in a value, "need more" or a ProtocolError, in
// bounded memory, and the result is the same for every split.

import { assert, assertEquals } from "@std/assert";
import { decodeLatin1, encodeLatin1 } from "../codec/ascii.ts";
import { BodyDecoder } from "../codec/body_decoder.ts";
import { NEED_DATA, ProtocolError } from "../codec/errors.ts";
import { CHUNKED } from "../codec/framing.ts";
import { DEFAULT_BODY_LIMITS, DEFAULT_HEAD_LIMITS } from "../codec/limits.ts";
import { ReceiveBuffer } from "../codec/receive_buffer.ts";
import { RequestHeadParser } from "../codec/request_parser.ts";
import { type TestEngine, testEngines } from "./support/engines.ts";
import { SeededRandom } from "./support/random.ts";
import { eachByte } from "./support/splits.ts";
import type { Wire } from "./support/wire.ts";

/** Small limits, so that short inputs reach them. */
const HEAD_LIMITS = {
  ...DEFAULT_HEAD_LIMITS,
  maxMethodBytes: 12,
  maxTargetBytes: 60,
  maxHeaderBytes: 200,
  maxHeaderCount: 6,
};
const BODY_LIMITS = {
  ...DEFAULT_BODY_LIMITS,
  maxBodyBytes: 300,
  maxChunkLineBytes: 40,
  maxTrailerBytes: 60,
  maxTrailerCount: 3,
};

const CODEC_RUNS = 10_000;
/** Runs for each engine: sockets are slower. */
const SERVER_RUNS = { listen: 6000, epoll: 1500, node: 800 };
/** Most pieces in one delivery. */
const MAX_PIECES = 6;

/** Valid heads and bodies; the inputs are mutated sequences of them. */
const VALID: readonly string[] = [
  "GET / HTTP/1.1\r\nHost: a\r\n\r\n",
  "GET /a?b=%20 HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",
  "\r\nOPTIONS * HTTP/1.1\r\nhOsT:\t[::1]:80 \r\n\r\n",
  "GET http://a:80/x HTTP/1.1\r\nHost: A\r\nX: \xff\r\nX: y\r\n\r\n",
  "CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n\r\n",
  "HEAD /head HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\n\r\n",
  "POST /p HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello",
  "POST /i HTTP/1.1\r\nHost: a\r\nContent-Length: 11\r\nExpect: 100-continue\r\n\r\nhello world",
  "PUT /p HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
  'PUT /i HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\na;b="c"\r\n0123456789\r\n1\r\nx\r\n0;d\r\nT: u\r\n\r\n',
  "GET /up HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n",
];

/** What mutations insert: bytes and words with a meaning somewhere in a message. */
const WORDS: readonly string[] = [
  ...'\0|\t|\n|\r|\r\n|\r\n\r\n| |:|;|=|,|"|\\|%|/|?|#|\x7f|\x80|\xff'.split(
    "|",
  ),
  ..."0|5|f|ffffffffffffffff|9007199254740992|-1|1.1|HTTP/1.0".split("|"),
  ...["Host: b\r\n", "Content-Length: 3\r\n", "Transfer-Encoding: chunked\r\n"],
  ...["Connection: close\r\n", "Expect: x\r\n", "chunked", "a".repeat(70)],
];

function mutate(random: SeededRandom): string {
  let wire = "";
  for (let i = 1 + random.below(3); i > 0; i--) wire += random.pick(VALID);
  for (let i = random.below(5); i > 0; i--) {
    const at = random.below(wire.length + 1);
    const size = random.below(4);
    const kind = random.below(4);
    const word = kind === 0
      ? String.fromCharCode(random.below(256))
      : kind === 1
      ? wire.slice(at, at + random.below(40))
      : kind === 2
      ? random.pick(WORDS)
      : "";
    wire = wire.slice(0, at) + word + wire.slice(at + size);
  }
  return wire;
}

function split(random: SeededRandom, bytes: Uint8Array): Uint8Array[] {
  const cuts = Array.from(
    { length: random.below(MAX_PIECES) },
    () => random.below(bytes.length + 1),
  ).sort((a, b) => a - b);
  return [0, ...cuts].map((from, i) => bytes.subarray(from, cuts[i]))
    .filter((piece) => piece.length > 0);
}

/** Reads consecutive messages as a server does, and returns everything that it saw. */
function readAll(pieces: readonly Uint8Array[]): readonly string[] {
  const seen: string[] = [];
  const buffer = new ReceiveBuffer();
  const parser = new RequestHeadParser(HEAD_LIMITS);
  let body: BodyDecoder | null = null;
  let payload = "";
  let consumed = 0;
  try {
    for (const piece of pieces) {
      buffer.append(piece, 0, piece.length);
      for (;;) {
        const { bytes, start, end } = buffer;
        if (body === null) {
          const head = parser.parse(bytes, start, end);
          if (head === NEED_DATA) break;
          seen.push(`${head.method} ${head.target} ${head.headers}`);
          seen.push(`${head.uri.path} ${head.bodyLength}`);
          body = new BodyDecoder(head.bodyLength, BODY_LIMITS);
          payload = "";
          buffer.consume(head.sizeBytes);
          consumed += head.sizeBytes;
        } else if (!body.done) {
          const used: number = body.decode(bytes, start, end);
          payload += decodeLatin1(bytes, body.pieceStart, body.pieceEnd);
          buffer.consume(used);
          consumed += used;
          if (used === 0) break;
        } else {
          seen.push(`${payload} ${body.trailerSection?.count} ${consumed}`);
          body = null;
        }
      }
      assert(buffer.length <= 1024, "unread bytes stay within the limits");
      assert(buffer.bytes.length <= 8192, "memory stays within the limits");
    }
  } catch (error) {
    if (!(error instanceof ProtocolError)) throw error;
    return [...seen, payload, `${error.code} ${error.offset}`];
  }
  return [...seen, payload, "more"];
}

/** Runs one input for each seed, some concurrently, and names a seed that fails. */
async function runSeeds(
  count: number,
  run: (random: SeededRandom) => void | Promise<void>,
  concurrency = 1,
): Promise<void> {
  const runSeed = async (seed: number): Promise<void> => {
    try {
      await run(new SeededRandom(seed * 0x9e3779b1));
    } catch (error) {
      throw new Error(`Seed ${seed} failed: ${error}`, { cause: error });
    }
  };
  for (let seed = 1; seed <= count; seed += concurrency) {
    const size = Math.min(concurrency, count + 1 - seed);
    await Promise.all(
      Array.from({ length: size }, (_, index) => runSeed(seed + index)),
    );
  }
}

Deno.test("the codec reads any bytes the same in any split", async () => {
  let complete = 0;
  await runSeeds(CODEC_RUNS, (random) => {
    const wire = mutate(random);
    const bytes = encodeLatin1(wire);
    const whole = readAll([bytes]);
    const message = JSON.stringify(wire);
    assertEquals(readAll(eachByte(bytes)), whole, message);
    for (let i = 0; i < 3; i++) {
      assertEquals(readAll(split(random, bytes)), whole, message);
    }
    if (whole.length > 3) complete++;
  });
  // Inputs that fail at their first byte would test little.
  assert(complete > CODEC_RUNS / 4, `${complete} inputs had a message`);
});

Deno.test("a chunked body reads any bytes the same in any split", async () => {
  await runSeeds(CODEC_RUNS, (random) => {
    const alphabet = '0123456789abF;="\r\n\r\n \\x';
    let wire = "";
    for (let i = random.below(60); i > 0; i--) {
      wire += random.below(4) === 0 ? "\r\n" : random.pick([...alphabet]);
    }
    const bytes = encodeLatin1(`1\r\na\r\n${wire}`);
    const outcome = (pieces: readonly Uint8Array[]): string => {
      const decoder = new BodyDecoder(CHUNKED, BODY_LIMITS);
      let text = "";
      try {
        for (const piece of pieces) {
          for (let at = 0; at < piece.length && !decoder.done;) {
            at += decoder.decode(piece, at, piece.length);
            text += decodeLatin1(piece, decoder.pieceStart, decoder.pieceEnd);
          }
        }
        decoder.end();
      } catch (error) {
        if (!(error instanceof ProtocolError)) throw error;
        return `${text} ${error.code} ${error.offset}`;
      }
      return text;
    };
    const whole = outcome([bytes]);
    assertEquals(outcome(eachByte(bytes)), whole, JSON.stringify(wire));
    assertEquals(outcome(split(random, bytes)), whole, JSON.stringify(wire));
  });
});

/** A server whose handler reads the body unless the path is `/i`. */
function wireOf(engine: TestEngine): Wire {
  return engine.wire((app) =>
    app.fallbackRoute(async (ctx, res) => {
      const size = ctx.uri.path === "/i" ? 0 : (await ctx.body.bytes()).length;
      if (ctx.method === "CONNECT") res.send(403);
      else res.ok(`${ctx.method === "HEAD" ? "" : size}`);
    }), {
    maxMethodBytes: 12,
    maxTargetBytes: 60,
    maxHeaderBytes: 200,
    maxHeaderCount: 6,
    maxBodyBytes: 300,
  });
}

testEngines(
  "the server ends a connection with any bytes in any split, and sends whole responses only",
  async (engine) => {
    await using server = wireOf(engine);
    await runSeeds(SERVER_RUNS[engine.name], async (random) => {
      const wire = mutate(random);
      const bytes = encodeLatin1(wire);
      const pieces = random.below(4) === 0
        ? eachByte(bytes)
        : split(random, bytes);
      const { output, responses, rest, teardownError } = await server.run(
        pieces,
        { expectResponses: Infinity, endsAfterPieces: true },
      );
      const message = `${JSON.stringify(wire)} → ${JSON.stringify(output)}`;
      // A response to HEAD has no body whatever its length says, so the handler
      // declares 0 there.
      assertEquals(rest, "", message);
      const closing = responses.findIndex(({ headers }) =>
        headers.get("connection") === "close"
      );
      assert(closing === -1 || closing === responses.length - 1, message);
      assert(
        teardownError === undefined || teardownError instanceof ProtocolError,
        `${message}: ${teardownError?.stack}`,
      );
      for (const { status } of responses) {
        assert(status < 500 || [501, 505].includes(status), message);
      }
    }, server.concurrency);
  },
);
