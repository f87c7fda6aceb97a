/** What `serveDir` and `serveFile` return. */

import type { RouteCheckingHandler } from "../server/hooks.ts";
import type { RequestContext } from "../server/request_context.ts";
import type { ResponseHandle } from "../server/response_handle.ts";
import { type AnswerFile, answerWeb } from "./web_exchange.ts";

/**
 * A handler that serves files: on the routes of this package's server, or with
 * {@linkcode FileHandler.fetch} in web-standard code.
 */
export interface FileHandler {
  /** Answers a request of a route or a fallback. */
  (ctx: RequestContext, res: ResponseHandle): void | Promise<void>;
  /**
   * Answers a web request, in any server or framework that takes fetch handlers.
   * If nothing is found, the response has status 404. The server of
   * `@khttp/khttp/fetch` sends the file directly if the body of the response was
   * not touched; elsewhere, the body is a stream. If you do not send the response,
   * read or cancel its body: the file stays open until then.
   *
   * @throws {TypeError} If the argument is not a `Request`.
   * @throws {Error} If the file system fails in a way that has no status.
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

/** Checks of the patterns of routes. They throw if the handler does not fit the pattern. */
export interface PatternChecks {
  /** For a route of the handler itself. */
  route(pattern: string): void;
  /** For a route of its `fetch()`. */
  fetch(pattern: string): void;
}

/** Makes a handler of the function that answers requests. */
export function makeFileHandler(
  answer: AnswerFile,
  patterns?: PatternChecks,
): FileHandler & RouteCheckingHandler {
  const handler = (
    ctx: RequestContext,
    res: ResponseHandle,
  ): void | Promise<void> => answer(ctx, res);
  const fetch = (request: Request): Promise<Response> =>
    answerWeb(request, answer);
  return Object.assign(handler, {
    checkRoute: (pattern: string, method: string): void => {
      checkMethod(pattern, method);
      patterns?.route(pattern);
    },
    fetch: Object.assign(fetch, {
      checkRoute: (pattern: string, method: string): void => {
        checkMethod(pattern, method);
        patterns?.fetch(pattern);
      },
    }),
  });
}

/** @throws {TypeError} If a route is for another method than GET and HEAD: each of its requests would get 405. */
function checkMethod(pattern: string, method: string): void {
  if (method === "GET" || method === "HEAD") return;
  throw new TypeError(
    `Cannot serve files at route ${
      JSON.stringify(pattern)
    } for ${method}: they are only for GET and HEAD; add the handler with get()`,
  );
}
