/**
 * Writing chunks: `deno bench -A bench/chunked_encode_bench.ts`.
 *
 * Each contender writes the chunk's size line, its data and the CR LF after it
 * into one buffer, as for a piece of a stream that is sent with one write.
 */

import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { CRLF, writeChunkSize } from "../codec/chunked.ts";
import { payload } from "./fixtures.ts";

const encoder = new TextEncoder();
const buffer = Buffer.alloc(70_000);
const bytes = new Uint8Array(buffer.buffer, buffer.byteOffset, buffer.length);

/** Writes the data and the final CR LF of a chunk whose size line ends at `at`. */
function putData(piece: Uint8Array, at: number): number {
  bytes.set(piece, at);
  bytes.set(CRLF, at + piece.length);
  return at + piece.length + 2;
}

/** Writers by name; each writes one chunk into `bytes` and returns its size. */
const writers: Readonly<Record<string, (piece: Uint8Array) => number>> = {
  "khttp": (piece) => putData(piece, writeChunkSize(bytes, 0, piece.length)),
  "toString(16), TextEncoder.encode": (piece) => {
    const line = encoder.encode(`${piece.length.toString(16)}\r\n`);
    bytes.set(line);
    return putData(piece, line.length);
  },
  "toString(16), TextEncoder.encodeInto": (piece) => {
    const line = `${piece.length.toString(16)}\r\n`;
    return putData(piece, encoder.encodeInto(line, bytes).written);
  },
  "toString(16), Buffer.latin1Write": (piece) => {
    const line = `${piece.length.toString(16)}\r\n`;
    return putData(piece, buffer.write(line, "latin1"));
  },
};

for (const sizeBytes of [64, 1024, 16_384, 65_536]) {
  const piece = payload(sizeBytes);
  const text = Buffer.from(piece).toString("latin1");
  const expected = `${sizeBytes.toString(16)}\r\n${text}\r\n`;
  const group = `chunk of ${sizeBytes} bytes`;
  for (const [name, write] of Object.entries(writers)) {
    assert.equal(buffer.toString("latin1", 0, write(piece)), expected, name);
    Deno.bench(name, { group, baseline: name === "khttp" }, () => {
      write(piece);
    });
  }
}
