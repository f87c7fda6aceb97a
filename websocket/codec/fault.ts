/**
 * What ends a WebSocket connection early: the peer broke the protocol or a
 * limit. A fault names the close code that the peer gets (RFC 6455 §7.4.1).
 */

/** The close codes that a fault of the peer leads to. */
export type FaultCloseCode = 1002 | 1007 | 1009;

/** The kinds of faults, each with the close code that it leads to. */
export const FAULT_CLOSE_CODES = Object.freeze(
  {
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
  } as const,
);

/** The name of a kind of fault. */
export type WebSocketFaultCode = keyof typeof FAULT_CLOSE_CODES;

/** The peer broke the WebSocket protocol or a limit of this side. */
export class WebSocketFault extends Error {
  /** The name of the class. */
  override readonly name = "WebSocketFault";
  /** The kind of fault. */
  readonly code: WebSocketFaultCode;
  /** The code of the close frame that the peer gets. */
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
    this.closeCode = FAULT_CLOSE_CODES[code];
  }
}
