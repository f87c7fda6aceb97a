/** Creates engines, for one thread or for several that share their ports. */

import type { TcpAddress } from "../address.ts";
import type { Application } from "../hooks.ts";
import type { Engine } from "./engine.ts";
import type { Listener } from "./listener.ts";
import { EpollEngine } from "./epoll/engine.ts";
import { EpollSharedPorts } from "./epoll/shared_ports.ts";
import { ListenEngine } from "./listen/engine.ts";
import { ReleasedPorts } from "./released_ports.ts";
import { type EngineName, requireDeno } from "./runtime.ts";
import { listenForThreads } from "./runtime_listen.ts";
import type { SharedPorts } from "./shared_ports.ts";
import { bindAlone } from "./node/bind.ts";
import { NodeEngine } from "./node/engine.ts";
import { TlsListener } from "./tls/tls_listener.ts";

/** Returns the runtime's engine for a program that names none. */
export function defaultEngine(): "listen" | "node" {
  return typeof Deno === "undefined" ? "node" : "listen";
}

/**
 * Makes the engine of `serve()`.
 *
 * @throws {Error} If the runtime does not have it.
 */
export function engineOf(
  app: Application,
  name: "listen" | "node" = defaultEngine(),
): Engine {
  const secure = secureFor(app);
  if (name === "node") return new NodeEngine({ secure });
  requireDeno('serve on engine "listen"', 'use engine "node"');
  return new ListenEngine({ secure });
}

/**
 * Makes the epoll engine.
 *
 * @param libc The C library's path, if the loader cannot find it.
 * @throws {TypeError} If the application has a TLS identity.
 * @throws {Deno.errors.NotSupported | Deno.errors.NotCapable} If the system or
 * the permissions do not allow it.
 */
export function epollEngine(
  app: Application,
  libc: string | undefined,
): Engine {
  requireDeno("serve with epoll", "use serve()");
  requireClearText(app);
  return new EpollEngine({ libc, maxEvents: app.options.epollQueueMaxEvents });
}

/** How a thread takes part in serving shared ports. */
export interface SharedEngineOptions {
  readonly engine: EngineName;
  /** The C library's path, if the loader cannot find it. */
  readonly libc: string | undefined;
  /** See {@linkcode SharedPorts.descriptorsOf}. */
  readonly descriptors: readonly number[];
}

/**
 * Makes the engine of a thread that serves shared ports.
 *
 * @throws {Deno.errors.NotSupported | Deno.errors.NotCapable} If the system or
 * the permissions do not allow the engine.
 */
export function sharedEngine(
  app: Application,
  { engine, libc, descriptors }: SharedEngineOptions,
): Engine {
  if (engine !== "epoll") {
    const options = { isShared: true, secure: secureFor(app) };
    return engine === "node"
      ? new NodeEngine(options)
      : new ListenEngine(options);
  }
  const maxEvents = app.options.epollQueueMaxEvents;
  return new EpollEngine({ libc, maxEvents, descriptors });
}

/** Which threads share ports, and by which engine. */
export interface SharePortsOptions {
  readonly engine: EngineName;
  readonly threadCount: number;
  /** The C library's path, if the loader cannot find it. */
  readonly libc: string | undefined;
}

/**
 * Finds or opens the ports that several threads serve.
 *
 * @throws {Error} If the system or the permissions refuse an address.
 */
export function sharePorts(
  addresses: readonly TcpAddress[],
  { engine, threadCount, libc }: SharePortsOptions,
): SharedPorts {
  if (engine === "listen") {
    return new ReleasedPorts(addresses, threadCount, listenForThreads);
  }
  if (engine === "node") {
    return new ReleasedPorts(addresses, threadCount, bindAlone);
  }
  return new EpollSharedPorts(addresses, { threadCount, libc });
}

/** Returns what adds TLS to a listener, if the application has a TLS identity. */
function secureFor(
  { tls, options, proxies }: Application,
): (listener: Listener) => Listener {
  return (listener) =>
    tls === null ? listener : new TlsListener(listener, {
      identity: tls,
      handshakeTimeoutMs: options.handshakeTimeout,
      expectsHeader: proxies !== null,
    });
}

/** @throws {TypeError} If the application has a TLS identity, which the epoll engine cannot use. */
export function requireClearText({ tls }: Application): void {
  if (tls === null) return;
  throw new TypeError(
    `Cannot serve TLS with epoll: use the engine "listen" of serve() or serveThreaded()`,
  );
}
