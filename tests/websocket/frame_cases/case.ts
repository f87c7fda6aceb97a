/** The form of the frame tables, and short names for what stands in them. */

import {
  encodeFrame,
  type FrameInit,
  Opcode,
} from "../../../websocket/codec/frame_encoder.ts";

/** Frames, or bytes in hexadecimal with spaces, and the events that they lead to. */
export interface FrameCase {
  readonly name: string;
  /** Frames are also sent in the server's direction, without masks. */
  readonly wire: readonly FrameInit[] | string;
  /** See `describe` in `frame_decoder_test.ts`. */
  readonly expect: readonly string[];
  /** The largest message, in bytes. @default {1000} */
  readonly maxMessageBytes?: number;
  /** Whether compression was negotiated; `"alone"` if each message is compressed on its own. */
  readonly deflate?: "context" | "alone";
}

/** The cases of one section of an RFC. */
export interface FrameSection {
  readonly rfc: string;
  readonly cases: readonly FrameCase[];
}

const encoder = new TextEncoder();

/** Bytes from hexadecimal with spaces. */
export function hex(text: string): Uint8Array<ArrayBuffer> {
  const digits = text.replaceAll(" ", "").match(/../g) ?? [];
  return Uint8Array.from(digits, (pair) => parseInt(pair, 16));
}

/** Payload bytes: a string stands for its UTF-8. */
export function bytesOf(payload: string | Uint8Array): Uint8Array {
  return typeof payload === "string" ? encoder.encode(payload) : payload;
}

/** A complete text message, or its first frame. */
export function text(
  payload: string | Uint8Array,
  isFinal = true,
  reserved = 0,
): FrameInit {
  return { opcode: Opcode.TEXT, payload: bytesOf(payload), isFinal, reserved };
}

/** A complete binary message, or its first frame. */
export function binary(
  payload: string | Uint8Array,
  isFinal = true,
  reserved = 0,
): FrameInit {
  return {
    opcode: Opcode.BINARY,
    payload: bytesOf(payload),
    isFinal,
    reserved,
  };
}

/** A further frame of a message. */
export function more(
  payload: string | Uint8Array,
  isFinal = false,
  reserved = 0,
): FrameInit {
  return {
    opcode: Opcode.CONTINUATION,
    payload: bytesOf(payload),
    isFinal,
    reserved,
  };
}

/** The last frame of a message. */
export function last(payload: string | Uint8Array): FrameInit {
  return more(payload, true);
}

/** A ping. */
export function ping(payload: string | Uint8Array = ""): FrameInit {
  return { opcode: Opcode.PING, payload: bytesOf(payload) };
}

/** A pong. */
export function pong(payload: string | Uint8Array = ""): FrameInit {
  return { opcode: Opcode.PONG, payload: bytesOf(payload) };
}

/** A close frame with a code and a reason. */
export function close(
  code: number,
  reason: string | Uint8Array = "",
): FrameInit {
  const bytes = bytesOf(reason);
  const payload = new Uint8Array(2 + bytes.length);
  payload.set([code >> 8, code & 0xff]);
  payload.set(bytes, 2);
  return { opcode: Opcode.CLOSE, payload };
}

/** A close frame with any payload. */
export function closeWith(payload: Uint8Array): FrameInit {
  return { opcode: Opcode.CLOSE, payload };
}

/** Frames as a client sends them, with a key for each. */
export function encodeMasked(frames: readonly FrameInit[]): Uint8Array {
  return joined(frames.map((frame, index) =>
    encodeFrame({
      ...frame,
      mask: Uint8Array.of(0x37 + index, 0xfa, 0x21 ^ index, 0x3d),
    })
  ));
}

/** Frames as a server sends them. */
export function encodePlain(frames: readonly FrameInit[]): Uint8Array {
  return joined(frames.map(encodeFrame));
}

/** Pieces in a row. */
export function joined(pieces: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(
    pieces.reduce((size, piece) => size + piece.length, 0),
  );
  let at = 0;
  for (const piece of pieces) {
    bytes.set(piece, at);
    at += piece.length;
  }
  return bytes;
}
