/**
 * The `Response` that a `fetch` returns. It passes `instanceof Response`, and
 * wraps a response of this client: the usual methods read the received bytes
 * directly. All other members, such as `body` and `clone()`, and the runtime
 * itself use a real `Response`, which is made on first use.
 *
 * The class does not call the constructor of `Response`, which takes longer than
 * the exchange. Instead, its prototype inherits from that of `Response`, and has the
 * runtime's slots as getters. Where the slots are not as expected, each
 * response is a real one.
 */

import { BodyReader } from "../codec/body_reader.ts";
import { Headers as FieldLines } from "../codec/headers.ts";
import { ClientResponse } from "./client_response.ts";
import { bodyError, bodyStream } from "./fetch_body.ts";
import {
  type FetchedFacts,
  immutableHeaders,
  realResponse,
} from "./fetched_response.ts";
import { ReceivedBody } from "./received_body.ts";

const decoder = new TextDecoder();

/** One response; see the file's header. */
export class LazyResponse {
  #response: ClientResponse;
  #facts: FetchedFacts;
  #headers: Headers | null;
  #real: Response | null;
  /** Whether one of the methods here has read the body. */
  #isUsed: boolean;

  /** Takes over a response. */
  constructor(response: ClientResponse, facts: FetchedFacts) {
    this.#response = response;
    this.#facts = facts;
    this.#headers = null;
    this.#real = null;
    this.#isUsed = false;
  }

  get status(): number {
    return this.#response.status;
  }

  get statusText(): string {
    return this.#response.reason;
  }

  get ok(): boolean {
    return this.#response.ok;
  }

  get url(): string {
    return this.#response.url;
  }

  get redirected(): boolean {
    return this.#facts.isRedirected;
  }

  get type(): ResponseType {
    return "basic";
  }

  get headers(): Headers {
    return this.#headers ??= immutableHeaders(this.#response.headers);
  }

  get body(): ReadableStream<Uint8Array<ArrayBuffer>> | null {
    const { isNull, signal } = this.#facts;
    if (this.#real === null && !this.#isUsed && !isNull) {
      // Not bytes: the runtime does not notice that a stream of bytes that are
      // here was read through another `Response` (Deno 2.9.6).
      const received = this.#response.body.takeReceived();
      const stream = bodyStream(this.#response, received, signal);
      this.#real = realResponse(this.#response, this.#facts, stream);
    }
    return LazyResponse.realOf(this).body;
  }

  get bodyUsed(): boolean {
    return this.#real?.bodyUsed ?? this.#isUsed;
  }

  clone(): Response {
    return LazyResponse.realOf(this).clone();
  }

  async blob(): Promise<Blob> {
    return await LazyResponse.realOf(this).blob();
  }

  async formData(): Promise<FormData> {
    return await LazyResponse.realOf(this).formData();
  }

  async bytes(): Promise<Uint8Array<ArrayBuffer>> {
    if (this.#real !== null) return await this.#real.bytes();
    return this.#take() ?? await this.#gather();
  }

  async arrayBuffer(): Promise<ArrayBuffer> {
    if (this.#real !== null) return await this.#real.arrayBuffer();
    return (this.#take() ?? await this.#gather()).buffer; // of exactly these bytes
  }

  async text(): Promise<string> {
    if (this.#real !== null) return await this.#real.text();
    return decoder.decode(this.#take() ?? await this.#gather());
  }

  async json(): Promise<unknown> {
    if (this.#real !== null) return await this.#real.json();
    return JSON.parse(decoder.decode(this.#take() ?? await this.#gather()));
  }

  /** Claims the body, and returns it if it was received. */
  #take(): Uint8Array<ArrayBuffer> | null {
    const { isNull, signal } = this.#facts;
    if (isNull) return new Uint8Array(0);
    if (this.#isUsed) {
      throw new TypeError("Cannot read body: it was read already");
    }
    this.#isUsed = true;
    signal?.throwIfAborted(); // also a body that was received ends with the signal
    return this.#response.body.takeReceived();
  }

  async #gather(): Promise<Uint8Array<ArrayBuffer>> {
    const { signal } = this.#facts;
    try {
      return await this.#response.body.unlimitedBytes();
    } catch (error) {
      this.#response.close(); // there may be no memory for the rest
      if (signal?.aborted === true) throw signal.reason;
      throw bodyError(error);
    }
  }

  /** The real `Response`, made by the first call. */
  static realOf(lazy: LazyResponse): Response {
    if (lazy.#real !== null) return lazy.#real;
    const body = lazy.#isUsed ? new Uint8Array(0) : undefined;
    const real = realResponse(lazy.#response, lazy.#facts, body);
    if (lazy.#isUsed) real.bytes(); // then the real one is used, too
    return lazy.#real = real;
  }
}

/** The slot that marks an object as one of the runtime's classes. */
const BRAND = "[[webidl.brand]]";

/** Makes the class inherit from the runtime's, with its slots. */
function inherit(): void {
  const { prototype } = LazyResponse;
  Object.setPrototypeOf(prototype, Response.prototype);
  for (const name of Object.getOwnPropertyNames(prototype)) {
    Object.defineProperty(prototype, name, { enumerable: true });
  }
  Object.defineProperty(prototype, "constructor", {
    value: Response,
    enumerable: false,
  });
  const sample = new Response() as Response & Record<symbol, unknown>; // any object may have symbols as keys
  for (const key of Object.getOwnPropertySymbols(sample)) {
    if (key.description === BRAND) {
      Object.defineProperty(prototype, key, { value: sample[key] });
    } else inheritSlot(key);
  }
}

function inheritSlot(key: symbol): void {
  const slotsOf = (lazy: LazyResponse): Record<symbol, unknown> =>
    LazyResponse.realOf(lazy) as Response & Record<symbol, unknown>; // as above
  Object.defineProperty(LazyResponse.prototype, key, {
    get(this: LazyResponse): unknown {
      return slotsOf(this)[key];
    },
    set(this: LazyResponse, value: unknown): void {
      slotsOf(this)[key] = value;
    },
  });
}

/** A response to try the class with. */
function sample(): LazyResponse {
  const feed = new ReceivedBody(new Uint8Array(1), 0, 1);
  const headers = new FieldLines({ a: "b" });
  const response = new ClientResponse({
    head: { status: 201, reason: "", minorVersion: 1, headers },
    url: "http://a/",
    body: new BodyReader(feed, 1),
    trailerSource: null,
    upgraded: null,
    feed,
  });
  const facts = { isRedirected: false, isNull: false, signal: undefined };
  return new LazyResponse(response, facts);
}

/** Returns whether the runtime treats the class as its own. */
function isAccepted(): boolean {
  try {
    inherit();
    const copy = Response.prototype.clone.call(sample());
    return copy.status === 201 && copy.headers.get("a") === "b" &&
      copy.body !== null && sample() instanceof Response;
  } catch {
    return false;
  }
}

/** Whether {@linkcode LazyResponse} may be used instead of a real response. */
export const IS_LAZY: boolean = isAccepted();
