/** The web's `Response` and `Headers` for a response of this client, made by the runtime's constructors. */

import type { Headers as FieldLines } from "../codec/headers.ts";
import type { ClientResponse } from "./client_response.ts";
import { bodyStream } from "./fetch_body.ts";

/** What a response of the web shows besides the message. */
export interface FetchedFacts {
  /** Whether redirects led to it. */
  readonly isRedirected: boolean;
  /** Whether it has no body, since it answers HEAD or has a status without one. */
  readonly isNull: boolean;
  readonly signal: AbortSignal | undefined;
}

/** Headers that cannot be changed, as those of each fetched response. */
class ImmutableHeaders extends Headers {
  /** Throws. */
  override append(): never {
    throw immutable();
  }

  /** Throws. */
  override delete(): never {
    throw immutable();
  }

  /** Throws. */
  override set(): never {
    throw immutable();
  }
}

function immutable(): TypeError {
  return new TypeError(
    "Cannot change the headers of a fetched response: copy it with new Response(response.body, response)",
  );
}

/** The head of a response. */
interface ResponseParts {
  readonly status: number;
  readonly statusText: string;
  readonly headers: Iterable<readonly [string, string]>;
}

/**
 * A response of the runtime, which also knows where it came from: programs
 * cannot set that on a `Response`.
 */
class FetchedResponse extends Response {
  #url: string;
  #isRedirected: boolean;
  #headers: Headers | null = null;

  constructor(
    body: BodyInit | null,
    { status, statusText, headers }: ResponseParts,
    url: string,
    isRedirected: boolean,
  ) {
    super(body, { status, statusText });
    // perf: against fields in the init of `Response`, which the runtime converts
    // slowly, a call takes 0.8 times the CPU time (bench/client.ts, `khttp_fetch`,
    // GET of 13 bytes, 64 at one time, Deno 2.9.6).
    const own = super.headers;
    for (const [name, value] of headers) own.append(name, value);
    this.#url = url;
    this.#isRedirected = isRedirected;
  }

  override get url(): string {
    return this.#url;
  }

  override get redirected(): boolean {
    return this.#isRedirected;
  }

  override get type(): ResponseType {
    return "basic";
  }

  override get headers(): Headers {
    return this.#headers ??= new ImmutableHeaders(super.headers);
  }

  override clone(): Response {
    const { body, status, statusText, headers } = super.clone();
    const init = { status, statusText, headers };
    return new FetchedResponse(body, init, this.#url, this.#isRedirected);
  }
}

/** Makes headers that cannot be changed. */
export function immutableHeaders(lines: FieldLines): Headers {
  const fields = new Headers();
  for (const [name, value] of lines) fields.append(name, value);
  return new ImmutableHeaders(fields);
}

/**
 * Makes a real response.
 *
 * @param body The body, if it is not that of the message.
 */
export function realResponse(
  response: ClientResponse,
  facts: FetchedFacts,
  body?: BodyInit,
): Response {
  const { status, reason, headers, url } = response;
  return new FetchedResponse(
    facts.isNull ? null : body ?? bodyOf(response, facts),
    { status, statusText: reason, headers },
    url,
    facts.isRedirected,
  );
}

/** Bytes if they are here and cannot be aborted, otherwise a stream. */
function bodyOf(
  response: ClientResponse,
  { signal }: FetchedFacts,
): BodyInit {
  const received = response.body.takeReceived();
  return received !== null && signal === undefined
    ? received
    : bodyStream(response, received, signal);
}
