/**
 * The phases of one connection and the transitions between them. A test checks
 * that this diagram agrees with the table {@linkcode NEXT}:
 *
 * ```
 * IDLE       → HEAD EXCHANGE CLOSING
 * HEAD       → EXCHANGE CLOSING
 * EXCHANGE   → BODY DRAIN IDLE CLOSING TAKEN_OVER
 * BODY       → EXCHANGE DRAIN IDLE CLOSING TAKEN_OVER
 * DRAIN      → IDLE CLOSING
 * CLOSING    → LINGER
 * any phase  → CLOSED
 * ```
 *
 * A complete head begins an exchange: the handler runs, the body arrives and
 * the response is sent. Unread body bytes are drained, or the connection
 * closes. It closes its write direction first, and the read direction when the
 * peer has closed too or the linger timeout is over. Closing both at once would
 * reset the connection, and the peer might lose the last response (RFC 9112
 * §9.6).
 */

/** The state of a connection. */
export const Phase = Object.freeze(
  {
    /** Between requests: no byte of the next one has arrived. */
    IDLE: 0,
    /** Part of a head has arrived. */
    HEAD: 1,
    /** A handler runs or a response is being sent; the connection waits for no bytes from the peer. */
    EXCHANGE: 2,
    /** An exchange whose handler waits for bytes of the body. */
    BODY: 3,
    /** The response is complete; the rest of the body is read and dropped. */
    DRAIN: 4,
    /** No further request is read; pending output is sent. */
    CLOSING: 5,
    /** The write direction is closed; the peer may close its own. */
    LINGER: 6,
    /** A handler owns the connection. */
    TAKEN_OVER: 7,
    /** Closed, both directions. */
    CLOSED: 8,
  } as const,
);

/** The state of a connection. */
export type Phase = (typeof Phase)[keyof typeof Phase];

/** The phases that may follow each phase, as bits; {@linkcode Phase.CLOSED} may follow all. */
const NEXT: readonly number[] = [
  /* IDLE */ bits(Phase.HEAD, Phase.EXCHANGE, Phase.CLOSING),
  /* HEAD */ bits(Phase.EXCHANGE, Phase.CLOSING),
  /* EXCHANGE */ bits(
    Phase.BODY,
    Phase.DRAIN,
    Phase.IDLE,
    Phase.CLOSING,
    Phase.TAKEN_OVER,
  ),
  /* BODY */ bits(
    Phase.EXCHANGE,
    Phase.DRAIN,
    Phase.IDLE,
    Phase.CLOSING,
    Phase.TAKEN_OVER,
  ),
  /* DRAIN */ bits(Phase.IDLE, Phase.CLOSING),
  /* CLOSING */ bits(Phase.LINGER),
  /* LINGER */ bits(),
  /* TAKEN_OVER */ bits(),
  /* CLOSED */ 0,
];

function bits(...phases: Phase[]): number {
  return phases.reduce<number>(
    (set, phase) => set | (1 << phase),
    1 << Phase.CLOSED,
  );
}

/** Returns whether a connection may go from one phase to another. */
export function mayFollow(from: Phase, to: Phase): boolean {
  return (NEXT[from]! & (1 << to)) !== 0; // there is an entry for each phase
}

/**
 * The most received bytes that a connection holds: one full receive window, so
 * that everything an engine reads at once fits.
 */
export const MAX_HELD_BYTES = 65_536;

/** How many more bytes a connection may receive in a phase, if it holds some. */
export function capacityIn(
  phase: Phase,
  heldBytes: number,
  maxRequestHeadSize: number,
): number {
  if (phase >= Phase.TAKEN_OVER) return 0;
  if (phase >= Phase.CLOSING) return MAX_HELD_BYTES; // dropped
  // A head that is allowed has to fit, or it would never be complete.
  const maxBytes = phase === Phase.HEAD
    ? Math.max(MAX_HELD_BYTES, maxRequestHeadSize)
    : MAX_HELD_BYTES;
  return maxBytes - heldBytes;
}
