/**
 * Lets the file handlers answer a web `Request` with a `Response`. They get the
 * request in the form that they read, and a response handle that makes the response.
 */

import type { BodyInit } from "../codec/body_source.ts";
import { Headers, type HeadersInit } from "../codec/headers.ts";
import { RequestTarget } from "../codec/request_target.ts";
import { Status } from "../codec/status.ts";
import { FileResponse } from "../fetch/file_response.ts";
import type { Duplex } from "../server/duplex.ts";
import { FileBody } from "../server/file_body.ts";
import { CopiedPieces, FileParts } from "./file_parts.ts";
import type { RequestContext } from "../server/request_context.ts";
import { mergeFields, TEXT_TYPE, withType } from "../server/response_fields.ts";
import {
  type ResponseActions,
  ResponseHandle,
} from "../server/response_handle.ts";

const encoder = new TextEncoder();

/** What the handlers read of a request. */
export type FileRequest =
  & Readonly<
    Pick<RequestContext, "method" | "uri" | "headers" | "query" | "route">
  >
  & {
    /** Whether the handler of the route has passed the request on, so that the route does not name the file. */
    readonly isPassedOn?: boolean;
  };

/** Answers a request of the server or of a fetch handler. */
export type AnswerFile = (
  ctx: FileRequest,
  res: ResponseHandle,
) => void | Promise<void>;

/**
 * Answers a web request.
 *
 * @throws {TypeError} If it is not a `Request`.
 */
export async function answerWeb(
  request: Request,
  answer: AnswerFile,
): Promise<Response> {
  if (!(request instanceof Request)) {
    throw new TypeError(
      `Cannot serve files: fetch() needs a Request, not a value of type ${typeof request}`,
    );
  }
  const maker = new ResponseMaker(request.method);
  await answer(new WebRequest(request), new ResponseHandle(maker));
  return maker.response;
}

/** A web request without a route: the whole path names the file, after the prefix of the options. */
class WebRequest implements FileRequest {
  readonly method: string;
  readonly uri: RequestTarget;
  readonly route = null;
  #request: Request;
  #headers: Headers | null = null;

  constructor(request: Request) {
    const { pathname, search } = new URL(request.url);
    this.method = request.method;
    this.uri = RequestTarget.parse(pathname + search);
    this.#request = request;
  }

  get headers(): Headers {
    return this.#headers ??= new Headers(this.#request.headers);
  }

  get query(): URLSearchParams {
    return this.uri.searchParams;
  }
}

/** Makes a web response from what a handler sends. */
class ResponseMaker implements ResponseActions {
  readonly bodyBytes = 0;
  #method: string;
  #response: Response | null = null;
  #headers: Headers | null = null;

  constructor(method: string) {
    this.#method = method;
  }

  /** The response that the handler has sent. */
  get response(): Response {
    if (this.#response !== null) return this.#response;
    throw new TypeError("Cannot serve files: the handler sent no response");
  }

  get isAnswered(): boolean {
    return this.#response !== null;
  }

  get statusCode(): number | null {
    return this.#response?.status ?? null;
  }

  get headers(): Headers {
    return this.#headers ??= new Headers();
  }

  respond(
    status: Status | number,
    body: BodyInit,
    init: HeadersInit | undefined,
  ): void {
    const merged = this.#headers === null
      ? Headers.from(init)
      : mergeFields(this.#headers, init);
    const fields = typeof body === "string"
      ? withType(merged, TEXT_TYPE)
      : merged;
    const { code, reason } = typeof status === "number"
      ? Status.of(status)
      : status;
    const headers = new globalThis.Headers([...fields]);
    const content = typeof body === "string" ? encoder.encode(body) : body;
    if (content instanceof Uint8Array || content instanceof FileBody) {
      headers.set("content-length", `${content.length}`);
    }
    const made = { status: code, statusText: reason, headers };
    this.#response = this.#make(content, made);
  }

  notFound(): void {
    const { NOT_FOUND } = Status;
    this.respond(NOT_FOUND, NOT_FOUND.reason, undefined);
  }

  sent(): Promise<void> {
    return Promise.resolve();
  }

  inform(): void {}

  sendContinue(): void {}

  setTrailers(): never {
    throw new TypeError("Cannot send trailers: a web response has none");
  }

  hijack(): Promise<Duplex> {
    throw new TypeError("Cannot take the connection of a web request over");
  }

  upgrade(): Promise<Duplex> {
    return this.hijack();
  }

  #make(body: BodyInit, init: ResponseInit): Response {
    if (body === null || body === undefined || this.#method === "HEAD") {
      discard(body);
      return new Response(null, init);
    }
    if (body instanceof FileBody) return new FileResponse(body, init);
    if (body instanceof FileParts) {
      return new Response(ReadableStream.from(new CopiedPieces(body)), init);
    }
    // The handlers send no other iterables, and no shared memory.
    return new Response(body as Uint8Array<ArrayBuffer>, init);
  }
}

/** Closes a body that is not sent, since the response must have none. */
function discard(body: BodyInit): void {
  if (body instanceof FileBody) return body.close();
  if (typeof body !== "object" || body === null) return;
  if (!(Symbol.asyncIterator in body)) return;
  body[Symbol.asyncIterator]().return?.()?.catch(() => {
    // Nothing was read, and nothing depends on the end.
  });
}
