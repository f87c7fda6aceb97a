/** The order in which streams join their pieces. */

import { assertEquals } from "@std/assert";
import {
  type JoiningStream,
  JoinQueue,
} from "../../../../server/connection/bodies/join_queue.ts";

/** A stream that asks for its turn when it is resumed, and notes when the turn begins. */
class NamedStream implements JoiningStream {
  hasEnded = false;
  /** Whether it ends its turn as soon as it begins. */
  isShort = false;
  readonly #name: string;
  readonly #queue: JoinQueue;
  readonly #begun: string[];

  constructor(name: string, queue: JoinQueue, begun: string[]) {
    this.#name = name;
    this.#queue = queue;
    this.#begun = begun;
  }

  resume(): void {
    if (this.hasEnded || !this.#queue.begin(this)) return;
    this.#begun.push(this.#name);
    if (this.isShort) this.#queue.end();
  }
}

/** Three streams that asked for their turn in this order, and the names of those that had it. */
function threeStreams(): {
  queue: JoinQueue;
  streams: [NamedStream, NamedStream, NamedStream];
  begun: string[];
} {
  const queue = new JoinQueue();
  const begun: string[] = [];
  const named = (name: string) => new NamedStream(name, queue, begun);
  const streams: [NamedStream, NamedStream, NamedStream] = [
    named("a"),
    named("b"),
    named("c"),
  ];
  for (const stream of streams) stream.resume();
  return { queue, streams, begun };
}

Deno.test("streams have their turns in the order in which they asked", () => {
  const { queue, streams: [a], begun } = threeStreams();
  assertEquals(begun, ["a"]);
  queue.end();
  assertEquals(begun, ["a", "b"]);
  a.resume();
  queue.end();
  assertEquals(begun, ["a", "b", "c"]);
  queue.end();
  assertEquals(begun, ["a", "b", "c", "a"]);
});

Deno.test("a stream that has ended while it waited is skipped", () => {
  const { queue, streams: [a, b, c], begun } = threeStreams();
  b.hasEnded = true;
  queue.end();
  assertEquals(begun, ["a", "c"]);
  a.resume();
  a.hasEnded = true;
  queue.end();
  c.resume();
  assertEquals(begun, ["a", "c", "c"]); // no stream had it in between
});

Deno.test("streams that end their turn at once are followed by the next ones", () => {
  const { queue, streams: [, b, c], begun } = threeStreams();
  b.isShort = true;
  c.isShort = true;
  queue.end();
  assertEquals(begun, ["a", "b", "c"]);
  c.resume();
  assertEquals(begun, ["a", "b", "c", "c"]);
});
