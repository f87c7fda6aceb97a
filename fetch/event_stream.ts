/**
 * Responses that are streams of server-sent events: pulls events from a source,
 * keeps a silent connection in use with comments, and ends the source when the
 * client leaves. `server_event.ts` encodes the events.
 */

import { refuseUnknown } from "../server/options.ts";
import {
  EMPTY_COMMENT,
  encodeEvent,
  type ServerEvent,
} from "./server_event.ts";

/** What gives events: an iterable, such as a stream, or a function that makes one. */
export type EventSource =
  | AsyncIterable<ServerEvent | string>
  | ((signal: AbortSignal) => AsyncIterable<ServerEvent | string>);

/** Settings of {@linkcode eventStream}. */
export interface EventStreamOptions {
  /** How long the stream may be silent before a comment is sent, in ms; proxies close silent connections. @default {15000} */
  readonly keepAliveMs?: number;
  /** How long the browser waits before it connects again, in ms; sent first. @default {the browser's own} */
  readonly retryMs?: number;
  /** Further fields of the response. */
  readonly headers?: ConstructorParameters<typeof Headers>[0];
}

/** The longest delay that a timer takes, in ms. */
const MAX_TIMER_MS = 2 ** 31 - 1;

const encoder = new TextEncoder();

/**
 * Makes a response that sends events to the page's `EventSource`.
 *
 * An event is pulled when the one before it was taken, so that a slow client
 * slows the source down. When the client leaves, the signal aborts and the
 * iteration is ended, as by `break`. An error of the source cuts the
 * connection; the browser then connects again.
 *
 * @param source Gives the events; strings are their data. The function is called
 * at once, with the signal that aborts when the client leaves or the stream ends.
 * @throws {TypeError} If an option does not exist, or the source gives no events.
 * @throws {RangeError} If `keepAliveMs` is no integer from 1 to 2,147,483,647,
 * or `retryMs` no integer of at least 0.
 *
 * @example Count
 * ```ts
 * import { eventStream } from "@khttp/khttp/fetch";
 * import { assertEquals } from "@std/assert";
 *
 * const response = eventStream(async function* () {
 *   yield { id: "1", data: "one" };
 *   yield "two\nlines";
 * });
 * assertEquals(
 *   await response.text(),
 *   "id: 1\ndata: one\n\ndata: two\ndata: lines\n\n",
 * );
 * ```
 */
export function eventStream(
  source: EventSource,
  options: EventStreamOptions = {},
): Response {
  const { keepAliveMs = 15_000, retryMs, headers: fields, ...unknown } =
    options;
  refuseUnknown("Cannot set option", unknown);
  if (
    !Number.isSafeInteger(keepAliveMs) || keepAliveMs < 1 ||
    keepAliveMs > MAX_TIMER_MS
  ) {
    throw new RangeError(
      `Cannot set keepAliveMs to ${keepAliveMs}: not an integer from 1 to ${MAX_TIMER_MS}`,
    );
  }
  const opening = retryMs === undefined ? "" : encodeEvent({ retry: retryMs });
  const headers = new Headers(fields);
  headers.set("content-type", "text/event-stream");
  if (!headers.has("cache-control")) headers.set("cache-control", "no-store");
  const pump = new EventPump(source, keepAliveMs, opening);
  const body = new ReadableStream<Uint8Array>({
    pull: (controller) => pump.pull(controller),
    cancel: (reason) => pump.cancel(reason),
  }, { highWaterMark: 0 });
  return new Response(body, { headers });
}

/** Moves the events of one source to one stream. */
class EventPump {
  #events: AsyncIterator<ServerEvent | string>;
  #ending: AbortController = new AbortController();
  #keepAliveMs: number;
  #opening: string;
  /** The step of the source that no pull has taken yet, and whether it has settled. */
  #step: Promise<IteratorResult<ServerEvent | string>> | null = null;
  #isSettled = false;
  /** Ends the wait of the pull that runs. */
  #wake: () => void = () => {};

  constructor(source: EventSource, keepAliveMs: number, opening: string) {
    const events = typeof source === "function"
      ? source(this.#ending.signal)
      : source;
    if (typeof events?.[Symbol.asyncIterator] !== "function") {
      throw new TypeError(
        "Cannot stream events: the source is neither an async iterable nor a function that returns one",
      );
    }
    this.#events = events[Symbol.asyncIterator]();
    this.#keepAliveMs = keepAliveMs;
    this.#opening = opening;
  }

  /** Gives the stream the next event, or a comment if there is none in time. */
  async pull(
    controller: ReadableStreamDefaultController<Uint8Array>,
  ): Promise<void> {
    const text = this.#takeOpening() ?? await this.#next();
    if (this.#ending.signal.aborted) return; // canceled while it waited
    if (text !== null) {
      controller.enqueue(encoder.encode(text));
      return;
    }
    this.#ending.abort();
    controller.close();
  }

  /** Ends the source: the client has left. */
  async cancel(reason: unknown): Promise<void> {
    this.#ending.abort(reason);
    this.#wake();
    await this.#events.return?.();
  }

  #takeOpening(): string | null {
    const opening = this.#opening;
    this.#opening = "";
    return opening === "" ? null : opening;
  }

  /** Waits for the next event; gives a comment if that takes longer than the stream may be silent, and `null` at the end. */
  async #next(): Promise<string | null> {
    const step = this.#step ?? this.#begin();
    if (!this.#isSettled) await this.#wait();
    if (!this.#isSettled) return EMPTY_COMMENT;
    this.#step = null;
    try {
      const { done, value } = await step;
      return done === true ? null : encodeEvent(value);
    } catch (error) {
      this.cancel(error).catch(() => {}); // the first error is the one to report
      throw error;
    }
  }

  #begin(): Promise<IteratorResult<ServerEvent | string>> {
    this.#isSettled = false;
    const step = this.#events.next();
    // One reaction for each step, however many comments are sent while it is awaited.
    const settle = (): void => {
      this.#isSettled = true;
      this.#wake();
    };
    step.then(settle, settle);
    this.#step = step;
    return step;
  }

  /** Waits until the step has settled, the stream was silent for long enough, or the client has left. */
  async #wait(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, this.#keepAliveMs);
    this.#wake = resolve;
    await promise;
    clearTimeout(timer);
  }
}
