/**
 * Reads responses from one connection: bytes into a receive buffer, and heads
 * out of it, interim ones included (RFC 9112 §4, RFC 9110 §15.2). The body's
 * bytes stay in the buffer for `response_body.ts`.
 *
 * Every failure is thrown and closes nothing; the caller closes the connection.
 */

import { NEED_DATA, ProtocolError } from "../codec/errors.ts";
import { ReceiveBuffer } from "../codec/receive_buffer.ts";
import {
  type ResponseHead,
  ResponseHeadParser,
  unfoldLines,
} from "../codec/response_parser.ts";
import { ClientError, toClientError } from "./errors.ts";
import type { ClientOptions } from "./options.ts";
import type { ExchangeInit, PreparedRequest } from "./request.ts";

/** Size of the buffer that a read fills, in bytes. */
const READ_BYTES = 16_384;

/** What a reader needs of a connection. */
export type ReadableConn = Pick<Deno.Conn, "read">;

/** Reads the responses of one connection, one after the other. */
export class ResponseReader {
  /** Bytes that were received and not used yet. */
  readonly buffer: ReceiveBuffer = new ReceiveBuffer();
  /** Whether a byte of the current response has arrived. */
  hasResponseByte = false;
  /** Whether the peer ended its direction. */
  isEnded = false;
  /** Why the request could not be written; a peer that ends early explains it. */
  writeFailure: unknown = undefined;
  #conn: ReadableConn;
  #options: ClientOptions;
  #parser: ResponseHeadParser;
  #readBuffer = new Uint8Array(READ_BYTES);
  #pendingRead: Promise<number | null> | null = null;
  #failure: unknown = null;

  /** Creates a reader; it reads nothing yet. */
  constructor(conn: ReadableConn, options: ClientOptions) {
    this.#conn = conn;
    this.#options = options;
    this.#parser = new ResponseHeadParser(options);
  }

  /** Prepares for the response to a new request. */
  start(): void {
    this.hasResponseByte = false;
    this.writeFailure = undefined;
  }

  /**
   * Starts a read before there is a request, and calls `onEvent` when it
   * settles. The next {@linkcode ResponseReader.fill} waits for this read.
   */
  watchIdle(onEvent: () => void): void {
    this.buffer.clear();
    this.#startRead().then(onEvent, onEvent);
  }

  /** Makes every pending and later read fail with `reason`; the first reason wins. */
  fail(reason: unknown): void {
    this.#failure ??= reason ?? null;
  }

  /** Throws the reason that was given to {@linkcode ResponseReader.fail}, if there is one. */
  throwIfFailed(): void {
    if (this.#failure !== null) throw this.#failure;
  }

  /**
   * Reads more bytes into the buffer.
   *
   * @returns Whether there were any; `false` at the end of the connection.
   * @throws {ClientError} If the read fails.
   */
  async fill(): Promise<boolean> {
    if (this.isEnded) return false;
    let size: number | null;
    try {
      size = await (this.#pendingRead ?? this.#startRead());
    } catch (error) {
      throw this.#failure ?? this.#connectionLost(error);
    } finally {
      this.#pendingRead = null;
    }
    this.throwIfFailed();
    if (size === null) {
      this.isEnded = true;
      return false;
    }
    this.hasResponseByte = true;
    this.buffer.append(this.#readBuffer, 0, size);
    return true;
  }

  /**
   * Reads up to the final response's head, or a 101.
   *
   * @param onContinue Called for each `100 Continue`.
   * @throws {ClientError} If the connection ends early or the response is malformed.
   */
  async readFinalHead(
    request: PreparedRequest,
    init: ExchangeInit,
    onContinue: () => void,
  ): Promise<ResponseHead> {
    const { maxInterimResponses, maxHeaderBytes } = this.#options;
    let interimBytes = 0;
    for (let interim = 0;; interim++) {
      const head = await this.#readHead(request.method);
      if (head.status >= 200) return head;
      if (head.status === 101) {
        checkUpgrade(head, request);
        return head;
      }
      interimBytes += head.sizeBytes;
      if (interim >= maxInterimResponses || interimBytes > maxHeaderBytes) {
        throw toClientError(
          new ProtocolError(
            "TOO_MANY_INTERIM_RESPONSES",
            `Cannot read response: more than ${maxInterimResponses} interim ones or ${maxHeaderBytes} bytes of them (maxInterimResponses, maxHeaderBytes)`,
            0,
          ),
        );
      }
      if (head.status === 100) onContinue();
      init.onInterim?.(head.status, head.headers);
    }
  }

  async #readHead(method: string): Promise<ResponseHead> {
    const { buffer } = this;
    let hasUnfolded = false;
    for (;;) {
      let head: ResponseHead | typeof NEED_DATA;
      try {
        head = this.#parser.parse(
          buffer.bytes,
          buffer.start,
          buffer.end,
          method,
        );
      } catch (error) {
        const isFolded = error instanceof ProtocolError &&
          error.code === "OBSOLETE_LINE_FOLDING";
        if (!isFolded || hasUnfolded || !this.#options.unfoldResponses) {
          throw toClientError(error);
        }
        await this.#unfold();
        hasUnfolded = true;
        continue;
      }
      if (head !== NEED_DATA) {
        buffer.consume(head.sizeBytes);
        return head;
      }
      await this.#fillOrThrow();
    }
  }

  /** Reads the whole field section and joins its folded lines (RFC 9112 §5.2). */
  async #unfold(): Promise<void> {
    const { buffer } = this;
    const { maxHeaderBytes } = this.#options;
    const isWhole = (): boolean =>
      new TextDecoder("latin1").decode(
        buffer.bytes.subarray(buffer.start, buffer.end),
      ).includes("\r\n\r\n");
    while (!isWhole() && buffer.length <= maxHeaderBytes) {
      await this.#fillOrThrow();
    }
    try {
      unfoldLines(buffer.bytes, buffer.start, buffer.end);
    } catch (error) {
      throw toClientError(error);
    }
    this.#parser.reset();
  }

  async #fillOrThrow(): Promise<void> {
    if (await this.fill()) return;
    // After a reset that a write has reported, a read reports only the end.
    throw this.#connectionLost(this.writeFailure);
  }

  #startRead(): Promise<number | null> {
    const read = this.#conn.read(this.#readBuffer);
    this.#pendingRead = read;
    return read;
  }

  #connectionLost(cause: unknown): ClientError {
    const hasBegun = this.hasResponseByte;
    return new ClientError(
      `Cannot read response: the connection ended ${
        hasBegun ? "inside it" : "before it began"
      }`,
      { phase: "read", code: hasBegun ? "INCOMPLETE" : "CLOSED", cause },
    );
  }
}

/** Accepts a 101 only for the protocol that the request offered (RFC 9110 §15.2.2). */
function checkUpgrade(head: ResponseHead, request: PreparedRequest): void {
  const chosen = head.headers.get("upgrade")?.toLowerCase();
  const offered = request.upgrade?.toLowerCase();
  if (offered !== undefined && chosen === offered) return;
  throw toClientError(
    new ProtocolError(
      "UNEXPECTED_UPGRADE",
      "Cannot switch protocols: the response names one that was not offered",
      0,
    ),
  );
}
