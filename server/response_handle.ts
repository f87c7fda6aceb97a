/**
 * The response as hooks and handlers see it: what they call to send it. The
 * handle checks trailers and passes all other calls to the exchange, which owns
 * the state and writes the bytes (RFC 9110 §15, RFC 9112 §4). The calls for HTML,
 * JSON, redirects and problems (RFC 9457) use the general one.
 */

import type { BodyInit } from "../codec/body_source.ts";
import { type CookieOptions, encodeSetCookie } from "../codec/cookies.ts";
import { Headers, type HeadersInit } from "../codec/headers.ts";
import { Status } from "../codec/status.ts";
import { isForbiddenTrailer } from "../codec/trailer_section.ts";
import { lowerCaseAscii } from "../codec/ascii.ts";
import type { Duplex } from "./duplex.ts";
import { FileBody } from "./file_body.ts";
import { adoptFile, type OpenFile, openFile } from "./open_file.ts";
import { withType } from "./response_fields.ts";

// perf: V8 looks up an import at each use, but not a constant of this module
// (bench/machine_bench.ts).
const { OK } = Status;

/** The statuses that send a client to another address (RFC 9110 §15.4). */
const REDIRECT_CODES: ReadonlySet<number> = new Set([301, 302, 303, 307, 308]);

/** The members of a problem (RFC 9457 §3.1), and those that the application adds. */
export interface ProblemDetails {
  /** A URI that names the kind of problem. @default {"about:blank"} */
  readonly type?: string | undefined;
  /** The kind of problem, in a few words. @default {the status' reason phrase} */
  readonly title?: string | undefined;
  /** What went wrong this time, for the client's user. */
  readonly detail?: string | undefined;
  /** A URI that names this occurrence. */
  readonly instance?: string | undefined;
  /** Members that this kind of problem adds. */
  readonly [member: string]: unknown;
}

/** How {@linkcode ResponseHandle.sendFile} sends a file. */
export interface SendFileOptions {
  /** A code from 200 to 599, or a `Status`. @default {200} */
  readonly status?: Status | number | undefined;
  /** Fields to send. @default {Headers.empty} */
  readonly headers?: HeadersInit | undefined;
  /** Offset of the first byte to send. @default {0} */
  readonly start?: number | undefined;
  /** Offset after the last byte to send. @default {the size of the file} */
  readonly end?: number | undefined;
}

/** What a response handle needs from its exchange. */
export interface ResponseActions {
  /** Whether a final response has begun. */
  readonly isAnswered: boolean;
  readonly statusCode: number | null;
  readonly headers: Headers;
  readonly bodyBytes: number;
  respond(
    status: Status | number,
    body: BodyInit,
    headers: HeadersInit | undefined,
  ): void;
  inform(status: Status | number, headers: HeadersInit): void;
  sendContinue(): void;
  notFound(): void | Promise<void>;
  setTrailers(trailers: Headers): void;
  sent(): Promise<void>;
  hijack(): Promise<Duplex>;
  upgrade(protocol: string, headers: HeadersInit): Promise<Duplex>;
}

/**
 * Sends the response to one request.
 *
 * Exactly one final response can be sent, after any number of interim ones. The
 * server writes `Content-Length` or `Transfer-Encoding`, `Connection` and `Date`
 * itself (RFC 9112 §6, §9.6, RFC 9110 §6.6.1).
 *
 * A handler that does not wait for its own work may call these methods too late:
 * the server has answered with 500 when the handler returned. Such a call sends
 * nothing and does not throw, since the error would end the process. It is
 * reported once for each request, to the error hook or the console, and a late
 * `hijack()` or `upgrade()` gives a promise that never settles.
 *
 * @example Answer with text, or with a status
 * ```ts
 * import { Server, Status } from "@khttp/khttp";
 *
 * const app = Server.builder("127.0.0.1:0");
 * app.get("/", (_, res) => res.ok("Hello, World!"));
 * app.get("/gone", (_, res) => res.send(Status.GONE));
 * ```
 */
export class ResponseHandle {
  // perf: no private methods. They add a step to the creation of each handle: 186
  // instructions a request (bench/machine_bench.ts, chrome-params, Deno 2.9).
  #exchange: ResponseActions;

  /** Creates the handle of one exchange. */
  constructor(exchange: ResponseActions) {
    this.#exchange = exchange;
  }

  /** Whether a final response has begun, so that no other can be sent. */
  get isSent(): boolean {
    return this.#exchange.isAnswered;
  }

  /** The status code of the final response, or 101 after an upgrade. It is `null` before a response has begun, and after {@linkcode ResponseHandle.hijack}. */
  get status(): number | null {
    return this.#exchange.statusCode;
  }

  /**
   * Fields for the final response of this request, whatever sends it: the handler,
   * a hook, the server for a missing route or an error, or an upgrade. Hooks and
   * handlers can add to the list until the response is sent; changes after that
   * have no effect. A field that the send call gives replaces all lines of its
   * name here, but for `Set-Cookie`, whose lines are all sent.
   *
   * @example A request id and a field for other origins
   * ```ts
   * import { PreRoutingAction, Server } from "@khttp/khttp";
   *
   * const app = Server.builder("127.0.0.1:0");
   * app.preRoutingHook((_, res) => {
   *   res.headers.set("x-request-id", crypto.randomUUID());
   *   res.headers.set("access-control-allow-origin", "*");
   *   return PreRoutingAction.proceed;
   * });
   * ```
   */
  get headers(): Headers {
    return this.#exchange.headers;
  }

  /**
   * Adds a cookie to {@linkcode ResponseHandle.headers} (RFC 6265 §4.1). For a
   * session, set `httpOnly`, `secure` and `sameSite`.
   *
   * @param name A token.
   * @param value Characters that a cookie may have; encode all others.
   * @param options The attributes. @default {none}
   * @throws {TypeError} If name, value or an attribute is not valid.
   * @throws {RangeError} If a number or a date is out of its range, or name and
   * value exceed 4096 bytes.
   *
   * @example Keep a session for a day
   * ```ts
   * import { Server } from "@khttp/khttp";
   *
   * const app = Server.builder("127.0.0.1:0");
   * app.post("/login", (_, res) => {
   *   const options = { httpOnly: true, secure: true, maxAge: 86_400 };
   *   res.setCookie("sid", crypto.randomUUID(), options);
   *   res.redirect("/", 303);
   * });
   * ```
   */
  setCookie(name: string, value: string, options?: CookieOptions): void {
    this.headers.add("set-cookie", encodeSetCookie(name, value, options));
  }

  /**
   * How many bytes of the response's body were written so far, without framing.
   * It counts the whole body once {@linkcode ResponseHandle.sent} resolves, and
   * stays 0 if no body is sent, as in a response to HEAD.
   */
  get bodyBytes(): number {
    return this.#exchange.bodyBytes;
  }

  /**
   * Sends the final response with status 200; see {@linkcode ResponseHandle.send}.
   *
   * @param body Nothing, a string, bytes or a stream.
   * @param headers Fields to send.
   * @throws {TypeError} As {@linkcode ResponseHandle.send}.
   */
  ok(body?: BodyInit, headers?: HeadersInit): void {
    this.#exchange.respond(OK, body, headers);
  }

  /**
   * Sends the final response (RFC 9110 §15.3 to §15.6).
   *
   * The bytes of a `FileBody` are sent with their `Content-Length`, and the file is
   * closed however the response ends, also if this call throws.
   *
   * Any other stream is read up to 8 KiB, for at most 5 ms, before the head is written.
   * If it ends within these limits, the response gets a `Content-Length`.
   * Otherwise it is chunked, unless the headers declare a length; for HTTP/1.0
   * clients, it ends when the connection closes (RFC 9112 §6.3). If the stream
   * fails or breaks its declared length after that, the connection is closed,
   * so that the client sees that the body is incomplete.
   *
   * @param status A code from 200 to 599, or a `Status`.
   * @param body Nothing, a string (sent as UTF-8), bytes or a stream. Do not
   * change the bytes before they are sent. A string gets the type `text/plain;
   * charset=utf-8` unless the fields have a `Content-Type`; bytes and streams get
   * none.
   * @param headers Fields to send. `Content-Length` and `Transfer-Encoding` are
   * checked against the body; `Connection: close` closes the connection after
   * the response.
   * @throws {RangeError} If the status is not from 200 to 599.
   * @throws {TypeError} If the handler has sent a response already, a field is not
   * valid, a declared length is not the body's, or the status is a success for a CONNECT
   * request. Nothing is written in these cases.
   */
  send(
    status: Status | number,
    body?: BodyInit,
    headers?: HeadersInit,
  ): void {
    this.#exchange.respond(status, body, headers);
  }

  /**
   * Sends a page of HTML, with the type `text/html; charset=utf-8`.
   *
   * @param html The page. Escape what came from a client before it is put in.
   * @param status A code from 200 to 599, or a `Status`. @default {200}
   * @param headers Fields to send; a `Content-Type` among them is kept.
   * @throws {RangeError | TypeError} As {@linkcode ResponseHandle.send}.
   */
  html(
    html: string,
    status: Status | number = OK,
    headers?: HeadersInit,
  ): void {
    this.send(status, html, withType(headers, "text/html; charset=utf-8"));
  }

  /**
   * Sends a value as JSON, with the type `application/json` (RFC 8259).
   *
   * @param value What `JSON.stringify` can encode.
   * @param status A code from 200 to 599, or a `Status`. @default {200}
   * @param headers Fields to send; a `Content-Type` among them is kept.
   * @throws {TypeError} If the value cannot be JSON, such as `undefined`, a
   * function, a `bigint` or a cycle; otherwise as {@linkcode ResponseHandle.send}.
   * @throws {RangeError} If the status is not from 200 to 599.
   *
   * @example Create something
   * ```ts
   * import { Server } from "@khttp/khttp";
   *
   * const app = Server.builder("127.0.0.1:0");
   * app.post("/notes", async (ctx, res) => {
   *   const note = await ctx.body.json();
   *   res.json({ id: 1, note }, 201, { location: "/notes/1" });
   * });
   * ```
   */
  json(
    value: unknown,
    status: Status | number = OK,
    headers?: HeadersInit,
  ): void {
    this.send(status, encodeJson(value), withType(headers, "application/json"));
  }

  /**
   * Sends the client to another address (RFC 9110 §15.4), without a body.
   *
   * @param location A URL or a path. Characters that a field cannot have, such as
   * spaces and letters beyond ASCII, are percent-encoded. Check an address that
   * came from the client: it may lead to another site.
   * @param status 301, 302, 303, 307 or 308. With 307 and 308 the client repeats
   * method and body. @default {302}
   * @throws {RangeError} If the status is any other.
   * @throws {TypeError} If a response was sent already.
   *
   * @example Show what a form has changed
   * ```ts
   * import { Server } from "@khttp/khttp";
   *
   * const app = Server.builder("127.0.0.1:0");
   * app.post("/notes", (_, res) => res.redirect("/notes/1", 303));
   * ```
   */
  redirect(location: string | URL, status: number = 302): void {
    if (!REDIRECT_CODES.has(status)) {
      throw new RangeError(
        `Cannot redirect with status ${status}: not 301, 302, 303, 307 or 308`,
      );
    }
    const encoded = String(location).toWellFormed()
      .replace(/[^\x21-\x7e]+/g, encodeURIComponent);
    this.#exchange.respond(status, null, { location: encoded });
  }

  /**
   * Sends a file or a part of it, with its `Content-Length`. The file is opened
   * and its size is read during the call. Then it is sent in pieces, as fast as
   * the client receives them: by the system itself on the epoll engine, and by
   * reads otherwise. The file is closed when the response ends, and if this call
   * throws. If the file becomes shorter meanwhile, the connection is closed, so
   * that the client sees that the body is incomplete.
   *
   * The response has no `Content-Type` unless the fields have one. For a folder,
   * or for types, ranges and preconditions of the request, use the handlers of
   * `@khttp/khttp/static`.
   *
   * @param file A path, a `file:` URL, or an open file, whose position changes.
   * Check a path that came from the client: it may lead to any file.
   * @param options Status, fields and range. @default {all of it, with status 200}
   * @throws {Deno.errors.NotFound} If there is no file.
   * @throws {Deno.errors.NotCapable | Deno.errors.PermissionDenied} If it may not
   * be read.
   * @throws {RangeError} If the range is not inside the file; otherwise as
   * {@linkcode ResponseHandle.send}.
   * @throws {TypeError} If it is not a regular file, or an option is unknown;
   * otherwise as {@linkcode ResponseHandle.send}.
   *
   * @example A file to download, and 404 if it is gone
   * ```ts
   * import { Server } from "@khttp/khttp";
   *
   * const app = Server.builder("127.0.0.1:0");
   * app.get("/report", (_, res) => {
   *   try {
   *     res.sendFile("report.pdf", { headers: { "content-type": "application/pdf" } });
   *   } catch (error) {
   *     if (!(error instanceof Deno.errors.NotFound)) throw error;
   *     res.send(404, "No report yet");
   *   }
   * });
   * ```
   */
  sendFile(
    file: string | URL | OpenFile,
    options: SendFileOptions = {},
  ): void {
    const isPath = typeof file === "string" || file instanceof URL;
    const opened = isPath ? openFile(file, options) : adoptFile(file, options);
    const { status = OK, headers } = options;
    const body = new FileBody(opened.source, opened.range); // the range is checked
    this.#exchange.respond(status, body, headers);
  }

  /**
   * Sends problem details: an error in JSON that clients can read, with the type
   * `application/problem+json` (RFC 9457).
   *
   * @param status A code from 200 to 599, or a `Status`; usually from 400 on.
   * @param details Members of the object. The title is the status' reason phrase
   * unless one is given. @default {the title alone}
   * @param headers Fields to send; a `Content-Type` among them is kept.
   * @throws {RangeError | TypeError} As {@linkcode ResponseHandle.json}.
   *
   * @example Say which member of a request is wrong
   * ```ts
   * import { Server } from "@khttp/khttp";
   *
   * const app = Server.builder("127.0.0.1:0");
   * app.post("/notes", (_, res) => {
   *   res.problem(422, { detail: "The text is empty", pointer: "#/text" });
   * });
   * ```
   */
  problem(
    status: Status | number,
    details: ProblemDetails = {},
    headers?: HeadersInit,
  ): void {
    const { code, reason } = typeof status === "number"
      ? Status.of(status)
      : status;
    const text = encodeJson({
      ...details,
      title: details.title ?? reason,
      status: code,
    });
    this.send(status, text, withType(headers, "application/problem+json"));
  }

  /**
   * Answers as if no route had matched, for a handler that does not find what the
   * path names: calls the handler of `notFound()` or of
   * `fallbackRoute()`, or sends 404 if there is neither. In
   * these two handlers it sends 404.
   *
   * @returns What that handler returns; return it, or await it.
   * @throws {TypeError} If a response was sent already. What the handler throws.
   *
   * @example A note that may not exist
   * ```ts
   * import { Server } from "@khttp/khttp";
   *
   * const notes = new Map([["1", "Buy milk"]]);
   * const app = Server.builder("127.0.0.1:0");
   * app.get("/notes/:id", (ctx, res) => {
   *   const note = notes.get(ctx.params.get("id"));
   *   return note === undefined ? res.notFound() : res.ok(note);
   * });
   * app.notFound((_, res) => res.html("<h1>Not here</h1>", 404));
   * ```
   */
  notFound(): void | Promise<void> {
    return this.#exchange.notFound();
  }

  /**
   * Sends `100 Continue` if the client waits for it, and does nothing otherwise
   * (RFC 9110 §10.1.1). Reading the body sends it too.
   *
   * @throws {TypeError} If the final response has begun.
   */
  sendContinue(): void {
    this.#exchange.sendContinue();
  }

  /**
   * Sends 417, which refuses the client's `Expect`, and closes the connection
   * (RFC 9110 §15.5.18).
   *
   * @throws {TypeError} If a response was sent already.
   */
  sendExpectationFailed(): void {
    const status = Status.of(417);
    this.#exchange.respond(status, status.reason, Headers.close);
  }

  /**
   * Sends an interim response, such as 103 with `Link` fields (RFC 9110 §15.2,
   * RFC 8297). Does nothing for HTTP/1.0 clients, which do not know interim
   * responses.
   *
   * @param status A code from 100 to 199 other than 101, or a `Status`.
   * @param headers Fields to send.
   * @default {Headers.empty}
   * @throws {RangeError} If the status is any other.
   * @throws {TypeError} If the final response has begun, or a field is not valid.
   */
  informational(
    status: Status | number,
    headers: HeadersInit = Headers.empty,
  ): void {
    this.#exchange.inform(status, headers);
  }

  /**
   * Sets the trailer section of a streamed response, which is then chunked (RFC
   * 9110 §6.5, RFC 9112 §7.1.2). It may be called until the stream ends; the
   * last call wins. A response that is not chunked has no trailer section.
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
   * A promise that resolves when the operating system has accepted the last
   * byte of the response, and rejects with the reason if the response cannot be
   * sent.
   *
   * It may be read at any time, even before a response is sent, so that a
   * pre-routing hook can log how each request ends. Reading it keeps the
   * request readable until it settles. A handler that awaits it before it has
   * sent a response waits forever.
   */
  get sent(): Promise<void> {
    return this.#exchange.sent();
  }

  /**
   * Takes the connection over instead of sending a response. The server parses
   * nothing more on it and enforces no deadlines. Reads first return the bytes
   * that arrived after the request. The handler is responsible for closing the
   * connection.
   *
   * @returns The raw connection, once all earlier responses are sent.
   * @throws {TypeError} If a response has begun or the body was used.
   */
  hijack(): Promise<Duplex> {
    return this.#exchange.hijack();
  }

  /**
   * Accepts the client's offer to switch to another protocol: sends a 101 response
   * with `Upgrade` and `Connection`, then hands the connection over like
   * {@linkcode ResponseHandle.hijack} (RFC 9110 §7.8).
   *
   * @param protocol A member of the request's `Upgrade` field, compared without
   * case.
   * @param headers Further fields of the 101 response.
   * @default {Headers.empty}
   * @returns The raw connection, once the 101 response is sent.
   * @throws {TypeError} If the protocol was not offered, a response has begun,
   * the request has a body that was not read to its end, or a field is not valid.
   */
  upgrade(
    protocol: string,
    headers: HeadersInit = Headers.empty,
  ): Promise<Duplex> {
    return this.#exchange.upgrade(protocol, headers);
  }
}

/**
 * Encodes a value as JSON.
 *
 * @throws {TypeError} If it has no JSON.
 */
function encodeJson(value: unknown): string {
  const text: string | undefined = JSON.stringify(value); // its type leaves `undefined` out
  if (text !== undefined) return text;
  throw new TypeError(`Cannot send as JSON: a value of type ${typeof value}`);
}
