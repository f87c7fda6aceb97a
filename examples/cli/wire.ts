/**
 * One exchange over the example's own connection, with the public codec, for
 * requests that `Client` refuses and details that it does not show. The request
 * is sent while the response is read, since a server may respond early (RFC
 * 9112 §9.5).
 */

import { Headers } from "@khttp/khttp";
import {
  BodyDecoder,
  NEED_DATA,
  parseResponseHead,
  type ResponseHead,
} from "@khttp/khttp/codec";
import { bytesOf } from "./byte_string.ts";
import { EXIT, Failure, failureOf, messageOf } from "./failure.ts";
import { headLines, type Request } from "./request.ts";
import { openSocket, type Socket, type SocketOptions } from "./socket.ts";

/** Most interim responses before a final one. */
const MAX_INTERIM = 8;

/** How long to wait for `100 Continue` before sending the body anyway, in milliseconds. */
const CONTINUE_MS = 1000;

/** The time at which each phase ended, in order; skipped phases are missing. */
export type Timing = Map<string, number>;

/** Options of an exchange. */
export interface WireOptions extends Omit<SocketOptions, "onPhase"> {
  /** Called with the head's lines when the request is sent. */
  readonly onRequest: (lines: readonly string[]) => void;
  /** Called for each interim response. */
  readonly onInterim: (head: ResponseHead) => void;
  /** Called with all received bytes. */
  readonly onBytes: (bytes: Uint8Array) => Promise<void>;
}

/** A response whose body has not been read yet. */
export interface WireResponse {
  readonly head: ResponseHead;
  readonly body: AsyncIterable<Uint8Array>;
  /** The trailer section, once the body has been read. */
  trailers(): Headers;
  readonly timing: Timing;
  close(): void;
}

/** Sends a request and reads the final response's head. */
export async function exchangeOnWire(
  request: Request,
  options: WireOptions,
): Promise<WireResponse> {
  const timing: Timing = new Map([["start", performance.now()]]);
  const over = (phase: string): void => {
    if (!timing.has(phase)) timing.set(phase, performance.now());
  };
  const socket = await openSocket(request.to, { ...options, onPhase: over });
  const exchange = new Exchange(socket, request, options, over);
  const head = await exchange.start();
  return {
    head,
    body: exchange.body(head),
    trailers: () => exchange.trailers,
    timing,
    close: () => socket.close(),
  };
}

class Exchange {
  trailers: Headers = Headers.empty;
  #socket: Socket;
  #request: Request;
  #options: WireOptions;
  #over: (phase: string) => void;
  /** Received bytes that have not been used yet. */
  #unread: Uint8Array = new Uint8Array(0);
  #hasBytes = false;
  #sendFailure: Failure | null = null;
  #proceed: PromiseWithResolvers<void> = Promise.withResolvers();

  constructor(
    socket: Socket,
    request: Request,
    options: WireOptions,
    over: (phase: string) => void,
  ) {
    this.#socket = socket;
    this.#request = request;
    this.#options = options;
    this.#over = over;
  }

  async start(): Promise<ResponseHead> {
    const lines = headLines(this.#request);
    this.#options.onRequest(lines);
    const failed = Promise.withResolvers<never>();
    this.#send(lines).catch((error) => {
      this.#sendFailure = failureOf(error) ??
        new Failure(EXIT.CANNOT_SEND, `Cannot send: ${messageOf(error)}`);
      // If the connection accepts no more bytes, a response may still arrive. If a
      // file cannot be read, none will.
      const isOurs = this.#sendFailure.exitCode === EXIT.CANNOT_READ;
      if (isOurs) failed.reject(this.#sendFailure);
    });
    return await Promise.race([this.#readFinalHead(), failed.promise]);
  }

  async *body(head: ResponseHead): AsyncGenerator<Uint8Array> {
    const decoder = new BodyDecoder(head.status === 101 ? 0 : head.bodyLength);
    let input = this.#unread;
    while (!decoder.done) {
      for (let at = 0; at < input.length && !decoder.done;) {
        at += decoder.decode(input, at, input.length);
        const { pieceStart, pieceEnd } = decoder;
        if (pieceEnd > pieceStart) yield input.subarray(pieceStart, pieceEnd);
      }
      if (decoder.done) break;
      const piece = await this.#read();
      if (piece === null) decoder.end();
      else input = piece;
    }
    this.#over("receive");
    const section = decoder.trailerSection;
    if (section !== null) {
      this.trailers = Headers.fromSection({ base: 0, ...section });
    }
  }

  async #send(lines: readonly string[]): Promise<void> {
    const { body, isChunked, headers, stallMs } = this.#request;
    let head = lines.map((line) => `${line}\r\n`).join("");
    if (stallMs > 0) {
      await this.#socket.write(bytesOf(head));
      await new Promise((resolve) => setTimeout(resolve, stallMs));
      head = "";
    }
    await this.#socket.write(bytesOf(`${head}\r\n`));
    if (body !== null && body.sizeBytes !== 0) {
      if (headers.has("expect")) await this.#mayProceed();
      for await (const piece of exactly(body.pieces(), body.sizeBytes)) {
        if (piece.length === 0) continue;
        const size = bytesOf(`${piece.length.toString(16)}\r\n`);
        if (isChunked) await this.#socket.write(size);
        await this.#socket.write(piece);
        if (isChunked) await this.#socket.write(bytesOf("\r\n"));
      }
    }
    if (isChunked) await this.#socket.write(bytesOf("0\r\n\r\n"));
    this.#over("send");
  }

  async #mayProceed(): Promise<void> {
    const timer = setTimeout(this.#proceed.resolve, CONTINUE_MS);
    await this.#proceed.promise;
    clearTimeout(timer);
  }

  async #readFinalHead(): Promise<ResponseHead> {
    for (let interim = 0; interim <= MAX_INTERIM; interim++) {
      const head = await this.#readHead();
      if (head.status >= 200) return head;
      if (head.status === 101) {
        if (this.#request.headers.has("upgrade")) return head;
        const message = "Cannot switch protocols: none was offered";
        throw new Failure(EXIT.WEIRD_REPLY, message);
      }
      if (head.status === 100) this.#proceed.resolve();
      this.#options.onInterim(head);
    }
    throw new Failure(
      EXIT.WEIRD_REPLY,
      `Cannot read response: more than ${MAX_INTERIM} interim responses`,
    );
  }

  async #readHead(): Promise<ResponseHead> {
    for (;;) {
      const head = parseResponseHead(this.#unread, this.#request.method);
      if (head !== NEED_DATA) {
        this.#unread = this.#unread.subarray(head.sizeBytes);
        return head;
      }
      const piece = await this.#read();
      if (piece === null) throw this.#endsEarly();
      this.#unread = joined(this.#unread, piece);
    }
  }

  #endsEarly(): Failure {
    if (this.#sendFailure !== null) return this.#sendFailure;
    return this.#hasBytes
      ? new Failure(
        EXIT.CANNOT_RECEIVE,
        "Cannot read response: the connection ended inside its head",
      )
      : new Failure(
        EXIT.EMPTY_REPLY,
        "Cannot read response: the connection ended before it began",
      );
  }

  async #read(): Promise<Uint8Array | null> {
    let piece: Uint8Array | null;
    try {
      piece = await this.#socket.read();
    } catch (error) {
      throw this.#sendFailure ?? new Failure(
        EXIT.CANNOT_RECEIVE,
        `Cannot read response: ${messageOf(error)}`,
      );
    }
    if (piece === null) return null;
    this.#hasBytes = true;
    this.#over("wait");
    await this.#options.onBytes(piece);
    return piece;
  }
}

/** Checks that a body has its declared size, since a file may change while it is sent. */
async function* exactly(
  pieces: AsyncIterable<Uint8Array>,
  sizeBytes: number | null,
): AsyncGenerator<Uint8Array> {
  let count = 0;
  for await (const piece of pieces) {
    count += piece.length;
    if (sizeBytes !== null && count > sizeBytes) break;
    yield piece;
  }
  if (sizeBytes === null || count === sizeBytes) return;
  throw new Failure(
    EXIT.CANNOT_READ,
    `Cannot send body: it is no longer ${sizeBytes} bytes long`,
  );
}

function joined(first: Uint8Array, second: Uint8Array): Uint8Array {
  const both = new Uint8Array(first.length + second.length);
  both.set(first);
  both.set(second, first.length);
  return both;
}
