/**
 * The epoll engine: connects the C library, the event loop, listeners and
 * transports. All connections of an engine receive into the same memory, which
 * belongs to the engine's `EngineContext`.
 */

import type { ListenAddress } from "../../address.ts";
import type { ReceiveMemory } from "../../connection/transport.ts";
import { DuplexTransport } from "../duplex_transport.ts";
import type { Engine } from "../engine.ts";
import type { Listener } from "../listener.ts";
import { listenUnix } from "../runtime_listen.ts";
import { requireNetPermission } from "../net_permission.ts";
import type { ServedTransport, TransportInit } from "../transport.ts";
import { EventLoop } from "./event_loop.ts";
import { takeInherited } from "./inherited_socket.ts";
import { Libc } from "./libc.ts";
import { EpollListener } from "./listener.ts";
import { EpollSocket } from "./socket.ts";
import { openListening, resolveHost } from "./socket_calls.ts";
import { EpollTransport } from "./transport.ts";

/** Settings of an {@linkcode EpollEngine}. */
export interface EpollEngineOptions {
  /** The C library's path, if the loader cannot find it. */
  readonly libc: string | undefined;
  /** The most events that one wait returns. */
  readonly maxEvents: number;
  /**
   * Sockets that listen on the addresses, by position. Another thread opened
   * them, checked the permissions, and will close them. Without one, `bind`
   * opens a socket.
   */
  readonly descriptors?: readonly number[];
}

/** See the file's header. */
export class EpollEngine implements Engine {
  #libc: Libc;
  #loop: EventLoop;
  #descriptors: readonly number[];
  #onFailure: (error: unknown) => void = () => {};
  /** The address of the window that all connections receive into. */
  #windowAddress: Deno.PointerValue = null;

  /**
   * Opens the C library and an epoll instance.
   *
   * @throws {Deno.errors.NotSupported | Deno.errors.NotCapable} If the system
   * or the permissions do not allow it.
   */
  constructor({ libc, maxEvents, descriptors = [] }: EpollEngineOptions) {
    this.#descriptors = descriptors;
    this.#libc = new Libc(libc);
    try {
      this.#loop = new EventLoop(
        this.#libc,
        maxEvents,
        (error) => this.#onFailure(error),
      );
    } catch (error) {
      this.#libc.close();
      throw error;
    }
    // The owner of borrowed sockets closes what a dead thread leaves open.
    if (descriptors.length === 0) addEventListener("unload", this.#onUnload);
  }

  /**
   * With `--watch`, the runtime starts the program again in the same process,
   * where descriptors that it does not know stay open.
   */
  #onUnload = (): void => this.#loop.abandon();

  /** See {@linkcode Engine.start}. */
  start(onFailure: (error: unknown) => void): void {
    this.#onFailure = onFailure;
  }

  /** See {@linkcode Engine.bind}. The runtime serves Unix sockets, and checks their permissions. */
  bind(address: ListenAddress, index: number): Listener {
    const loop = this.#loop;
    const shared = this.#descriptors[index];
    if (shared !== undefined) {
      return new EpollListener({ loop, fd: shared, isOwned: false });
    }
    if (address.transport === "unix") return listenUnix(address);
    if (address.transport === "fd") {
      const fd = takeInherited(this.#libc, address);
      return new EpollListener({ loop, fd, isOwned: true });
    }
    const { hostname, port } = address;
    requireNetPermission(hostname, port);
    const bindAddress = resolveHost(this.#libc, hostname, port);
    const fd = openListening(this.#libc, bindAddress, { isShared: false });
    return new EpollListener({ loop, fd, isOwned: true });
  }

  /**
   * See {@linkcode Engine.carry}. For a duplex that is not a plain socket of
   * this engine, the transport calls its `read` and `write`.
   */
  carry(init: TransportInit): ServedTransport {
    const { context, duplex, isUntrusted } = init;
    if (isUntrusted || !(duplex instanceof EpollSocket)) {
      return new DuplexTransport(init);
    }
    this.#windowAddress ??= this.#addressOfWindow(context);
    return new EpollTransport(init, duplex, this.#windowAddress);
  }

  /** See {@linkcode Engine.close}. */
  async close(): Promise<void> {
    removeEventListener("unload", this.#onUnload);
    await this.#loop.close();
    this.#libc.close();
  }

  #addressOfWindow(memory: ReceiveMemory): Deno.PointerValue {
    memory.startScanning();
    const { bytes, start } = memory.window;
    return this.#libc.addressOf(bytes.subarray(start));
  }
}
