/** How long an idle connection may wait for its next exchange (RFC 9112 §9.5). */

import type { Headers } from "../codec/headers.ts";

/** Longest idle time that a server's `Keep-Alive` field can grant, in ms. */
const MAX_HINTED_IDLE_MS = 60_000;
/** Subtracted from the server's time, in ms: a request that is in flight when the server closes is lost. */
const HINT_MARGIN_MS = 2000;

/** Returns the idle time in ms: the server's `timeout` minus a margin, or the option. */
export function idleTimeOf(headers: Headers, idleTimeout: number): number {
  const hint = headers.get("keep-alive");
  const seconds = /(?:^|[,\s])timeout=([0-9]{1,6})/i.exec(hint ?? "")?.[1];
  if (seconds === undefined) return idleTimeout;
  const hintedMs = Number(seconds) * 1000 - HINT_MARGIN_MS;
  return Math.max(0, Math.min(hintedMs, MAX_HINTED_IDLE_MS));
}
