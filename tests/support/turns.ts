/** Waiting without a clock: turns of the event loop, in which everything runs that is due. */

import { assert } from "@std/assert";

/** Turns after which something that needs no I/O should long have happened. */
const MAX_TURNS = 1000;

/** Connections that may succeed while a listener is being closed, since a pending accept holds it for some turns: those of a second. */
const MAX_CONNECTIONS = 10_000;

/** Lets everything run that is due. */
export function turn(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve));
}

/** Waits until something holds; fails if it does not come about. */
export async function until(holds: () => boolean): Promise<void> {
  for (let turns = 0; !holds(); turns++) {
    assert(turns < MAX_TURNS, `Still not so after ${turns} turns: ${holds}`);
    await turn();
  }
}

/** Waits until nobody listens on a port of 127.0.0.1; fails if somebody goes on to. */
export async function untilRefused(port: number): Promise<void> {
  for (let count = 0; count < MAX_CONNECTIONS; count++) {
    try {
      (await Deno.connect({ hostname: "127.0.0.1", port })).close();
    } catch (error) {
      // What was queued when the listener closed is reset instead.
      if (error instanceof Deno.errors.ConnectionRefused) return;
    }
  }
  assert(false, `Port ${port} still accepts connections`);
}
