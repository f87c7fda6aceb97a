/** Scripted connections in memory, through `server.handle()` and the transport of the default engine. */

import { type Duplex, Server } from "../../mod.ts";
import type { ServerOptions } from "../../server/options.ts";
import { MemoryConnection } from "./memory_duplex.ts";
import { parseResponses } from "./parse_responses.ts";
import {
  type ConfigureWire,
  type PeerEnd,
  ScriptedPeer,
  type Wire,
  type WireOptions,
  type WireOutcome,
} from "./wire.ts";
import { withDeadline } from "./with_deadline.ts";

/** What the server's side records of a connection. */
interface ServerSide {
  readonly log: unknown[];
  teardownError: Error | undefined;
}

/** See the file's header. */
export class MemoryWire implements Wire {
  readonly concurrency = 1;
  #server: Server;
  #sides: WeakMap<Duplex, ServerSide> = new WeakMap();

  /** Sets up the application. */
  constructor(configure: ConfigureWire, options: Partial<ServerOptions> = {}) {
    const app = Server.builder("127.0.0.1:0", options);
    app.connectionTeardownHook((conn, error) => {
      this.#sideOf(conn).teardownError = error;
    });
    configure(app, (conn) => this.#sideOf(conn).log);
    this.#server = app.build();
  }

  /** See {@linkcode Wire.run}. */
  async run(
    pieces: readonly Uint8Array[],
    options: WireOptions = {},
  ): Promise<WireOutcome> {
    const { maxWriteBytes = Infinity, deadlineMs = 5000 } = options;
    const connection = new MemoryConnection({ maxWriteBytes });
    const peer = new ScriptedPeer(peerEndOf(connection), options);
    // A client closes after the server's end, which ends a lingering close.
    const played = peer.run(pieces).then(() => connection.end());
    await withDeadline(
      Promise.all([played, this.#server.handle(connection.duplex)]),
      deadlineMs,
      () => peer.describe(pieces),
    );
    const { output, closedByServer } = peer;
    const { responses, rest } = parseResponses(output, options.methods, true);
    const { log, teardownError } = this.#sideOf(connection.duplex);
    return { output, responses, rest, closedByServer, teardownError, log };
  }

  /** Nothing remains of a connection that has ended. */
  [Symbol.asyncDispose](): Promise<void> {
    return Promise.resolve();
  }

  #sideOf(conn: Duplex): ServerSide {
    let side = this.#sides.get(conn);
    if (side === undefined) {
      side = { log: [], teardownError: undefined };
      this.#sides.set(conn, side);
    }
    return side;
  }
}

function peerEndOf(connection: MemoryConnection): PeerEnd {
  return {
    send: (piece) => Promise.resolve(connection.sendBytes(piece)),
    receive: () => connection.receive(),
    end: () => Promise.resolve(connection.end()),
  };
}
