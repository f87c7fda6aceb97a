/**
 * Serves on several cores. The program's own thread supervises workers. Each
 * worker runs the program again, reaches the same call, and serves the same
 * ports there. This file decides which of the two a thread does.
 */

import { parentPort } from "node:worker_threads";
import type { ListenAddress, TcpAddress } from "../address.ts";
import type { Application } from "../application.ts";
import { ConnectionManager } from "../engines/connection_manager.ts";
import {
  requireClearText,
  sharedEngine,
  sharePorts,
} from "../engines/start.ts";
import { errorReporter } from "../error_reporter.ts";
import type { ThreadedServeOptions } from "../serve_options.ts";
import type { Serving } from "../server_handle.ts";
import {
  type Assignment,
  findAssignment,
  keyOf,
  takeAssignment,
} from "./assignment.ts";
import {
  requireCount,
  requireModule,
  requireSharedPorts,
  requireTcp,
} from "./requirements.ts";
import { IdleServing, ServingWorker } from "./serving_worker.ts";
import { Supervisor } from "./supervisor.ts";

/** What to serve, and how. */
export interface ThreadedInit {
  readonly app: Application;
  readonly addresses: readonly ListenAddress[];
  readonly options: ThreadedServeOptions;
}

/**
 * Starts the workers, or serves if this thread is one of them.
 *
 * @throws {Error} If a requirement is not met; nothing is bound or started then.
 */
export function serveThreaded(init: ThreadedInit): Serving {
  const addresses = requireTcp(init.addresses);
  if (init.options.engine === "epoll") requireClearText(init.app);
  const assignment = findAssignment();
  if (assignment === null || parentPort === null) {
    return supervise(init, addresses);
  }
  if (assignment.key !== keyOf(addresses)) {
    return new IdleServing(addresses, assignment, parentPort);
  }
  takeAssignment(assignment);
  const manager = serveAssignment(init, assignment);
  return new ServingWorker(manager, parentPort);
}

function supervise(
  { app, options }: ThreadedInit,
  addresses: readonly TcpAddress[],
): Serving {
  const { engine = "listen", libc, onListen, onError } = options;
  const workerCount = requireCount(options.workers ?? app.options.threadCount);
  requireSharedPorts(engine);
  const module = requireModule(options.module);
  const ports = sharePorts(addresses, {
    engine,
    threadCount: workerCount,
    libc,
  });
  const { addrs } = ports;
  return new Supervisor({
    workerCount,
    module,
    ports,
    assignmentOf: (index): Assignment => ({
      role: "khttp worker",
      key: keyOf(addresses),
      addresses: addresses.map(({ transport, hostname }, at) => ({
        transport,
        hostname,
        port: addrs[at]!.port, // there is one for each address
      })),
      descriptors: ports.descriptorsOf(index),
      isTaken: false,
    }),
    onListening: () => onListen?.(addrs[0]!), // a server has at least one address
    onError: errorReporter(onError),
  });
}

function serveAssignment(
  { app, options }: ThreadedInit,
  { addresses, descriptors }: Assignment,
): ConnectionManager {
  const { engine: name = "listen", libc, onError } = options;
  const engine = sharedEngine(app, { engine: name, libc, descriptors });
  const manager = new ConnectionManager(app, engine, {
    onError: errorReporter(onError),
  });
  manager.listen(addresses);
  return manager;
}
