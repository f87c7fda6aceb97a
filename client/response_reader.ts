/**
 * Reads responses from one connection: receives bytes into a buffer, and parses
 * heads from it, including those of interim responses (RFC 9112 §4, RFC 9110
 * §15.2). The body's bytes stay in the buffer for `response_body.ts`.
 *
 * Failures are thrown; the caller closes the connection.
 */

import { NEED_DATA, ProtocolError } from "../codec/errors.ts";
import type {
  ReceivedResponseHead,
  ResponseHead,
} from "../codec/response_head.ts";
import { ResponseHeadParser, unfoldLines } from "../codec/response_parser.ts";
import { ClientError, toClientError } from "./errors.ts";
import type { ClientOptions } from "./options.ts";
import { ReceiveBlock } from "./receive_block.ts";
import type { ExchangeInit, PreparedRequest } from "./request.ts";
import type { RequestSender } from "./request_sender.ts";
import type { SharedScanner } from "./shared_scanner.ts";

/** What a reader needs from a connection. */
export type ReadableConn = Pick<Deno.Conn, "read">;

/** What the responses of all connections of a client are read with. */
export interface ReaderContext {
  readonly options: ClientOptions;
  readonly scanner: SharedScanner;
}

/** The exchange whose final head is being read. */
interface PendingHead {
  readonly request: PreparedRequest;
  readonly init: ExchangeInit;
  readonly sender: RequestSender;
  readonly resolve: (head: ReceivedResponseHead) => void;
  readonly reject: (error: unknown) => void;
  /** Interim responses so far, and the size of their heads in bytes. */
  interimCount: number;
  interimBytes: number;
}

/** A caller of {@linkcode ResponseReader.fill}. */
interface PendingFill {
  readonly resolve: (hasBytes: boolean) => void;
  readonly reject: (error: unknown) => void;
}

/** Reads the responses of one connection, one after the other. */
export class ResponseReader {
  /** Received bytes that are not used yet. */
  readonly buffer: ReceiveBlock = new ReceiveBlock();
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
  #isReading = false;
  #failure: unknown = null;
  #pendingHead: PendingHead | null = null;
  #pendingFill: PendingFill | null = null;
  #onIdleEvent: () => void;
  // Created once for all reads, which need no function and no promise of their
  // own besides that of `then()`.
  #onRead = (size: number | null): void => this.#settled(size, undefined);
  #onReadFailed = (error: unknown): void => this.#settled(null, { error });

  /**
   * Creates a reader; it reads nothing yet.
   *
   * @param onIdleEvent Called when bytes or the end of the connection arrive and
   * no response is expected.
   */
  constructor(
    conn: ReadableConn,
    { options, scanner }: ReaderContext,
    onIdleEvent: () => void,
  ) {
    this.#conn = conn;
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
  fill(): Promise<boolean> {
    if (this.isEnded) return Promise.resolve(false);
    return new Promise((resolve, reject) => {
      this.#pendingFill = { resolve, reject };
      this.#startRead();
    });
  }

  /**
   * Reads up to the final response's head, or a 101.
   *
   * @param sender Notified of each `100 Continue`.
   * @throws {ClientError} If the connection ends early or the response is malformed.
   */
  readFinalHead(
    request: PreparedRequest,
    init: ExchangeInit,
    sender: RequestSender,
  ): Promise<ReceivedResponseHead> {
    return new Promise((resolve, reject) => {
      this.#pendingHead = {
        request,
        init,
        sender,
        resolve,
        reject,
        interimCount: 0,
        interimBytes: 0,
      };
      this.#startRead();
    });
  }

  /** Continues with a pending head after bytes arrived. */
  #advance(pending: PendingHead): void {
    this.#parser.scanner = this.#scanner.next();
    let head: ReceivedResponseHead | typeof NEED_DATA;
    try {
      do head = this.#parseHead(pending.request.method); while (
        head !== NEED_DATA && !this.#isFinal(head, pending)
      );
    } catch (error) {
      this.#pendingHead = null;
      return pending.reject(error);
    }
    if (head === NEED_DATA) return this.#startRead();
    this.#pendingHead = null;
    pending.resolve(head);
  }

  /**
   * Returns whether a head ends the wait; an interim response does not.
   *
   * @throws {ClientError} For a 101 that was not offered, or too many interim responses.
   */
  #isFinal(head: ReceivedResponseHead, pending: PendingHead): boolean {
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
    if (head.status === 100) sender.proceed();
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

  /** Called when a read settles: with bytes, at the end of the connection, or with an error. */
  #settled(size: number | null, failed: { error: unknown } | undefined): void {
    this.#isReading = false;
    if (size !== null) {
      this.hasResponseByte = true;
      this.buffer.received(size);
    } else if (failed === undefined) this.isEnded = true;
    const head = this.#pendingHead;
    const fill = this.#pendingFill;
    this.#pendingFill = null;
    if (this.#failure !== null || failed !== undefined) {
      this.#pendingHead = null;
      const error = this.#failure ?? this.#connectionLost(failed?.error, head);
      (head ?? fill)?.reject(error);
      if (head === null && fill === null) this.#onIdleEvent();
    } else if (fill !== null) fill.resolve(size !== null);
    else if (head === null) this.#onIdleEvent();
    else if (size !== null) this.#advance(head);
    else {
      this.#pendingHead = null;
      head.reject(this.#connectionLost(this.writeFailure, head));
    }
  }

  /** Starts a read unless one is pending. */
  #startRead(): void {
    if (this.#isReading) return;
    this.#isReading = true;
    this.#conn.read(this.buffer.takeRoom())
      .then(this.#onRead, this.#onReadFailed);
  }

  /** @param head The exchange that waits for its head, or `null` in a body. */
  #connectionLost(cause: unknown, head: PendingHead | null): ClientError {
    const hasBegun = this.hasResponseByte;
    const isWriting = this.writeFailure !== undefined ||
      head?.sender.isWriting === true;
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
