/** The result of an exchange: status, fields, and a body to read. */

import type { ClientConn } from "./client_conn.ts";
import type { BodyReader } from "../codec/body_reader.ts";
import { Headers } from "../codec/headers.ts";
import type { ResponseHead } from "../codec/response_head.ts";

/** A connection that speaks another protocol after a 101 (RFC 9110 §15.2.2). */
export interface UpgradedConnection {
  /** The connection; the caller closes it. */
  readonly conn: ClientConn;
  /** Bytes of the other protocol that arrived with the response. */
  readonly unread: Uint8Array;
}

/** The parts of a response. */
export interface ClientResponseInit {
  /** The parsed head. */
  readonly head: Pick<
    ResponseHead,
    "status" | "reason" | "minorVersion" | "headers"
  >;
  /** Where the response came from. */
  readonly url: string;
  /** The body. */
  readonly body: BodyReader;
  /** Has the trailer section once it has arrived; `null` if there cannot be one. */
  readonly trailerSource: { readonly trailers: Headers | null } | null;
  /** The connection after a 101, otherwise `null`. */
  readonly upgraded: UpgradedConnection | null;
  /** Drops the part of the body that was not read. */
  readonly feed: { cancel(): void };
}

/**
 * A response. A body occupies a connection until it is read to its end or the
 * response is closed, unless it is short and arrives with the head. If the
 * caller does not read for `bodyTimeout`, the connection closes.
 *
 * @example Read a response, which frees its connection
 * ```ts
 * import { Client, Server } from "@khttp/khttp";
 * import { assertEquals } from "@std/assert";
 *
 * const app = Server.builder("127.0.0.1:0").get("/", (_, res) => res.ok("hi"));
 * await using handle = app.build().serve();
 * const { port } = handle.addr as Deno.NetAddr;
 * await using client = new Client(`127.0.0.1:${port}`);
 * const response = await client.get("/");
 * assertEquals([response.status, await response.body.text()], [200, "hi"]);
 * ```
 */
export class ClientResponse implements Disposable {
  /** The status code, 100 to 999. */
  readonly status: number;
  /** 0 for HTTP/1.0, 1 for HTTP/1.1. */
  readonly httpVersion: number;
  /** Where the response came from, after redirects. */
  readonly url: string;
  /** The body; empty if there is none. It fails with a `ClientError`. */
  readonly body: BodyReader;
  /** The connection, if the server switched to the offered protocol; otherwise `null`. */
  readonly upgraded: UpgradedConnection | null;
  #head: ClientResponseInit["head"];
  #trailerSource: ClientResponseInit["trailerSource"];
  #feed: ClientResponseInit["feed"];

  /**
   * Called by the client only.
   *
   * @ignore
   */
  constructor(init: ClientResponseInit) {
    const { head } = init;
    this.status = head.status;
    this.#head = head;
    this.httpVersion = head.minorVersion;
    this.url = init.url;
    this.body = init.body;
    this.upgraded = init.upgraded;
    this.#trailerSource = init.trailerSource;
    this.#feed = init.feed;
  }

  /** The reason phrase; may be empty and has no meaning. */
  get reason(): string {
    return this.#head.reason;
  }

  /** The fields. */
  get headers(): Headers {
    return this.#head.headers;
  }

  /** Whether the status is 200 to 299. */
  get ok(): boolean {
    return this.status >= 200 && this.status <= 299;
  }

  /**
   * Reads the whole body and parses it as JSON, as `body.json()`.
   *
   * @throws {SyntaxError} If it is not JSON.
   * @throws {ClientError} If the body cannot be read, or is longer than
   * `maxBufferedBodyBytes`.
   * @throws {TypeError} If the body was used already.
   */
  json(): Promise<unknown> {
    return this.body.json();
  }

  /**
   * Reads the whole body and decodes it as UTF-8, as `body.text()`.
   *
   * @throws {ClientError | TypeError} As {@linkcode ClientResponse.json}.
   */
  text(): Promise<string> {
    return this.body.text();
  }

  /**
   * Reads the whole body, as `body.bytes()`.
   *
   * @throws {ClientError | TypeError} As {@linkcode ClientResponse.json}.
   */
  bytes(): Promise<Uint8Array<ArrayBuffer>> {
    return this.body.bytes();
  }

  /** The trailer section, after the body was read to its end; empty if there is none. */
  get trailers(): Headers {
    return this.#trailerSource?.trailers ?? Headers.empty;
  }

  /**
   * Drops the part of the body that was not read. A short rest is drained, so
   * that the connection can be reused; otherwise the connection closes. Never waits.
   */
  close(): void {
    this.#feed.cancel();
  }

  /** As {@linkcode ClientResponse.close}, for `using`. */
  [Symbol.dispose](): void {
    this.close();
  }
}
