/**
 * One connection of a client: sends a request, reads the response's head, and
 * says whether it can be used again. Any doubt closes it (RFC 9112 §9.3, §9.6).
 *
 * States: idle → exchanging → body → idle, or closed from anywhere. While it is
 * idle one read is pending: whatever that brings, the connection is done for,
 * since nothing was asked (RFC 9112 §9.2).
 */

import { NEED_DATA, ProtocolError } from "../codec/errors.ts";
import { UNTIL_CLOSE } from "../codec/framing.ts";
import { CONNECTION_CLOSE, isPersistent } from "../codec/persistence.ts";
import { ReceiveBuffer } from "../codec/receive_buffer.ts";
import {
  type ResponseHead,
  ResponseHeadParser,
  unfoldLines,
} from "../codec/response_parser.ts";
import { ClientError, type ClientPhase } from "./errors.ts";
import { idleTimeOf } from "./idle_time.ts";
import type { ClientOptions } from "./options.ts";
import type { ExchangeInit, PreparedRequest } from "./request.ts";
import { RequestSender } from "./request_sender.ts";
import type { Watch, Watched } from "./watch.ts";

/** Size of the buffer that is read into, in bytes. */
const READ_BYTES = 16_384;

/** What a deadline is for, and the option that sets it. */
export interface Due {
  readonly phase: ClientPhase;
  readonly what: string;
  readonly option: string;
}

const SENDING: Due = {
  phase: "write",
  what: "Cannot send request",
  option: "bodyTimeout",
};
const AWAITING_HEAD: Due = {
  phase: "read",
  what: "Cannot read response head",
  option: "headTimeout",
};
const IDLE: Due = {
  phase: "connect",
  what: "Cannot use connection again",
  option: "idleTimeout",
};

/** One connection; see the file's header. */
export class ClientConnection implements Watched {
  readonly conn: Deno.Conn;
  readonly buffer: ReceiveBuffer = new ReceiveBuffer();
  deadlineMs = Infinity;
  /** Whether an exchange came before the present one. */
  isReused = false;
  /** Whether a byte of the present response came. */
  hasResponseByte = false;
  #options: ClientOptions;
  #watch: Watch;
  #parser: ResponseHeadParser;
  #readBuffer = new Uint8Array(READ_BYTES);
  #pendingRead: Promise<number | null> | null = null;
  #isEnded = false;
  #isClosed = false;
  #isIdle = false;
  #failure: unknown = null;
  /** What writing the present request failed with. */
  #writeFailure: unknown = undefined;
  #due: Due = IDLE;
  #onClosed: (connection: ClientConnection) => void;
  #sender: RequestSender | null = null;
  #hasAnnouncedClose = false;
  #unfollow: () => void = () => {};

  /** Takes over a connection that was just made. */
  constructor(
    conn: Deno.Conn,
    options: ClientOptions,
    watch: Watch,
    onClosed: (connection: ClientConnection) => void,
  ) {
    this.conn = conn;
    this.#options = options;
    this.#watch = watch;
    this.#parser = new ResponseHeadParser(options);
    this.#onClosed = onClosed;
  }

  /** Whether it is closed. */
  get isClosed(): boolean {
    return this.#isClosed;
  }

  /** Whether it may be used for another exchange at this moment. */
  get isUsable(): boolean {
    return this.#isIdle && !this.#isClosed && !this.#isEnded &&
      this.buffer.length === 0 &&
      performance.now() < this.deadlineMs;
  }

  /**
   * Sends a request and reads the final response's head.
   *
   * @throws {ClientError} If either fails; the connection is closed then.
   */
  async exchange(
    request: PreparedRequest,
    init: ExchangeInit,
  ): Promise<ResponseHead> {
    this.#isIdle = false;
    this.hasResponseByte = false;
    this.#watch.add(this);
    const sender = new RequestSender(this.conn, request, () => this.#sent());
    this.#sender = sender;
    this.#writeFailure = undefined;
    this.#hasAnnouncedClose = request.closes;
    this.awaits(SENDING, this.#options.bodyTimeout);
    sender.onProgress = () => this.#renew();
    const sending = sender.send(this.#options.continueTimeout);
    // A failed write is told below, unless the response came in spite of it.
    sending.catch((error) => this.#sendFailed(sender, error));
    const head = await this.#readFinalHead(request, init, sender);
    // Whoever refuses reads no more (§9.5); an echo answers while it reads, and may
    // say `close` because it cannot know yet how that ends, as Deno.serve does.
    if (!sender.isDone && refusesBody(head)) sender.stop();
    return head;
  }

  /**
   * Closes with a signal, until the exchange and its body are over.
   *
   * @throws {unknown} The reason of the signal, if that is aborted already.
   */
  follow(signal: AbortSignal | undefined): void {
    if (signal === undefined) return;
    signal.throwIfAborted();
    const abort = (): void => this.close(signal.reason);
    signal.addEventListener("abort", abort, { once: true });
    this.#unfollow = () => signal.removeEventListener("abort", abort);
  }

  /** Whether the exchange leaves the connection open (RFC 9112 §9.3). */
  mayPersist(head: ResponseHead): boolean {
    if (head.bodyLength === UNTIL_CLOSE || this.#sender?.isDone !== true) {
      return false;
    }
    if (this.#hasAnnouncedClose) return false;
    if (head.minorVersion === 0) return false; // never reused, whatever it says
    return isPersistent(1, head.connectionOptions & CONNECTION_CLOSE, false);
  }

  /** The response was read to its end: waits for the next exchange, or closes. */
  release(head: ResponseHead): void {
    if (
      !this.mayPersist(head) || this.buffer.length > 0 || this.#isEnded ||
      this.#isClosed
    ) return this.close();
    this.#unfollow();
    this.#isIdle = true;
    this.isReused = true;
    this.awaits(IDLE, idleTimeOf(head.headers, this.#options.idleTimeout));
    this.buffer.clear();
    const ended = (): void => {
      if (this.#isIdle) this.close();
    };
    this.#startRead().then(ended, ended);
  }

  /**
   * Gives the connection away, for another protocol: whoever takes it closes
   * it, so that it cannot count among the pool's any more.
   *
   * @returns Bytes that were read already.
   */
  takeOver(): Uint8Array {
    this.#unfollow();
    this.#watch.remove(this);
    this.#onClosed(this);
    const { bytes, start, end } = this.buffer;
    const unread = bytes.slice(start, end);
    this.buffer.clear();
    return unread;
  }

  /** Reads more bytes into the buffer; says whether there were any. */
  async fill(): Promise<boolean> {
    if (this.#isEnded) return false;
    let size: number | null;
    try {
      size = await (this.#pendingRead ?? this.#startRead());
    } catch (error) {
      throw this.#failure ?? this.#lost(error);
    } finally {
      this.#pendingRead = null;
    }
    this.throwIfFailed();
    if (size === null) {
      this.#isEnded = true;
      return false;
    }
    this.hasResponseByte = true;
    this.buffer.append(this.#readBuffer, 0, size);
    return true;
  }

  /** Throws what the connection was closed for, if it was. */
  throwIfFailed(): void {
    if (this.#failure !== null) throw this.#failure;
  }

  /** Starts a deadline, which ends the connection when it passes. */
  awaits(due: Due, durationMs: number): void {
    this.#due = due;
    this.deadlineMs = performance.now() + durationMs;
  }

  /** See {@linkcode Watched.deadlinePassed}. */
  deadlinePassed(): void {
    const { phase, what, option } = this.#due;
    this.close(
      new ClientError(`${what}: not done in time (${option})`, {
        phase,
        code: "DEADLINE",
      }),
    );
  }

  /** Ends the connection; whoever waits for it is told why. */
  close(reason?: unknown): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#isIdle = false;
    this.#failure ??= reason ?? null;
    this.#unfollow();
    this.#watch.remove(this);
    this.#sender?.stop();
    try {
      this.conn.close();
    } catch {
      // It is closed, which is what is wanted.
    }
    this.#onClosed(this);
  }

  #startRead(): Promise<number | null> {
    const read = this.conn.read(this.#readBuffer);
    this.#pendingRead = read;
    return read;
  }

  #sent(): void {
    if (this.#due === SENDING) {
      this.awaits(AWAITING_HEAD, this.#options.headTimeout);
    }
  }

  #renew(): void {
    this.deadlineMs = performance.now() + this.#options.bodyTimeout;
  }

  /** A body that failed ends the exchange; a connection that did may still bring an answer. */
  #sendFailed(sender: RequestSender, error: unknown): void {
    this.#writeFailure = error;
    if (sender.bodyFailure === null) return;
    this.close(
      new ClientError("Cannot send request: its body failed", {
        phase: "write",
        code: "BODY_FAILED",
        cause: sender.bodyFailure,
      }),
    );
  }

  async #readFinalHead(
    request: PreparedRequest,
    init: ExchangeInit,
    sender: RequestSender,
  ): Promise<ResponseHead> {
    const { maxInterimResponses, maxHeaderBytes } = this.#options;
    let interimBytes = 0;
    for (let interim = 0;; interim++) {
      const head = await this.#readHead(request.method);
      if (head.status >= 200) return head;
      interimBytes += head.sizeBytes;
      if (head.status === 101) {
        this.#checkUpgrade(head, request);
        return head;
      }
      if (interim >= maxInterimResponses || interimBytes > maxHeaderBytes) {
        this.#breaks(
          new ProtocolError(
            "TOO_MANY_INTERIM_RESPONSES",
            `Cannot read response: more than ${maxInterimResponses} interim ones or ${maxHeaderBytes} bytes of them (maxInterimResponses, maxHeaderBytes)`,
            0,
          ),
        );
      }
      if (head.status === 100) sender.proceed();
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
        if (!(error instanceof ProtocolError)) throw error;
        const isFolded = error.code === "OBSOLETE_LINE_FOLDING";
        if (!isFolded || hasUnfolded || !this.#options.unfoldResponses) {
          this.#breaks(error);
        }
        hasUnfolded = await this.#unfold();
        continue;
      }
      if (head !== NEED_DATA) {
        buffer.consume(head.sizeBytes);
        return head;
      }
      if (!await this.fill()) this.#endsEarly();
    }
  }

  /** Gets the whole field section, so that it can be unfolded at once. */
  async #unfold(): Promise<boolean> {
    const { buffer } = this;
    const { maxHeaderBytes } = this.#options;
    const isWhole = (): boolean =>
      new TextDecoder("latin1").decode(
        buffer.bytes.subarray(buffer.start, buffer.end),
      ).includes("\r\n\r\n");
    while (!isWhole() && buffer.length <= maxHeaderBytes) {
      if (!await this.fill()) this.#endsEarly();
    }
    try {
      unfoldLines(buffer.bytes, buffer.start, buffer.end);
    } catch (error) {
      this.#breaks(error);
    }
    this.#parser.reset();
    return true;
  }

  #checkUpgrade(head: ResponseHead, request: PreparedRequest): void {
    const taken = head.headers.get("upgrade")?.toLowerCase();
    if (request.upgrade !== null && taken === request.upgrade.toLowerCase()) {
      return;
    }
    this.#breaks(
      new ProtocolError(
        "UNEXPECTED_UPGRADE",
        "Cannot switch protocols: the response names one that was not offered",
        0,
      ),
    );
  }

  #breaks(cause: unknown): never {
    const error = cause instanceof ProtocolError
      ? new ClientError(cause.message, {
        phase: "parse",
        code: "PROTOCOL",
        cause,
      })
      : cause;
    this.close(error);
    throw error;
  }

  #endsEarly(): never {
    // A reset that a write was told of is an end to reads.
    const error = this.#lost(this.#writeFailure);
    this.close(error);
    throw error;
  }

  /** The connection ended, or failed with the cause. */
  #lost(cause?: unknown): ClientError {
    const hasBegun = this.hasResponseByte;
    return new ClientError(
      `Cannot read response: the connection ended ${
        hasBegun ? "inside it" : "before it began"
      }`,
      { phase: "read", code: hasBegun ? "INCOMPLETE" : "CLOSED", cause },
    );
  }
}

/** Says whether a response that comes before the request was sent is the end of it. */
function refusesBody(head: ResponseHead): boolean {
  return head.status >= 300 || head.minorVersion === 0;
}
