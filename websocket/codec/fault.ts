/**
 * What ends a WebSocket connection early: the peer broke the protocol, a limit
 * or a deadline. A fault names the close code that the peer gets (RFC 6455
 * §7.4.1).
 */

/** The close codes that a fault of the peer leads to; with 1006, it gets none. */
export type FaultCloseCode = 1002 | 1006 | 1007 | 1009;

/** The kinds of faults. */
export type WebSocketFaultCode =
  | "RESERVED_BIT"
  | "RESERVED_OPCODE"
  | "FRAGMENTED_CONTROL"
  | "CONTROL_TOO_LONG"
  | "MASK_MISSING"
  | "MASK_UNEXPECTED"
  | "LENGTH_NOT_MINIMAL"
  | "LENGTH_TOO_LARGE"
  | "CONTINUATION_UNEXPECTED"
  | "CONTINUATION_EXPECTED"
  | "INVALID_CLOSE"
  | "INVALID_CLOSE_CODE"
  | "INVALID_UTF8"
  | "INVALID_DEFLATE"
  | "MESSAGE_TOO_LARGE"
  | "SLOW_READER"
  | "IDLE_TIMEOUT"
  | "WRITE_TIMEOUT"
  | "CLOSE_TIMEOUT";

/** The close code that each kind of fault leads to. */
const CLOSE_CODES: Readonly<Record<WebSocketFaultCode, FaultCloseCode>> = {
  RESERVED_BIT: 1002,
  RESERVED_OPCODE: 1002,
  FRAGMENTED_CONTROL: 1002,
  CONTROL_TOO_LONG: 1002,
  MASK_MISSING: 1002,
  MASK_UNEXPECTED: 1002,
  LENGTH_NOT_MINIMAL: 1002,
  LENGTH_TOO_LARGE: 1002,
  CONTINUATION_UNEXPECTED: 1002,
  CONTINUATION_EXPECTED: 1002,
  INVALID_CLOSE: 1002,
  INVALID_CLOSE_CODE: 1002,
  INVALID_UTF8: 1007,
  INVALID_DEFLATE: 1007,
  MESSAGE_TOO_LARGE: 1009,
  SLOW_READER: 1006,
  IDLE_TIMEOUT: 1006,
  WRITE_TIMEOUT: 1006,
  CLOSE_TIMEOUT: 1006,
};

/** The peer broke the WebSocket protocol, or a limit or deadline of this side. */
export class WebSocketFault extends Error {
  /** The name of the class. */
  override readonly name = "WebSocketFault";
  /** The kind of fault. */
  readonly code: WebSocketFaultCode;
  /** The code of the close frame that the peer gets; 1006 if it gets none, because it does not read. */
  readonly closeCode: FaultCloseCode;

  /**
   * Creates a fault.
   *
   * @param code The kind of fault.
   * @param message What happened. The peer gets it as the reason of the close frame: at most 123 bytes, and only ASCII.
   */
  constructor(code: WebSocketFaultCode, message: string) {
    super(message);
    this.code = code;
    this.closeCode = CLOSE_CODES[code];
  }
}
