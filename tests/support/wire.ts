/**
 * Connections whose octets come in given pieces, and all that comes of them:
 * in memory, through the transport of the default engine, and over sockets of
 * the epoll engine. The outcome has the same shape.
 */

import { decodeLatin1 } from "../../codec/ascii.ts";
import { type Duplex, Server, type ServerBuilder } from "../../mod.ts";
import type { ServerOptions } from "../../server/options.ts";
import { EpollRig, type RigConnection } from "./epoll_rig.ts";
import {
  MemoryDuplex,
  parseResponses,
  type WireOptions,
  type WireOutcome,
  withDeadline,
} from "./helpers.ts";

/** Gives the log of the connection that a handler's context names. */
export type LogOf = (conn: Duplex) => unknown[];

/** Sets up the application of a wire; its setup and teardown hooks are the wire's. */
export type ConfigureWire = (app: ServerBuilder, logOf: LogOf) => void;

/** One application, and connections to it. */
export interface Wire extends AsyncDisposable {
  /** How many connections should run at once. */
  readonly concurrency: number;
  /** Serves one scripted connection to its end. */
  run(
    pieces: readonly Uint8Array[],
    options?: WireOptions,
  ): Promise<WireOutcome>;
}

/** Runs a delivery after the other, as many at once as the wire likes. */
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

/** Through `server.handle()`, without a network. */
export class MemoryWire implements Wire {
  readonly concurrency = 1;
  #server: Server;

  /** Sets up the application. */
  constructor(configure: ConfigureWire, options: Partial<ServerOptions> = {}) {
    const app = Server.builder("127.0.0.1:0", options);
    app.connectionTeardownHook((conn, error) => {
      inMemory(conn).teardownError = error;
    });
    configure(app, (conn) => inMemory(conn).log);
    this.#server = app.build();
  }

  /** See {@linkcode Wire.run}. */
  async run(
    pieces: readonly Uint8Array[],
    options: WireOptions = {},
  ): Promise<WireOutcome> {
    const duplex = new MemoryDuplex(pieces, options);
    await withDeadline(
      this.#server.handle(duplex),
      options.deadlineMs ?? 5000,
      () => describe(pieces, duplex.output),
    );
    const { output, closedByServer, teardownError, log } = duplex;
    const { responses, rest } = parseResponses(output, options.methods, true);
    return { output, responses, rest, closedByServer, teardownError, log };
  }

  /** Nothing is left of a connection that ended. */
  [Symbol.asyncDispose](): Promise<void> {
    return Promise.resolve();
  }
}

/** Over sockets, to the epoll engine: each piece is taken before the next is sent. */
export class EpollWire implements Wire {
  readonly concurrency = 64;
  #rig: EpollRig;

  /** Sets up the application, and serves it. */
  constructor(configure: ConfigureWire, options: Partial<ServerOptions> = {}) {
    this.#rig = new EpollRig((hooks) => {
      const app = Server.builder("127.0.0.1:0", options)
        .connectionSetupHook(hooks.connectionSetup)
        .connectionTeardownHook(hooks.connectionTeardown);
      configure(app, (conn) => this.#rig.logOf(conn));
      const handle = app.build().serveEpoll();
      const { port } = handle.addr as Deno.NetAddr; // a TCP address was given
      return { port, stop: () => handle.shutdown({ deadline: 10_000 }) };
    });
  }

  /** See {@linkcode Wire.run}. */
  async run(
    pieces: readonly Uint8Array[],
    options: WireOptions = {},
  ): Promise<WireOutcome> {
    const connection = await this.#rig.connect();
    const peer = new SocketPeer(connection, options);
    try {
      await withDeadline(
        peer.run(pieces, () => this.#rig.seen()),
        options.deadlineMs ?? 10_000,
        () => describe(pieces, peer.output),
      );
    } finally {
      connection.conn.close();
    }
    await withDeadline(connection.side.tornDown.promise, 10_000);
    const { output, closedByServer } = peer;
    const { log, error: teardownError } = connection.side;
    const { responses, rest } = parseResponses(output, options.methods, true);
    return { output, responses, rest, closedByServer, teardownError, log };
  }

  /** Ends serving. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#rig.stop();
  }
}

/** The peer's end of a connection over a socket. */
class SocketPeer {
  /** What the server wrote. */
  output = "";
  /** Whether the server ended its direction before the peer did. */
  closedByServer = false;
  #conn: Deno.TcpConn;
  #options: WireOptions;
  #isAllSent = false;
  #hasEnded = false;

  constructor({ conn }: RigConnection, options: WireOptions) {
    this.#conn = conn;
    this.#options = options;
  }

  /** Sends the pieces, and reads to the end. */
  async run(
    pieces: readonly Uint8Array[],
    seen: () => Promise<void>,
  ): Promise<void> {
    const reading = this.#readAll();
    try {
      for (const [index, piece] of pieces.entries()) {
        await this.#send(piece);
        // The end may come together with the last octets.
        const isLast = index === pieces.length - 1;
        if (!isLast || this.#options.endsAfterPieces !== true) await seen();
      }
    } catch {
      // The server takes no more; what it said before comes all the same.
    }
    this.#isAllSent = true;
    if (this.#options.endsAfterPieces === true) await this.#end();
    else await this.#endIfAnswered();
    await reading;
  }

  async #readAll(): Promise<void> {
    const buffer = new Uint8Array(65_536);
    for (;;) {
      let size: number | null = null;
      try {
        size = await this.#conn.read(buffer);
      } catch {
        // Reset: the end, too.
      }
      if (size === null) break;
      this.output += decodeLatin1(buffer, 0, size);
      await this.#endIfAnswered();
    }
    if (!this.#hasEnded) this.closedByServer = true;
  }

  async #send(bytes: Uint8Array): Promise<void> {
    for (let sent = 0; sent < bytes.length;) {
      sent += await this.#conn.write(bytes.subarray(sent));
    }
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
      await this.#conn.closeWrite();
    } catch {
      // The server has closed it altogether.
    }
  }
}

function inMemory(conn: Duplex): MemoryDuplex {
  if (conn instanceof MemoryDuplex) return conn;
  throw new TypeError("Cannot find log: the connection is not in memory");
}

function describe(pieces: readonly Uint8Array[], output: string): string {
  return `pieces of ${
    pieces.map((piece) => piece.length).slice(0, 8)
  } bytes, ` +
    `answered with ${JSON.stringify(output)}`;
}
