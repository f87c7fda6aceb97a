/**
 * Decodes and checks the UTF-8 of text messages and close reasons (RFC 6455
 * §5.6, §8.1). A byte order mark is part of the text.
 */

import { Buffer, isAscii as isLongAscii } from "node:buffer";
import { WebSocketFault } from "./fault.ts";

const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

// The types leave this method of the runtime's buffers out.
const { latin1Slice } = Buffer.prototype as unknown as {
  latin1Slice(this: Uint8Array, start: number, end: number): string;
};

/** Shorter texts are checked byte by byte: a view of the words costs more than it saves. */
const MIN_WORD_BYTES = 32;
/**
 * Texts from this size on are checked by the runtime.
 *
 * perf: 0.2 times the time of the check by words for 64 KiB, but 5 times for 1 KiB
 * (bench/websocket_codec_bench.ts, Deno 2.9).
 */
export const LONG_TEXT_BYTES = 8192;
/** The highest bit of each byte of a word. */
const NOT_ASCII = 0x80808080;

/**
 * Decodes bytes.
 *
 * @throws {WebSocketFault} `INVALID_UTF8` if they are not UTF-8.
 */
export function decodeUtf8(
  bytes: Uint8Array,
  start: number,
  end: number,
): string {
  // perf: check and copy of ASCII take 0.3 of the decoder's time, for 16 bytes
  // and for 64 KiB (bench/websocket_codec_bench.ts, Deno 2.9).
  if (isAscii(bytes, start, end)) return decodeAscii(bytes, start, end);
  return decodeNonAscii(bytes, start, end);
}

/** Decodes bytes that are ASCII. */
export function decodeAscii(
  bytes: Uint8Array,
  start: number,
  end: number,
): string {
  return latin1Slice.call(bytes, start, end);
}

/**
 * Decodes bytes that are known not to be ASCII.
 *
 * @throws {WebSocketFault} `INVALID_UTF8` if they are not UTF-8.
 */
export function decodeNonAscii(
  bytes: Uint8Array,
  start: number,
  end: number,
): string {
  try {
    return decoder.decode(bytes.subarray(start, end));
  } catch {
    // The decoder's error has no further details.
    throw invalidUtf8();
  }
}

/**
 * Checks the bytes of a text that goes on after them: they are UTF-8, except
 * that the last character may be incomplete.
 *
 * @returns The end of the last complete character.
 * @throws {WebSocketFault} `INVALID_UTF8` if no bytes can make them UTF-8.
 */
export function checkUtf8Prefix(
  bytes: Uint8Array,
  start: number,
  end: number,
): number {
  const complete = end - incompleteBytes(bytes, start, end);
  decodeUtf8(bytes, start, complete);
  return complete;
}

function isAscii(bytes: Uint8Array, start: number, end: number): boolean {
  if (end - start < MIN_WORD_BYTES) return isAsciiBytes(bytes, start, end);
  if (end - start >= LONG_TEXT_BYTES) {
    return isLongAscii(bytes.subarray(start, end));
  }
  const misaligned = (bytes.byteOffset + start) & 3;
  const first = misaligned === 0 ? start : start + 4 - misaligned;
  const count = (end - first) >>> 2;
  return isAsciiBytes(bytes, start, first) &&
    isAsciiWords(
      new Int32Array(bytes.buffer, bytes.byteOffset + first, count),
    ) &&
    isAsciiBytes(bytes, first + count * 4, end);
}

function isAsciiBytes(bytes: Uint8Array, start: number, end: number): boolean {
  let all = 0;
  for (let at = start; at < end; at++) all |= bytes[at]!; // in range
  return all < 0x80;
}

/** Checks four words a step. */
function isAsciiWords(words: Int32Array): boolean {
  const { length } = words;
  let all = 0;
  let at = 0;
  for (; at + 3 < length; at += 4) {
    all |= words[at]! | words[at + 1]! | words[at + 2]! | words[at + 3]!; // in range
  }
  for (; at < length; at++) all |= words[at]!; // in range
  return (all & NOT_ASCII) === 0;
}

/** Bytes at the end that begin a character and do not finish it, at most 3. */
function incompleteBytes(
  bytes: Uint8Array,
  start: number,
  end: number,
): number {
  for (let count = 1; count <= 3 && end - count >= start; count++) {
    const lead = bytes[end - count]!; // in range
    if ((lead & 0xc0) === 0x80) continue; // a continuation byte
    const isPrefix = sequenceLength(lead) > count &&
      (count === 1 || maySecond(lead, bytes[end - count + 1]!)); // in range
    return isPrefix ? count : 0;
  }
  return 0;
}

/** Bytes of the character that begins with `lead`; 0 if none does. */
function sequenceLength(lead: number): number {
  if (lead < 0x80) return 1;
  if (lead >= 0xc2 && lead <= 0xdf) return 2;
  if (lead >= 0xe0 && lead <= 0xef) return 3;
  return lead >= 0xf0 && lead <= 0xf4 ? 4 : 0;
}

/** Whether a continuation byte may follow `lead`, where the range is narrower (RFC 3629 §4). */
function maySecond(lead: number, second: number): boolean {
  if (lead === 0xe0) return second >= 0xa0;
  if (lead === 0xed) return second <= 0x9f;
  if (lead === 0xf0) return second >= 0x90;
  return lead !== 0xf4 || second <= 0x8f;
}

function invalidUtf8(): WebSocketFault {
  return new WebSocketFault("INVALID_UTF8", "Cannot decode text: not UTF-8");
}
