/**
 * What a handler's context is: lazy views of the head, the body and the
 * connection (RFC 9110 §6). Nothing is decoded before it is read. The exchange
 * holds the state; `codec/request_head.ts` decodes the head. The members that
 * are not in `RequestContext` are for the connection machine.
 */

import { type BodyFeed, BodyReader } from "../codec/body_reader.ts";
import { parseCookies } from "../codec/cookies.ts";
import { Headers } from "../codec/headers.ts";
import type { RequestHead } from "../codec/request_head.ts";
import { RequestTarget } from "../codec/request_target.ts";
import type { Params } from "../router/params.ts";
import type { Duplex } from "./duplex.ts";
import type { RequestContext } from "./request_context.ts";
import { findRoute, pathOf, type RoutedApplication } from "./route_lookup.ts";

/** A request's body, as the context sees it. */
export interface ReceivedBody extends BodyFeed {
  /** The trailer section, or `null` if the body is not read to its end yet. */
  readonly trailers: Headers | null;
  /** Payload bytes received so far. */
  readonly receivedBytes: number;
}

/** The state that a context reads. An exchange provides it, and removes the head when it ends. */
export interface RequestState {
  /** The head, or `null` after its bytes were dropped. */
  head: RequestHead | null;
  /** The values that the route's pattern captured. */
  params: Params;
  /** The body, or `null` if there is none. */
  readonly body: ReceivedBody | null;
  /** The connection; its application has the routes. */
  readonly owner: {
    readonly context: {
      readonly app: RoutedApplication<unknown>;
      readonly isSecure: boolean;
    };
  };
  /** The server's options, for the body's size limit. */
  readonly options: { readonly maxBufferedBodyBytes: number };
  /** The connection. */
  readonly conn: Duplex;
  /** Whether the handler of the route has passed the request on with `notFound()`. */
  readonly isPassedOn: boolean;
  /** Returns the signal that aborts when the client disconnects. */
  abortSignal(): AbortSignal;
}

/** The view of one request; see the file's header. */
export class RequestView implements RequestContext {
  #state: RequestState;
  #method: string | null = null;
  #uri: RequestTarget | null = null;
  #headers: Headers | null = null;
  #body: BodyReader | null = null;
  #isRewritten = false;

  /** Creates the view of one exchange. */
  constructor(state: RequestState) {
    this.#state = state;
  }

  /** See {@linkcode RequestContext.method}. */
  get method(): string {
    return this.#method ??= this.#head().method;
  }

  set method(method: string) {
    this.#method = method;
    this.#isRewritten = true;
  }

  /** See {@linkcode RequestContext.uri}. */
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
   * The request target as sent, or as a hook has set it. Unlike `uri`, it is not
   * split into parts.
   */
  get target(): string {
    return this.#uri?.toString() ?? this.#head().target;
  }

  /** The head, for code that reads its bytes, or `null` if a hook may have changed its target or fields. */
  get receivedHead(): RequestHead | null {
    return this.#uri === null && this.#headers === null ? this.#head() : null;
  }

  /** Whether the server's connections come through TLS. */
  get isSecure(): boolean {
    return this.#state.owner.context.isSecure;
  }

  /**
   * Whether a hook changed the method or the target, so that the bytes of the
   * head no longer determine the route.
   */
  get isRewritten(): boolean {
    return this.#isRewritten;
  }

  /** See {@linkcode RequestState.isPassedOn}. */
  get isPassedOn(): boolean {
    return this.#state.isPassedOn;
  }

  /** See {@linkcode RequestContext.headers}. */
  get headers(): Headers {
    return this.#headers ??= this.#head().headers;
  }

  /** See {@linkcode RequestContext.query}. */
  get query(): URLSearchParams {
    return this.uri.searchParams;
  }

  /** See {@linkcode RequestContext.cookies}. */
  get cookies(): ReadonlyMap<string, string> {
    return parseCookies(this.headers.get("cookie") ?? "");
  }

  /** See {@linkcode RequestContext.route}. */
  get route(): string | null {
    const { app } = this.#state.owner.context;
    return findRoute(app, this.method, pathOf(this.uri))?.pattern ?? null;
  }

  /** See {@linkcode RequestContext.params}. */
  get params(): Params {
    return this.#state.params;
  }

  /** See {@linkcode RequestContext.httpVersion}. */
  get httpVersion(): number {
    return this.#head().minorVersion;
  }

  /** See {@linkcode RequestContext.body}. */
  get body(): BodyReader {
    return this.#body ??= new BodyReader(
      this.#state.body ?? NO_BODY,
      this.#state.options.maxBufferedBodyBytes,
      this,
    );
  }

  /** See {@linkcode RequestContext.trailers}. */
  get trailers(): Headers {
    return this.#state.body?.trailers ?? Headers.empty;
  }

  /** See {@linkcode RequestContext.bodyBytes}. */
  get bodyBytes(): number {
    return this.#state.body?.receivedBytes ?? 0;
  }

  /** See {@linkcode RequestContext.conn}. */
  get conn(): Duplex {
    return this.#state.conn;
  }

  /** See {@linkcode RequestContext.ip}. */
  get ip(): string | null {
    const addr = this.#state.conn.remoteAddr;
    return addr?.transport === "tcp" ? addr.hostname : null;
  }

  /** See {@linkcode RequestContext.signal}. */
  get signal(): AbortSignal {
    return this.#state.abortSignal();
  }

  /** See {@linkcode RequestContext.isBodyUsed}. */
  get isBodyUsed(): boolean {
    return this.#body !== null && this.#body.isUsed;
  }

  /** Detaches the view from bytes that are about to be overwritten. */
  release(): void {
    this.#headers?.release();
  }

  #head(): RequestHead {
    const { head } = this.#state;
    if (head !== null) return head;
    throw new TypeError(
      "Cannot read the request after its handler returned: read it before, or return a promise that settles after the read",
    );
  }
}

/** The empty body of requests without one. */
const NO_BODY = Object.freeze({
  remainingBytes: 0,
  pull: () => null,
  cancel: () => {},
});
