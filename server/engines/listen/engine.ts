/**
 * The default engine. It uses the runtime's listeners and connections, and so
 * needs only the network permission.
 */

import { type ListenAddress, needsEpoll } from "../../address.ts";
import { DuplexTransport } from "../duplex_transport.ts";
import type { Engine } from "../engine.ts";
import type { Listener } from "../listener.ts";
import { listenTcp, listenUnix } from "../runtime_listen.ts";
import type { ServedTransport, TransportInit } from "../transport.ts";

/** Settings of a {@linkcode ListenEngine}. */
export interface ListenEngineOptions {
  /** Whether other threads bind the same ports. @default {false} */
  readonly isShared?: boolean;
  /** Wraps each TCP listener, such as with TLS. @default {leaves it as it is} */
  readonly secure?: (listener: Listener) => Listener;
}

/** See the file's header. */
export class ListenEngine implements Engine {
  #isShared: boolean;
  #secure: (listener: Listener) => Listener;

  /** Creates an engine that holds no resources of its own. */
  constructor(
    { isShared = false, secure = (listener) => listener }: ListenEngineOptions =
      {},
  ) {
    this.#isShared = isShared;
    this.#secure = secure;
  }

  /** See {@linkcode Engine.start}. There is nothing to start. */
  start(): void {}

  /** See {@linkcode Engine.bind}. */
  bind(address: ListenAddress): Listener {
    if (address.transport === "unix") return listenUnix(address);
    if (address.transport === "fd") throw needsEpoll(address);
    return this.#secure(listenTcp(address, { isShared: this.#isShared }));
  }

  /** See {@linkcode Engine.carry}. */
  carry(init: TransportInit): ServedTransport {
    return new DuplexTransport(init);
  }

  /** See {@linkcode Engine.close}. */
  close(): Promise<void> {
    return Promise.resolve();
  }
}
