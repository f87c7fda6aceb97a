/**
 * Reading a body of 1 MiB in pieces:
 * `deno bench -A bench/body_reader_bench.ts`.
 *
 * All contenders read the same pieces, which have already arrived. The bench
 * compares the copies and promises between the connection and the handler.
 */

import assert from "node:assert/strict";
import { type BodyFeed, BodyReader } from "../codec/body_reader.ts";
import { payload } from "./fixtures.ts";

const BODY_BYTES = 1_048_576;
const BUFFER_BYTES = 65_536;
const BODY = payload(BODY_BYTES);

/** The body as views of one array, as an engine passes them on. */
class Pieces implements BodyFeed {
  #size: number;
  #at = 0;

  constructor(sizeBytes: number) {
    this.#size = sizeBytes;
  }

  get remainingBytes(): number {
    return BODY_BYTES - this.#at;
  }

  pull(): Uint8Array<ArrayBuffer> | null {
    if (this.#at === BODY_BYTES) return null;
    const start = this.#at;
    this.#at = Math.min(start + this.#size, BODY_BYTES);
    return BODY.subarray(start, this.#at);
  }

  cancel(): void {
    this.#at = BODY_BYTES;
  }
}

function khttp(pieceBytes: number): BodyReader {
  return new BodyReader(new Pieces(pieceBytes), BODY_BYTES);
}

/** A web stream of the same pieces; each is copied, because the stream keeps its chunks. */
function webStream(
  pieceBytes: number,
): ReadableStream<Uint8Array<ArrayBuffer>> {
  const pieces = new Pieces(pieceBytes);
  return new ReadableStream({
    pull(controller): void {
      const piece = pieces.pull();
      if (piece === null) controller.close();
      else controller.enqueue(piece.slice());
    },
  }, { highWaterMark: 0 });
}

/** Receives each piece. */
type Take = (piece: Uint8Array) => void;

async function iterate(
  body: AsyncIterable<Uint8Array>,
  take: Take,
): Promise<void> {
  for await (const piece of body) take(piece);
}

async function readInto(body: BodyReader, take: Take): Promise<void> {
  const buffer = new Uint8Array(BUFFER_BYTES);
  for (;;) {
    const size = await body.read(buffer);
    if (size === null) return;
    take(buffer.subarray(0, size));
  }
}

type Contender = (pieceBytes: number, take: Take) => Promise<void>;

const groups: Readonly<Record<string, Readonly<Record<string, Contender>>>> = {
  "1 MiB gathered": {
    "khttp, bytes()": async (size, take) => take(await khttp(size).bytes()),
    "web, new Response(stream).bytes()": async (size, take) =>
      take(await new Response(webStream(size)).bytes()),
  },
  "1 MiB piece by piece": {
    "khttp, views()": (size, take) => iterate(khttp(size).views(), take),
    "khttp, for await": (size, take) => iterate(khttp(size), take),
    "khttp, read(buffer)": (size, take) => readInto(khttp(size), take),
    "khttp, stream": (size, take) => iterate(khttp(size).stream, take),
    "web, ReadableStream": (size, take) => iterate(webStream(size), take),
    "web, new Response(stream).body": (size, take) =>
      iterate(new Response(webStream(size)).body!, take), // a body was passed in
  },
};

async function assertEqualBody(name: string, read: Contender): Promise<void> {
  const received = new Uint8Array(BODY_BYTES);
  let size = 0;
  await read(BUFFER_BYTES, (piece) => {
    received.set(piece, size);
    size += piece.length;
  });
  assert.equal(size, BODY_BYTES, name);
  assert.ok(received.every((byte, index) => byte === BODY[index]), name);
}

for (const [what, contenders] of Object.entries(groups)) {
  for (const [name, read] of Object.entries(contenders)) {
    await assertEqualBody(name, read);
  }
  for (const pieceBytes of [65_536, 1460]) {
    const group = `${what}, pieces of ${pieceBytes} bytes`;
    for (const [index, [name, read]] of Object.entries(contenders).entries()) {
      const counted = { bytes: 0 };
      const take: Take = (piece) => {
        counted.bytes += piece.length;
      };
      Deno.bench(name, { group, baseline: index === 0 }, async () => {
        await read(pieceBytes, take);
      });
    }
  }
}
