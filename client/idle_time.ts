/** How long a kept connection may wait for its next exchange (RFC 9112 §9.5). */

import type { Headers } from "../codec/headers.ts";

/** Longest idle time that a server's hint gives, in ms, and what is taken off a hint. */
const MAX_HINTED_IDLE_MS = 60_000;
const HINT_MARGIN_MS = 2000;

/** How long a connection may be idle: the server's hint, with a margin, or the option. */
export function idleTimeOf(headers: Headers, idleTimeout: number): number {
  const hint = headers.get("keep-alive");
  const seconds = /(?:^|[,\s])timeout=([0-9]{1,6})/i.exec(hint ?? "")?.[1];
  if (seconds === undefined) return idleTimeout;
  const hintedMs = Number(seconds) * 1000 - HINT_MARGIN_MS;
  return Math.max(0, Math.min(hintedMs, MAX_HINTED_IDLE_MS));
}
