/** Runs a file handler for GET and HEAD, and answers errors of the file system. */

import { Headers } from "../codec/headers.ts";
import { Status } from "../codec/status.ts";
import type { RequestContext } from "../server/request_context.ts";
import type { ResponseHandle } from "../server/response_handle.ts";
import { statusOf } from "./open_file.ts";
import type { FileSettings } from "./options.ts";

/** How soon a client may ask again when the process has no descriptor left, in seconds. */
const RETRY_SECONDS = "1";

/**
 * Calls `answer`. An error of the file system that it throws or rejects with
 * gets the status that it means; other errors reach the server.
 */
export function runHandler(
  ctx: RequestContext,
  res: ResponseHandle,
  { headers }: FileSettings,
  answer: () => void | Promise<void>,
): void | Promise<void> {
  const { method } = ctx;
  if (method !== "GET" && method !== "HEAD") {
    const allowed = new Headers(headers).add("allow", "GET, HEAD");
    return refuse(res, Status.METHOD_NOT_ALLOWED, allowed);
  }
  const fail = (error: unknown): void => {
    const status = statusOf(error);
    if (status === null || res.isSent) throw error;
    refuse(res, status, headers);
  };
  try {
    return answer()?.catch(fail);
  } catch (error) {
    fail(error);
  }
}

/** Sends an error without a body. */
export function refuse(
  res: ResponseHandle,
  status: Status,
  extra: Headers,
): void {
  const headers = new Headers(extra);
  if (status === Status.SERVICE_UNAVAILABLE) {
    headers.add("retry-after", RETRY_SECONDS);
  }
  if (status === Status.NOT_ACCEPTABLE) headers.add("vary", "Accept-Encoding");
  res.send(status, null, headers);
}
