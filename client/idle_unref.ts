/**
 * Lets idle connections no longer keep the process alive. This happens a moment
 * after they became idle: a connection that is used again and again is never
 * changed back and forth.
 */

import type { Clock } from "./clock.ts";

/** How long a connection is idle before it stops to keep the process alive, in ms. */
const DELAY_MS = 10;

/** A connection that may keep the process alive. */
export interface Unrefable {
  /** Whether it was added and the call is still due. */
  awaitsUnref: boolean;
  /** Called some time after it was added, whether it is idle then or not. */
  unrefIfIdle(): void;
}

/** The connections of a client that became idle in the last moment. */
export class IdleUnref {
  #clock: Clock;
  #members: Unrefable[] = [];
  #stopTimer: (() => void) | null = null;

  /** Creates an empty list. */
  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Adds a connection that became idle; does nothing if it was added already. */
  add(member: Unrefable): void {
    if (member.awaitsUnref) return;
    member.awaitsUnref = true;
    this.#members.push(member);
    this.#stopTimer ??= this.#clock.afterUnref(DELAY_MS, () => this.#run());
  }

  /** Forgets all connections: they were closed. */
  stop(): void {
    this.#stopTimer?.();
    this.#stopTimer = null;
    this.#members = [];
  }

  #run(): void {
    this.#stopTimer = null;
    const members = this.#members;
    this.#members = [];
    for (const member of members) {
      member.awaitsUnref = false;
      member.unrefIfIdle();
    }
  }
}
