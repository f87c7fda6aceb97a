/** Creates the response for the caller, from a head that was read and a body that may still be arriving. */

import { type BodyFeed, BodyReader } from "../codec/body_reader.ts";
import type { ReceivedResponseHead } from "../codec/response_head.ts";
import { ClientResponse } from "./client_response.ts";
import type { ClientConnection, ConnectionContext } from "./connection.ts";
import { codingsOf } from "./content_coding.ts";
import type { Deadline } from "./deadline.ts";
import type { Origin } from "./origin.ts";
import type { Pool } from "./pool.ts";
import type { ReceiveBlock } from "./receive_block.ts";
import { ReceivedBody } from "./received_body.ts";
import { ResponseBody } from "./response_body.ts";

const NO_BYTES = new Uint8Array(0);

/** What a response is created from. */
export interface ResponseOrigin {
  readonly pool: Pool;
  readonly connection: ClientConnection;
  readonly target: string;
  readonly deadline: Deadline;
  readonly context: ConnectionContext;
}

/** Creates the response, which owns the connection until its body is over. */
export function respond(
  head: ReceivedResponseHead,
  from: ResponseOrigin,
): ClientResponse | Promise<ClientResponse> {
  const { connection, deadline, context } = from;
  if (head.status === 101) {
    deadline.stop();
    return switched(head, from);
  }
  const { options } = context;
  const { bodyLength } = head;
  if (
    options.decodesContent && bodyLength !== 0 &&
    head.has("content-encoding") && codingsOf(head).length > 0
  ) return decoded(head, from);
  const { buffer } = connection.reader;
  const isReceived = bodyLength >= 0 && bodyLength <= buffer.length &&
    bodyLength <= options.maxBodyBytes;
  if (!isReceived) {
    const body = streamed(head, from);
    return made(head, from, body, body);
  }
  const body = takeBody(buffer, bodyLength);
  connection.release(head);
  ended(from);
  return made(head, from, body, null);
}

/** Longest body that stays where it was received, in bytes. */
const MAX_KEPT_BYTES = 1024;

/** Takes a body that has arrived out of the buffer. */
function takeBody(buffer: ReceiveBlock, sizeBytes: number): ReceivedBody {
  const { bytes, start } = buffer;
  const end = start + sizeBytes;
  buffer.consume(sizeBytes);
  if (sizeBytes > MAX_KEPT_BYTES) {
    return new ReceivedBody(bytes.slice(start, end), 0, sizeBytes);
  }
  buffer.keep();
  return new ReceivedBody(bytes, start, end);
}

/** The exchange no longer needs its connection. */
function ended({ pool, connection, deadline }: ResponseOrigin): void {
  deadline.stop();
  pool.released(connection);
}

function streamed(
  head: ReceivedResponseHead,
  from: ResponseOrigin,
): ResponseBody {
  const { connection, context } = from;
  const onEnd = (): void => ended(from);
  return new ResponseBody(connection, head, context, onEnd);
}

async function decoded(
  head: ReceivedResponseHead,
  from: ResponseOrigin,
): Promise<ClientResponse> {
  const body = streamed(head, from);
  const { DecodedBody } = await import("./decoded_body.ts");
  const { deadline, context } = from;
  const feed = new DecodedBody(body, codingsOf(head), { ...context, deadline });
  return made(head, from, feed, body);
}

/** @param body The body that has the trailer section, if there can be one. */
function made(
  head: ReceivedResponseHead,
  { pool, target, context }: ResponseOrigin,
  feed: BodyFeed,
  body: ResponseBody | null,
): ClientResponse {
  return new ClientResponse({
    head,
    url: urlOf(pool.origin, target),
    body: new BodyReader(feed, context.options.maxBufferedBodyBytes, head),
    trailerSource: body,
    upgraded: null,
    feed,
  });
}

/** The response of a connection that now speaks another protocol. */
function switched(
  head: ReceivedResponseHead,
  { pool, target, connection }: ResponseOrigin,
): ClientResponse {
  const unread = connection.takeOver();
  return new ClientResponse({
    head,
    url: urlOf(pool.origin, target),
    body: new BodyReader(new ReceivedBody(NO_BYTES, 0, 0), 0),
    trailerSource: null,
    upgraded: { conn: connection.conn, unread },
    feed: { cancel: () => connection.close() },
  });
}

function urlOf({ isSecure, authority }: Origin, target: string): string {
  const scheme = isSecure ? "https" : "http";
  return `${scheme}://${authority}${target === "*" ? "" : target}`;
}
