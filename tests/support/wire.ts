/**
 * Connections whose bytes arrive in given pieces, and the whole outcome of
 * each. `memory_wire.ts` runs them through the transport of the default engine,
 * `socket_wire.ts` over sockets of the epoll engine; the outcomes compare equal.
 */

import type { Duplex, ServerBuilder } from "../../mod.ts";
import { decodeLatin1 } from "./latin1.ts";
import { parseResponses, type WireResponse } from "./parse_responses.ts";

/** The outcome of one connection. */
export interface WireOutcome {
  /** Everything that the server wrote, one character for each byte. */
  readonly output: string;
  /** The responses in it, interim ones included. */
  readonly responses: readonly WireResponse[];
  /** The output after the last complete response. */
  readonly rest: string;
  /** Whether the server ended its direction before the peer ended its own. */
  readonly closedByServer: boolean;
  /** The error that the teardown hook got. */
  readonly teardownError: Error | undefined;
  /** What the handlers recorded. */
  readonly log: readonly unknown[];
}

/** How a scripted peer behaves. */
export interface WireOptions {
  /**
   * Final responses after which the peer ends its direction; `Infinity` for a
   * peer that waits for the server to end first. @default {1}
   */
  readonly expectResponses?: number;
  /** Whether the peer ends its direction directly after the last piece. @default {false} */
  readonly endsAfterPieces?: boolean;
  /** Methods of the requests, needed if one is HEAD. @default {[]} */
  readonly methods?: readonly string[];
  /** Most bytes that one write accepts, in memory only. @default {Infinity} */
  readonly maxWriteBytes?: number;
  /** Time after which the test fails, in ms. @default {5000} */
  readonly deadlineMs?: number;
}

/** Gives the log of the connection that a handler's context names. */
export type LogOf = (conn: Duplex) => unknown[];

/** Sets up the application of a wire, except for its setup and teardown hooks. */
export type ConfigureWire = (app: ServerBuilder, logOf: LogOf) => void;

/** One application, and connections to it. */
export interface Wire extends AsyncDisposable {
  /** How many connections should run at the same time. */
  readonly concurrency: number;
  /** Serves one scripted connection to its end. */
  run(
    pieces: readonly Uint8Array[],
    options?: WireOptions,
  ): Promise<WireOutcome>;
}

/** Runs one connection for each delivery, as many at a time as the wire wants. */
export async function runEach(
  wire: Wire,
  deliveries: Iterable<readonly Uint8Array[]>,
  options: WireOptions,
  check: (outcome: WireOutcome, pieces: readonly Uint8Array[]) => void,
): Promise<void> {
  let batch: (readonly Uint8Array[])[] = [];
  const finish = async (): Promise<void> => {
    const runs = batch.map((pieces) => wire.run(pieces, options));
    const outcomes = await Promise.all(runs);
    outcomes.forEach((outcome, index) => check(outcome, batch[index]!)); // of the same length
    batch = [];
  };
  for (const pieces of deliveries) {
    if (batch.push(pieces) >= wire.concurrency) await finish();
  }
  await finish();
}

/** The client's end of a connection, in memory or over a socket. */
export interface PeerEnd {
  /** Sends one piece; resolves when the server may get the next. */
  send(piece: Uint8Array, isLast: boolean): Promise<void>;
  /** Gives the next bytes; `null` after an end or a reset. */
  receive(): Promise<Uint8Array | null>;
  /** Ends the client's direction. */
  end(): Promise<void>;
}

/** Plays the script of one connection on the client's end of it. */
export class ScriptedPeer {
  /** Everything that the server wrote. */
  output = "";
  /** Whether the server ended its direction before the peer did. */
  closedByServer = false;
  #peer: PeerEnd;
  #options: WireOptions;
  #isAllSent = false;
  #hasEnded = false;

  constructor(peer: PeerEnd, options: WireOptions) {
    this.#peer = peer;
    this.#options = options;
  }

  /** Sends the pieces, and reads to the end. */
  async run(pieces: readonly Uint8Array[]): Promise<void> {
    const reading = this.#readAll();
    try {
      for (const [index, piece] of pieces.entries()) {
        await this.#peer.send(piece, index === pieces.length - 1);
      }
    } catch {
      // The server accepts no more; its responses still have to be read.
    }
    this.#isAllSent = true;
    if (this.#options.endsAfterPieces === true) await this.#end();
    else await this.#endIfAnswered();
    await reading;
  }

  /** Describes the connection for the message of a missed deadline. */
  describe(pieces: readonly Uint8Array[]): string {
    const sizes = pieces.map((piece) => piece.length).slice(0, 8);
    const output = JSON.stringify(this.output);
    return `pieces of ${sizes} bytes, answered with ${output}`;
  }

  async #readAll(): Promise<void> {
    for (;;) {
      const bytes = await this.#peer.receive();
      if (bytes === null) break;
      this.output += decodeLatin1(bytes);
      await this.#endIfAnswered();
    }
    if (!this.#hasEnded) this.closedByServer = true;
  }

  async #endIfAnswered(): Promise<void> {
    const { expectResponses = 1, methods } = this.#options;
    if (!this.#isAllSent || expectResponses === Infinity) return;
    const { responses } = parseResponses(this.output, methods);
    const finals = responses.filter(({ status }) => status >= 200);
    if (finals.length >= expectResponses) await this.#end();
  }

  async #end(): Promise<void> {
    if (this.#hasEnded) return;
    this.#hasEnded = true;
    try {
      await this.#peer.end();
    } catch {
      // The server has closed both directions.
    }
  }
}
