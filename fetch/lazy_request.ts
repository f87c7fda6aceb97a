/**
 * The `Request` that a fetch handler gets. It passes `instanceof Request`, and
 * each part is made when it is read: method, URL, headers, body and signal from
 * the context of the exchange, and the runtime's inner request for what needs
 * one, such as `clone()`, `fetch(request)` or `new Request(request)`. All other
 * members come from the runtime's class.
 *
 * The class does not call the constructor of `Request`, which parses a URL and
 * fills headers: its prototype inherits from that of `Request`, and has the
 * runtime's slots as getters. Where the slots are not as expected, a real
 * `Request` is made for each exchange.
 */

import type { Headers as FieldLines } from "../codec/headers.ts";
import type { RequestContext } from "../server/request_context.ts";
import type { RequestView } from "../server/request_view.ts";
import type { ResponseHandle } from "../server/response_handle.ts";
import type { ResponseSender } from "./response_sender.ts";
import type { FetchExchange } from "./fetch_exchange.ts";
import { bodyStream } from "./request_body.ts";
import { fieldPairs, requestHeaders } from "./request_fields.ts";
import { requestSignal } from "./request_signal.ts";
import { requestUrl, type RequestUrls } from "./request_url.ts";
import {
  attempt,
  attemptOnce,
  findRequestKeys,
  findRequestSlots,
  inheritKeys,
  type InnerBody,
  type RequestSlots,
  type SampledKeys,
  type Slotted,
} from "./runtime_slots.ts";

const NO_BYTES = new Uint8Array(0);

/** The exchanges of requests that are not lazy, which an upgrade needs. */
const EXCHANGES = new WeakMap<object, FetchExchange>();

/** The runtime's form of a request, whose parts are read from the lazy one. */
class InnerRequest {
  readonly redirectMode = "follow";
  redirectCount = 0;
  readonly clientRid = null;
  readonly blobUrlEntry = null;
  body: InnerBody | null;
  readonly urlList: (() => string)[];
  readonly urlListProcessed: string[] = [];
  #request: LazyRequest;
  #lines: FieldLines;
  #headerList: [string, string][] | null = null;

  constructor(
    request: LazyRequest,
    lines: FieldLines,
    body: InnerBody | null,
  ) {
    this.#request = request;
    this.#lines = lines;
    this.body = body;
    this.urlList = [() => request.url];
  }

  get method(): string {
    return this.#request.method;
  }

  get headerList(): [name: string, value: string][] {
    return this.#headerList ??= fieldPairs(this.#lines);
  }

  url(): string {
    return this.#request.url;
  }

  currentUrl(): string {
    return this.#request.url;
  }

  /** Called by `Deno.upgradeWebSocket()`, which could only wait for ever, if it finds `_wantsUpgrade`. */
  _throwIfUpgraded(): never {
    return this._wantsUpgrade();
  }

  _wantsUpgrade(): never {
    throw new TypeError(
      "Cannot upgrade with Deno.upgradeWebSocket(): the runtime's server does not have the connection; use upgradeWebSocket() of the entry ./websocket",
    );
  }
}

/**
 * A received request and what answers it, with the parts of its lazy request that
 * were made.
 *
 * perf: the parts are not private fields of the request, of which V8 defines each
 * in a step of its own (bench/machine_bench.ts, fetch-hello, Deno 2.9).
 */
export class LazyExchange implements FetchExchange {
  declare readonly ctx: RequestView;
  declare readonly res: ResponseHandle;
  declare readonly sender: ResponseSender;
  declare readonly urls: RequestUrls;
  declare url: string | null;
  declare headers: Headers | null;
  declare signal: AbortSignal | null;
  declare inner: InnerRequest | null;
  /** Whether a method of the request has read the body. */
  declare isRead: boolean;

  /** Makes an exchange of a handler's arguments, with what the handler keeps for all exchanges. */
  constructor(
    ctx: RequestContext,
    res: ResponseHandle,
    sender: ResponseSender,
    urls: RequestUrls,
  ) {
    this.ctx = ctx as RequestView; // the connection machine makes no other contexts
    this.res = res;
    this.sender = sender;
    this.urls = urls;
    this.url = null;
    this.headers = null;
    this.signal = null;
    this.inner = null;
    this.isRead = false;
  }

  /** See {@linkcode LateAnswer.responder}. */
  answer(response: unknown): void | Promise<void> {
    return this.sender.send(this, response);
  }
}

/** One received request; see the file's header. */
export class LazyRequest {
  #exchange: LazyExchange;

  /** Creates the request of an exchange. */
  constructor(exchange: LazyExchange) {
    this.#exchange = exchange;
  }

  /** Returns the exchange of a request, or `null` if the object is another request. */
  static exchangeOf(request: object): FetchExchange | null {
    return #exchange in request
      ? request.#exchange
      : EXCHANGES.get(request) ?? null;
  }

  get method(): string {
    return this.#exchange.ctx.method;
  }

  get url(): string {
    const exchange = this.#exchange;
    return exchange.url ??= exchange.urls.urlOf(exchange.ctx);
  }

  get headers(): Headers {
    const exchange = this.#exchange;
    return exchange.headers ??= requestHeaders(exchange.ctx.headers);
  }

  get signal(): AbortSignal {
    const exchange = this.#exchange;
    return exchange.signal ??= requestSignal(exchange);
  }

  get bodyUsed(): boolean {
    const { inner, isRead } = this.#exchange;
    return inner === null ? isRead : inner.body?.consumed() ?? false;
  }

  async arrayBuffer(): Promise<ArrayBuffer> {
    return (await this.bytes()).buffer; // of exactly these bytes, which were gathered
  }

  async blob(): Promise<Blob> {
    return await this.#wrap(await this.bytes()).blob();
  }

  // perf: the promise of the reader, not one of this method's own, which would
  // take two more microtasks (bench/machine_bench.ts, fetch-json-post, Deno 2.9).
  bytes(): Promise<Uint8Array<ArrayBuffer>> {
    try {
      const body = this.#takeBody();
      return body === null ? Promise.resolve(new Uint8Array(0)) : body.bytes();
    } catch (error) {
      return Promise.reject(error);
    }
  }

  async formData(): Promise<FormData> {
    return await this.#wrap(await this.bytes()).formData();
  }

  json(): Promise<unknown> {
    try {
      const body = this.#takeBody();
      return body === null ? JSON.parse("") : body.json();
    } catch (error) {
      return Promise.reject(error);
    }
  }

  text(): Promise<string> {
    try {
      const body = this.#takeBody();
      return body === null ? Promise.resolve("") : body.text();
    } catch (error) {
      return Promise.reject(error);
    }
  }

  /**
   * Claims the body to read it whole: `null` if there is none, or the reader of
   * the exchange, or what the runtime's own request has of it.
   *
   * @throws {TypeError} If the body is being read or was read.
   */
  #takeBody(): RequestContext["body"] | Response | null {
    const exchange = this.#exchange;
    const { inner } = exchange;
    if (inner === null) {
      if (!mayHaveBody(exchange.ctx.method)) return null;
      if (exchange.isRead) throw bodyUsedTwice();
      exchange.isRead = true;
      return exchange.ctx.body;
    }
    if (inner.body === null) return null;
    if (inner.body.unusable()) throw bodyUsedTwice();
    const { streamOrStatic } = inner.body;
    if (streamOrStatic instanceof ReadableStream) {
      return new Response(streamOrStatic);
    }
    streamOrStatic.consumed = true;
    return new Response(streamOrStatic.body);
  }

  /** Bytes with the type of this request. */
  #wrap(bytes: Uint8Array<ArrayBuffer>): Response {
    const type = this.headers.get("content-type");
    if (type === null) return new Response(bytes);
    return new Response(bytes, { headers: { "content-type": type } });
  }

  /**
   * Returns what the runtime's code finds in the slot of the inner request. The
   * first call makes it.
   *
   * @param key The slot's key.
   */
  static innerOf(request: LazyRequest, key: symbol): unknown {
    const exchange = request.#exchange;
    if (exchange.inner !== null) return exchange.inner;
    const slots = requestSlots();
    if (slots === null) {
      LazyRequest.becomeReal(request);
      return (request as object as Slotted)[key]; // any object may have symbols as keys
    }
    const body = innerBody(exchange, slots);
    return exchange.inner = new InnerRequest(
      request,
      exchange.ctx.headers,
      body,
    );
  }

  /**
   * Turns a lazy request into a real one, for a runtime whose slots act
   * differently.
   */
  static becomeReal(request: LazyRequest): void {
    const exchange = request.#exchange;
    const real = makeRequest(exchange);
    // Marks the new body as used, since that of the exchange was read.
    if (exchange.isRead) real.body?.cancel().catch(() => {});
    Object.setPrototypeOf(request, Request.prototype);
    for (const key of Object.getOwnPropertySymbols(real)) {
      const slot = Object.getOwnPropertyDescriptor(real, key)!; // the key is one of its own
      Object.defineProperty(request, key, slot);
    }
  }
}

/**
 * Finds the slots of the runtime's requests when its code first reads one; `null`
 * if they act differently from what this module expects.
 */
const requestSlots = attemptOnce(findRequestSlots);

function innerBody(
  { ctx, isRead }: LazyExchange,
  { InnerBody }: RequestSlots,
): InnerBody | null {
  if (!mayHaveBody(ctx.method)) return null;
  return new InnerBody(
    isRead ? { body: NO_BYTES, consumed: true } : bodyStream(ctx.body),
  );
}

/** Returns whether the web's `Request` may have a body with a method. */
function mayHaveBody(method: string): boolean {
  return method !== "GET" && method !== "HEAD";
}

function bodyUsedTwice(): TypeError {
  return new TypeError(
    "Cannot read body: it is being read or was read already",
  );
}

/** Makes the class inherit from the runtime's, and gives it the runtime's slots. */
function inheritRequest(keys: SampledKeys): true {
  const { brand, inner, headers, signal, sample } = keys;
  const { prototype } = LazyRequest;
  Object.setPrototypeOf(prototype, Request.prototype);
  inheritKeys(prototype);
  Object.defineProperties(prototype, {
    constructor: { value: Request },
    [brand]: { value: (sample as object as Slotted)[brand] }, // any object may have symbols as keys
    [inner]: {
      get(this: LazyRequest): unknown {
        return LazyRequest.innerOf(this, inner);
      },
    },
    [headers]: {
      get(this: LazyRequest): Headers {
        return this.headers;
      },
    },
    [signal]: {
      get(this: LazyRequest): AbortSignal {
        return this.signal;
      },
    },
  });
  return true;
}

/** Whether requests are lazy, which needs the keys of the runtime's slots. */
const IS_LAZY: boolean = attempt(() => inheritRequest(findRequestKeys())) ??
  false;

/** Makes a real `Request`, for a runtime whose slots are not known. */
export function makeRequest(exchange: FetchExchange): Request {
  const { ctx } = exchange;
  const { method } = ctx;
  const init: RequestInit & { duplex: "half" } = {
    method,
    headers: fieldPairs(ctx.headers),
    signal: requestSignal(exchange),
    duplex: "half",
  };
  if (mayHaveBody(method)) init.body = bodyStream(ctx.body);
  const request = new Request(requestUrl(ctx), init);
  EXCHANGES.set(request, exchange);
  return request;
}

/** Makes the request of an exchange, lazily if the runtime allows it. */
export function requestOf(exchange: LazyExchange): Request {
  return IS_LAZY
    ? new LazyRequest(exchange) as unknown as Request // its prototype inherits from that of Request
    : makeRequest(exchange);
}
