/** Content codings through the platform's streams, if asked for (RFC 9110 §8.4, §12.5.3). */

import type { BodyFeed } from "../codec/body_reader.ts";
import { Headers } from "../codec/headers.ts";
import type { ResponseHead } from "../codec/response_parser.ts";
import { ClientError } from "./errors.ts";

/** Codings that are undone; more of them are an attack on memory, and stay. */
const MAX_CODINGS = 4;

/** Formats that the platform decodes, by the names that codings have. */
const FORMATS: ReadonlyMap<string, CompressionFormat> = new Map([
  ["gzip", "gzip"],
  ["x-gzip", "gzip"],
  ["deflate", "deflate"],
  // The platform has it; its type does not know it yet.
  ["br", "brotli" as CompressionFormat],
]);

/** Says which codings are understood, unless the caller does. */
export function acceptEncoding(headers: Headers): Headers {
  if (headers.has("accept-encoding")) return headers;
  return new Headers(headers).add("accept-encoding", "gzip, deflate, br");
}

/** Decodes a body whose codings are all understood; gives any other as it is. */
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
      else controller.enqueue(piece.slice()); // views end with the next pull
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
        // Nobody reads on; the connection's own end says what went wrong.
      });
    },
  };
}

/** What the connection failed with stays; anything else is the decoder's. */
function asDecodeFailure(error: unknown): unknown {
  if (!(error instanceof TypeError)) return error;
  return new ClientError(`Cannot decode body: ${error.message}`, {
    phase: "parse",
    code: "PROTOCOL",
    cause: error,
  });
}
