/**
 * Reads responses from one connection: receives bytes into a buffer, and parses
 * heads from it, including those of interim responses (RFC 9112 §4, RFC 9110
 * §15.2). The body's bytes stay in the buffer for `response_body.ts`.
 *
 * Failures are thrown; the caller closes the connection.
 */

import type { ClientConn } from "./client_conn.ts";
import { NEED_DATA, ProtocolError } from "../codec/errors.ts";
import type {
  ReceivedResponseHead,
  ResponseHead,
} from "../codec/response_head.ts";
import { ResponseHeadParser, unfoldLines } from "../codec/response_parser.ts";
import type { BlockPool } from "./block_pool.ts";
import type { ClientResponse } from "./client_response.ts";
import { ClientError, toClientError } from "./errors.ts";
import type { ClientOptions } from "./options.ts";
import { ReceiveBlock } from "./receive_block.ts";
import type { ExchangeInit, PreparedRequest } from "./request.ts";
import type { RequestSender } from "./request_sender.ts";
import type { SharedScanner } from "./shared_scanner.ts";

/** How many promises a read awaits at most if its bytes are there. */
const READ_STEPS = 4;

/** What a reader needs from a connection. */
export type ReadableConn = Pick<ClientConn, "read">;

/** What the responses of all connections of a client are read with. */
export interface ReaderContext {
  readonly options: ClientOptions;
  readonly scanner: SharedScanner;
  readonly blocks: BlockPool;
}

/** An exchange whose final head is being read. */
export interface PendingResponse {
  readonly request: PreparedRequest;
  readonly init: ExchangeInit;
  /** Sends the rest of the request, if it is not a single write. */
  readonly sender: RequestSender | null;
  /** How many interim responses have arrived. */
  interimCount: number;
  /** The size of their heads, in bytes. */
  interimBytes: number;
  /** Called with the final response's head, or that of a 101. */
  received(
    head: ReceivedResponseHead,
  ): ClientResponse | Promise<ClientResponse>;
  /** Called once if there is no such head. */
  failed(error: unknown): Promise<ClientResponse>;
}

/** Reads the responses of one connection, one after the other. */
export class ResponseReader {
  /** Received bytes that are not used yet. */
  readonly buffer: ReceiveBlock;
  /** Whether a byte of the current response has arrived. */
  hasResponseByte = false;
  /** Whether the peer ended its direction. */
  isEnded = false;
  /** Why the request could not be written. If the peer closes early, this is reported as the cause. */
  writeFailure: unknown = undefined;
  #conn: ReadableConn;
  #options: ClientOptions;
  #parser: ResponseHeadParser;
  #scanner: SharedScanner;
  /** Resolves after the pending read has settled, in whichever way; `null` if there is none. */
  #reading: Promise<void> | null = null;
  #failure: unknown = null;
  /** The error of the last read, if it failed. */
  #readFailure: { readonly error: unknown } | null = null;
  #pending: PendingResponse | null = null;
  #isFilling = false;
  #onIdleEvent: () => void;
  // Created once for all reads. An exchange needs no function and no promise of
  // its own besides that of `then()`.
  #onRead = (size: number | null): void => {
    this.#reading = null;
    if (size === null) this.isEnded = true;
    else {
      this.hasResponseByte = true;
      this.buffer.received(size);
    }
    if (this.#pending === null && !this.#isFilling) this.#onIdleEvent();
  };
  #onReadFailed = (error: unknown): void => {
    this.#reading = null;
    this.#readFailure = { error };
    if (this.#pending === null && !this.#isFilling) this.#onIdleEvent();
  };
  #onResponse = (): ClientResponse | Promise<ClientResponse> => {
    const pending = this.#pending!; // set until this settles
    let head: ReceivedResponseHead | typeof NEED_DATA;
    try {
      head = this.#takeHead(pending);
    } catch (error) {
      this.#pending = null;
      return pending.failed(error);
    }
    if (head === NEED_DATA) return this.#awaitHead(pending);
    this.#pending = null;
    return pending.received(head);
  };

  /**
   * Creates a reader; it reads nothing yet.
   *
   * @param onIdleEvent Called when bytes or the end of the connection arrive and
   * no response is expected.
   */
  constructor(
    conn: ReadableConn,
    { options, scanner, blocks }: ReaderContext,
    onIdleEvent: () => void,
  ) {
    this.#conn = conn;
    this.buffer = new ReceiveBlock(blocks);
    this.#options = options;
    // The buffer never overwrites a head.
    this.#parser = new ResponseHeadParser(options, { keepsBytes: true });
    this.#scanner = scanner;
    this.#onIdleEvent = onIdleEvent;
  }

  /** Prepares for the response to a new request. */
  start(): void {
    this.hasResponseByte = false;
    this.writeFailure = undefined;
  }

  /**
   * Starts a read before there is a request. The response to the next request
   * settles it; if it settles earlier, that is an idle event.
   */
  watchIdle(): void {
    this.buffer.shrink();
    this.#startRead();
  }

  /** Makes the pending and all later reads fail with `reason`. Only the first call has an effect. */
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
   * @returns Whether bytes were read; `false` at the end of the connection.
   * @throws {ClientError} If the read fails.
   */
  async fill(): Promise<boolean> {
    if (this.isEnded) return false;
    this.#isFilling = true;
    await this.#startRead();
    this.#isFilling = false;
    if (this.#failure !== null) throw this.#failure;
    if (this.#readFailure !== null) {
      throw this.#connectionLost(this.#readFailure.error, null);
    }
    return !this.isEnded;
  }

  /**
   * Reads directly into `room` instead of the buffer, which must be empty.
   *
   * @returns How many bytes were read, or 0 at the end of the connection.
   * @throws {ClientError} If the read fails.
   */
  async readInto(room: Uint8Array): Promise<number> {
    if (this.isEnded) return 0;
    let size: number | null;
    try {
      size = await this.#conn.read(room);
    } catch (error) {
      this.throwIfFailed();
      throw this.#connectionLost(error, null);
    }
    this.throwIfFailed();
    this.isEnded = size === null;
    return size ?? 0;
  }

  /**
   * Reads bytes that have arrived after the response into the buffer: earlier
   * reads had no room for them. A read resolves within the turn if its bytes
   * are there.
   */
  async checkEnd(): Promise<void> {
    this.watchIdle();
    for (let count = 0; count < READ_STEPS; count++) await null;
  }

  /**
   * Reads up to the final response's head, or a 101, and passes it on.
   *
   * @returns What `pending` makes of the head, or of the failure.
   */
  readResponse(pending: PendingResponse): Promise<ClientResponse> {
    this.#pending = pending;
    return this.#startRead().then(this.#onResponse);
  }

  /** Continues to read a head that has not arrived completely. */
  async #awaitHead(pending: PendingResponse): Promise<ClientResponse> {
    let head: ReceivedResponseHead | typeof NEED_DATA = NEED_DATA;
    try {
      while (head === NEED_DATA) {
        await this.#startRead();
        head = this.#takeHead(pending);
      }
    } catch (error) {
      this.#pending = null;
      return await pending.failed(error);
    }
    this.#pending = null;
    return await pending.received(head);
  }

  /**
   * Takes the final head out of the buffer after a read.
   *
   * @throws {ClientError} If the connection was lost, or the response is malformed.
   */
  #takeHead(
    pending: PendingResponse,
  ): ReceivedResponseHead | typeof NEED_DATA {
    if (this.#failure !== null) throw this.#failure;
    if (this.#readFailure !== null) {
      throw this.#connectionLost(this.#readFailure.error, pending);
    }
    if (this.isEnded) throw this.#connectionLost(this.writeFailure, pending);
    this.#parser.scanner = this.#scanner.next();
    for (;;) {
      const head = this.#parseHead(pending.request.method);
      if (head === NEED_DATA || this.#isFinal(head, pending)) return head;
    }
  }

  /**
   * Returns whether a head ends the wait; an interim response does not.
   *
   * @throws {ClientError} For a 101 that was not offered, or too many interim responses.
   */
  #isFinal(head: ReceivedResponseHead, pending: PendingResponse): boolean {
    if (head.status >= 200) return true;
    const { request, init, sender } = pending;
    if (head.status === 101) {
      checkUpgrade(head, request);
      return true;
    }
    const { maxInterimResponses, maxHeaderBytes } = this.#options;
    pending.interimCount++;
    pending.interimBytes += head.sizeBytes;
    if (
      pending.interimCount > maxInterimResponses ||
      pending.interimBytes > maxHeaderBytes
    ) {
      throw toClientError(
        new ProtocolError(
          "TOO_MANY_INTERIM_RESPONSES",
          `Cannot read response: more than ${maxInterimResponses} interim responses, or ${maxHeaderBytes} bytes of their fields (maxInterimResponses, maxHeaderBytes)`,
          0,
        ),
      );
    }
    if (head.status === 100) sender?.proceed();
    init.onInterim?.(head.status, head.headers);
    return false;
  }

  #parseHead(method: string): ReceivedResponseHead | typeof NEED_DATA {
    const { buffer } = this;
    const { bytes, start, end } = buffer;
    let head: ReceivedResponseHead | typeof NEED_DATA;
    try {
      head = this.#parser.parse(bytes, start, end, method);
    } catch (error) {
      head = this.#parseFolded(error, method);
    }
    if (head === NEED_DATA) return head;
    buffer.consume(head.sizeBytes);
    buffer.keep();
    return head;
  }

  /** Joins folded lines once the whole section has arrived, and parses it again (RFC 9112 §5.2). */
  #parseFolded(
    error: unknown,
    method: string,
  ): ReceivedResponseHead | typeof NEED_DATA {
    const isFolded = error instanceof ProtocolError &&
      error.code === "OBSOLETE_LINE_FOLDING";
    const { unfoldResponses, maxHeaderBytes } = this.#options;
    if (!isFolded || !unfoldResponses) throw toClientError(error);
    this.#parser.reset();
    const { bytes, start, end } = this.buffer;
    const isWhole = new TextDecoder("latin1").decode(bytes.subarray(start, end))
      .includes("\r\n\r\n");
    if (!isWhole && end - start <= maxHeaderBytes) return NEED_DATA;
    try {
      unfoldLines(bytes, start, end);
      return this.#parser.parse(bytes, start, end, method);
    } catch (cause) {
      throw toClientError(cause);
    }
  }

  /** Starts a read unless one is pending. */
  #startRead(): Promise<void> {
    return this.#reading ??= this.#conn.read(this.buffer.takeRoom())
      .then(this.#onRead, this.#onReadFailed);
  }

  /** @param pending The exchange that waits for its head, or `null` in a body. */
  #connectionLost(
    cause: unknown,
    pending: PendingResponse | null,
  ): ClientError {
    const hasBegun = this.hasResponseByte;
    const isWriting = this.writeFailure !== undefined ||
      pending?.sender?.isWriting === true;
    if (!hasBegun && isWriting) {
      return new ClientError(
        "Cannot send request: the connection ended before all of it was written",
        { phase: "write", code: "CLOSED", cause: this.writeFailure ?? cause },
      );
    }
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
