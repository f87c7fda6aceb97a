/** The web's `Response` for a response of this client. */

import type { ClientResponse } from "./client_response.ts";
import { bodyStream } from "./fetch_body.ts";

/** What a response of the web shows besides the message. */
export interface WebResponseFacts {
  /** Whether redirects led to it. */
  readonly isRedirected: boolean;
  /** Whether it answers HEAD. */
  readonly isBodyless: boolean;
  readonly signal: AbortSignal | undefined;
}

/** Statuses whose responses have no body. */
const NULL_BODY_STATUSES: ReadonlySet<number> = new Set([204, 205, 304]);

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

/**
 * Creates a response of the web.
 *
 * @throws {TypeError} If the status is not one that a `Response` can have.
 */
export function toWebResponse(
  response: ClientResponse,
  { isRedirected, isBodyless, signal }: WebResponseFacts,
): Response {
  const { status, reason, url } = response;
  if (status < 200 || status > 599) {
    response.close();
    throw new TypeError(
      `the response has the status ${status}, which the web does not know`,
    );
  }
  const isNull = isBodyless || NULL_BODY_STATUSES.has(status);
  if (isNull) response.close();
  return new FetchedResponse(
    isNull ? null : bodyOf(response, signal),
    { status, statusText: reason, headers: response.headers },
    url,
    isRedirected,
  );
}

/** Bytes if they are here and cannot be aborted, otherwise a stream. */
function bodyOf(
  response: ClientResponse,
  signal: AbortSignal | undefined,
): BodyInit {
  const received = response.body.takeReceived();
  return received !== null && signal === undefined
    ? received
    : bodyStream(response, received, signal);
}
