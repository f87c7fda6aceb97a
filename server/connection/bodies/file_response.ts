/**
 * Sends a part of a file as the body of a response. The file is closed on every
 * path: also if the response has no content, is refused or fails.
 */

import { BodySource } from "../../../codec/body_source.ts";
import type { Headers } from "../../../codec/headers.ts";
import type { Status } from "../../../codec/status.ts";
import type { FileBody } from "../../file_body.ts";
import {
  type ExchangeFacts,
  planResponse,
  type ResponsePlan,
} from "../response_plan.ts";

/** What sending a file needs of its exchange. */
export interface FileExchange extends ExchangeFacts {
  /** Sends a body that is in memory, and completes the response. */
  write(plan: ResponsePlan, bytes: Uint8Array): void;
  /** Begins to send a body in pieces. */
  stream(plan: ResponsePlan, source: BodySource): void;
}

const NO_BYTES = new Uint8Array(0);

/** Longest file that is read at once, in bytes. */
const SMALL_BYTES = 65_536;

/**
 * Answers with a file. The caller closes it if this throws.
 *
 * @throws {TypeError | RangeError} If the fields declare another length, or the
 * file has become shorter.
 */
export function sendFile(
  exchange: FileExchange,
  status: Status,
  headers: Headers | null,
  file: FileBody,
): void {
  const plan = planResponse(exchange, status, headers, file.length);
  if (plan.hasContent && (plan.length < 0 || file.length > SMALL_BYTES)) {
    exchange.stream(plan, new BodySource(file));
    return;
  }
  const bytes = plan.hasContent ? readAll(file) : NO_BYTES;
  file.close();
  exchange.write(plan, bytes);
}

function readAll(file: FileBody): Uint8Array {
  const bytes = new Uint8Array(file.length);
  let count = 0;
  while (count < bytes.length) {
    count += file.readSync(bytes.subarray(count), file.start + count);
  }
  return bytes;
}
