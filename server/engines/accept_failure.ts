/** Classifies failures of accept: which are temporary, and which concern a single peer. */

import { toError } from "../to_error.ts";
import { isShortage, withoutTrace } from "./shortage.ts";

/**
 * Failures of a single connection, which has left the queue: it was reset
 * before it was accepted, or its network is down. Accepting continues without
 * a wait; otherwise a client that resets connections could slow down all
 * others.
 */
const PEER_CODES: ReadonlySet<string> = new Set([
  "ENOTCONN",
  "ECONNRESET",
  "EINTR",
  "EPROTO",
  "ENETDOWN",
  "ENETUNREACH",
  "EHOSTDOWN",
  "EHOSTUNREACH",
  "ENONET",
  "ENOPROTOOPT",
  "EOPNOTSUPP",
  "ETIMEDOUT",
]);

/** A failure of a single connection that some systems repeat for the next accept. */
const ABORTED = "ECONNABORTED";

/** Temporary failures that need a wait: the process or the system is out of descriptors, memory or watches. */
const SHORTAGE_CODES: ReadonlySet<string> = new Set([
  "EMFILE",
  "ENFILE",
  "ENOBUFS",
  "ENOMEM",
  "ENOSPC",
  "EPERM",
  ABORTED,
]);

/** What to do when no descriptor is left, by the code of the failure. */
const ADVICE: Readonly<Record<string, string>> = {
  EMFILE:
    "the process has no free descriptor (EMFILE); raise its limit (ulimit -n), or lower maxConnections",
  ENFILE:
    "the system has no free descriptor (ENFILE); raise its limit (fs.file-max)",
};

/**
 * Returns a failure of accept as an error. If no descriptor is left, the message
 * says what to do, and the stack can be read without a descriptor. The error is
 * changed in place: a new one would have it as its cause, with a second stack.
 */
export function toAcceptError(reason: unknown): Error {
  const error = toError(reason);
  if (!isShortage(error)) return error;
  error.message = `Cannot accept connection: ${ADVICE[codeOf(error)]}`;
  return withoutTrace(error);
}

/** Whether a failure of accept concerns one connection, so that nothing is wrong with the server. */
export function isPeerFailure(error: Error): boolean {
  const code = codeOf(error);
  return PEER_CODES.has(code) || code === ABORTED;
}

/** How accepting continues after a failure: immediately, after a wait, or not at all. */
export function nextStepAfter(error: Error): "retry" | "wait" | "end" {
  const code = codeOf(error);
  if (PEER_CODES.has(code)) return "retry";
  return SHORTAGE_CODES.has(code) ? "wait" : "end";
}

/** The system's code for a failure; some error classes of the runtime come without one. */
function codeOf(error: Error): string {
  if ("code" in error) return String(error.code);
  if (typeof Deno === "undefined") return "";
  if (error instanceof Deno.errors.NotConnected) return "ENOTCONN";
  if (error instanceof Deno.errors.ConnectionReset) return "ECONNRESET";
  if (error instanceof Deno.errors.ConnectionAborted) return ABORTED;
  if (error instanceof Deno.errors.Interrupted) return "EINTR";
  return "";
}
