/** The interface of a client in the comparison. It runs on Deno, Bun and Node. */

/** The exchanges that are measured. */
export const CLIENT_CASES = {
  "get": { method: "GET", target: "/", sentBytes: 0, receivedBytes: 13 },
  "large": {
    method: "GET",
    target: "/large",
    sentBytes: 0,
    receivedBytes: 130_000,
  },
  "chunked": {
    method: "GET",
    target: "/chunked",
    sentBytes: 0,
    receivedBytes: 130_000,
  },
  "post": { method: "POST", target: "/", sentBytes: 4096, receivedBytes: 13 },
} as const;

/** The name of a case. */
export type ClientCaseName = keyof typeof CLIENT_CASES;

/** One exchange. */
export type ClientCase = (typeof CLIENT_CASES)[ClientCaseName];

/** Runs one exchange, and returns the size of the body that it read. */
export type Exchange = () => Promise<number>;

/**
 * Prepares a client for one case.
 *
 * @param concurrency How many exchanges run at the same time.
 * @returns One function for each concurrent exchange.
 */
export type Contender = (
  port: number,
  clientCase: ClientCase,
  concurrency: number,
) => Exchange[] | Promise<Exchange[]>;

/** The body of a request, or `undefined`. */
export function bodyOf({ sentBytes }: ClientCase): Uint8Array | undefined {
  return sentBytes === 0 ? undefined : new Uint8Array(sentBytes).fill(0x30);
}
