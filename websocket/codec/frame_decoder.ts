/**
 * Decodes frames to messages and control frames, from bytes in any split (RFC
 * 6455 §5). No I/O: bytes go in, events come out, and bytes that can never
 * become valid throw a fault with its close code. A function that the owner
 * provides decompresses the payload of a compressed message (RFC 7692 §7.2.2).
 */

import { isCloseCode, NO_STATUS } from "./close_codes.ts";
import { WebSocketFault, type WebSocketFaultCode } from "./fault.ts";
import { FIN, Opcode, RSV1 } from "./frame_encoder.ts";
import { Mask } from "./mask.ts";
import {
  checkUtf8Prefix,
  decodeAscii,
  decodeNonAscii,
  decodeUtf8,
  LONG_TEXT_BYTES,
} from "./utf8.ts";

/** What {@linkcode FrameDecoder.next} found: nothing, a message, or a control frame. */
export const FrameEvent = Object.freeze(
  { NEED_DATA: 0, MESSAGE: 1, CLOSE: 8, PING: 9, PONG: 10 } as const,
);

/** One of the values of `FrameEvent`. */
export type FrameEvent = typeof FrameEvent[keyof typeof FrameEvent];

/** Decompresses a message, or throws a fault if it is invalid or has more than `maxBytes`. */
export type Inflate = (
  compressed: Uint8Array,
  maxBytes: number,
) => Uint8Array<ArrayBuffer>;

/** What a decoder expects of its peer. */
export interface FrameDecoderInit {
  /** Whether frames must be masked, as those of clients, or must not be (RFC 6455 §5.1). */
  readonly isMasked: boolean;
  /** The largest message, in bytes, after decompression. */
  readonly maxMessageBytes: number;
  /** Decompresses messages; `null` if compression was not negotiated. */
  readonly inflate: Inflate | null;
}

/** The largest payload of a control frame (RFC 6455 §5.5). */
const MAX_CONTROL_BYTES = 125;
/** The largest head: two bytes, eight of length, four of the key. */
const MAX_HEAD_BYTES = 14;
/**
 * At most this much memory is allocated for a message before its bytes have
 * arrived; after that, twice what has arrived.
 */
const FIRST_BUFFER_BYTES = 65_536;
/** The largest buffer that is kept for another message. */
const MAX_SPARE_BYTES = 131_072;
/** The largest message that a loop copies; see {@linkcode copyOf}. */
const MAX_LOOP_BYTES = 64;
/** After this many messages that needed no buffer, the spare buffer is given up. */
const WHOLE_MESSAGES = 64;
/** An incompressible message grows by 5 bytes in each block; blocks of zlib may be this small. */
const MIN_BLOCK_BYTES = 256;

const NO_BYTES: Uint8Array<ArrayBuffer> = new Uint8Array(0);

// perf: V8 looks up an import at each use, but not a constant of this module
// (bench/machine_bench.ts).
const { CONTINUATION, TEXT, BINARY, CLOSE, PONG } = Opcode;
const { NEED_DATA, MESSAGE } = FrameEvent;
/** A frame has ended and its message has not. Internal: never returned by `next()`. */
const FRAME_END = -1;

/**
 * The decoder of one connection.
 *
 * `feed()` lends it bytes, which it unmasks in place. Then `next()` is called
 * until it returns `NEED_DATA`; only then may the bytes be used again. After a
 * fault or a close frame, it ignores all further bytes.
 */
export class FrameDecoder {
  /** The last message: a string, or bytes that belong to the caller. */
  message: string | Uint8Array<ArrayBuffer> = NO_BYTES;
  /** The payload of the last ping or pong; valid until the next call. */
  payload: Uint8Array = NO_BYTES;
  /** The code of the close frame; 1005 if it has none. */
  closeCode: number = NO_STATUS;
  /** The reason in the close frame. */
  closeReason = "";

  readonly #isMasked: boolean;
  readonly #maxMessageBytes: number;
  readonly #inflate: Inflate | null;

  /** Fed bytes, used up to `#at`. */
  #bytes: Uint8Array = NO_BYTES;
  #at = 0;
  #end = 0;
  #isClosed = false;

  /** The part of a head that has arrived, if its rest has not. */
  #head: Uint8Array = NO_BYTES;
  #headSize = 0;

  /** The frame whose payload is being read. */
  #isInPayload = false;
  #isFinal = false;
  #opcode = 0;
  #restBytes = 0;
  readonly #mask: Mask = new Mask();
  /** The part of a control frame's payload that has arrived. */
  #control: Uint8Array = NO_BYTES;
  #controlSize = 0;

  /** The opcode of the message that is being read; 0 between messages. */
  #messageOpcode = 0;
  #isCompressed = false;
  #buffer: Uint8Array<ArrayBuffer> = NO_BYTES;
  #messageSize = 0;
  /** The buffer of an earlier message, which nothing else refers to. */
  #spare: Uint8Array<ArrayBuffer> = NO_BYTES;
  /** How many messages in a row needed no buffer. */
  #wholeMessages = 0;
  /** Bytes of a text message that were checked. */
  #checkedSize = 0;

  /** Creates the decoder of one connection. */
  constructor(init: FrameDecoderInit) {
    this.#isMasked = init.isMasked;
    this.#maxMessageBytes = init.maxMessageBytes;
    this.#inflate = init.inflate;
  }

  /** Whether all fed bytes were used. */
  get isDrained(): boolean {
    return this.#at === this.#end;
  }

  /** Returns the last message and forgets it, so that its memory can be freed. */
  takeMessage(): string | Uint8Array<ArrayBuffer> {
    const { message } = this;
    this.message = NO_BYTES;
    return message;
  }

  /**
   * Lends bytes to the decoder, which changes them.
   *
   * @throws {TypeError} If bytes of the call before are unused.
   */
  feed(bytes: Uint8Array, start = 0, end: number = bytes.length): void {
    if (this.#isClosed) return;
    if (this.#at < this.#end) {
      throw new TypeError("Cannot feed bytes: earlier ones are unused");
    }
    this.#bytes = bytes;
    this.#at = start;
    this.#end = end;
  }

  /**
   * Decodes up to the next event.
   *
   * @throws {WebSocketFault} If the peer broke the protocol or the limit.
   */
  next(): FrameEvent {
    try {
      while (!this.#isClosed) {
        if (!this.#isInPayload && !this.#readHead()) break;
        const event = this.#opcode >= CLOSE
          ? this.#readControl()
          : this.#readData();
        if (event === FRAME_END) continue;
        return event;
      }
      return NEED_DATA;
    } catch (error) {
      this.#ignoreRest();
      throw error;
    }
  }

  /** Reads the head of a frame; returns whether it is complete. */
  #readHead(): boolean {
    if (this.#headSize === 0) {
      const size = this.#parseHead(this.#bytes, this.#at, this.#end);
      this.#at += size;
      if (size > 0) return true;
      if (this.#at === this.#end) return false;
      if (this.#head.length === 0) this.#head = new Uint8Array(MAX_HEAD_BYTES);
    }
    while (this.#at < this.#end) {
      this.#head[this.#headSize++] = this.#bytes[this.#at++]!; // in range
      if (this.#parseHead(this.#head, 0, this.#headSize) === 0) continue;
      this.#headSize = 0;
      return true;
    }
    return false;
  }

  /** Parses a head; returns its size, or 0 if it is incomplete. */
  #parseHead(bytes: Uint8Array, start: number, end: number): number {
    if (end - start < 2) return 0;
    const first = bytes[start]!; // in range, as all below
    const second = bytes[start + 1]!;
    this.#checkFirst(first);
    const isMasked = (second & 0x80) !== 0;
    if (isMasked !== this.#isMasked) throw maskFault(isMasked);
    const short = second & 0x7f;
    const opcode = first & 0x0f;
    if (opcode >= CLOSE && short > MAX_CONTROL_BYTES) {
      throw fault("CONTROL_TOO_LONG", "control frame of more than 125 bytes");
    }
    const lengthSize = short === 126 ? 2 : short === 127 ? 8 : 0;
    const size = 2 + lengthSize + (isMasked ? 4 : 0);
    if (end - start < size) return 0;
    const length = lengthSize === 0
      ? short
      : readLength(bytes, start + 2, lengthSize);
    if (isMasked) this.#mask.setKey(bytes, start + 2 + lengthSize);
    this.#beginFrame(first, opcode, length);
    return size;
  }

  /** Checks FIN, reserved bits and opcode (RFC 6455 §5.2, §5.4, §5.5). */
  #checkFirst(first: number): void {
    const opcode = first & 0x0f;
    if ((first & 0x30) !== 0) {
      throw fault("RESERVED_BIT", "reserved bit 2 or 3 is set");
    }
    if ((first & RSV1) !== 0) {
      // Only the first frame of a message tells that it is compressed (RFC 7692 §6).
      const mayCompress = this.#inflate !== null &&
        (opcode === TEXT || opcode === BINARY);
      if (!mayCompress) throw fault("RESERVED_BIT", "reserved bit 1 is set");
    }
    if (opcode > PONG || (opcode > BINARY && opcode < CLOSE)) {
      throw fault("RESERVED_OPCODE", `opcode ${opcode} is reserved`);
    }
    if (opcode >= CLOSE) {
      if ((first & FIN) !== 0) return;
      throw fault("FRAGMENTED_CONTROL", "control frame is fragmented");
    }
    const isInMessage = this.#messageOpcode !== 0;
    if (opcode === CONTINUATION && !isInMessage) {
      throw fault("CONTINUATION_UNEXPECTED", "continuation without a message");
    }
    if (opcode !== CONTINUATION && isInMessage) {
      throw fault("CONTINUATION_EXPECTED", "message begins inside a message");
    }
  }

  #beginFrame(first: number, opcode: number, length: number): void {
    this.#opcode = opcode;
    this.#isFinal = (first & FIN) !== 0;
    this.#restBytes = length;
    this.#isInPayload = true;
    if (opcode >= CLOSE) return;
    if (opcode !== CONTINUATION) {
      this.#messageOpcode = opcode;
      this.#isCompressed = (first & RSV1) !== 0;
    }
    if (this.#messageSize + length > this.#maxWireBytes()) {
      throw this.#tooLarge();
    }
  }

  /** The most bytes that the payloads of the message may have on the wire. */
  #maxWireBytes(): number {
    const max = this.#maxMessageBytes;
    if (!this.#isCompressed) return max;
    return max + 5 * (2 + Math.ceil(max / MIN_BLOCK_BYTES));
  }

  #tooLarge(): WebSocketFault {
    return fault(
      "MESSAGE_TOO_LARGE",
      `message of more than ${this.#maxMessageBytes} bytes`,
    );
  }

  /** Reads the payload of a data frame. */
  #readData(): FrameEvent | typeof FRAME_END {
    const rest = this.#restBytes;
    if (
      this.#isFinal && this.#messageSize === 0 && this.#end - this.#at >= rest
    ) {
      return this.#readWhole(rest);
    }
    const size = Math.min(rest, this.#end - this.#at);
    if (size > 0) this.#append(size);
    if (this.#restBytes > 0) return NEED_DATA;
    this.#isInPayload = false;
    if (!this.#isFinal) {
      this.#checkFragment();
      return FRAME_END;
    }
    return this.#endMessage();
  }

  /** Reads a message whose payload is in the fed bytes completely, without the buffer. */
  #readWhole(size: number): FrameEvent {
    const start = this.#at;
    const end = start + size;
    const opcode = this.#messageOpcode;
    if (this.#spare.length > 0) this.#countWhole();
    this.#at = end;
    this.#isInPayload = false;
    this.#messageOpcode = 0;
    if (opcode === BINARY && !this.#isCompressed) {
      if (this.#isMasked) this.#mask.apply(this.#bytes, start, end);
      this.message = copyOf(this.#bytes, start, end);
      return MESSAGE;
    }
    if (this.#isMasked && !this.#isCompressed && size < LONG_TEXT_BYTES) {
      this.message = this.#mask.applyToText(this.#bytes, start, end)
        ? decodeAscii(this.#bytes, start, end)
        : decodeNonAscii(this.#bytes, start, end);
      return MESSAGE;
    }
    if (this.#isMasked) this.#mask.apply(this.#bytes, start, end);
    this.#setMessage(opcode, this.#bytes, start, end);
    return MESSAGE;
  }

  /** Gives the spare buffer up after many messages that did not need it. */
  #countWhole(): void {
    this.#wholeMessages++;
    if (this.#wholeMessages === WHOLE_MESSAGES) this.#spare = NO_BYTES;
  }

  /** Moves bytes of the payload to the buffer, and unmasks them there. */
  #append(size: number): void {
    const start = this.#messageSize;
    const end = start + size;
    if (this.#buffer.length < end) this.#grow(end);
    this.#buffer.set(this.#bytes.subarray(this.#at, this.#at + size), start);
    if (this.#isMasked) this.#mask.apply(this.#buffer, start, end);
    this.#messageSize = end;
    this.#at += size;
    this.#restBytes -= size;
  }

  /** Makes room for `needed` bytes. Memory grows with the bytes that arrive, not with the length in a head. */
  #grow(needed: number): void {
    const announced = this.#messageSize + this.#restBytes;
    const wanted = Math.max(
      needed,
      2 * this.#messageSize,
      Math.min(announced, FIRST_BUFFER_BYTES),
    );
    const most = this.#isFinal ? announced : this.#maxWireBytes();
    const size = Math.min(wanted, most);
    this.#wholeMessages = 0;
    const buffer = this.#takeSpare(size) ?? new Uint8Array(size);
    buffer.set(this.#buffer.subarray(0, this.#messageSize));
    this.#buffer = buffer;
  }

  /**
   * Takes the spare buffer if it is large enough, unless the buffer becomes the
   * message: that belongs to the caller.
   *
   * perf: 0.9 times the time of an echo of 64 KiB, which mostly arrives in two
   * reads (bench/websocket.ts).
   */
  #takeSpare(size: number): Uint8Array<ArrayBuffer> | null {
    const spare = this.#spare;
    if (spare.length < size || this.#isGiven()) return null;
    this.#spare = NO_BYTES;
    return spare;
  }

  /** Whether the buffer becomes the message, which belongs to the caller. */
  #isGiven(): boolean {
    return this.#messageOpcode === BINARY && !this.#isCompressed;
  }

  /** Checks the part of a text that has arrived, so that an invalid text fails at its first invalid frame. */
  #checkFragment(): void {
    if (this.#messageOpcode !== TEXT || this.#isCompressed) return;
    this.#checkedSize = checkUtf8Prefix(
      this.#buffer,
      this.#checkedSize,
      this.#messageSize,
    );
  }

  #endMessage(): FrameEvent {
    const buffer = this.#buffer;
    const size = this.#messageSize;
    const opcode = this.#messageOpcode;
    this.#buffer = NO_BYTES;
    this.#messageSize = 0;
    this.#checkedSize = 0;
    this.#messageOpcode = 0;
    if (opcode === BINARY && !this.#isCompressed) {
      this.message = buffer.length === size ? buffer : buffer.slice(0, size);
    } else {
      this.#setMessage(opcode, buffer, 0, size);
      if (buffer.length <= MAX_SPARE_BYTES) this.#spare = buffer;
    }
    return MESSAGE;
  }

  /** Decompresses and decodes a message, unless it is binary and uncompressed. */
  #setMessage(
    opcode: number,
    bytes: Uint8Array,
    start: number,
    end: number,
  ): void {
    if (!this.#isCompressed || this.#inflate === null) {
      this.message = decodeUtf8(bytes, start, end);
      return;
    }
    const plain = this.#inflate(
      bytes.subarray(start, end),
      this.#maxMessageBytes,
    );
    this.message = opcode === TEXT ? decodeUtf8(plain, 0, plain.length) : plain;
  }

  /** Reads the payload of a control frame. */
  #readControl(): FrameEvent {
    const rest = this.#restBytes;
    const start = this.#at;
    if (this.#controlSize === 0 && this.#end - start >= rest) {
      this.#at += rest;
      if (this.#isMasked) this.#mask.apply(this.#bytes, start, this.#at);
      return this.#endControl(this.#bytes.subarray(start, this.#at));
    }
    if (this.#control.length === 0) {
      this.#control = new Uint8Array(MAX_CONTROL_BYTES);
    }
    const size = Math.min(rest, this.#end - start);
    this.#at += size;
    this.#restBytes -= size;
    this.#control.set(this.#bytes.subarray(start, this.#at), this.#controlSize);
    this.#controlSize += size;
    if (this.#restBytes > 0) return NEED_DATA;
    const payload = this.#control.subarray(0, this.#controlSize);
    if (this.#isMasked) this.#mask.apply(payload, 0, payload.length);
    return this.#endControl(payload);
  }

  #endControl(payload: Uint8Array): FrameEvent {
    this.#isInPayload = false;
    this.#controlSize = 0;
    const opcode = this.#opcode;
    if (opcode !== CLOSE) {
      this.payload = payload;
      return opcode as FrameEvent; // ping and pong have the values of their opcodes
    }
    this.#readClose(payload);
    this.#ignoreRest();
    return CLOSE;
  }

  /** Reads code and reason of a close frame (RFC 6455 §5.5.1, §7.4). */
  #readClose(payload: Uint8Array): void {
    if (payload.length === 0) return;
    if (payload.length === 1) {
      throw fault("INVALID_CLOSE", "close frame with one byte");
    }
    const code = (payload[0]! << 8) | payload[1]!; // there are two
    if (!isCloseCode(code)) {
      throw fault("INVALID_CLOSE_CODE", `close code ${code} is not allowed`);
    }
    this.closeReason = decodeUtf8(payload, 2, payload.length);
    this.closeCode = code;
  }

  #ignoreRest(): void {
    this.#isClosed = true;
    this.#at = this.#end;
    this.#buffer = this.#spare = NO_BYTES;
  }
}

/**
 * Returns a copy of a part of an array.
 *
 * perf: a loop for short messages, here and in frame_output.ts, saves 300
 * instructions of an echo of 16 binary bytes (bench/machine_count.ts, Deno 2.9).
 */
function copyOf(
  bytes: Uint8Array,
  start: number,
  end: number,
): Uint8Array<ArrayBuffer> {
  const size = end - start;
  if (size > MAX_LOOP_BYTES) return bytes.slice(start, end);
  const copy = new Uint8Array(size);
  for (let at = 0; at < size; at++) copy[at] = bytes[start + at]!; // in range
  return copy;
}

/** Reads an extended length, which must be the shortest form (RFC 6455 §5.2). */
function readLength(bytes: Uint8Array, start: number, size: number): number {
  if (size === 8 && bytes[start]! >= 0x80) {
    throw fault("LENGTH_TOO_LARGE", "length of more than 63 bits");
  }
  let length = 0; // beyond 2 ** 53 it is rounded, and larger than any limit
  for (let at = start; at < start + size; at++) {
    length = length * 256 + bytes[at]!; // in range
  }
  if (length < (size === 2 ? 126 : 65_536)) {
    throw fault("LENGTH_NOT_MINIMAL", `length ${length} in ${size} bytes`);
  }
  return length;
}

function maskFault(isMasked: boolean): WebSocketFault {
  return isMasked
    ? fault("MASK_UNEXPECTED", "frame of a server is masked")
    : fault("MASK_MISSING", "frame of a client is not masked");
}

function fault(code: WebSocketFaultCode, why: string): WebSocketFault {
  return new WebSocketFault(code, `Cannot read frame: ${why}`);
}
