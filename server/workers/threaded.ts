/**
 * Several cores from one program: its own thread supervises workers, each of
 * which runs the program again, comes to the same call, and serves there on
 * the same ports. Which side this thread is on is decided here.
 */

import { parentPort } from "node:worker_threads";
import type { ListenAddress } from "../address.ts";
import type { Application } from "../application.ts";
import { EpollLentSockets } from "../engines/epoll/shared_listeners.ts";
import type { SharedPorts } from "../engines/shared_ports.ts";
import { ReleasedPorts } from "../engines/listen/engine.ts";
import {
  type EngineStarter,
  epollStarter,
  listenStarter,
  requireClearText,
} from "../engines/start.ts";
import { errorReport } from "../error_report.ts";
import type { ThreadedServeOptions } from "../serve_options.ts";
import { type Serving, settle, startServing } from "../serving.ts";
import {
  type Assignment,
  findAssignment,
  keyOf,
  takeAssignment,
  type TcpAddress,
} from "./assignment.ts";
import {
  requireCount,
  requireModule,
  requireSharedPorts,
  requireTcp,
} from "./requirements.ts";
import { servedElsewhere, ServingWorker } from "./serving_worker.ts";
import { Supervisor } from "./supervisor.ts";

/** What is served. */
export interface ThreadedInit {
  readonly app: Application;
  readonly addresses: readonly ListenAddress[];
  readonly options: ThreadedServeOptions;
}

/**
 * Serves from workers, or in one.
 *
 * @throws {Error} What speaks against it; nothing is bound or started then.
 */
export function serveThreaded(init: ThreadedInit): Serving {
  const addresses = requireTcp(init.addresses);
  if (init.options.engine === "epoll") requireClearText(init.app);
  const assignment = findAssignment();
  if (assignment === null || parentPort === null) {
    return supervise(init, addresses);
  }
  if (assignment.key !== keyOf(addresses)) {
    return servedElsewhere(addresses, assignment, parentPort);
  }
  takeAssignment(assignment);
  const serving = startServing({
    addresses: assignment.addresses,
    options: init.options,
    start: starterOf(init, assignment),
  });
  const engine = new ServingWorker(serving, parentPort);
  return { ...serving, engine };
}

function supervise(
  { app, options }: ThreadedInit,
  addresses: readonly TcpAddress[],
): Serving {
  const { engine = "listen", libc } = options;
  const workerCount = requireCount(options.workers ?? app.options.threadCount);
  requireSharedPorts(engine);
  const module = requireModule(options.module);
  const sockets: SharedPorts = engine === "epoll"
    ? new EpollLentSockets(addresses, { threadCount: workerCount, libc })
    : new ReleasedPorts(addresses);
  const { addrs } = sockets;
  const finished = Promise.withResolvers<void>();
  const supervisor = new Supervisor({
    workerCount,
    module,
    sockets,
    assignmentOf: (index): Assignment => ({
      role: "khttp worker",
      key: keyOf(addresses),
      addresses: addresses.map(({ transport, hostname }, at) => ({
        transport,
        hostname,
        port: addrs[at]!.port, // there is one for each address
      })),
      descriptors: sockets.descriptorsOf(index),
      isTaken: false,
    }),
  }, {
    onListening: () => options.onListen?.(addrs[0]!), // a server has at least one address
    onFinished: (error) => settle(finished, error),
    onError: errorReport(options.onError),
  });
  return { engine: supervisor, addrs, finished: finished.promise };
}

function starterOf(
  { app, options: { engine = "listen", libc } }: ThreadedInit,
  { descriptors }: Assignment,
): EngineStarter {
  if (engine === "listen") return listenStarter(app, true);
  return epollStarter(app, { libc, descriptors });
}
