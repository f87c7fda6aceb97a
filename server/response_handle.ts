/** How a handler answers. The work is the exchange's; this is its public face. */

import type { BodyInit } from "../codec/body_source.ts";
import { Headers, type HeadersInit } from "../codec/headers.ts";
import { Status } from "../codec/status.ts";
import { isForbiddenTrailer } from "../codec/trailer_section.ts";
import { lowerCaseAscii } from "../codec/ascii.ts";
import type { Duplex } from "./duplex.ts";

// perf: an import is looked up at each use, a constant is not (bench/server.ts, GET /).
const { OK } = Status;

/** What a response handle asks of its exchange. */
export interface ResponseActions {
  /** Whether a response was begun. */
  readonly isAnswered: boolean;
  readonly statusCode: number | null;
  readonly bodyBytes: number;
  respond(
    status: Status | number,
    body: BodyInit,
    headers: HeadersInit | undefined,
  ): void;
  inform(status: Status | number, headers: HeadersInit): void;
  sendContinue(): void;
  setTrailers(trailers: Headers): void;
  sent(): Promise<void>;
  hijack(): Promise<Duplex>;
  upgrade(protocol: string, headers: HeadersInit): Promise<Duplex>;
}

/**
 * Answers one request. Exactly one final response can be sent; framing and the
 * `Date` line are the library's affair (RFC 9112 §6, RFC 9110 §6.6.1).
 *
 * @example Answer with text, or with a status
 * ```ts
 * import { Server, Status } from "@khttp/khttp";
 *
 * const app = Server.builder("127.0.0.1:0");
 * app.get("/", (_, res) => res.ok("Hello, World!", { "content-type": "text/plain" }));
 * app.get("/gone", (_, res) => res.send(Status.GONE));
 * ```
 */
export class ResponseHandle {
  #exchange: ResponseActions;

  /** Made by the connection. */
  constructor(exchange: ResponseActions) {
    this.#exchange = exchange;
  }

  /** Whether a final response was begun. */
  get isSent(): boolean {
    return this.#exchange.isAnswered;
  }

  /** The status of the final response, or of the 101; `null` before it was begun and for a connection that was taken over. */
  get status(): number | null {
    return this.#exchange.statusCode;
  }

  /**
   * Bytes of the response's body that were put out so far, without framing. It
   * is the whole body once {@linkcode ResponseHandle.sent} resolves, and stays
   * 0 where none is sent, as to HEAD.
   */
  get bodyBytes(): number {
    return this.#exchange.bodyBytes;
  }

  /** As {@linkcode ResponseHandle.send} with status 200. */
  ok(body?: BodyInit, headers?: HeadersInit): void {
    this.#exchange.respond(OK, body, headers);
  }

  /**
   * Sends the final response.
   *
   * @param status 200 to 599.
   * @param body Nothing, a string, bytes (not to be changed until they were
   * sent) or a stream. A stream is read up to 8 KiB first: if it ends there,
   * its length is declared; otherwise it goes out chunked, or up to the length
   * that the headers declare.
   * @param headers Fields to send; lengths and codings among them are checked
   * against the body.
   * @throws {RangeError} If the status is not from 200 to 599.
   * @throws {TypeError} If a response was sent already, a field is not valid,
   * or a declared length is not the body's. Nothing was written then.
   */
  send(
    status: Status | number,
    body?: BodyInit,
    headers?: HeadersInit,
  ): void {
    this.#exchange.respond(status, body, headers);
  }

  /**
   * Says `100 Continue` if the peer waits for it (RFC 9110 §10.1.1); reading
   * the body does so by itself.
   *
   * @throws {TypeError} If the final response was begun.
   */
  sendContinue(): void {
    this.#exchange.sendContinue();
  }

  /** Sends 417, which refuses what the peer expects (RFC 9110 §15.5.18). */
  sendExpectationFailed(): void {
    this.#exchange.respond(Status.of(417), null, Headers.close);
  }

  /**
   * Sends an interim response, such as 103 with `Link` fields; not to HTTP/1.0
   * clients, which know none (RFC 9110 §15.2).
   *
   * @param status 100 to 199, but 101.
   * @throws {RangeError} If the status is another.
   * @throws {TypeError} If the final response was begun, or a field is not valid.
   */
  informational(
    status: Status | number,
    headers: HeadersInit = Headers.empty,
  ): void {
    this.#exchange.inform(status, headers);
  }

  /**
   * Sets the trailer section of a chunked response; dropped with any other
   * framing (RFC 9110 §6.5).
   *
   * @throws {TypeError} If a field is not valid or not allowed in a trailer
   * section, or the response is complete.
   */
  trailers(headers: HeadersInit): void {
    const trailers = Headers.from(headers);
    for (const name of trailers.keys()) {
      if (!isForbiddenTrailer(lowerCaseAscii(name))) continue;
      throw new TypeError(
        `Cannot send trailer ${
          JSON.stringify(name)
        }: not allowed in a trailer section`,
      );
    }
    this.#exchange.setTrailers(trailers);
  }

  /**
   * Resolves when the last byte of the response was given to the system, and
   * rejects when it cannot be, with the reason. It may be asked for at any
   * time, so that a pre-routing hook sees how each request ended, whoever
   * answers it; the request can be read until then. A handler that waits for
   * it before it answers waits in vain.
   */
  get sent(): Promise<void> {
    return this.#exchange.sent();
  }

  /**
   * Takes the connection over, in place of a response: no octet is parsed as
   * HTTP any more and no deadline runs. Bytes that came behind the request are
   * read first. The handler, or whoever it hands it to, must close it.
   *
   * @returns The raw connection, once all earlier responses were sent.
   * @throws {TypeError} If a response was begun or the body was used.
   */
  hijack(): Promise<Duplex> {
    return this.#exchange.hijack();
  }

  /**
   * Accepts an offer to speak another protocol: sends one 101 with `Upgrade`
   * and `Connection`, then hands the connection over as
   * {@linkcode ResponseHandle.hijack} does (RFC 9110 §7.8).
   *
   * @param protocol One of the request's `Upgrade` members.
   * @param headers Further fields of the 101.
   * @throws {TypeError} If the protocol was not offered, a response was begun
   * or the body was used.
   */
  upgrade(
    protocol: string,
    headers: HeadersInit = Headers.empty,
  ): Promise<Duplex> {
    return this.#exchange.upgrade(protocol, headers);
  }
}
