/** The heartbeat of workers: when a supervisor takes one for hung, and when not. */

import { assert, assertEquals } from "@std/assert";
import { FakeTime } from "@std/testing/time";
import {
  Heartbeat,
  heartbeatPeriodMs,
  startHeartbeat,
} from "../../../server/workers/heartbeat.ts";

const TIMEOUT_MS = 10_000;

/** A worker and its supervisor on one clock, which the test moves. */
class Rig {
  readonly heartbeat = new Heartbeat(TIMEOUT_MS);
  readonly periodMs = this.heartbeat.counter.periodMs;
  #count = new Int32Array(this.heartbeat.counter.memory);
  #nowMs = 0;
  /** When the worker counts next. */
  #nextBeatMs: number;
  #nextCheckMs: number;

  constructor(beatAtMs: number, checkAtMs: number) {
    this.#nextBeatMs = beatAtMs;
    this.#nextCheckMs = checkAtMs;
    this.heartbeat.reset();
  }

  /** Lets time pass; returns when the worker was taken for hung, or `null`. */
  pass(durationMs: number): number | null {
    const endMs = this.#nowMs + durationMs;
    for (; this.#nowMs < endMs; this.#nowMs++) {
      if (this.#nowMs === this.#nextBeatMs) {
        Atomics.add(this.#count, 0, 1);
        this.#nextBeatMs += this.periodMs;
      }
      if (this.#nowMs !== this.#nextCheckMs) continue;
      this.#nextCheckMs += this.periodMs;
      if (this.heartbeat.check()) return this.#nowMs;
    }
    return null;
  }

  /** Blocks the worker from now on. */
  blockWorker(durationMs: number): void {
    this.#nextBeatMs = Math.max(this.#nextBeatMs, this.#nowMs + durationMs);
  }

  /** Stops both, as when the machine is suspended. */
  suspend(durationMs: number): void {
    this.#nextBeatMs += durationMs;
    this.#nextCheckMs += durationMs;
    this.#nowMs += durationMs;
  }

  /** Blocks the supervisor from now on. */
  blockSupervisor(durationMs: number): void {
    this.#nextCheckMs = Math.max(this.#nextCheckMs, this.#nowMs + durationMs);
  }
}

/** Moments of the worker's count and of the supervisor's check within a period, in ms. */
const PHASES = [0, 1, 250, 499, 500, 750, 998, 999];

Deno.test("Heartbeat accepts a worker that blocks for as long as the timeout, at any moment", () => {
  for (const beat of PHASES) {
    for (const check of PHASES) {
      for (const begin of PHASES) {
        const rig = new Rig(beat, check);
        assertEquals(rig.pass(3000 + begin), null);
        rig.blockWorker(TIMEOUT_MS);
        assertEquals(rig.pass(2 * TIMEOUT_MS), null, `${[beat, check, begin]}`);
      }
    }
  }
});

Deno.test("Heartbeat finds a worker that blocks, within three periods after the timeout", () => {
  for (const beat of PHASES) {
    for (const check of PHASES) {
      const rig = new Rig(beat, check);
      assertEquals(rig.pass(5000), null);
      rig.blockWorker(Infinity);
      const foundMs = rig.pass(60_000);
      assert(foundMs !== null);
      const lateMs = foundMs - 5000 - TIMEOUT_MS;
      assert(lateMs > 0 && lateMs <= 3 * rig.periodMs, `${lateMs} ms late`);
    }
  }
});

Deno.test("Heartbeat does not count time in which the supervisor is blocked or all is suspended", () => {
  for (const phase of PHASES) {
    const rig = new Rig(0, phase);
    assertEquals(rig.pass(5000), null);
    rig.blockSupervisor(100_000);
    assertEquals(rig.pass(150_000), null);
    rig.suspend(3_600_000);
    assertEquals(rig.pass(50_000), null);
    // Both are blocked, and the supervisor goes on first.
    rig.blockSupervisor(100_000);
    rig.blockWorker(100_500);
    assertEquals(rig.pass(150_000), null);
  }
});

Deno.test("reset() begins to observe a successor", () => {
  const rig = new Rig(Infinity, 0);
  assertEquals(rig.pass(TIMEOUT_MS), null);
  rig.heartbeat.reset();
  assertEquals(rig.pass(TIMEOUT_MS), null);
  assert(rig.pass(TIMEOUT_MS) !== null);
});

Deno.test("Heartbeat with a timeout of Infinity finds nothing", () => {
  const heartbeat = new Heartbeat(Infinity);
  for (let count = 0; count < 100_000; count++) assert(!heartbeat.check());
});

Deno.test("heartbeatPeriodMs() is at most a second, and a quarter of the timeout", () => {
  assertEquals(heartbeatPeriodMs(Infinity), 1000);
  assertEquals(heartbeatPeriodMs(10_000), 1000);
  assertEquals(heartbeatPeriodMs(1000), 250);
  assertEquals(heartbeatPeriodMs(100), 25);
});

Deno.test("startHeartbeat() counts once in each period until it is stopped", () => {
  using time = new FakeTime();
  const { counter } = new Heartbeat(TIMEOUT_MS);
  const count = new Int32Array(counter.memory);
  let limits = 0;
  const stop = startHeartbeat(counter, () => void limits++);
  time.tick(5 * counter.periodMs);
  assertEquals([count[0], limits], [5, 0]);
  stop();
  time.tick(5 * counter.periodMs);
  assertEquals(count[0], 5);
});
