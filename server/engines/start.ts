/** The engines by name: how each is made for an application, for one thread or for several that share their ports. */

import type { Application } from "../application.ts";
import type { StartedEngine } from "../serving.ts";
import { ConnectionManager, type ManagerEvents } from "./connection_manager.ts";
import { EpollEngine } from "./epoll/engine.ts";
import { bindListener } from "./listen/engine.ts";
import { TlsListener } from "./tls/tls_listener.ts";

/** Makes an engine. */
export type EngineStarter = (events: ManagerEvents) => StartedEngine;

/** Makes the default engine; its ports are bound by other threads too if `isShared`. */
export function listenStarter(
  app: Application,
  isShared: boolean,
): EngineStarter {
  const { tls } = app;
  return (events) => ({
    engine: new ConnectionManager(app, events),
    bind: (address) => {
      const listener = bindListener(address, { isShared });
      return tls === null || address.transport === "unix"
        ? listener
        : new TlsListener(listener, {
          identity: tls,
          handshakeTimeoutMs: app.options.handshakeTimeout,
        });
    },
  });
}

/** What the epoll engine is made with. */
export interface EpollStarterOptions {
  /** The C library's path, if not where the loader looks for it. */
  readonly libc: string | undefined;
  /** Sockets that listen at the addresses, to be borrowed; `null` to open some. */
  readonly descriptors: readonly number[] | null;
}

/** Makes the epoll engine. */
export function epollStarter(
  app: Application,
  { libc, descriptors }: EpollStarterOptions,
): EngineStarter {
  return (events) => {
    const { epollQueueMaxEvents: maxEvents } = app.options;
    const epoll = new EpollEngine(app, events, { libc, maxEvents });
    return {
      engine: epoll.engine,
      bind: (address, index) => {
        const fd = descriptors?.[index];
        return fd === undefined ? epoll.bind(address) : epoll.borrow(fd);
      },
    };
  };
}

/** @throws {TypeError} If the application wants TLS, which the epoll engine does not have. */
export function requireClearText({ tls }: Application): void {
  if (tls === null) return;
  throw new TypeError(
    `Cannot serve TLS with epoll: use serve(), or serveThreaded() with engine "listen"`,
  );
}
