/** Reports how much of a request's or a response's body was transferred. */

import { type BodyFeed, BodyReader } from "../codec/body_reader.ts";
import { type BodyInit, BodySource } from "../codec/body_source.ts";
import { ClientResponse } from "./client_response.ts";
import { CallbackFailure, toClientError } from "./errors.ts";
import type { ClientOptions } from "./options.ts";
import type { ExchangeInit, ProgressCallback } from "./request.ts";

/** Largest piece in which bytes are sent, so that slow progress is visible. */
const PIECE_BYTES = 65_536;

/**
 * Sends a body in pieces, and reports each one when the previous ones were written.
 *
 * @throws {CallbackFailure} If the callback throws.
 */
export async function* counted(
  body: NonNullable<BodyInit>,
  totalBytes: number | null,
  report: ProgressCallback,
): AsyncGenerator<Uint8Array> {
  let bytes = 0;
  for await (const piece of piecesOf(body)) {
    yield piece;
    // The sender asks for the next piece when this one was written.
    bytes += piece.length;
    try {
      report({ bytes, totalBytes });
    } catch (error) {
      throw new CallbackFailure(error);
    }
  }
}

async function* piecesOf(
  body: NonNullable<BodyInit>,
): AsyncGenerator<Uint8Array> {
  if (typeof body === "string" || body instanceof ArrayBuffer) {
    const bytes = typeof body === "string"
      ? new TextEncoder().encode(body)
      : new Uint8Array(body);
    yield* slices(bytes);
  } else if (body instanceof Uint8Array) yield* slices(body);
  else yield* streamed(new BodySource(body));
}

function* slices(bytes: Uint8Array): Generator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += PIECE_BYTES) {
    yield bytes.subarray(at, at + PIECE_BYTES);
  }
}

async function* streamed(source: BodySource): AsyncGenerator<Uint8Array> {
  try {
    for (;;) {
      const piece = await source.pull();
      if (piece === null) return;
      yield* slices(piece);
    }
  } finally {
    source.cancel();
  }
}

/** Returns a response that reports its body's progress, if the caller wants that. */
export function observed(
  response: ClientResponse,
  { onDownload }: ExchangeInit,
  options: ClientOptions,
): ClientResponse {
  if (onDownload === undefined) return response;
  const { status, reason, httpVersion, headers, url, upgraded } = response;
  const isDecoded = options.decodesContent && headers.has("content-encoding");
  const totalBytes = isDecoded ? null : headers.contentLength;
  const feed = new ObservedBody(response, totalBytes, onDownload);
  return new ClientResponse({
    head: { status, reason, minorVersion: httpVersion, headers },
    url,
    body: new BodyReader(feed, options.maxBufferedBodyBytes, response),
    trailerSource: response,
    upgraded,
    feed,
  });
}

/** A response's body, with a report after each piece. */
class ObservedBody implements BodyFeed {
  /** Unknown: the response to HEAD has a length, but no body. */
  readonly remainingBytes = -1;
  /** See {@linkcode BodyFeed.convertError}. */
  readonly convertError = toClientError;
  #response: ClientResponse;
  #pieces: AsyncIterator<Uint8Array>;
  #bytes = 0;
  #totalBytes: number | null;
  #report: ProgressCallback;

  constructor(
    response: ClientResponse,
    totalBytes: number | null,
    report: ProgressCallback,
  ) {
    this.#response = response;
    this.#pieces = response.body.views();
    this.#totalBytes = totalBytes;
    this.#report = report;
  }

  /** See {@linkcode BodyFeed.pull}. */
  async pull(): Promise<Uint8Array | null> {
    const { done, value } = await this.#pieces.next();
    if (done) return null;
    this.#bytes += value.length;
    try {
      this.#report({ bytes: this.#bytes, totalBytes: this.#totalBytes });
    } catch (error) {
      this.cancel(); // the caller does not read the rest
      throw error;
    }
    return value;
  }

  /** See {@linkcode BodyFeed.cancel}. */
  cancel(): void {
    this.#response.close();
  }
}
