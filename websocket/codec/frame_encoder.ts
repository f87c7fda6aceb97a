/**
 * Encodes frames (RFC 6455 §5.2): heads for payloads that are written beside
 * them, and whole frames, masked or not.
 */

import { Mask } from "./mask.ts";

/** The opcodes of frames (RFC 6455 §5.2, §11.8). */
export const Opcode = Object.freeze(
  {
    CONTINUATION: 0,
    TEXT: 1,
    BINARY: 2,
    CLOSE: 8,
    PING: 9,
    PONG: 10,
  } as const,
);

/** The bit of a frame that ends its message. */
export const FIN = 0x80;
/** The bit of a compressed message's first frame (RFC 7692 §7). */
export const RSV1 = 0x40;

/** The longest head of a frame without a mask, in bytes. */
export const MAX_HEAD_BYTES = 10;

const MASKED = 0x80;

/** Bytes of the head of an unmasked frame. */
export function frameHeadSize(payloadBytes: number): number {
  if (payloadBytes < 126) return 2;
  return payloadBytes < 65_536 ? 4 : 10;
}

/**
 * Writes a head without a mask.
 *
 * @param first The first byte: FIN, reserved bits and opcode.
 * @returns The position after it.
 */
export function writeFrameHead(
  target: Uint8Array,
  at: number,
  first: number,
  payloadBytes: number,
): number {
  target[at] = first;
  if (payloadBytes < 126) {
    target[at + 1] = payloadBytes;
    return at + 2;
  }
  if (payloadBytes < 65_536) {
    target[at + 1] = 126;
    target[at + 2] = payloadBytes >>> 8;
    target[at + 3] = payloadBytes;
    return at + 4;
  }
  target[at + 1] = 127;
  let rest = payloadBytes;
  for (let place = at + 9; place > at + 1; place--) {
    target[place] = rest % 256;
    rest = Math.floor(rest / 256);
  }
  return at + 10;
}

/** One frame to encode. */
export interface FrameInit {
  /** Its opcode, from 0 to 15. */
  readonly opcode: number;
  /** Its payload. @default {no bytes} */
  readonly payload?: Uint8Array;
  /** Whether it ends its message. @default {true} */
  readonly isFinal?: boolean;
  /** The reserved bits, as they stand in the first byte. @default {0} */
  readonly reserved?: number;
  /** The four bytes of the masking key; clients must mask. @default {no mask} */
  readonly mask?: Uint8Array;
}

const NO_BYTES = new Uint8Array(0);

/** Encodes a frame. Nothing is checked, so that tests can make invalid frames. */
export function encodeFrame(frame: FrameInit): Uint8Array<ArrayBuffer> {
  const { payload = NO_BYTES, isFinal = true, reserved = 0, mask } = frame;
  const first = (isFinal ? FIN : 0) | reserved | frame.opcode;
  const maskBytes = mask === undefined ? 0 : 4;
  const start = frameHeadSize(payload.length) + maskBytes;
  const bytes = new Uint8Array(start + payload.length);
  const at = writeFrameHead(bytes, 0, first, payload.length);
  bytes.set(payload, start);
  if (mask === undefined) return bytes;
  bytes[1]! |= MASKED; // a head has two bytes at least
  bytes.set(mask, at);
  const applied = new Mask();
  applied.setKey(mask, 0);
  applied.apply(bytes, start, bytes.length);
  return bytes;
}
