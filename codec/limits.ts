/**
 * How much of a message is accepted before it is refused, with the defaults.
 * Every error that a limit causes names the limit, its value and its option.
 */

/** Limits on the head of a request or response; all sizes in bytes. */
export interface HeadLimits {
  /** Octets of the method. @default {32} */
  readonly maxMethodBytes: number;
  /** Octets of the request target. @default {8192} */
  readonly maxTargetBytes: number;
  /** Octets of all field lines with their CRLFs, without the empty line. @default {16384} */
  readonly maxHeaderBytes: number;
  /** Number of field lines. @default {100} */
  readonly maxHeaderCount: number;
  /** Octets of the payload that may be declared. @default {Infinity} */
  readonly maxBodyBytes: number;
  /** Octets of the whole head, start line and empty line included. @default {32768} */
  readonly maxRequestHeadSize: number;
  /** Whether `[ ] ^ { | }` and backtick, which browsers send raw, are refused in a target. @default {false} */
  readonly strictTarget: boolean;
  /** Whether an absolute-form target may name `https`; if not, such a request is misdirected. @default {true} */
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
  /** Octets of the payload; a larger one is refused with 413. @default {Infinity} */
  readonly maxBodyBytes: number;
  /** Octets of one chunk-size line with its extensions. @default {1024} */
  readonly maxChunkLineBytes: number;
  /** Octets of chunk framing beyond what chunks of a sensible size need. @default {16384} */
  readonly maxChunkOverheadBytes: number;
  /** Octets of the trailer section. @default {8192} */
  readonly maxTrailerBytes: number;
  /** Number of trailer lines. @default {32} */
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
