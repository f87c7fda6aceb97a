/**
 * The table of engines: one test checks a behaviour of the server on each of
 * them. `engines_test.ts` lists the tests that cannot run on all.
 */

import type { Handler, ServeOptions, Server, ServerHandle } from "../../mod.ts";
import type { Application } from "../../server/hooks.ts";
import type { Clock } from "../../server/connection/connections.ts";
import type { Engine } from "../../server/engines/engine.ts";
import type { ServerOptions } from "../../server/options.ts";
import { type Configure, serveOn, type TestServer } from "./serve.ts";
import { type ListeningManager, listenWith } from "./application.ts";
import type { TimedHooks, TimedPeer } from "./timed_peer.ts";
import { listenTimed, TimedConnection } from "./timed_connection.ts";
import { epollEngine, nodeEngine, TimedSocket } from "./timed_socket.ts";
import type { ConfigureWire, Wire } from "./wire.ts";
import { registerTest, type TestCase } from "./register.ts";
import { MemoryWire } from "./memory_wire.ts";
import { SocketWire } from "./socket_wire.ts";

/** One engine, and the ways in which tests use it. */
export interface TestEngine {
  readonly name: "listen" | "epoll" | "node";
  /** Whether this system lacks it. */
  readonly isAbsent: boolean;
  /** Serves an application. */
  start(server: Server, options?: Omit<ServeOptions, "engine">): ServerHandle;
  /** Serves what `configure` sets up, on a free port of 127.0.0.1. */
  serve(configure: Configure, options?: Partial<ServerOptions>): TestServer;
  /** Serves connections whose bytes arrive in given pieces. */
  wire(configure: ConfigureWire, options?: Partial<ServerOptions>): Wire;
  /** Serves one connection with a clock that only the test moves. */
  timed(
    handler: Handler,
    options?: Partial<ServerOptions>,
    hooks?: TimedHooks,
  ): TimedPeer;
  /** Serves an application on a free port of 127.0.0.1 with the given clock. */
  listenTimed(app: Application, clock: Clock): ListeningManager;
}

/** The default engine. Wires and timed connections run its transport in memory. */
export const LISTEN: TestEngine = Object.freeze<TestEngine>({
  name: "listen",
  isAbsent: false,
  start: (server, options) => server.serve(options),
  serve: (configure, options) =>
    serveOn((server, serving) => server.serve(serving), configure, options),
  wire: (configure, options) => new MemoryWire(configure, options),
  timed: (handler, options, hooks) =>
    new TimedConnection(handler, options, hooks),
  listenTimed,
});

/** An engine whose wires and timed connections run over sockets. */
function socketEngine(
  name: TestEngine["name"],
  isAbsent: boolean,
  start: TestEngine["start"],
  makeEngine: () => Engine,
): TestEngine {
  return Object.freeze<TestEngine>({
    name,
    isAbsent,
    start,
    serve: (configure, options) => serveOn(start, configure, options),
    wire: (configure, options) => new SocketWire(start, configure, options),
    timed: (handler, options, hooks) =>
      new TimedSocket(makeEngine, handler, options, hooks),
    listenTimed: (app, clock) => listenWith(app, makeEngine(), clock),
  });
}

/** The engine on Linux's epoll. */
export const EPOLL: TestEngine = socketEngine(
  "epoll",
  typeof Deno === "undefined" || Deno.build.os !== "linux",
  (server, options) => server.serveEpoll(options),
  epollEngine,
);

/** The engine on `node:net`. */
export const NODE: TestEngine = socketEngine(
  "node",
  false,
  (server, options) => server.serve({ ...options, engine: "node" }),
  nodeEngine,
);

/** All engines of the runtime. */
export const ENGINES: readonly TestEngine[] = Object.freeze(
  typeof Deno === "undefined" ? [NODE] : [LISTEN, EPOLL, NODE],
);

/** What Deno checks of a test. */
type Sanitizers = Pick<TestCase, "sanitizeResources">;

/** Registers a test for each engine. */
export function testEngines(
  name: string,
  run: (engine: TestEngine) => void | Promise<void>,
  sanitizers: Sanitizers = {},
): void {
  for (const engine of ENGINES) testEngine(engine, name, run, sanitizers);
}

/** Registers a test for one engine: `engines_test.ts` says why not for the others. */
export function testEngine(
  engine: TestEngine,
  name: string,
  run: (engine: TestEngine) => void | Promise<void>,
  sanitizers: Sanitizers = {},
): void {
  if (!ENGINES.includes(engine)) return;
  registerTest({
    ...sanitizers,
    name: engine === LISTEN ? name : `${name} [${engine.name}]`,
    ignore: engine.isAbsent,
    fn: () => run(engine),
  });
}
