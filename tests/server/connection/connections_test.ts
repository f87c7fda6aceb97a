/** The sweep over all connections of an engine. */

import { assert, assertEquals } from "@std/assert";
import {
  Connections,
  type ServedConnection,
} from "../../../server/connection/connections.ts";
import { FakeClock } from "../../support/fake_clock.ts";

/** A connection that records the sweeps it sees, and how it was closed. */
class Member implements ServedConnection {
  readonly requestCount = 0;
  readonly sweptMs: number[] = [];
  failure: Error | null = null;
  #onSweep: () => void;

  constructor(onSweep: () => void = () => {}) {
    this.#onSweep = onSweep;
  }

  expire(nowMs: number): void {
    this.sweptMs.push(nowMs);
    this.#onSweep();
  }

  announceEnd(): void {}

  stop(): void {}

  fail(error: Error): void {
    this.failure = error;
  }
}

Deno.test("a connection that throws in a sweep is closed, and the sweep reaches the others", () => {
  const clock = new FakeClock();
  const connections = new Connections(clock, 8000, () => {});
  const broken = new Error("broken");
  const members = [
    new Member(),
    new Member(() => {
      throw broken;
    }),
    new Member(),
  ];
  for (const member of members) connections.add(member);
  clock.advance(connections.periodMs);
  assertEquals(members.map(({ sweptMs }) => sweptMs), [[250], [250], [250]]);
  assertEquals(members.map(({ failure }) => failure), [null, broken, null]);
});

Deno.test("the sweeps stop with the last connection, and start again with the next", () => {
  const clock = new FakeClock();
  const ticks: number[] = [];
  const connections = new Connections(clock, 80, (ms) => ticks.push(ms));
  assertEquals([connections.periodMs, clock.tickerCount], [10, 0]);
  const member = new Member();
  connections.add(member);
  clock.advance(20);
  connections.remove(member);
  clock.advance(1000);
  assertEquals([member.sweptMs, clock.tickerCount], [[10, 20], 0]);
  connections.add(member);
  assertEquals(connections.nowMs, 1020); // no sweep has refreshed it
  clock.advance(10);
  assertEquals(member.sweptMs, [10, 20, 1030]);
  assertEquals(ticks.length, 5);
});

Deno.test("a connection's own timeouts make the sweeps more frequent while it is open", () => {
  const clock = new FakeClock();
  const connections = new Connections(clock, 8000, () => {});
  const members = Array.from({ length: 5 }, () => new Member());
  const [usual, short, shorter, twin, long] = members as [
    ...[Member, Member, Member],
    ...[Member, Member],
  ]; // there are five
  const periods: number[] = [];
  const note = (): void => {
    clock.advance(connections.periodMs);
    periods.push(connections.periodMs);
  };
  connections.add(usual);
  note();
  connections.add(short, { readTimeoutMs: 800 });
  note();
  connections.add(shorter, { writeTimeoutMs: 80 });
  connections.add(twin, { readTimeoutMs: 80, writeTimeoutMs: 8000 });
  connections.add(long, { readTimeoutMs: Infinity });
  note();
  connections.remove(shorter);
  note();
  connections.remove(twin);
  note();
  connections.remove(long);
  connections.remove(short);
  note();
  assertEquals(periods, [250, 100, 10, 10, 100, 250]);
  connections.remove(usual);
  assertEquals(clock.tickerCount, 0);
});

Deno.test("connections with short timeouts that open and close do not delay sweeps", () => {
  const clock = new FakeClock();
  const connections = new Connections(clock, 8000, () => {});
  const member = new Member();
  connections.add(member);
  for (let n = 0; n < 250; n++) {
    const guest = new Member();
    connections.add(guest, { readTimeoutMs: 80 });
    clock.advance(2);
    connections.remove(guest);
  }
  assert(member.sweptMs.length > 20, `${member.sweptMs.length} sweeps`);
});

Deno.test("a sweep after a blocked thread skips all deadlines, and the lost time does not count", () => {
  const clock = new FakeClock();
  const connections = new Connections(clock, 8000, () => {});
  const member = new Member();
  connections.add(member);
  clock.advance(500);
  const dueMs = connections.after(8000);
  clock.block(60_000);
  assertEquals(member.sweptMs, [250, 500]);
  clock.advance(250);
  assertEquals(member.sweptMs, [250, 500, 1250]); // two periods of the minute count
  assert(connections.nowMs < dueMs);
  clock.advance(8000);
  assert(connections.nowMs > dueMs);
});

Deno.test("under constant load, every second sweep acts on deadlines", () => {
  const clock = new FakeClock();
  const connections = new Connections(clock, 8000, () => {});
  const member = new Member();
  connections.add(member);
  for (let n = 0; n < 6; n++) clock.block(1000);
  assertEquals(member.sweptMs, [1000, 2000, 3000]);
});

Deno.test("a sweep that is late by less than a period acts on deadlines, and its time counts", () => {
  const clock = new FakeClock();
  const connections = new Connections(clock, 8000, () => {});
  const member = new Member();
  connections.add(member);
  clock.block(499);
  assertEquals(member.sweptMs, [499]);
});

Deno.test("a change of the period refreshes the time, so that no deadline is early", () => {
  const clock = new FakeClock();
  const connections = new Connections(clock, 8000, () => {});
  connections.add(new Member());
  clock.advance(249);
  connections.add(new Member(), { readTimeoutMs: 80 });
  assertEquals(connections.after(80), 249 + 10 + 80);
});
