/**
 * An application of this package as a fetch handler. Each request is written to a
 * connection in memory that the server serves like any other, so that routes,
 * hooks, limits and automatic answers are the same as on a socket.
 */

import { BodyDecoder } from "../codec/body_decoder.ts";
import { NEED_DATA } from "../codec/errors.ts";
import { ReceiveBuffer } from "../codec/receive_buffer.ts";
import type { ResponseHead } from "../codec/response_head.ts";
import { ResponseHeadParser } from "../codec/response_parser.ts";
import type { Server } from "../server/server.ts";
import { type MemoryAddresses, MemoryExchange } from "./memory_exchange.ts";
import { requestBytes } from "./request_bytes.ts";

/** An application as a module for `deno serve`, tests and edge runtimes. */
export interface FetchableServer {
  /**
   * Answers a request.
   *
   * @param request Its body is read as far as the application reads it.
   * @param info The client's address, if it is known; `Deno.serve()` and `deno serve` pass it.
   * @throws {TypeError} If the application closes the connection without a
   * response, or takes it over. If the request's signal aborts, its reason is thrown.
   */
  fetch(request: Request, info?: MemoryAddresses): Promise<Response>;
}

/** Statuses whose responses have no body in the web's `Response`. */
const NULL_BODY: ReadonlySet<number> = new Set([204, 205, 304]);

/** Fields about the connection in memory. */
const CONNECTION_FIELDS: ReadonlySet<string> = new Set([
  "connection",
  "keep-alive",
  "transfer-encoding",
]);

/**
 * Makes an object with `fetch()` of an application, for `deno serve`, for tests
 * without a socket, and for runtimes that call such a function.
 *
 * @example A test without a socket
 * ```ts
 * import { Server } from "@khttp/khttp";
 * import { toFetch } from "@khttp/khttp/fetch";
 * import { assertEquals } from "@std/assert";
 *
 * const app = Server.builder("127.0.0.1:0");
 * app.get("/user/:id", (ctx, res) => res.ok(ctx.params.get("id")));
 * const { fetch } = toFetch(app.build());
 * const response = await fetch(new Request("http://localhost/user/42"));
 * assertEquals(await response.text(), "42");
 * ```
 */
export function toFetch(server: Server): FetchableServer {
  if (typeof server?.handle !== "function") {
    throw new TypeError(
      "Cannot make fetch(): the value is not a Server; pass the result of build()",
    );
  }
  return {
    async fetch(request, info): Promise<Response> {
      request.signal.throwIfAborted();
      const exchange = new MemoryExchange(requestBytes(request), info);
      return await new MemoryClient(exchange, request).respond(server);
    },
  };
}

/** Reads the response to one request. */
class MemoryClient {
  #exchange: MemoryExchange;
  #request: Request;
  #input: ReceiveBuffer = new ReceiveBuffer();
  #abort: () => void;

  constructor(exchange: MemoryExchange, request: Request) {
    const { signal } = request;
    this.#exchange = exchange;
    this.#request = request;
    this.#abort = () => exchange.fail(signal.reason);
    signal.addEventListener("abort", this.#abort, { once: true });
  }

  async respond(server: Server): Promise<Response> {
    server.handle(this.#exchange).catch(() => this.#end()); // the server has reported it
    try {
      return this.#makeResponse(await this.#readHead());
    } catch (error) {
      this.#end();
      throw error;
    }
  }

  #end(): void {
    this.#request.signal.removeEventListener("abort", this.#abort);
    this.#exchange.close();
  }

  /** Reads the final head; interim responses have no place in the web's interface. */
  async #readHead(): Promise<ResponseHead> {
    const parser = new ResponseHeadParser();
    for (;;) {
      const { bytes, start, end } = this.#input;
      const head = parser.parse(bytes, start, end, this.#request.method);
      if (head === NEED_DATA) {
        if (await this.#receive()) continue;
        throw new TypeError(
          "Cannot get response: the application closed the connection without one",
        );
      }
      this.#input.consume(head.sizeBytes);
      if (head.status === 101) {
        throw new TypeError(
          "Cannot get response: the application took the connection over",
        );
      }
      if (head.status >= 200) return head;
    }
  }

  #makeResponse(head: ResponseHead): Response {
    const { status, reason: statusText } = head;
    const headers = new Headers();
    for (const [name, value] of head.headers) {
      if (!CONNECTION_FIELDS.has(name.toLowerCase())) {
        headers.append(name, value);
      }
    }
    const init = { status, statusText, headers };
    if (NULL_BODY.has(status) || this.#request.method === "HEAD") {
      this.#end();
      return new Response(null, init);
    }
    return new Response(this.#bodyStream(head.bodyLength), init);
  }

  #bodyStream(length: number): ReadableStream<Uint8Array<ArrayBuffer>> {
    const decoder = new BodyDecoder(length);
    return new ReadableStream({
      pull: async (controller): Promise<void> => {
        try {
          const piece = await this.#readPiece(decoder);
          if (piece !== null) controller.enqueue(piece);
          else {
            this.#end();
            controller.close();
          }
        } catch (error) {
          this.#end();
          throw error;
        }
      },
      cancel: () => this.#exchange.fail(new TypeError("The body was canceled")),
    }, { highWaterMark: 0 });
  }

  async #readPiece(
    decoder: BodyDecoder,
  ): Promise<Uint8Array<ArrayBuffer> | null> {
    const input = this.#input;
    while (!decoder.done) {
      const { bytes, start, end } = input;
      const used = decoder.decode(bytes, start, end);
      const piece = bytes.slice(decoder.pieceStart, decoder.pieceEnd);
      input.consume(used);
      if (piece.length > 0) return new Uint8Array(piece);
      if (used === 0 && !await this.#receive()) decoder.end(); // throws unless it may end here
    }
    return null;
  }

  /** Receives the next bytes; returns whether there were any. */
  async #receive(): Promise<boolean> {
    const bytes = await this.#exchange.take();
    if (bytes === null) return false;
    this.#input.append(bytes, 0, bytes.length);
    return true;
  }
}
