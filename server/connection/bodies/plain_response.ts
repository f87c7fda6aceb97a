/** Sends bodies that are in memory: strings and bytes. */

import { BodySource } from "../../../codec/body_source.ts";
import type { Headers } from "../../../codec/headers.ts";
import { mayHaveContent } from "../../../codec/response_framing.ts";
import type { Status } from "../../../codec/status.ts";
import { TEXT_TYPE, withType } from "../../response_fields.ts";
import { planResponse } from "../response_plan.ts";
import { writeAscii, writeBytes } from "../response_writer.ts";
import type { BodyExchange } from "./body_exchange.ts";

/** The longest string, in UTF-16 code units, that is tried as ASCII before it is encoded as UTF-8. */
const MAX_ASCII_LOOP = 1024;

/**
 * Answers with a string.
 *
 * @throws {TypeError} If the fields declare a length that is not the string's.
 */
export function sendText(
  exchange: BodyExchange,
  status: Status,
  headers: Headers | null,
  text: string,
): void {
  const { output, context } = exchange.owner;
  // A declared length has to be compared with that of the encoded string.
  const isPlain = headers === null || !headers.outgoing().declaresFraming;
  if (text.length <= MAX_ASCII_LOOP && isPlain) {
    const plan = planResponse(exchange, status, headers, text.length);
    if (plan.hasContent && writeAscii(output, context.textHeads, plan, text)) {
      exchange.complete(plan, text.length);
      return;
    }
  }
  const typed = mayHaveContent(status.code, 0)
    ? withType(headers, TEXT_TYPE)
    : headers;
  sendBytes(exchange, status, typed, context.texts.encode(text));
}

/**
 * Answers with bytes.
 *
 * @throws {TypeError} If the fields declare another length.
 */
export function sendBytes(
  exchange: BodyExchange,
  status: Status,
  headers: Headers | null,
  bytes: Uint8Array,
): void {
  const plan = planResponse(exchange, status, headers, bytes.length);
  if (plan.hasContent && plan.length < 0) {
    exchange.stream(plan, new BodySource(ReadableStream.from([bytes])));
    return;
  }
  const { output, context } = exchange.owner;
  writeBytes(output, context.heads, plan, bytes);
  exchange.complete(plan, plan.hasContent ? bytes.length : 0);
}
