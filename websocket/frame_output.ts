/**
 * Frames that wait to be sent. Small ones share a chunk, so that one write sends
 * many; a large one gets a chunk of its own size. Data is copied, so that the
 * program may change it after `send()`.
 */

import {
  FIN,
  frameHeadSize,
  MAX_HEAD_BYTES,
  Opcode,
  writeFrameHead,
} from "./codec/frame_encoder.ts";

/** The first chunk, which an idle connection keeps. */
const SMALL_CHUNK_BYTES = 2048;
/** Chunks after a full one. */
const CHUNK_BYTES = 32_768;
/** The largest chunk that is used again; one that holds a large message is as large as that. */
const MAX_SPARE_BYTES = 131_072;
/** After so many small uses in a row, a large chunk is given up. */
const SMALL_USES = 64;
/** Strings up to this length are encoded by a loop if they are ASCII. */
const MAX_LOOP_CHARS = 64;
/**
 * Strings up to this length get room for the longest UTF-8 that they may have,
 * which always fits into a small chunk. With a higher limit, a string could get a
 * large chunk and use little of it. That would count as a small use, and the
 * large chunk would be given up and created again.
 */
const MAX_SHORT_CHARS = Math.floor((SMALL_CHUNK_BYTES - MAX_HEAD_BYTES) / 3);

const NO_BYTES: Uint8Array<ArrayBuffer> = new Uint8Array(0);
const encoder = new TextEncoder();

/** The output of one connection. */
export class FrameOutput {
  /** Bytes that were added and not sent, heads included. */
  pendingBytes = 0;
  /** The bytes of the chunk that was taken last. */
  takenBytes = 0;
  /** Full chunks before the current one. */
  #chunks: Uint8Array[] = [];
  #chunk: Uint8Array<ArrayBuffer> = NO_BYTES;
  #end = 0;
  /** A chunk that was sent and may be filled again. */
  #spare: Uint8Array<ArrayBuffer> = NO_BYTES;
  /** The chunk that is being sent, if it may be filled again. */
  #taken: Uint8Array<ArrayBuffer> = NO_BYTES;
  #smallUses = 0;
  /** Where the last long text was encoded. */
  #target: Uint8Array = NO_BYTES;
  /** What {@linkcode FrameOutput.takeView} returned last. */
  #view: Uint8Array = NO_BYTES;
  /** The chunk that `#view` shows. */
  #viewed: Uint8Array = NO_BYTES;

  /** Adds a text message. */
  addText(text: string): void {
    const { length } = text;
    if (length <= MAX_LOOP_CHARS && this.#addAscii(text)) return;
    const room = length <= MAX_SHORT_CHARS ? 3 * length : length;
    this.#reserve(MAX_HEAD_BYTES + room);
    const start = this.#end;
    const guess = frameHeadSize(length);
    const chunk = this.#chunk;
    const target = this.#targetAt(start + guess);
    const { read, written } = encoder.encodeInto(text, target);
    if (read < length) {
      this.addFrame(FIN | Opcode.TEXT, encoder.encode(text));
      return;
    }
    const headSize = frameHeadSize(written);
    if (headSize !== guess) {
      // There is room: MAX_HEAD_BYTES were reserved, and `written` bytes fit behind the guess.
      chunk.copyWithin(
        start + headSize,
        start + guess,
        start + guess + written,
      );
    }
    writeFrameHead(chunk, start, FIN | Opcode.TEXT, written);
    this.#end += headSize + written;
    this.pendingBytes += headSize + written;
  }

  /** A view of the chunk from a position on; messages in a row often use the same position. */
  #targetAt(start: number): Uint8Array {
    const { buffer, byteOffset } = this.#target;
    if (buffer !== this.#chunk.buffer || byteOffset !== start) {
      this.#target = this.#chunk.subarray(start);
    }
    return this.#target;
  }

  /**
   * Adds a short text; returns `false`, and adds nothing, if it is not ASCII.
   *
   * perf: for 16 characters, the view that the encoder needs costs more than
   * the loop (bench/websocket.ts).
   */
  #addAscii(text: string): boolean {
    const { length } = text;
    this.#reserve(2 + length); // frames this short have a head of two bytes
    const chunk = this.#chunk;
    const start = this.#end + 2;
    for (let at = 0; at < length; at++) {
      const unit = text.charCodeAt(at);
      if (unit > 0x7f) return false;
      chunk[start + at] = unit;
    }
    writeFrameHead(chunk, this.#end, FIN | Opcode.TEXT, length);
    this.#end = start + length;
    this.pendingBytes += 2 + length;
    return true;
  }

  /** Adds a frame whose first byte is given. */
  addFrame(first: number, payload: Uint8Array): void {
    const { length } = payload;
    this.#reserve(frameHeadSize(length) + length);
    const start = this.#end;
    const at = writeFrameHead(this.#chunk, start, first, length);
    const chunk = this.#chunk;
    if (length > MAX_LOOP_CHARS) chunk.set(payload, at);
    else for (let n = 0; n < length; n++) chunk[at + n] = payload[n]!; // in range
    this.#end = at + length;
    this.pendingBytes += this.#end - start;
  }

  /** Adds a close frame; without a code, `reason` is not sent either. */
  addClose(code: number | null, reason: string): void {
    if (code === null) {
      this.addFrame(FIN | Opcode.CLOSE, NO_BYTES);
      return;
    }
    const text = encoder.encode(reason);
    const payload = new Uint8Array(2 + text.length);
    payload.set([code >> 8, code & 0xff]);
    payload.set(text, 2);
    this.addFrame(FIN | Opcode.CLOSE, payload);
  }

  /** Takes the next chunk to send, or `null`; its first `takenBytes` are output. They stay unchanged until the next call. */
  take(): Uint8Array | null {
    if (this.#taken.length > this.#spare.length) this.#spare = this.#taken;
    this.#taken = NO_BYTES;
    if (this.#chunks.length > 0) {
      const first = this.#chunks.shift()!; // there is one
      this.takenBytes = first.length;
      return first;
    }
    this.takenBytes = this.#end;
    if (this.#end === 0) return null;
    const chunk = this.#chunk;
    if (this.#mayReuse(chunk.length)) this.#taken = chunk;
    else this.#dropViews();
    this.#chunk = NO_BYTES;
    this.#end = 0;
    return chunk;
  }

  /**
   * Like `take()`, but returns only the part of the chunk that has output.
   *
   * perf: successive chunks are often the same memory with the same amount of
   * output. Making a view for each costs 500 instructions
   * (bench/machine_count.ts, Deno 2.9).
   */
  takeView(): Uint8Array | null {
    const chunk = this.take();
    if (chunk === null) return null;
    const size = this.takenBytes;
    if (chunk !== this.#taken) return chunk.subarray(0, size);
    if (chunk !== this.#viewed || size !== this.#view.length) {
      this.#viewed = chunk;
      this.#view = chunk.subarray(0, size);
    }
    return this.#view;
  }

  /** Notes that so many of the taken bytes were sent. */
  sent(size: number): void {
    this.pendingBytes -= size;
  }

  /** Drops everything. */
  clear(): void {
    this.pendingBytes = 0;
    this.#chunks = [];
    this.#chunk = this.#spare = this.#taken = NO_BYTES;
    this.#dropViews();
    this.#end = 0;
  }

  /** Frees the memory that only views refer to. */
  #dropViews(): void {
    this.#target = this.#view = this.#viewed = NO_BYTES;
  }

  /** Whether a chunk that is sent is worth keeping. */
  #mayReuse(chunkBytes: number): boolean {
    if (chunkBytes > MAX_SPARE_BYTES) return false;
    const isSmallUse = chunkBytes > SMALL_CHUNK_BYTES &&
      this.#end <= SMALL_CHUNK_BYTES;
    this.#smallUses = isSmallUse ? this.#smallUses + 1 : 0;
    return this.#smallUses < SMALL_USES;
  }

  /** Makes room for `size` bytes in the current chunk. */
  #reserve(size: number): void {
    if (this.#chunk.length - this.#end >= size) return;
    if (this.#end > 0) {
      this.#chunks.push(this.#chunk.subarray(0, this.#end));
      this.#dropViews();
      this.#end = 0;
    }
    if (size <= this.#spare.length && this.#chunks.length === 0) {
      this.#chunk = this.#spare;
      this.#spare = NO_BYTES;
      return;
    }
    const usual = this.#chunks.length > 0 ? CHUNK_BYTES : SMALL_CHUNK_BYTES;
    this.#chunk = new Uint8Array(Math.max(size, usual));
  }
}
