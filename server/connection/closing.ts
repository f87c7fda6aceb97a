/** How a connection comes to its end: what only those need that are about to. */

/** What a connection keeps of its end, from the first sign of it on. */
export class ConnectionEnd {
  /** What broke the protocol, a response or a body. */
  fault: Error | null = null;
  /** Why nothing more can be sent, once that is so. */
  gone: Error | null = null;
  /** Octets that were read and dropped. */
  discarded = 0;
  /** Whether our direction has ended. */
  isWriteClosed = false;
}
