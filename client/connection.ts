/**
 * One connection of a client: sends a request, lets its reader read the
 * response's head, and decides whether another exchange may follow. If in
 * doubt, it closes the connection (RFC 9112 §9.3, §9.6).
 *
 * States: idle → exchanging → body → idle; closed from any of them. While it is
 * idle, one read is pending. If that read settles, the connection closes:
 * without a request, nothing may arrive (RFC 9112 §9.2).
 */

import type { ClientConn } from "./client_conn.ts";
import { UNTIL_CLOSE } from "../codec/framing.ts";
import { CONNECTION_CLOSE, isPersistent } from "../codec/persistence.ts";
import type {
  ReceivedResponseHead,
  ResponseHead,
} from "../codec/response_head.ts";
import type { Clock } from "./clock.ts";
import type { ConnectionBudget } from "./connection_budget.ts";
import type { Connector } from "./connector.ts";
import type { Deadline, ExchangeStep } from "./deadline.ts";
import type { DeadlineSweep, Expirable } from "./deadline_sweep.ts";
import { CallbackFailure, ClientError } from "./errors.ts";
import { idleTimeOf } from "./idle_time.ts";
import type { Unrefable } from "./idle_unref.ts";
import type { ClientResponse } from "./client_response.ts";
import type { PreparedRequest } from "./request.ts";
import { JoinedWrite } from "./joined_write.ts";
import { RequestSender, type SenderEvents } from "./request_sender.ts";
import {
  type PendingResponse,
  type ReaderContext,
  ResponseReader,
} from "./response_reader.ts";

/** What a deadline of the connection limits, and the option that sets it. */
export interface DeadlineReason extends ExchangeStep {
  readonly option: string;
}

const SENDING: DeadlineReason = {
  phase: "write",
  what: "Cannot send request",
  option: "bodyTimeout",
};
const AWAITING_HEAD: DeadlineReason = {
  phase: "read",
  what: "Cannot read response head",
  option: "headTimeout",
};
const IDLE: DeadlineReason = {
  phase: "connect",
  what: "Cannot use connection again",
  option: "idleTimeout",
};

const NO_BYTES = new Uint8Array(0);

function doNothing(): void {}

/** What all connections of a client share. */
export interface ConnectionContext extends ReaderContext {
  readonly clock: Clock;
  readonly connector: Connector;
  readonly sweep: DeadlineSweep;
  /** Limits the connections of several origins together, for an agent. */
  readonly budget: ConnectionBudget | null;
}

/** A request whose sender the connection chooses. */
export interface SendableExchange extends PendingResponse {
  sender: RequestSender | null;
}

/** One connection; see the file's header. */
export class ClientConnection implements Expirable, SenderEvents, Unrefable {
  readonly conn: ClientConn;
  readonly reader: ResponseReader;
  deadlineMs = Infinity;
  /** See {@linkcode Unrefable.awaitsUnref}. */
  awaitsUnref = false;
  /** Whether the current exchange is not the first. */
  isReused = false;
  /** Size of the last body that was read completely without a declared length. The next is likely to be as long. */
  expectedBytes = 0;
  #context: ConnectionContext;
  #isClosed = false;
  #isIdle = false;
  /** When the current deadline was set; `Infinity` before the first. */
  #deadlineSetMs = Infinity;
  #deadlineReason: DeadlineReason = IDLE;
  /** When the current exchange began to use the connection. */
  #claimedMs: number;
  #onClosed: (connection: ClientConnection) => void;
  /** Sends the current request, unless it was a single write. */
  #sender: RequestSender | null = null;
  /** The request that is a single write, until that has settled. */
  #written: PreparedRequest | null = null;
  /** The bytes of that write. */
  #writtenBytes: Uint8Array<ArrayBuffer> = NO_BYTES;
  #joined = new JoinedWrite();
  #hasAnnouncedClose = false;
  /** Whether the connection does not keep the process alive. */
  #isUnref = false;
  #unfollow: () => void = doNothing;
  // Created once, like the callbacks of the reader.
  #onWritten = (sizeBytes: number): void => {
    const request = this.#written;
    if (request === null) return; // the connection is closed
    this.#written = null;
    const bytes = this.#writtenBytes;
    if (sizeBytes === bytes.length) return;
    this.#send({ ...request, first: bytes.subarray(sizeBytes), rest: null });
  };
  #onWriteFailed = (error: unknown): void => {
    this.reader.writeFailure = error;
  };

  /**
   * Takes ownership of a new connection.
   *
   * @param onClosed Called once, when the connection is closed or given to the
   * caller.
   */
  constructor(
    conn: ClientConn,
    context: ConnectionContext,
    onClosed: (connection: ClientConnection) => void,
  ) {
    this.conn = conn;
    this.reader = new ResponseReader(conn, context, () => {
      if (this.#isIdle) this.close();
    });
    this.#context = context;
    this.#claimedMs = context.clock.monotonicMs();
    this.#onClosed = onClosed;
  }

  /** Whether it is closed. */
  get isClosed(): boolean {
    return this.#isClosed;
  }

  /** Time from the last exchange until it was claimed, in ms; negative before the first. */
  get idleMs(): number {
    // The idle deadline was set when the exchange ended.
    return this.#claimedMs - this.#deadlineSetMs;
  }

  /** Returns whether it may be used for another exchange, which then begins now. */
  claim(): boolean {
    if (
      !this.#isIdle || this.#isClosed || this.reader.isEnded ||
      this.reader.buffer.length > 0
    ) return false;
    this.#claimedMs = this.#context.clock.monotonicMs();
    return this.#claimedMs < this.deadlineMs;
  }

  /**
   * Sends a request and reads the final response's head.
   *
   * @returns What `pending` makes of the head, or of the failure. It must close
   * the connection after a failure.
   */
  exchange(pending: SendableExchange): Promise<ClientResponse> {
    const { options, sweep } = this.#context;
    const { request } = pending;
    this.#isIdle = false;
    if (this.#isUnref) {
      this.conn.ref();
      this.#isUnref = false;
    }
    this.reader.start();
    if (!this.isReused) sweep.add(this);
    this.#hasAnnouncedClose = request.closes;
    if (request.isOneWrite) {
      // A short write fits into the socket's send buffer.
      this.#setDeadlineAt(this.#claimedMs, AWAITING_HEAD, options.headTimeout);
      this.#sender = null;
      const { first, rest } = request;
      const bytes = rest === null ? first : this.#joined.join(first, rest);
      this.#written = request;
      this.#writtenBytes = bytes;
      this.conn.write(bytes).then(this.#onWritten, this.#onWriteFailed);
    } else {
      this.#setDeadlineAt(this.#claimedMs, SENDING, options.bodyTimeout);
      pending.sender = this.#send(request);
    }
    return this.reader.readResponse(pending);
  }

  #send(request: PreparedRequest): RequestSender {
    const { options, clock } = this.#context;
    const sender = new RequestSender(this.conn, request, this);
    this.#sender = sender;
    this.#written = null;
    sender.send(clock, options.continueTimeout);
    return sender;
  }

  /**
   * Stops sending if the final response refuses the rest of the request's body
   * (RFC 9112 §9.5). A server that echoes the body responds while it reads. It
   * may send `close`, as `Deno.serve` does, since it does not know yet how
   * reading will end.
   */
  responded(head: ResponseHead): void {
    const sender = this.#sender;
    if (sender?.isFinished === false && refusesBody(head)) sender.stop();
  }

  /** What the current exchange is doing. */
  get step(): ExchangeStep {
    return this.#written === null ? this.#deadlineReason : SENDING;
  }

  /**
   * Until the exchange and its body are over, closes the connection when the
   * signal of `deadline` aborts.
   *
   * @throws {unknown} The reason of the signal, if that is aborted already.
   */
  follow(deadline: Deadline): void {
    const { signal } = deadline;
    if (signal === undefined) return;
    signal.throwIfAborted();
    deadline.uses(this);
    const abort = (): void => this.close(signal.reason);
    signal.addEventListener("abort", abort, { once: true });
    this.#unfollow = () => signal.removeEventListener("abort", abort);
  }

  /** Whether the exchange leaves the connection open (RFC 9112 §9.3). */
  mayPersist(head: ResponseHead): boolean {
    if (head.bodyLength === UNTIL_CLOSE || this.#hasAnnouncedClose) {
      return false;
    }
    if (this.#written !== null || this.#sender?.isFinished === false) {
      return false; // the request is not sent
    }
    if (head.minorVersion === 0) return false; // never reused, whatever its `Connection` field says
    return isPersistent(1, head.connectionOptions & CONNECTION_CLOSE, false);
  }

  /** Called when the response was read to its end: keeps the connection for the next exchange, or closes it. */
  release(head: ReceivedResponseHead): void {
    const { reader } = this;
    if (
      !this.mayPersist(head) || reader.buffer.length > 0 || reader.isEnded ||
      this.#isClosed
    ) return this.close();
    this.#unfollow();
    this.#isIdle = true;
    this.isReused = true;
    const { idleTimeout } = this.#context.options;
    this.setDeadline(
      IDLE,
      head.hasKeepAlive ? idleTimeOf(head.headers, idleTimeout) : idleTimeout,
    );
    reader.watchIdle();
  }

  /** See {@linkcode Unrefable.unrefIfIdle}. */
  unrefIfIdle(): void {
    if (!this.#isIdle || this.#isClosed) return;
    this.conn.unref();
    this.#isUnref = true;
  }

  /**
   * Gives the connection to the caller for another protocol. The caller closes
   * it, and the pool no longer counts it.
   *
   * @returns Bytes that were already read.
   */
  takeOver(): Uint8Array {
    this.#unfollow();
    this.#context.sweep.remove(this);
    this.#onClosed(this);
    const { bytes, start, end } = this.reader.buffer;
    return bytes.slice(start, end);
  }

  /** Starts a deadline; when it passes, the connection closes. */
  setDeadline(reason: DeadlineReason, durationMs: number): void {
    this.#setDeadlineAt(
      this.#context.clock.monotonicMs(),
      reason,
      durationMs,
    );
  }

  #setDeadlineAt(
    nowMs: number,
    reason: DeadlineReason,
    durationMs: number,
  ): void {
    this.#deadlineReason = reason;
    this.#deadlineSetMs = nowMs;
    this.deadlineMs = nowMs + durationMs;
  }

  /** See {@linkcode Expirable.expire}. */
  expire(): void {
    const { phase, what, option } = this.#deadlineReason;
    this.close(
      new ClientError(`${what}: not done in time (${option})`, {
        phase,
        code: "DEADLINE",
      }),
    );
  }

  /** Closes the connection; a pending or later read fails with `reason`. */
  close(reason?: unknown): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#isIdle = false;
    this.#written = null;
    this.reader.fail(reason);
    this.#unfollow();
    this.#context.sweep.remove(this);
    this.#sender?.stop();
    try {
      this.conn.close();
    } catch {
      // The runtime has already closed it after an error.
    }
    this.#onClosed(this);
  }

  /** See {@linkcode SenderEvents.sent}. */
  sent(): void {
    if (this.#deadlineReason === SENDING) {
      this.setDeadline(AWAITING_HEAD, this.#context.options.headTimeout);
    }
  }

  /** See {@linkcode SenderEvents.progressed}. */
  progressed(): void {
    const { clock, options } = this.#context;
    this.deadlineMs = clock.monotonicMs() + options.bodyTimeout;
  }

  /**
   * See {@linkcode SenderEvents.sendFailed}. A failed body ends the exchange. After
   * a failed write the response may still arrive; if not, the reader reports it.
   */
  sendFailed(sender: RequestSender, error: unknown): void {
    this.reader.writeFailure = error;
    const { bodyFailure } = sender;
    if (bodyFailure === null) return;
    this.close(
      bodyFailure instanceof CallbackFailure
        ? bodyFailure.error
        : new ClientError("Cannot send request: its body failed", {
          phase: "write",
          code: "BODY_FAILED",
          cause: bodyFailure,
        }),
    );
  }
}

/** Whether a response that arrives before the whole request was sent makes the rest of the request useless. */
function refusesBody(head: ResponseHead): boolean {
  return head.status >= 300 || head.minorVersion === 0;
}
