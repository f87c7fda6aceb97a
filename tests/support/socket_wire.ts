/** Scripted connections over sockets of an engine, which receives each piece before the next is sent. */

import { Server, type ServerHandle } from "../../mod.ts";
import type { ServerOptions } from "../../server/options.ts";
import { SocketRig } from "./socket_rig.ts";
import { parseResponses } from "./parse_responses.ts";
import { endNow } from "./serve.ts";
import {
  type ConfigureWire,
  type PeerEnd,
  ScriptedPeer,
  type Wire,
  type WireOptions,
  type WireOutcome,
} from "./wire.ts";
import { withDeadline } from "./with_deadline.ts";
import { writeAll } from "./write_all.ts";

/** Time for each step of a connection, in ms. */
const DEADLINE_MS = 10_000;

/** See the file's header. */
export class SocketWire implements Wire {
  readonly concurrency = 64;
  #rig: SocketRig;

  /** Sets up the application, and serves it on the engine that `start` starts. */
  constructor(
    start: (server: Server) => ServerHandle,
    configure: ConfigureWire,
    options: Partial<ServerOptions> = {},
  ) {
    this.#rig = new SocketRig((hooks) => {
      const app = Server.builder("127.0.0.1:0", options)
        .connectionSetupHook(hooks.connectionSetup)
        .connectionTeardownHook(hooks.connectionTeardown);
      configure(app, (conn) => this.#rig.logOf(conn));
      const handle = start(app.build());
      const { port } = handle.addr as Deno.NetAddr; // a TCP address was given
      return { port, stop: () => endNow(handle) };
    });
  }

  /** See {@linkcode Wire.run}. */
  async run(
    pieces: readonly Uint8Array[],
    options: WireOptions = {},
  ): Promise<WireOutcome> {
    const { conn, side } = await this.#rig.connect();
    const peer = new ScriptedPeer(this.#peerEndOf(conn, options), options);
    try {
      await withDeadline(
        peer.run(pieces),
        options.deadlineMs ?? DEADLINE_MS,
        () => peer.describe(pieces),
      );
    } finally {
      conn.close();
    }
    await withDeadline(side.tornDown.promise, DEADLINE_MS);
    const { output, closedByServer } = peer;
    const { log, error: teardownError } = side;
    const { responses, rest } = parseResponses(output, options.methods, true);
    return { output, responses, rest, closedByServer, teardownError, log };
  }

  /** Ends serving. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#rig.stop();
  }

  #peerEndOf(conn: Deno.TcpConn, options: WireOptions): PeerEnd {
    const buffer = new Uint8Array(65_536);
    return {
      send: async (piece, isLast) => {
        await writeAll(conn, piece);
        // The end may arrive together with the last bytes.
        const endsNow = isLast && options.endsAfterPieces === true;
        if (!endsNow) await this.#rig.seen();
      },
      receive: async () => {
        const size = await conn.read(buffer).catch(() => null); // a reset ends it too
        return size === null ? null : buffer.slice(0, size);
      },
      end: () => conn.closeWrite(),
    };
  }
}
