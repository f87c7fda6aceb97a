/**
 * Decides whether a failed exchange is repeated, and after which delay: only
 * what is safe to repeat (RFC 9110 §9.2.2), with exponential back-off and full
 * jitter, and not before the time in `Retry-After` (RFC 9110 §10.2.3).
 */

import type { Headers } from "../codec/headers.ts";
import { parseHttpDate } from "../codec/http_date.ts";
import type { ClientResponse } from "./client_response.ts";
import type { Clock } from "./clock.ts";
import type { TimeLimit } from "./deadline.ts";
import { ClientError, type ClientErrorCode } from "./errors.ts";
import type { ClientOptions } from "./options.ts";

/** Failures after which an idempotent request is repeated, even if the server may have processed it. */
const REPEATED_CODES: ReadonlySet<ClientErrorCode> = new Set([
  "CONNECT_FAILED",
  "DEADLINE",
  "CLOSED",
  "INCOMPLETE",
]);

/** Failures that another attempt does not change. */
const FINAL_CODES: ReadonlySet<ClientErrorCode> = new Set([
  "CLIENT_CLOSED",
  "PROXY_REFUSED",
]);

/** What decides about repeating a request. */
export interface RepeatableRequest {
  /** Whether the request may be processed twice. */
  readonly isIdempotent: boolean;
  /** Whether its body, if there is one, can be sent again. */
  readonly isRepeatable: boolean;
}

/** What a plan needs besides the request. */
export interface RetryContext {
  readonly options: ClientOptions;
  readonly clock: Clock;
  /** Returns a number from 0 up to but not including 1, as `Math.random`. */
  readonly random: () => number;
}

/** The repetitions of one exchange. */
export class RetryPlan {
  #context: RetryContext;
  #limit: TimeLimit;
  #left: number;
  #attempts = 0;

  /**
   * Creates a plan.
   *
   * @param retries The most repetitions.
   * @param limit The time of the whole exchange; no delay exceeds what remains.
   */
  constructor(context: RetryContext, retries: number, limit: TimeLimit) {
    this.#context = context;
    this.#limit = limit;
    this.#left = retries;
  }

  /** Returns the delay in ms before the request of this response is repeated, or `null` to return the response. */
  delayAfter(
    { status, headers }: Pick<ClientResponse, "status" | "headers">,
    request: RepeatableRequest,
  ): number | null {
    if (this.#left === 0 || !request.isIdempotent || !request.isRepeatable) {
      return null;
    }
    const { retryOn } = this.#context.options;
    return retryOn.includes(status)
      ? this.#take(retryAfterMs(headers, this.#context.clock))
      : null;
  }

  /** Returns the delay in ms before a failed request is repeated, or `null` to throw the error. */
  delayAfterError(error: unknown, request: RepeatableRequest): number | null {
    if (this.#left === 0 || !request.isRepeatable) return null;
    if (!(error instanceof ClientError) || FINAL_CODES.has(error.code)) {
      return null;
    }
    const isSafe = error.retryable ||
      request.isIdempotent && REPEATED_CODES.has(error.code);
    return isSafe ? this.#take(0) : null;
  }

  /** @param leastMs What the server demands. Beyond `maxRetryDelay`, nothing is repeated. */
  #take(leastMs: number): number | null {
    const { options, clock, random } = this.#context;
    const { retryDelay, maxRetryDelay } = options;
    const ceilingMs = Math.min(maxRetryDelay, retryDelay * 2 ** this.#attempts);
    const delayMs = Math.max(leastMs, random() * ceilingMs);
    const { startMs, timeoutMs } = this.#limit;
    if (leastMs > maxRetryDelay) return null;
    if (clock.monotonicMs() + delayMs >= startMs + timeoutMs) return null;
    this.#left--;
    this.#attempts++;
    return delayMs;
  }
}

/** The delay that a server demands, in ms; 0 if it demands none, or none that can be read. */
function retryAfterMs(headers: Headers, clock: Clock): number {
  const value = headers.get("retry-after");
  if (value === null) return 0;
  if (/^[0-9]+$/.test(value)) return Number(value) * 1000;
  const nowSeconds = Math.floor(clock.epochMs() / 1000);
  const atSeconds = parseHttpDate(value, nowSeconds);
  if (atSeconds === undefined) return 0;
  // The server's own time, so that clocks that differ do not matter.
  const sentSeconds = parseHttpDate(headers.get("date") ?? "", nowSeconds);
  return Math.max(0, atSeconds - (sentSeconds ?? nowSeconds)) * 1000;
}
