/**
 * Looks up the address of a host name synchronously, as `Deno.listen()` does. The
 * handle of a server must know its port when `serve()` returns, but `node:dns` has
 * no synchronous call. So another thread asks the system, and this thread waits
 * for the answer.
 */

import type { TcpAddress } from "../../address.ts";
import { listenFailure } from "../listen_failure.ts";
import { resolveByListening } from "../runtime_listen.ts";

/** How long a lookup may take, in ms; the system's own limit is usually 10 s. */
const LOOKUP_TIMEOUT_MS = 15_000;

/** Longer than any IP address or error code, with the sign in front. */
const MAX_ANSWER_BYTES = 64;

/** The thread's program. It answers with `+` and the address, or `-` and the error's code; the length of the answer comes first. */
const PROGRAM = `
const { workerData: { name, memory } } = require("node:worker_threads");
require("node:dns").lookup(name, (error, address) => {
  const answer = error ? "-" + error.code : "+" + address;
  new Uint8Array(memory).set(new TextEncoder().encode(answer), 4);
  const length = new Int32Array(memory, 0, 1);
  Atomics.store(length, 0, answer.length);
  Atomics.notify(length, 0);
});`;

/**
 * Returns an IP address of a host name.
 *
 * @throws {Error} If there is none; the message names the address.
 */
export function lookUp(address: TcpAddress): string {
  const { hostname } = address;
  if (typeof Deno !== "undefined") {
    return resolveByListening(address);
  }
  const answer = askSystem(hostname);
  if (answer.startsWith("+")) return answer.slice(1);
  throw listenFailure(address, answer.slice(1));
}

function askSystem(name: string): string {
  const { Worker } = process.getBuiltinModule("node:worker_threads");
  const memory = new SharedArrayBuffer(4 + MAX_ANSWER_BYTES);
  const length = new Int32Array(memory, 0, 1);
  const thread = new Worker(PROGRAM, {
    eval: true,
    workerData: { name, memory },
  });
  thread.unref();
  const result = Atomics.wait(length, 0, 0, LOOKUP_TIMEOUT_MS);
  thread.terminate();
  if (result === "timed-out") return "-ETIMEDOUT";
  const bytes = new Uint8Array(memory, 4, Atomics.load(length, 0));
  return new TextDecoder().decode(bytes.slice()); // a copy: it takes no shared memory
}
