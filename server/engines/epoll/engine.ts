/**
 * The epoll engine's parts, put together: the C library, the loop, listeners
 * and transports. It is an engine like the other; its bytes take another way.
 */

import type { ListenAddress } from "../../address.ts";
import type { Application } from "../../application.ts";
import type { Clock } from "../../connection/clock.ts";
import type { Listener } from "../accept_loop.ts";
import { DuplexTransport } from "../duplex_transport.ts";
import {
  ConnectionManager,
  type ManagerEvents,
} from "../connection_manager.ts";
import { bindListener } from "../listen/engine.ts";
import { requireNetPermission } from "../net_permission.ts";
import { SYSTEM_CLOCK } from "../system_clock.ts";
import type { ServedTransport, TransportInit } from "../transport.ts";
import { EventLoop } from "./event_loop.ts";
import { Libc } from "./libc.ts";
import { EpollListener } from "./listener.ts";
import { openListening } from "./listening_socket.ts";
import { resolveHost } from "./resolve.ts";
import { EpollSocket } from "./socket.ts";
import { EpollTransport, type ReceivePlace } from "./transport.ts";

/** How the epoll engine is set up. */
export interface EpollEngineOptions {
  /** Where the C library is, if not where the loader looks for it. */
  readonly libc: string | undefined;
  /** How many events one wait gives at most. */
  readonly maxEvents: number;
  /** Where the time of deadlines comes from. @default {SYSTEM_CLOCK} */
  readonly clock?: Clock;
}

/** An engine on sockets of its own. */
export class EpollEngine {
  /** What it has in common with the other one. */
  readonly engine: ConnectionManager;
  #libc: Libc;
  #loop: EventLoop;
  #place: ReceivePlace;

  /**
   * Creates an engine that listens nowhere.
   *
   * @throws {Deno.errors.NotSupported | Deno.errors.NotCapable} If the system
   * or the permissions do not allow it.
   */
  constructor(
    app: Application,
    events: ManagerEvents,
    { libc, maxEvents, clock = SYSTEM_CLOCK }: EpollEngineOptions,
  ) {
    this.#libc = new Libc(libc);
    this.#loop = this.#makeLoop(maxEvents);
    this.engine = new ConnectionManager(app, {
      onFinished: (error) => {
        this.#close().then(() => events.onFinished(error));
      },
      onError: events.onError,
    }, { clock, carry: (init) => this.#carry(init) });
    const { bytes, start, size } = this.engine.context.window;
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
      return bindListener(address);
    }
    const { hostname, port } = address;
    requireNetPermission(hostname, port);
    const place = resolveHost(this.#libc, hostname, port);
    const fd = openListening(this.#libc, place, false);
    return new EpollListener({ loop: this.#loop, fd, isLent: false });
  }

  /**
   * Accepts from a listening socket that another thread has opened and will
   * close; what it may be used for was checked there.
   *
   * @throws {Error} If the system has no room to watch it.
   */
  borrow(fd: number): Listener {
    return new EpollListener({ loop: this.#loop, fd, isLent: true });
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
    return new EpollTransport(init, duplex, this.#place);
  }

  async #close(): Promise<void> {
    await this.#loop.close();
    this.#libc.close();
  }
}
