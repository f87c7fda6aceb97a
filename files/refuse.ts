/** Runs a file handler for GET and HEAD, and answers errors of the file system. */

import { Headers } from "../codec/headers.ts";
import { Status } from "../codec/status.ts";
import type { ResponseHandle } from "../server/response_handle.ts";
import { FileRefusal, statusOf } from "./open_file.ts";
import type { FileSettings } from "./options.ts";
import type { FileRequest } from "./web_exchange.ts";

/** How soon a client may ask again when the process has no descriptor left, in seconds. */
const RETRY_SECONDS = "1";

/**
 * Calls `answer`. An error of the file system that it throws or rejects with
 * gets the status that it means; other errors reach the server. What is not found
 * is passed on to the application's handler for that.
 */
export function runHandler(
  ctx: FileRequest,
  res: ResponseHandle,
  { headers }: FileSettings,
  answer: () => void | Promise<void>,
): void | Promise<void> {
  const { method } = ctx;
  if (method !== "GET" && method !== "HEAD") {
    const allowed = new Headers(headers).add("allow", "GET, HEAD");
    return refuse(res, Status.METHOD_NOT_ALLOWED, allowed);
  }
  // Outside of `answer`, since errors of the application's own handler are not
  // those of a file.
  const fail = (error: unknown): void | Promise<void> => {
    const status = statusOf(error);
    if (status === null || res.isSent) throw error;
    if (status !== Status.NOT_FOUND) return refuse(res, status, headers);
    collect(res, headers);
    const vary = error instanceof FileRefusal ? error.vary : null;
    if (vary !== null) res.headers.add("vary", vary);
    return res.notFound();
  };
  try {
    return answer()?.catch(fail);
  } catch (error) {
    return fail(error);
  }
}

/** Adds fields to those of the response, whatever sends it. They replace others of the same name. */
function collect(res: ResponseHandle, fields: Headers): void {
  for (const name of fields.keys()) res.headers.delete(name);
  for (const [name, value] of fields) res.headers.add(name, value);
}

/** Sends an error with its reason as text. */
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
  res.send(status, status.reason, headers);
}
