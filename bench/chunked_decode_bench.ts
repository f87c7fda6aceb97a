/**
 * Decoding chunked bodies: `deno bench -A bench/chunked_decode_bench.ts`.
 *
 * The result is the position of every piece of payload. llhttp and
 * http-parser-js parse a short head first, because they cannot parse a body
 * alone. Bytes arrive in reads of 64 KiB; llhttp copies them as undici does, or
 * finds them in its own memory.
 */

import assert from "node:assert/strict";
import { ChunkedDecoder, writeChunkSize } from "../codec/chunked.ts";
import { payload } from "./fixtures.ts";
import { HttpParserJs } from "./peers/http_parser_js.ts";
import { Llhttp, LLHTTP_REQUEST } from "./peers/llhttp.ts";

const PAYLOAD_BYTES = 130_000;
const READ_BYTES = 65_536;
const HEAD =
  "POST / HTTP/1.1\r\nHost: a.example\r\nTransfer-Encoding: chunked\r\n\r\n";

const encoder = new TextEncoder();
const PAYLOAD = payload(PAYLOAD_BYTES);

/** Encodes the payload in chunks of one size. */
function chunked(chunkBytes: number): Uint8Array<ArrayBuffer> {
  const wire = new Uint8Array(
    PAYLOAD_BYTES + 16 * (2 + PAYLOAD_BYTES / chunkBytes),
  );
  let at = 0;
  for (let start = 0; start < PAYLOAD_BYTES; start += chunkBytes) {
    const piece = PAYLOAD.subarray(start, start + chunkBytes);
    at = writeChunkSize(wire, at, piece.length);
    wire.set(piece, at);
    at += piece.length;
    wire.set([0x0d, 0x0a], at);
    at += 2;
  }
  const last = encoder.encode("0\r\n\r\n");
  wire.set(last, at);
  return wire.slice(0, at + last.length);
}

/** Splits the received bytes into reads; the head is a separate read. */
function readsOf(body: Uint8Array): Uint8Array<ArrayBuffer>[] {
  const reads = [encoder.encode(HEAD)];
  for (let at = 0; at < body.length; at += READ_BYTES) {
    reads.push(new Uint8Array(body.slice(at, at + READ_BYTES)));
  }
  return reads;
}

/** A decoder and the body that it decodes. */
interface Contender {
  readonly name: string;
  /** Decodes the body once and calls `take` with each piece. */
  decode(take: (piece: Uint8Array, start: number, end: number) => void): void;
}

function khttp([, ...reads]: readonly Uint8Array[]): Contender {
  return {
    name: "khttp",
    decode(take): void {
      const decoder = new ChunkedDecoder();
      for (const bytes of reads) {
        let at = 0;
        while (at < bytes.length && !decoder.done) {
          at += decoder.decode(bytes, at, bytes.length);
          const { pieceStart, pieceEnd } = decoder;
          if (pieceEnd > pieceStart) take(bytes, pieceStart, pieceEnd);
        }
      }
      if (!decoder.done) throw new Error("Body is not complete");
    },
  };
}

/** llhttp; reads are copied into its memory one by one, or are already there. */
function llhttp(reads: readonly Uint8Array[], copies: boolean): Contender {
  const total = reads.reduce((sum, { length }) => sum + length, 0);
  const parser = new Llhttp(LLHTTP_REQUEST, total);
  let end = 0;
  const places = reads.map((bytes) => {
    parser.input.set(bytes, end);
    end += bytes.length;
    return end - bytes.length;
  });
  return {
    name: copies ? "llhttp, copied" : "llhttp, in place",
    decode(take): void {
      const before = parser.messages;
      parser.onBody = (start, end): void => take(parser.input, start, end);
      for (const [index, bytes] of reads.entries()) {
        const place = copies ? 0 : places[index]!; // one position for each read
        if (copies) parser.input.set(bytes);
        parser.execute(bytes.length, place);
      }
      if (parser.messages === before) throw new Error("Body is not complete");
    },
  };
}

function httpParserJs(reads: readonly Uint8Array<ArrayBuffer>[]): Contender {
  const parser = new HttpParserJs("REQUEST");
  const views = reads.map((bytes) => HttpParserJs.view(bytes));
  return {
    name: "http-parser-js",
    decode(take): void {
      const before = parser.messages;
      parser.onBody = (piece): void => take(piece, 0, piece.length);
      for (const view of views) parser.execute(view);
      if (parser.messages === before) throw new Error("Body is not complete");
    },
  };
}

function assertEqualPayload({ name, decode }: Contender): void {
  const received = new Uint8Array(PAYLOAD_BYTES);
  let size = 0;
  decode((bytes, start, end) => {
    received.set(bytes.subarray(start, end), size);
    size += end - start;
  });
  assert.equal(size, PAYLOAD_BYTES, name);
  assert.deepEqual(received, PAYLOAD, name);
}

for (const chunkBytes of [16_384, 512, 64]) {
  const reads = readsOf(chunked(chunkBytes));
  const group = `130,000 bytes in chunks of ${chunkBytes}`;
  const contenders = [
    khttp(reads),
    llhttp(reads, false),
    llhttp(reads, true),
    httpParserJs(reads),
  ];
  for (const contender of contenders) {
    for (let round = 0; round < 3; round++) assertEqualPayload(contender);
    const baseline = contender.name === "khttp";
    const counted = { bytes: 0 };
    Deno.bench(contender.name, { group, baseline }, () => {
      contender.decode((_, start, end) => {
        counted.bytes += end - start;
      });
    });
  }
}
