/**
 * One request on one connection, from the write to the response or the failure.
 * The reader of the connection holds it while it waits for the response's head.
 */

import type { ReceivedResponseHead } from "../codec/response_head.ts";
import type { ClientResponse } from "./client_response.ts";
import type { ClientConnection, ConnectionContext } from "./connection.ts";
import type { Deadline } from "./deadline.ts";
import { ClientError } from "./errors.ts";
import type { Pool } from "./pool.ts";
import type { ExchangeInit, PreparedRequest } from "./request.ts";
import type { RequestSender } from "./request_sender.ts";
import { respond, type ResponseOrigin } from "./respond.ts";
import type { PendingResponse } from "./response_reader.ts";

/** A request that is sent, once or, if the first connection was closed, twice. */
export interface SentRequest {
  readonly request: PreparedRequest;
  readonly init: ExchangeInit;
  readonly target: string;
  readonly deadline: Deadline;
  /** Whether it may be sent again after it may have been processed. */
  readonly mayRepeat: boolean;
}

/** Decides what follows a response or a failure that is not the end. */
export interface AttemptOwner {
  readonly pool: Pool;
  readonly context: ConnectionContext;
  /** Sends the request again on a new connection. */
  repeat(sent: SentRequest): Promise<ClientResponse>;
  /** Sends the request again without the expectation that the server has refused. */
  repeatUnexpecting(
    sent: SentRequest,
    response: ClientResponse,
  ): Promise<ClientResponse>;
}

/** One attempt; see the file's header. */
export class ExchangeAttempt implements PendingResponse, ResponseOrigin {
  readonly sent: SentRequest;
  readonly connection: ClientConnection;
  /** See {@linkcode PendingResponse.sender}. */
  sender: RequestSender | null = null;
  /** See {@linkcode PendingResponse.interimCount}. */
  interimCount = 0;
  /** See {@linkcode PendingResponse.interimBytes}. */
  interimBytes = 0;
  #owner: AttemptOwner;
  /** Whether the connection is new, or was tried after another one failed. */
  #isLast: boolean;

  /**
   * Creates an attempt; it sends nothing yet.
   *
   * @param isRepetition Whether another attempt has failed before.
   */
  constructor(
    owner: AttemptOwner,
    sent: SentRequest,
    connection: ClientConnection,
    isRepetition: boolean,
  ) {
    this.#owner = owner;
    this.sent = sent;
    this.connection = connection;
    this.#isLast = isRepetition || !connection.isReused;
  }

  /** See {@linkcode PendingResponse.request}. */
  get request(): PreparedRequest {
    return this.sent.request;
  }

  /** See {@linkcode PendingResponse.init}. */
  get init(): ExchangeInit {
    return this.sent.init;
  }

  /** See {@linkcode ResponseOrigin.pool}. */
  get pool(): Pool {
    return this.#owner.pool;
  }

  /** See {@linkcode ResponseOrigin.target}. */
  get target(): string {
    return this.sent.target;
  }

  /** See {@linkcode ResponseOrigin.deadline}. */
  get deadline(): Deadline {
    return this.sent.deadline;
  }

  /** See {@linkcode ResponseOrigin.context}. */
  get context(): ConnectionContext {
    return this.#owner.context;
  }

  /** Sends the request and waits for the response. */
  run(): Promise<ClientResponse> {
    const { connection, deadline } = this;
    try {
      connection.follow(deadline);
      return connection.exchange(this);
    } catch (error) {
      return this.failed(error);
    }
  }

  /** See {@linkcode PendingResponse.received}. */
  received(
    head: ReceivedResponseHead,
  ): ClientResponse | Promise<ClientResponse> {
    const { connection, request } = this;
    connection.responded(head);
    if (head.status === 417 && request.expectsContinue) {
      return this.#refused(head);
    }
    return respond(head, this);
  }

  /** The server has refused the expectation: the request is sent again without it, unless its body was cancelled. */
  async #refused(head: ReceivedResponseHead): Promise<ClientResponse> {
    const response = await respond(head, this);
    return this.request.source !== null
      ? response
      : await this.#owner.repeatUnexpecting(this.sent, response);
  }

  /** See {@linkcode PendingResponse.failed}. */
  async failed(error: unknown): Promise<ClientResponse> {
    const { connection, request, deadline } = this;
    request.source?.cancel();
    connection.close(error);
    const { signal } = deadline;
    const isSafe = this.sent.mayRepeat && !this.#isLast &&
      !connection.reader.hasResponseByte && isConnectionLoss(error);
    if (isSafe && signal?.aborted !== true) {
      return await this.#owner.repeat(this.sent);
    }
    deadline.stop();
    throw signal?.aborted === true ? signal.reason : error;
  }
}

/** Whether a reused connection turned out to be closed before the request was processed. */
function isConnectionLoss(error: unknown): boolean {
  return error instanceof ClientError &&
    (error.code === "CLOSED" || error.code === "INCOMPLETE");
}
