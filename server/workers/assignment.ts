/**
 * What a worker is told when it starts, and what both sides say later. The
 * worker runs the program's own module, which may make several servers, so
 * that it has to find out which of them is meant.
 */

import { workerData } from "node:worker_threads";
import type { ListenAddress } from "../address.ts";

/** A TCP address to listen on. */
export type TcpAddress = ListenAddress & { readonly transport: "tcp" };

/** What a worker is there for. */
export interface Assignment {
  readonly role: "khttp worker";
  /** Tells servers of one program apart; see {@linkcode keyOf}. */
  readonly key: string;
  /** Where to listen: the same addresses, with the ports that were found. */
  readonly addresses: readonly TcpAddress[];
  /** Listening sockets to borrow, by address; none if the worker binds the ports itself. */
  readonly descriptors: readonly number[];
  /** Whether a server of this worker has taken it. */
  isTaken: boolean;
}

/** What a supervisor tells its workers. */
export interface Order {
  readonly khttp: "stop" | "closeNow";
}

/** What a worker tells its supervisor. */
export type Report =
  | { readonly khttp: "listening" }
  /** Its program wants serving to end, on all workers. */
  | { readonly khttp: "stop" | "closeNow" }
  /** Where it stands, from time to time. */
  | {
    readonly khttp: "counts";
    readonly connectionCount: number;
    readonly requestCount: number;
  }
  /** It serves no more; its program may have something left to do. */
  | { readonly khttp: "finished" }
  | { readonly khttp: "failed"; readonly message: string };

/** What is the same for a server in the program's own thread and in its workers. */
export function keyOf(addresses: readonly ListenAddress[]): string {
  return addresses.map((address) =>
    address.transport === "unix"
      ? `unix:${address.path}`
      : `${address.hostname}:${address.port}`
  ).join(", ");
}

/** What this thread is there for, or `null` if it is no worker of ours. */
export function findAssignment(): Assignment | null {
  return isAssignment(workerData) ? workerData : null;
}

/**
 * Takes an assignment for the one server that is meant.
 *
 * @throws {TypeError} If two servers of the program cannot be told apart.
 */
export function takeAssignment(assignment: Assignment): void {
  if (assignment.isTaken) {
    throw new TypeError(
      `Cannot tell two servers on ${assignment.key} apart in a worker: give one of them a port`,
    );
  }
  assignment.isTaken = true;
}

/** Whether a message is from the other side; the program may send some of its own. */
export function isOurs<M extends Order | Report>(
  message: unknown,
): message is M {
  return typeof message === "object" && message !== null && "khttp" in message;
}

function isAssignment(data: unknown): data is Assignment {
  return typeof data === "object" && data !== null && "role" in data &&
    data.role === "khttp worker";
}
