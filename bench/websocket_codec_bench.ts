/**
 * The parts of the frame codec: `deno bench -A bench/websocket_codec_bench.ts`.
 *
 * Masks in words of different sizes, strings from ASCII, and whole frames through
 * the decoder, from memory.
 */

import assert from "node:assert/strict";
import { encodeFrame, Opcode } from "../websocket/codec/frame_encoder.ts";
import { FrameDecoder, FrameEvent } from "../websocket/codec/frame_decoder.ts";
import { Mask } from "../websocket/codec/mask.ts";
import { decodeAscii, decodeUtf8 } from "../websocket/codec/utf8.ts";

const SIZES = [16, 1024, 65_536];
const KEY = Uint8Array.of(0x37, 0xfa, 0x21, 0x3d);

function maskBytes(bytes: Uint8Array): void {
  for (let i = 0; i < bytes.length; i++) bytes[i]! ^= KEY[i & 3]!; // in range
}

function maskWords32(bytes: Uint8Array): void {
  const [key = 0] = new Uint32Array(KEY.buffer);
  const words = new Uint32Array(bytes.buffer, 0, bytes.length >>> 2);
  for (let i = 0; i < words.length; i++) words[i]! ^= key; // in range
}

function maskWords64(bytes: Uint8Array): void {
  const mask = new Mask();
  mask.setKey(KEY, 0);
  mask.apply(bytes, 0, bytes.length);
}

for (const size of SIZES) {
  const group = `mask ${size} bytes`;
  const results = [maskWords64, maskWords32, maskBytes].map((mask) => {
    const bytes = new Uint8Array(size);
    mask(bytes);
    Deno.bench(mask.name, { group, baseline: mask === maskWords64 }, () => {
      mask(bytes);
    });
    return bytes.slice();
  });
  for (const result of results) assert.deepEqual(result, results[0]);
}

for (const size of SIZES) {
  const group = `text of ${size} bytes`;
  const bytes = new Uint8Array(size + 6).fill(0x61);
  const mask = new Mask();
  mask.setKey(new Uint8Array(4), 0); // leaves the bytes as they are
  Deno.bench("applyToText and decodeAscii", { group, baseline: true }, () => {
    if (!mask.applyToText(bytes, 6, size + 6)) throw new Error("Not ASCII");
    decodeAscii(bytes, 6, size + 6);
  });
  Deno.bench("apply and decodeUtf8", { group }, () => {
    mask.apply(bytes, 6, size + 6);
    decodeUtf8(bytes, 6, size + 6);
  });
}

const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
for (const size of SIZES) {
  const group = `string of ${size} bytes`;
  const bytes = new Uint8Array(size + 6).fill(0x61);
  assert.equal(
    decodeUtf8(bytes, 6, size + 6),
    decoder.decode(bytes.subarray(6)),
  );
  Deno.bench("decodeUtf8", { group, baseline: true }, () => {
    decodeUtf8(bytes, 6, size + 6);
  });
  Deno.bench("TextDecoder", { group }, () => {
    decoder.decode(bytes.subarray(6, size + 6));
  });
}

for (const opcode of [Opcode.TEXT, Opcode.BINARY]) {
  for (const size of SIZES) {
    const group = `${
      opcode === Opcode.TEXT ? "text" : "binary"
    } frame of ${size} bytes`;
    // A key of zeros leaves the bytes as they are, so that each iteration reads the same.
    const wire = encodeFrame({
      opcode,
      payload: new Uint8Array(size).fill(0x61),
      mask: new Uint8Array(4),
    });
    const frames = new FrameDecoder({
      isMasked: true,
      maxMessageBytes: size,
      inflate: null,
    });
    Deno.bench("FrameDecoder", { group }, () => {
      frames.feed(wire);
      if (frames.next() !== FrameEvent.MESSAGE) throw new Error("No message");
      frames.next();
    });
  }
}
