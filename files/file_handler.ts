/** What `serveDir` and `serveFile` return. */

import type { RequestContext } from "../server/request_context.ts";
import type { ResponseHandle } from "../server/response_handle.ts";
import { type AnswerFile, answerWeb } from "./web_exchange.ts";

/**
 * A handler of files: for the routes of this package's server, and with
 * {@linkcode FileHandler.fetch} for web-standard code.
 */
export interface FileHandler {
  /** Answers a request of a route or a fallback. */
  (ctx: RequestContext, res: ResponseHandle): void | Promise<void>;
  /**
   * Answers a web request, in any server or framework of fetch handlers. What is
   * not found is a response with status 404. The server of `@khttp/khttp/fetch`
   * sends the file itself if the body of the response was not touched; elsewhere
   * it is a stream. Read or cancel the body of a response that is not sent, since
   * the file is open until then.
   *
   * @throws {TypeError} If it is no `Request`. Errors of the file system that have
   * no status of their own are thrown too.
   *
   * @example Files beside other answers
   * ```ts
   * import { serve } from "@khttp/khttp/fetch";
   * import { serveDir } from "@khttp/khttp/static";
   *
   * const files = serveDir(".", { prefix: "/files" });
   * await using server = serve({ port: 0 }, (request) => {
   *   const { pathname } = new URL(request.url);
   *   if (pathname.startsWith("/files/")) return files.fetch(request);
   *   return new Response("Hello, World!");
   * });
   * ```
   */
  readonly fetch: (request: Request) => Promise<Response>;
}

/** Makes a handler of the function that answers requests. */
export function makeFileHandler(answer: AnswerFile): FileHandler {
  const handler = (
    ctx: RequestContext,
    res: ResponseHandle,
  ): void | Promise<void> => answer(ctx, res);
  return Object.assign(handler, {
    fetch: (request: Request): Promise<Response> => answerWeb(request, answer),
  });
}
