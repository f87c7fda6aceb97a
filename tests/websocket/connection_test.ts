/** Deadlines, backpressure and the closing handshake of a connection, in memory with a clock that the test moves. */

import { assert, assertEquals } from "@std/assert";
import { WebSocketFault } from "../../websocket/codec/fault.ts";
import {
  Connection,
  type WebSocketClosed,
  type WebSocketMessage,
} from "../../websocket/connection.ts";
import { MessageQueue } from "../../websocket/accepted_socket.ts";
import {
  resolveWebSocketOptions,
  type WebSocketOptions,
} from "../../websocket/options.ts";
import { FakeClock } from "../support/fake_clock.ts";
import {
  MemoryConnection,
  type MemoryOptions,
} from "../support/memory_duplex.ts";
import { turn } from "../support/turns.ts";
import {
  binary,
  close,
  encodeMasked,
  ping,
  pong,
  text,
} from "./frame_cases/case.ts";

interface Rig {
  readonly clock: FakeClock;
  readonly peer: MemoryConnection;
  readonly connection: Connection;
  readonly messages: WebSocketMessage[];
  /** How it ended; empty while it is open. */
  readonly ends: WebSocketClosed[];
  /** Everything that was written, one character for each byte. */
  readonly written: () => string;
}

/** A connection whose sink takes all messages. */
function open(options: WebSocketOptions = {}, memory?: MemoryOptions): Rig {
  const clock = new FakeClock();
  const peer = new MemoryConnection(memory);
  const messages: WebSocketMessage[] = [];
  const ends: WebSocketClosed[] = [];
  const connection = new Connection({
    duplex: peer.duplex,
    settings: resolveWebSocketOptions(options),
    deflate: null,
    clock,
    sink: {
      receive: (message) => void messages.push(message),
      closed: (how) => void ends.push(how),
    },
  });
  connection.start();
  return {
    clock,
    peer,
    connection,
    messages,
    ends,
    written: () => peer.writes.join(""),
  };
}

function faultOf({ ends }: Rig): string {
  const [end] = ends;
  assert(end?.error instanceof WebSocketFault, JSON.stringify(end));
  assertEquals([end.code, end.wasClean], [end.error.closeCode, false]);
  return end.error.code;
}

const PING = "\x89\x00";

Deno.test("an idle client gets a ping, and is cut off if it does not answer", async () => {
  const rig = open({ idleTimeout: 1000 });
  rig.clock.advance(999);
  await turn();
  assertEquals(rig.written(), "");
  rig.clock.advance(1);
  await turn();
  assertEquals(rig.written(), PING);
  rig.clock.advance(999);
  await turn();
  assertEquals(rig.ends, []);
  rig.clock.advance(1);
  await turn();
  assertEquals(faultOf(rig), "IDLE_TIMEOUT");
  assertEquals([rig.peer.closeCount, rig.clock.tickerCount], [1, 0]);
});

Deno.test("any bytes of the client start its idle time again", async () => {
  const rig = open({ idleTimeout: 1000 });
  for (const frame of [pong(), text("a"), ping()]) {
    rig.clock.advance(1500); // the ping is sent after 1000
    await turn();
    assertEquals(rig.ends, []);
    rig.peer.sendBytes(encodeMasked([frame]));
    await turn();
  }
  rig.peer.sendBytes(encodeMasked([text("b")]).subarray(0, 1));
  await turn();
  rig.clock.advance(1999);
  await turn();
  assertEquals(rig.ends, []);
  rig.clock.advance(1 + 250); // the time of bytes is known to a quarter of the timeout
  await turn();
  assertEquals(faultOf(rig), "IDLE_TIMEOUT");
});

Deno.test("messages in both directions set no further timers, and the checks end with them", async () => {
  const rig = open({ idleTimeout: 1000, writeTimeout: 1000 });
  let timers = 0;
  const { after } = rig.clock;
  rig.clock.after = (delayMs, run): () => void => {
    timers++;
    return after.call(rig.clock, delayMs, run);
  };
  for (let n = 0; n < 100; n++) {
    rig.peer.sendBytes(encodeMasked([text("a")]));
    await turn();
    rig.connection.send("b");
    await turn();
  }
  assertEquals([timers, rig.clock.tickerCount], [1, 1]);
  rig.clock.advance(250); // finds the messages
  rig.clock.advance(250); // finds none
  assertEquals([timers, rig.clock.tickerCount], [3, 1]);
  rig.clock.advance(749);
  await turn();
  assert(!rig.written().endsWith(PING));
  rig.clock.advance(1);
  await turn();
  assert(rig.written().endsWith(PING));
  rig.connection.terminate();
});

Deno.test("a client that takes nothing after many messages is cut off at most a quarter late", async () => {
  const rig = open({ idleTimeout: Infinity, writeTimeout: 400 });
  rig.connection.send("a");
  await turn();
  rig.clock.advance(50);
  const release = rig.peer.holdWrites();
  rig.connection.send("b");
  await turn();
  rig.clock.advance(399);
  assertEquals(rig.ends, []);
  rig.clock.advance(1 + 100);
  assertEquals(faultOf(rig), "WRITE_TIMEOUT");
  release();
  await turn();
});

Deno.test("idleTimeout: Infinity sends no pings and sets no timer", async () => {
  const rig = open({ idleTimeout: Infinity });
  rig.peer.sendBytes(encodeMasked([text("a")]));
  await turn();
  assertEquals(rig.clock.tickerCount, 0);
  rig.clock.advance(1e9);
  await turn();
  assertEquals([rig.written(), rig.ends], ["", []]);
  rig.connection.terminate();
});

Deno.test("a blocked thread does not cut off a client whose bytes have arrived", async () => {
  const rig = open({ idleTimeout: 1000 });
  rig.clock.advance(1000); // the ping is sent
  rig.peer.sendBytes(encodeMasked([pong()]));
  rig.clock.block(60_000); // the timer fires before the read
  await turn();
  assertEquals(rig.ends, []);
  rig.clock.advance(100);
  await turn();
  assertEquals(rig.ends, []);
  rig.connection.terminate();
});

Deno.test("a client that takes nothing is cut off after writeTimeout", async () => {
  const rig = open({ idleTimeout: Infinity, writeTimeout: 500 });
  const release = rig.peer.holdWrites();
  rig.connection.send("a");
  await turn();
  rig.clock.advance(499);
  assertEquals(rig.ends, []);
  rig.clock.advance(1);
  assertEquals(faultOf(rig), "WRITE_TIMEOUT");
  release();
  await turn();
});

Deno.test("a client that takes a byte at a time is not cut off", async () => {
  const rig = open({ writeTimeout: 500 }, { maxWriteBytes: 1 });
  rig.connection.send("abc");
  await turn();
  rig.clock.advance(600);
  await turn();
  assertEquals([rig.written(), rig.ends], ["\x81\x03abc", []]);
  rig.connection.terminate();
});

Deno.test("a client that does not answer a close frame is cut off after closeTimeout", async () => {
  const rig = open({ closeTimeout: 300 });
  rig.connection.close(1001, "bye");
  await turn();
  assertEquals(rig.written(), "\x88\x05\x03\xe9bye");
  rig.peer.sendBytes(encodeMasked([text("late"), ping()]));
  await turn();
  rig.clock.advance(299);
  assertEquals([rig.messages, rig.ends], [[], []]);
  rig.clock.advance(1);
  assertEquals(faultOf(rig), "CLOSE_TIMEOUT");
});

Deno.test("a client that closes and does not end its direction is closed after closeTimeout, cleanly", async () => {
  const rig = open({ closeTimeout: 300 });
  rig.peer.sendBytes(encodeMasked([close(1000)]));
  await turn();
  assertEquals(rig.written(), "\x88\x02\x03\xe8");
  assertEquals(rig.ends, []);
  rig.peer.sendBytes(new Uint8Array(1000));
  await turn();
  rig.clock.advance(300);
  assertEquals(rig.ends, [{ code: 1000, reason: "", wasClean: true }]);
});

Deno.test("a close frame and the end of the stream at once: the answer is sent", async () => {
  const rig = open();
  rig.peer.sendBytes(encodeMasked([close(1000)]));
  rig.peer.end();
  await turn();
  assertEquals(rig.written(), "\x88\x02\x03\xe8");
  assertEquals(rig.ends, [{ code: 1000, reason: "", wasClean: true }]);
  assertEquals(rig.peer.closeCount, 1);
});

Deno.test("both sides close at the same time", async () => {
  const rig = open();
  rig.connection.close(4000, "");
  rig.peer.sendBytes(encodeMasked([close(4001, "x")]));
  rig.peer.end();
  await turn();
  assertEquals(rig.written(), "\x88\x02\x0f\xa0");
  assertEquals(rig.ends, [{ code: 4001, reason: "x", wasClean: true }]);
});

Deno.test("a failed read ends the connection with its error", async () => {
  const rig = open();
  const error = new Deno.errors.ConnectionReset("reset");
  rig.peer.reset(error);
  rig.peer.end();
  await turn();
  assertEquals(rig.ends.map((end) => end.error), [error]);
});

Deno.test("beyond maxBufferedBytes the client is cut off", async () => {
  const rig = open({ maxBufferedBytes: 100 });
  const release = rig.peer.holdWrites();
  rig.connection.send("a".repeat(50));
  await turn();
  assertEquals(rig.connection.bufferedBytes, 52);
  rig.connection.send(new Uint8Array(46));
  assertEquals([rig.connection.bufferedBytes, rig.ends], [100, []]);
  rig.connection.send("");
  assertEquals(faultOf(rig), "SLOW_READER");
  assertEquals(rig.connection.bufferedBytes, 0);
  rig.connection.send("ignored");
  release();
  await turn();
});

Deno.test("drained() resolves when everything is sent, or the connection is closed", async () => {
  const rig = open();
  await rig.connection.drained();
  let drainedCount = 0;
  const release = rig.peer.holdWrites();
  rig.connection.send("a");
  rig.connection.drained().then(() => drainedCount++);
  await turn();
  assertEquals(drainedCount, 0);
  release();
  await turn();
  assertEquals(drainedCount, 1);
  const releaseNone = rig.peer.holdWrites();
  rig.connection.send("b");
  rig.connection.drained().then(() => drainedCount++);
  rig.connection.terminate();
  await turn();
  assertEquals(drainedCount, 2);
  releaseNone();
});

Deno.test("sends of one turn become one write", async () => {
  const rig = open();
  for (const word of ["a", "b", "c"]) rig.connection.send(word);
  await turn();
  assertEquals(rig.peer.writes, ["\x81\x01a\x81\x01b\x81\x01c"]);
  rig.connection.terminate();
});

Deno.test("a client that reads no pongs is not read from", async () => {
  const rig = open();
  const release = rig.peer.holdWrites();
  const pings = encodeMasked(
    Array.from({ length: 10_000 }, () => ping("p".repeat(100))),
  );
  rig.peer.sendBytes(pings);
  await turn();
  assert(rig.peer.readBytes < 400_000, String(rig.peer.readBytes));
  assert(rig.connection.bufferedBytes < 300_000);
  release();
  await turn();
  assertEquals(rig.peer.readBytes, pings.length);
  assertEquals(rig.written().length, 10_000 * 102);
  rig.connection.terminate();
});

Deno.test("a program that takes no messages is not sent more than one read", async () => {
  const clock = new FakeClock();
  const peer = new MemoryConnection();
  const queue = new MessageQueue();
  const connection = new Connection({
    duplex: peer.duplex,
    settings: resolveWebSocketOptions({ idleTimeout: 1000 }),
    deflate: null,
    clock,
    sink: queue,
  });
  queue.connection = connection;
  connection.start();
  const messages = Array.from({ length: 500 }, (_, n) => text(String(n)));
  const bytes = encodeMasked([...messages, binary("a".repeat(100_000))]);
  peer.sendBytes(bytes);
  await turn();
  assert(peer.readBytes <= 4096, String(peer.readBytes));
  clock.advance(10_000); // nothing can be heard while nothing is read
  await turn();
  for (let n = 0; n < 500; n++) {
    const { value } = await queue.next();
    assertEquals(value, String(n));
  }
  assertEquals((await queue.next()).value?.length, 100_000);
  const waiting = [queue.next(), queue.next(), queue.next()];
  peer.sendBytes(encodeMasked([text("a"), text("b"), close(1000)]));
  peer.end();
  assertEquals((await Promise.all(waiting)).map(({ value }) => value), [
    ...["a", "b", undefined],
  ]);
  assertEquals((await queue.next()).done, true);
  assertEquals((await queue.closedHow.promise).code, 1000);
});

Deno.test("a message that was not taken is still there after the end", async () => {
  const peer = new MemoryConnection();
  const queue = new MessageQueue();
  const connection = new Connection({
    duplex: peer.duplex,
    settings: resolveWebSocketOptions({}),
    deflate: null,
    clock: new FakeClock(),
    sink: queue,
  });
  queue.connection = connection;
  connection.start();
  peer.sendBytes(encodeMasked([text("a"), text("b"), close(1000)]));
  await turn();
  connection.terminate();
  assertEquals((await queue.next()).value, "a");
  assertEquals((await queue.next()).done, true);
});

Deno.test("a connection in pieces of one byte gives the same messages", async () => {
  const rig = open({}, { maxWriteBytes: 1 });
  const bytes = encodeMasked([text("hello"), ping("p"), binary("b")]);
  for (const byte of bytes) rig.peer.sendBytes(Uint8Array.of(byte));
  for (let i = 0; i < 3; i++) await turn();
  assertEquals(rig.messages, ["hello", new TextEncoder().encode("b")]);
  assertEquals(rig.written(), "\x8a\x01p");
  rig.connection.terminate();
});
