/**
 * The assignment that a worker gets from the supervisor at its start, and the
 * messages between the two. A worker runs the program's own module, which may
 * create several servers; the assignment's key tells it which one to serve.
 */

import {
  addressText,
  type ListenAddress,
  type TcpAddress,
} from "../address.ts";
import type { StopTimes } from "../server_handle.ts";
import type { HeartbeatCounter } from "./heartbeat.ts";

/** What a worker has to serve. */
export interface Assignment {
  readonly role: "khttp worker";
  /** Identifies one server of the program; see {@linkcode keyOf}. */
  readonly key: string;
  /** The addresses to listen on, with each port 0 replaced by the port that the system chose. */
  readonly addresses: readonly TcpAddress[];
  /** Listening sockets to use, one for each address; empty if the worker binds the ports itself. */
  readonly descriptors: readonly number[];
  /** How many sockets to open at each address if the worker binds the ports itself. */
  readonly socketCount: number;
  /** What shows the supervisor that the worker's event loop turns. */
  readonly heartbeat: HeartbeatCounter;
  /** Whether a server in this worker has taken the assignment. */
  isTaken: boolean;
}

/** A message that ends serving. */
type EndOrder =
  | { readonly khttp: "stop"; readonly times: StopTimes }
  | { readonly khttp: "closeNow" };

/** A message from the supervisor to a worker. */
export type Order =
  | EndOrder
  /** Opens more sockets until each address has `socketCount`. */
  | { readonly khttp: "listenWith"; readonly socketCount: number }
  /** No worker listens any more. */
  | { readonly khttp: "allClosed" };

/** A message from a worker to the supervisor. */
export type Report =
  /** The worker listens. */
  | { readonly khttp: "listening" }
  /** The worker's program ends serving, which ends it on all workers. */
  | EndOrder
  /** The worker has stopped listening. It answers its connections, and waits for "allClosed". */
  | { readonly khttp: "closed" }
  /** The counts of the worker, sent periodically. */
  | {
    readonly khttp: "counts";
    readonly connectionCount: number;
    readonly requestCount: number;
  }
  /** The worker has ended serving; its program may still be running. */
  | { readonly khttp: "finished" }
  /** Serving has failed in the worker. */
  | { readonly khttp: "failed"; readonly message: string };

/** Returns a key that is the same for a server on the program's own thread and in its workers. */
export function keyOf(addresses: readonly ListenAddress[]): string {
  return addresses.map((address) =>
    address.transport === "tcp"
      ? `${address.hostname}:${address.port}`
      : addressText(address)
  ).join(", ");
}

/** Returns the assignment in a thread's `workerData`, or `null` if a supervisor did not start the thread. */
export function findAssignment(workerData: unknown): Assignment | null {
  return isAssignment(workerData) ? workerData : null;
}

/**
 * Marks an assignment as taken by the server that it is for.
 *
 * @throws {TypeError} If another server with the same key has taken it.
 */
export function takeAssignment(assignment: Assignment): void {
  if (assignment.isTaken) {
    throw new TypeError(
      `Cannot tell two servers on ${assignment.key} apart in a worker: give one of them a port`,
    );
  }
  assignment.isTaken = true;
}

/** Whether a message is an order or a report; the program may send other messages. */
export function isOurs<M extends Order | Report>(
  message: unknown,
): message is M {
  return typeof message === "object" && message !== null && "khttp" in message;
}

function isAssignment(data: unknown): data is Assignment {
  return typeof data === "object" && data !== null && "role" in data &&
    data.role === "khttp worker";
}
