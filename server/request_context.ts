/**
 * What a handler is given of its request: lazy views on the head, the body and
 * the connection. Nothing is made until it is read.
 */

import { type BodyFeed, BodyReader } from "../codec/body_reader.ts";
import { Headers } from "../codec/headers.ts";
import type { RequestHead } from "../codec/request_head.ts";
import { RequestTarget } from "../codec/request_target.ts";
import type { Params } from "../router/params.ts";
import type { Duplex } from "./duplex.ts";

/** A request's body on its way in, as far as the context needs it. */
export interface ReceivedBody extends BodyFeed {
  /** The trailer section, or `null` before the body was read to its end. */
  readonly trailers: Headers | null;
  /** Payload bytes received so far. */
  readonly receivedBytes: number;
}

/** What a context reads from; the connection fills it and takes the head away at the end. */
export interface RequestState {
  /** The head, or `null` once its octets are gone. */
  head: RequestHead | null;
  /** The route's captured values. */
  params: Params;
  /** The body, or `null` if there is none. */
  readonly body: ReceivedBody | null;
  /** How many bytes the body's helpers gather. */
  readonly maxBufferedBodyBytes: number;
  /** The connection's two streams. */
  readonly conn: Duplex;
  /** Gives the signal that fires when the peer goes away. */
  abortSignal(): AbortSignal;
}

/**
 * A request, as hooks and handlers see it.
 *
 * Values that were not read while a handler runs, up to the end of its promise
 * if it gives one, are gone afterwards: reading them then throws a `TypeError`.
 *
 * @example Read a request
 * ```ts
 * import { Server } from "@khttp/khttp";
 *
 * const app = Server.builder("127.0.0.1:0");
 * app.get("/user/:id", (ctx, res) => {
 *   const agent = ctx.headers.get("user-agent") ?? "unknown";
 *   res.ok(`${ctx.params.get("id")} by ${agent}\n`);
 * });
 * ```
 */
export class RequestContext {
  #state: RequestState;
  #method: string | null = null;
  #uri: RequestTarget | null = null;
  #headers: Headers | null = null;
  #body: BodyReader | null = null;
  #isRewritten = false;

  /** Made by the connection. */
  constructor(state: RequestState) {
    this.#state = state;
  }

  /** The method, byte for byte; a pre-routing hook may set another. */
  get method(): string {
    return this.#method ??= this.#head().method;
  }

  set method(method: string) {
    this.#method = method;
    this.#isRewritten = true;
  }

  /** The request target and its parts; a pre-routing hook may set another. */
  get uri(): RequestTarget {
    return this.#uri ??= this.#head().uri;
  }

  set uri(target: RequestTarget | string) {
    this.#uri = typeof target === "string"
      ? RequestTarget.parse(target, this.method)
      : target;
    this.#isRewritten = true;
  }

  /**
   * Whether a hook changed method or target, so that the head's octets do not count.
   *
   * @internal
   */
  get isRewritten(): boolean {
    return this.#isRewritten;
  }

  /** The fields; a hook may change them for those that come after it. */
  get headers(): Headers {
    return this.#headers ??= this.#head().headers;
  }

  /** The values that the route's pattern captured. */
  get params(): Params {
    return this.#state.params;
  }

  /** The minor version: 0 for HTTP/1.0, 1 for HTTP/1.1. */
  get httpVersion(): number {
    return this.#head().minorVersion;
  }

  /** The body, empty if the request has none. */
  get body(): BodyReader {
    return this.#body ??= new BodyReader(
      this.#state.body ?? NO_BODY,
      this.#state.maxBufferedBodyBytes,
    );
  }

  /** The trailer section, once the body was read to its end; empty without one (RFC 9110 §6.5). */
  get trailers(): Headers {
    return this.#state.body?.trailers ?? Headers.empty;
  }

  /** Bytes of the body that were received so far, without framing; what nobody reads may not be counted. */
  get bodyBytes(): number {
    return this.#state.body?.receivedBytes ?? 0;
  }

  /** The connection: addresses and socket options. Reading or writing it breaks the exchange. */
  get conn(): Duplex {
    return this.#state.conn;
  }

  /** Fires when the peer goes away before the response was sent. */
  get signal(): AbortSignal {
    return this.#state.abortSignal();
  }

  /** Whether the body is being read or was read. */
  get isBodyUsed(): boolean {
    return this.#body !== null && this.#body.isUsed;
  }

  /**
   * Cuts the context off from octets that are about to be overwritten.
   *
   * @internal
   */
  release(): void {
    this.#headers?.release();
  }

  #head(): RequestHead {
    const { head } = this.#state;
    if (head !== null) return head;
    throw new TypeError(
      "Cannot read the request after its handler returned: read it before, or return a promise that lasts as long",
    );
  }
}

/** The body of a request without one. */
const NO_BODY = Object.freeze({
  remainingBytes: 0,
  pull: () => null,
  cancel: () => {},
});
