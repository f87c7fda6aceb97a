/** Waiting for turns of the event loop instead of a real duration. */

import { assert } from "@std/assert";
import { connectTcp } from "./connect_tcp.ts";

/** More turns than any work without I/O takes. */
const MAX_TURNS = 1000;

/** Connections that may still succeed while a listener closes. With the pauses, opening them takes more than 10 s. */
const MAX_CONNECTIONS = 2000;

/** The pause between two of them, in ms. Without it, a server that accepts them all may have no time to close its listener. */
const PAUSE_MS = 5;

/** Waits for one turn, in which everything that is due runs. */
export function turn(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve));
}

/** Waits for `count` turns. */
export async function turns(count: number): Promise<void> {
  for (let n = 0; n < count; n++) await turn();
}

/** Waits until a condition holds; fails if it does not within {@linkcode MAX_TURNS}. */
export async function until(holds: () => boolean): Promise<void> {
  for (let turns = 0; !holds(); turns++) {
    assert(
      turns < MAX_TURNS,
      `Condition does not hold after ${turns} turns: ${holds}`,
    );
    await turn();
  }
}

function isRefused(error: unknown): boolean {
  if (typeof Deno !== "undefined") {
    return error instanceof Deno.errors.ConnectionRefused;
  }
  return error instanceof Error && "code" in error &&
    error.code === "ECONNREFUSED";
}

/** Waits until nothing listens on a port of 127.0.0.1 any more; fails if something keeps listening. */
export async function untilRefused(port: number): Promise<void> {
  for (let count = 0; count < MAX_CONNECTIONS; count++) {
    try {
      (await connectTcp(port)).close();
    } catch (error) {
      // A connection that was queued when the listener closed is reset instead.
      if (isRefused(error)) return;
    }
    await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
  }
  assert(false, `Port ${port} still accepts connections`);
}
