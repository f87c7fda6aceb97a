/**
 * The engine on `node:net`, which Deno, Node and Bun have. The runtime reads
 * into the memory that the engine's connections share, if it can; otherwise it
 * gives each connection its bytes in a buffer of their own.
 */

import type { ListenAddress } from "../../address.ts";
import type { ReceiveMemory } from "../../connection/transport.ts";
import { DuplexTransport } from "../duplex_transport.ts";
import type { Engine } from "../engine.ts";
import type { Listener } from "../listener.ts";
import type { ServedTransport, TransportInit } from "../transport.ts";
import { bind } from "./bind.ts";
import { NodeListener } from "./listener.ts";
import { NodeSocket, type ReadArea } from "./socket.ts";
import { NodeTransport } from "./transport.ts";
import { TurnBudget } from "./turn_budget.ts";

/** Settings of a {@linkcode NodeEngine}. */
export interface NodeEngineOptions {
  /** Whether other threads bind the same ports. @default {false} */
  readonly isShared?: boolean;
  /** Wraps each TCP listener, such as with TLS. @default {leaves it as it is} */
  readonly secure?: (listener: Listener) => Listener;
}

/** See the file's header. */
export class NodeEngine implements Engine {
  #isShared: boolean;
  #secure: (listener: Listener) => Listener;
  #budget: TurnBudget = new TurnBudget();
  /** The memory that the connections share. */
  #area: ReadArea | null = null;

  /** Creates an engine that holds no resources of its own. */
  constructor(
    { isShared = false, secure = (listener) => listener }: NodeEngineOptions =
      {},
  ) {
    this.#isShared = isShared;
    this.#secure = secure;
  }

  /** See {@linkcode Engine.start}. There is nothing to start. */
  start(): void {}

  /** See {@linkcode Engine.bind}. */
  bind(address: ListenAddress): Listener {
    const server = bind(address, this.#isShared);
    const listener = new NodeListener(server, address, this.#budget);
    return address.transport === "unix" ? listener : this.#secure(listener);
  }

  /**
   * See {@linkcode Engine.carry}. For a duplex that is not a plain socket of
   * this engine, the transport calls its `read` and `write`.
   */
  carry(init: TransportInit): ServedTransport {
    const { context, duplex, isUntrusted } = init;
    if (isUntrusted || !(duplex instanceof NodeSocket)) {
      return new DuplexTransport(init);
    }
    return new NodeTransport(init, duplex, this.#area ??= areaOf(context));
  }

  /** See {@linkcode Engine.close}. */
  close(): Promise<void> {
    return Promise.resolve();
  }
}

function areaOf(memory: ReceiveMemory): ReadArea {
  memory.startScanning();
  const { bytes, start, size } = memory.window;
  return { bytes, start, view: bytes.subarray(start, start + size) };
}
