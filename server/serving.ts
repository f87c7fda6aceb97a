/** The beginning of serving, which is the same on all engines: bind everything or nothing, and hand over what ends it. */

import type { ListenAddress } from "./address.ts";
import type { Listener } from "./engines/accept_loop.ts";
import type {
  ConnectionManager,
  ManagerEvents,
} from "./engines/connection_manager.ts";
import { errorReport } from "./error_report.ts";
import type { ServeOptions } from "./serve_options.ts";
import { type RunningEngine, ServerHandle } from "./server_handle.ts";

/** An engine that listens nowhere yet. */
export interface StartedEngine {
  readonly engine: ConnectionManager;
  /** Listens at an address, the one of that index. */
  bind(address: ListenAddress, index: number): Listener;
}

/** What serves. */
export interface Serving {
  readonly engine: RunningEngine;
  readonly addrs: readonly Deno.Addr[];
  /** See {@linkcode ServerHandle.finished}. */
  readonly finished: Promise<void>;
}

/** What makes a {@linkcode Serving}. */
export interface ServingInit {
  readonly addresses: readonly ListenAddress[];
  readonly options: ServeOptions;
  /** Makes the engine. */
  start(events: ManagerEvents): StartedEngine;
}

/**
 * Makes an engine and accepts at all addresses.
 *
 * @throws {Error} If one cannot be bound; none is then.
 */
export function startServing(
  { addresses, options, start }: ServingInit,
): Serving {
  const finished = Promise.withResolvers<void>();
  const { engine, bind } = start({
    onFinished: (error) => settle(finished, error),
    onError: errorReport(options.onError),
  });
  const addrs: Deno.Addr[] = [];
  try {
    addresses.forEach((address, index) => {
      const listener = bind(address, index);
      addrs.push(listener.addr);
      engine.acceptFrom(listener);
    });
  } catch (error) {
    engine.closeNow();
    throw error;
  }
  return { engine, addrs, finished: finished.promise };
}

/** The handle of what serves, which the signal ends as well. */
export function handleOf(
  { engine, addrs, finished }: Serving,
  signal: AbortSignal | undefined,
): ServerHandle {
  if (signal !== undefined) stopOn(signal, engine, finished);
  return new ServerHandle(engine, addrs, finished);
}

/** Ends a promise by how serving ended. */
export function settle(
  finished: PromiseWithResolvers<void>,
  error: unknown,
): void {
  if (error === null) finished.resolve();
  else finished.reject(error);
}

function stopOn(
  signal: AbortSignal,
  engine: RunningEngine,
  finished: Promise<void>,
): void {
  const stop = (): void => engine.stop();
  signal.addEventListener("abort", stop, { once: true });
  const forget = (): void => signal.removeEventListener("abort", stop);
  finished.then(forget, forget);
}
