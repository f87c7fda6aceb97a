/**
 * The limits on messages, with their defaults. The parsers apply them; the
 * message of each limit error names the limit's value and its option.
 */

/** Limits on the head of a message; all sizes in bytes. */
export interface HeadLimits {
  /** Longest method, in bytes; a longer one is refused with 501. @default {32} */
  readonly maxMethodBytes: number;
  /** Longest request target, in bytes; a longer one is refused with 414. @default {8192} */
  readonly maxTargetBytes: number;
  /** Largest size of all field lines with their CRLFs, in bytes, without the empty line. @default {16384} */
  readonly maxHeaderBytes: number;
  /** Largest number of field lines. @default {100} */
  readonly maxHeaderCount: number;
  /** Largest `Content-Length` that is accepted, in bytes; a larger one is refused with 413. @default {Infinity} */
  readonly maxBodyBytes: number;
  /** Largest size of a whole request head in bytes, request line and empty line included. @default {32768} */
  readonly maxRequestHeadSize: number;
  /** Whether a target with `[ ] ^ { | }` or a backtick, which browsers send unescaped, is refused. @default {false} */
  readonly strictTarget: boolean;
  /** Whether an absolute-form target may have the scheme `https`; if not, such a request is refused with 421. @default {true} */
  readonly acceptsHttps: boolean;
}

/** The defaults of {@linkcode HeadLimits}. */
export const DEFAULT_HEAD_LIMITS: HeadLimits = Object.freeze({
  maxMethodBytes: 32,
  maxTargetBytes: 8192,
  maxHeaderBytes: 16_384,
  maxHeaderCount: 100,
  maxBodyBytes: Infinity,
  maxRequestHeadSize: 32_768,
  strictTarget: false,
  acceptsHttps: true,
});

/** Limits on a body; all sizes in bytes. */
export interface BodyLimits {
  /** Largest payload, in bytes; a larger one is refused with 413. @default {Infinity} */
  readonly maxBodyBytes: number;
  /** Longest chunk size line with its extensions, in bytes, without CRLF. @default {1024} */
  readonly maxChunkLineBytes: number;
  /**
   * How many bytes the chunk framing may have beyond twice the payload and 16
   * bytes for each chunk. @default {16384}
   */
  readonly maxChunkOverheadBytes: number;
  /** Largest trailer section, in bytes, without the empty line. @default {8192} */
  readonly maxTrailerBytes: number;
  /** Largest number of trailer lines. @default {32} */
  readonly maxTrailerCount: number;
}

/** The defaults of {@linkcode BodyLimits}. */
export const DEFAULT_BODY_LIMITS: BodyLimits = Object.freeze({
  maxBodyBytes: Infinity,
  maxChunkLineBytes: 1024,
  maxChunkOverheadBytes: 16_384,
  maxTrailerBytes: 8192,
  maxTrailerCount: 32,
});
