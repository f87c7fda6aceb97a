/**
 * The states of one connection and the steps between them, in one table:
 *
 * ```
 * idle → head → exchange ⇄ drain → idle | closing → closed
 *                  └→ takenOver
 * ```
 *
 * A head that is complete begins an exchange; while its handler runs, the body
 * arrives and the response leaves. What is left of the body is drained, or the
 * connection closes: write side first, then a bounded rest is read and dropped
 * so that the last response is not lost to a reset (RFC 9112 §9.6).
 */

/** Where a connection stands. */
export const Phase = Object.freeze(
  {
    /** Between requests: no octet of the next one has come. */
    IDLE: 0,
    /** A head has begun. */
    HEAD: 1,
    /** A handler runs, a body arrives or a response leaves. */
    EXCHANGE: 2,
    /** The response is complete; the rest of the body is dropped. */
    DRAIN: 3,
    /** No further request is read; output leaves, then the write side ends. */
    CLOSING: 4,
    /** The connection belongs to a handler. */
    TAKEN_OVER: 5,
    /** Over. */
    CLOSED: 6,
  } as const,
);

/** Where a connection stands. */
export type Phase = (typeof Phase)[keyof typeof Phase];

/** The steps that are allowed from each phase, as bits. */
const NEXT: readonly number[] = [
  /* IDLE */ bits(Phase.HEAD, Phase.EXCHANGE, Phase.CLOSING, Phase.CLOSED),
  /* HEAD */ bits(Phase.EXCHANGE, Phase.CLOSING, Phase.CLOSED),
  /* EXCHANGE */ bits(
    Phase.IDLE,
    Phase.DRAIN,
    Phase.CLOSING,
    Phase.TAKEN_OVER,
    Phase.CLOSED,
  ),
  /* DRAIN */ bits(Phase.IDLE, Phase.CLOSING, Phase.CLOSED),
  /* CLOSING */ bits(Phase.CLOSED),
  /* TAKEN_OVER */ bits(Phase.CLOSED),
  /* CLOSED */ 0,
];

function bits(...phases: Phase[]): number {
  return phases.reduce<number>((set, phase) => set | (1 << phase), 0);
}

/** Says whether a connection may go from one phase to another. */
export function mayFollow(from: Phase, to: Phase): boolean {
  return (NEXT[from]! & (1 << to)) !== 0; // there is an entry for each phase
}
