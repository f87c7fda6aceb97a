/** Decodes content codings with the platform's streams (RFC 9110 §8.4, §12.5.3). */

import type { BodyFeed } from "../codec/body_reader.ts";
import { Headers } from "../codec/headers.ts";
import type { ResponseHead } from "../codec/response_parser.ts";
import { ClientError } from "./errors.ts";

/** Largest number of codings that are decoded; a longer list is an attack on memory. */
const MAX_CODINGS = 4;

/** The platform's format for each coding. */
const FORMATS: ReadonlyMap<string, CompressionFormat> = new Map([
  ["gzip", "gzip"],
  ["x-gzip", "gzip"],
  ["deflate", "deflate"],
  // The platform supports it; its type does not list it yet.
  ["br", "brotli" as CompressionFormat],
]);

/** Adds `Accept-Encoding`, unless the caller set it. */
export function acceptEncoding(headers: Headers): Headers {
  if (headers.has("accept-encoding")) return headers;
  return new Headers(headers).add("accept-encoding", "gzip, deflate, br");
}

/** Decodes a body if all its codings are known; returns any other unchanged. */
export function decodeContent(head: ResponseHead, feed: BodyFeed): BodyFeed {
  const codings = (head.headers.get("content-encoding") ?? "").split(",")
    .map((coding) => coding.trim().toLowerCase()).filter((coding) =>
      coding !== "" && coding !== "identity"
    );
  const formats = codings.map((coding) => FORMATS.get(coding));
  const known = formats.filter((format) => format !== undefined);
  if (known.length === 0 || known.length < formats.length) return feed;
  if (known.length > MAX_CODINGS) return feed;
  if (feed.remainingBytes === 0) return feed;
  let stream: ReadableStream<Uint8Array<ArrayBuffer>> = streamOf(feed);
  for (const format of known.reverse()) {
    stream = stream.pipeThrough(new DecompressionStream(format));
  }
  return feedOf(stream, feed);
}

function streamOf(feed: BodyFeed): ReadableStream<Uint8Array<ArrayBuffer>> {
  return new ReadableStream({
    async pull(controller): Promise<void> {
      const piece = await feed.pull();
      if (piece === null) controller.close();
      else controller.enqueue(piece.slice()); // the view is valid only until the next pull
    },
    cancel: () => feed.cancel(),
  }, { highWaterMark: 0 });
}

function feedOf(
  stream: ReadableStream<Uint8Array>,
  source: BodyFeed,
): BodyFeed {
  const reader = stream.getReader();
  return {
    remainingBytes: -1,
    async pull(): Promise<Uint8Array | null> {
      const { done, value } = await reader.read().catch((error) => {
        throw asDecodeFailure(error);
      });
      return done ? null : value;
    },
    cancel(): void {
      source.cancel();
      reader.cancel().catch(() => {
        // The reader has stopped; an error of the connection is reported by the connection.
      });
    },
  };
}

/** A `TypeError` is the decoder's; every other error is the connection's and stays as it is. */
function asDecodeFailure(error: unknown): unknown {
  if (!(error instanceof TypeError)) return error;
  return new ClientError(`Cannot decode body: ${error.message}`, {
    phase: "parse",
    code: "PROTOCOL",
    cause: error,
  });
}
