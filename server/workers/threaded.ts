/**
 * Serves on several cores. The program's own thread supervises workers. Each
 * worker runs the program again, reaches the same call, and serves the same
 * ports there. This file decides whether a thread supervises or serves; the
 * caller provides the ports and the code that serves.
 */

import type { ListenAddress, TcpAddress } from "../address.ts";
import type { EngineName } from "../engines/runtime.ts";
import type { SharedPorts } from "../engines/shared_ports.ts";
import { errorReporter } from "../error_reporter.ts";
import { requireCount } from "../options.ts";
import type { ThreadedServeOptions } from "../serve_options.ts";
import type { Serving } from "../server_handle.ts";
import {
  type Assignment,
  findAssignment,
  keyOf,
  takeAssignment,
} from "./assignment.ts";
import {
  requireHangTimeout,
  requireHeap,
  requireModule,
  requireSharedPorts,
  requireTcp,
} from "./requirements.ts";
import {
  IdleServing,
  ServingWorker,
  type ThreadServing,
} from "./serving_worker.ts";
import { Supervisor } from "./supervisor.ts";

/** The server and its settings. */
export interface ThreadedInit {
  readonly addresses: readonly ListenAddress[];
  readonly engine: EngineName;
  readonly options: ThreadedServeOptions;
  /** How many workers to start if the options do not specify it; 0 means one for each core. */
  readonly threadCount: number;
  /** Opens the ports that the workers share; called on the program's own thread. */
  sharePorts(
    addresses: readonly TcpAddress[],
    threadCount: number,
  ): SharedPorts;
  /** Serves on this thread; called in a worker. */
  serve(assignment: Assignment): ThreadServing;
}

/**
 * Starts the workers, or serves if this thread is one of them.
 *
 * @throws {Error} If a requirement is not met; nothing is bound or started then.
 */
export function serveThreaded(init: ThreadedInit): Serving {
  const addresses = requireTcp(init.addresses);
  const { parentPort, workerData } = process.getBuiltinModule(
    "node:worker_threads",
  );
  const assignment = findAssignment(workerData);
  if (assignment === null || parentPort === null) {
    return supervise(init, addresses);
  }
  if (assignment.key !== keyOf(addresses)) {
    return new IdleServing(addresses, assignment, parentPort);
  }
  takeAssignment(assignment);
  return new ServingWorker(init.serve(assignment), assignment, parentPort);
}

function supervise(
  { engine, options, threadCount, sharePorts }: ThreadedInit,
  addresses: readonly TcpAddress[],
): Serving {
  const { onListen, onError } = options;
  const workerCount = requireCount(options.workers ?? threadCount) ||
    navigator.hardwareConcurrency;
  const hangTimeoutMs = requireHangTimeout(options.hangTimeout);
  const maxHeapBytes = requireHeap(options.maxHeapBytes);
  requireSharedPorts(engine);
  const module = requireModule(options.module);
  const ports = sharePorts(addresses, workerCount);
  const { addrs } = ports;
  return new Supervisor({
    workerCount,
    module,
    ports,
    hangTimeoutMs,
    maxHeapBytes,
    assignmentOf: (index, heartbeat): Assignment => ({
      role: "khttp worker",
      key: keyOf(addresses),
      addresses: addresses.map(({ transport, hostname }, at) => ({
        transport,
        hostname,
        port: addrs[at]!.port, // there is one for each address
      })),
      descriptors: ports.descriptorsOf(index),
      socketCount: ports.socketCount,
      heartbeat,
      isTaken: false,
    }),
    onListening: () => onListen?.(addrs[0]!), // a server has at least one address
    onError: errorReporter(onError),
  });
}
