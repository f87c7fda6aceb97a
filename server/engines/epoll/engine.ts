/**
 * The epoll engine's parts, put together: the C library, the loop, listeners
 * and transports. It is an engine like the other; its bytes take another way.
 */

import type { ListenAddress } from "../../address.ts";
import type { Application } from "../../application.ts";
import { type Clock, SYSTEM_CLOCK } from "../../deadlines.ts";
import type { Listener } from "../acceptor.ts";
import { DuplexTransport } from "../duplex_transport.ts";
import { Engine, type EngineEvents } from "../engine.ts";
import { bindListener } from "../listen.ts";
import type { ServedTransport, TransportInit } from "../served_transport.ts";
import { EventLoop } from "./event_loop.ts";
import { Libc } from "./libc.ts";
import { EpollListener } from "./listener.ts";
import { resolveHost } from "./resolve.ts";
import { EpollSocket } from "./socket.ts";
import { EpollTransport, type ReceivePlace } from "./transport.ts";

/** How the epoll engine is set up. */
export interface EpollEngineOptions {
  /** Where the C library is, if not where the loader looks for it. */
  readonly libc: string | undefined;
  /** How many events one wait gives at most. */
  readonly maxEvents: number;
  /** Whether the port is shared with other listeners. */
  readonly isShared: boolean;
  /** Where the time of deadlines comes from. @default {SYSTEM_CLOCK} */
  readonly clock?: Clock;
}

/** An engine on sockets of its own. */
export class EpollEngine {
  /** What it has in common with the other one. */
  readonly engine: Engine;
  #libc: Libc;
  #loop: EventLoop;
  #place: ReceivePlace;
  #isShared: boolean;

  /**
   * Creates an engine that listens nowhere.
   *
   * @throws {Deno.errors.NotSupported | Deno.errors.NotCapable} If the system
   * or the permissions do not allow it.
   */
  constructor(
    app: Application,
    events: EngineEvents,
    { libc, maxEvents, isShared, clock = SYSTEM_CLOCK }: EpollEngineOptions,
  ) {
    this.#isShared = isShared;
    this.#libc = new Libc(libc);
    this.#loop = this.#makeLoop(maxEvents);
    this.engine = new Engine(app, {
      onFinished: (error) => {
        this.#close().then(() => events.onFinished(error));
      },
      onError: events.onError,
    }, { clock, carry: (init) => this.#carry(init) });
    const { bytes, start, size } = windowOf(this.engine.services);
    const address = this.#libc.addressOf(bytes.subarray(start));
    this.#place = { bytes, start, size, address };
  }

  /**
   * Binds an address; a path by the runtime, which has the permissions for it.
   *
   * @throws {Error} What the system or the permissions say against it.
   */
  bind(address: ListenAddress): Listener {
    if (address.transport === "unix") {
      return bindListener(address, { tls: null });
    }
    const { hostname, port } = address;
    requirePermission(hostname, port);
    return new EpollListener({
      loop: this.#loop,
      address: resolveHost(this.#libc, hostname, port),
      isShared: this.#isShared,
    });
  }

  #makeLoop(maxEvents: number): EventLoop {
    try {
      return new EventLoop(this.#libc, maxEvents, (error) => {
        this.engine.fail(error);
        this.engine.closeNow();
      });
    } catch (error) {
      this.#libc.close();
      throw error;
    }
  }

  #carry(init: TransportInit): ServedTransport {
    const { duplex } = init;
    if (!(duplex instanceof EpollSocket)) return new DuplexTransport(init);
    return new EpollTransport(init, duplex, this.#loop, this.#place);
  }

  async #close(): Promise<void> {
    await this.#loop.close();
    this.#libc.close();
  }
}

/** The C library asks for no permission to use the network; whoever gave none still means it. */
function requirePermission(hostname: string, port: number): void {
  const host = hostname.includes(":") ? `[${hostname}]` : hostname;
  const name = `${host}:${port}`;
  const { state } = Deno.permissions.requestSync({ name: "net", host: name });
  if (state === "granted") return;
  throw new Deno.errors.NotCapable(
    `Cannot listen on ${name}: run with --allow-net=${name}`,
  );
}

// deno-lint-ignore no-explicit-any
function windowOf(
  services: any,
): { bytes: Uint8Array<ArrayBuffer>; start: number; size: number } {
  return services.window ??
    { bytes: new Uint8Array(65536), start: 0, size: 65536 };
}
