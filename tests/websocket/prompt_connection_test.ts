/** Connections that write without a promise, in memory, with as much room as the test gives. */

import { assert, assertEquals } from "@std/assert";
import type { PromptDuplex } from "../../server/duplex.ts";
import {
  IteratedSocket,
  MessageQueue,
} from "../../websocket/accepted_socket.ts";
import {
  FrameDecoder,
  FrameEvent,
} from "../../websocket/codec/frame_decoder.ts";
import {
  Connection,
  type WebSocketClosed,
  type WebSocketMessage,
} from "../../websocket/connection.ts";
import { resolveWebSocketOptions } from "../../websocket/options.ts";
import { FakeClock } from "../support/fake_clock.ts";
import { MemoryConnection } from "../support/memory_duplex.ts";
import { SeededRandom } from "../support/random.ts";
import { turn, until } from "../support/turns.ts";
import { close, encodeMasked, ping, text } from "./frame_cases/case.ts";

interface Rig {
  readonly connection: Connection;
  readonly peer: MemoryConnection;
  readonly ends: WebSocketClosed[];
  /** Sizes of the writes that needed no promise. */
  readonly promptSizes: number[];
  /** The messages in what was written. */
  readonly echoes: () => unknown[];
}

/** A connection that gives messages to `receive`; `roomOf` says how much of a write the system takes at once. */
function open(
  receive:
    | MessageQueue
    | ((message: WebSocketMessage, connection: Connection) => void),
  roomOf: (size: number) => number = (size) => size,
): Rig {
  const peer = new MemoryConnection();
  const promptSizes: number[] = [];
  const ends: WebSocketClosed[] = [];
  const written: Uint8Array<ArrayBuffer>[] = [];
  const duplex: PromptDuplex = {
    ...peer.duplex,
    readThen(buffer, onRead, onFailed): void {
      void peer.duplex.read(buffer).then(onRead, onFailed);
    },
    write(bytes): Promise<number> {
      written.push(bytes.slice());
      return Promise.resolve(bytes.length);
    },
    writeNow(bytes, size): number {
      const sent = Math.min(size, roomOf(size));
      promptSizes.push(sent);
      written.push(bytes.slice(0, sent));
      return sent;
    },
  };
  const connection = new Connection({
    duplex,
    settings: resolveWebSocketOptions({ idleTimeout: Infinity }),
    deflate: null,
    clock: new FakeClock(),
    sink: receive instanceof MessageQueue ? receive : {
      receive: (message) => receive(message, connection),
      closed: (how) => void ends.push(how),
    },
  });
  if (receive instanceof MessageQueue) receive.connection = connection;
  connection.start();
  const echoes = (): unknown[] => decoded(joined(written));
  return { connection, peer, ends, promptSizes, echoes };
}

function joined(pieces: readonly Uint8Array[]): Uint8Array {
  const sizes = pieces.map((piece) => piece.length);
  const bytes = new Uint8Array(sizes.reduce((sum, size) => sum + size, 0));
  let at = 0;
  for (const piece of pieces) {
    bytes.set(piece, at);
    at += piece.length;
  }
  return bytes;
}

function decoded(bytes: Uint8Array): unknown[] {
  const decoder = new FrameDecoder({
    isMasked: false,
    maxMessageBytes: 1_000_000,
    inflate: null,
  });
  decoder.feed(bytes);
  const found: unknown[] = [];
  for (;;) {
    const event = decoder.next();
    if (event === FrameEvent.NEED_DATA) return found;
    found.push(event === FrameEvent.MESSAGE ? decoder.message : event);
  }
}

Deno.test("a connection that writes at once sends what one turn adds together", async () => {
  const { connection, promptSizes, echoes } = open(() => {});
  connection.send("a");
  connection.send("b");
  assertEquals(promptSizes, []);
  await connection.drained();
  assertEquals([promptSizes, connection.bufferedBytes], [[6], 0]);
  assertEquals(echoes(), ["a", "b"]);
  connection.terminate();
});

Deno.test("what the system does not take at once is sent later, in order", async () => {
  const random = new SeededRandom(7);
  const { connection, peer, echoes, ends } = open(
    () => {},
    () => random.below(3) === 0 ? 0 : random.below(3000),
  );
  const sent: string[] = [];
  for (let round = 0; round < 200; round++) {
    for (let count = random.below(4); count > 0; count--) {
      const message = String(sent.length).repeat(random.below(2000));
      sent.push(message);
      connection.send(message);
    }
    if (random.below(3) === 0) await turn();
  }
  await connection.drained();
  assertEquals(echoes(), sent);
  connection.close(1000, "");
  peer.sendBytes(encodeMasked([close(1000)]));
  peer.end();
  await until(() => ends.length > 0);
  assertEquals(ends[0]?.wasClean, true);
  assertEquals(echoes(), [...sent, FrameEvent.CLOSE]);
});

Deno.test("answers that fill the output do not stop the reading", async () => {
  for (const room of [Infinity, 100_000, 0]) {
    const large = "x".repeat(300_000); // more than may wait while reading goes on
    let count = 0;
    const { connection, peer, echoes } = open((message, connection) => {
      count++;
      connection.send(`${message}${large}`);
    }, () => room);
    const names = Array.from({ length: 8 }, (_, n) => `${n}:`);
    peer.sendBytes(encodeMasked(names.map((name) => text(name))));
    await until(() => count === 8 && connection.bufferedBytes === 0);
    assertEquals(echoes(), names.map((name) => name + large));
    connection.terminate();
  }
});

Deno.test("reading resumes when answers that came later are sent", async () => {
  const large = "x".repeat(300_000);
  let count = 0;
  const { connection, peer, echoes } = open(async (message, connection) => {
    await undefined;
    count++;
    connection.send(`${message}${large}`);
  });
  for (let n = 0; n < 5; n++) {
    peer.sendBytes(encodeMasked([text(`${n}`), text(`${n}`), ping("p")]));
    await turn();
  }
  await until(() => count === 10 && connection.bufferedBytes === 0);
  assertEquals(echoes().length, 15); // with the pongs
  connection.terminate();
});

Deno.test("a write that fails at once ends the connection", async () => {
  const { connection, ends } = open(() => {}, () => {
    throw new Deno.errors.BrokenPipe("gone");
  });
  connection.send("a");
  await connection.drained();
  assertEquals(ends.map(({ code }) => code), [1006]);
  assert(ends[0]?.error instanceof Deno.errors.BrokenPipe);
});

/** Gives `use` the messages of a client that sends so many in one read. */
function openIterated(
  count: number,
  use: (socket: IteratedSocket) => Promise<void>,
): Rig {
  const queue = new MessageQueue();
  const rig = open(queue);
  void use(new IteratedSocket(rig.connection, queue, ""));
  const messages = Array.from({ length: count }, (_, n) => text(`${n}`));
  rig.peer.sendBytes(encodeMasked(messages));
  return rig;
}

Deno.test("messages that arrive together are answered together", async () => {
  for (const count of [1, 2, 16, 400]) {
    const { connection, promptSizes, echoes } = openIterated(
      count,
      async (socket) => {
        for await (const message of socket) socket.send(message);
      },
    );
    await turn();
    assertEquals(promptSizes.length, 1, `${count} in ${promptSizes}`);
    assertEquals(echoes(), Array.from({ length: count }, (_, n) => `${n}`));
    connection.terminate();
  }
});

Deno.test("an answer does not wait for further messages that the program does not take", async () => {
  const { connection, echoes } = openIterated(16, async (socket) => {
    for await (const message of socket) {
      socket.send(message);
      await new Promise(() => {}); // for ever
    }
  });
  await turn();
  assertEquals(echoes(), ["0"]);
  connection.terminate();
});

Deno.test("many large answers to messages that arrive together do not wait for the last", async () => {
  const { connection, promptSizes, echoes } = openIterated(
    64,
    async (socket) => {
      for await (const message of socket) {
        socket.send(`${message}:${"x".repeat(1000)}`);
      }
    },
  );
  await turn();
  assertEquals(echoes().length, 64);
  assert(promptSizes.length > 3 && promptSizes.length < 8, `${promptSizes}`);
  connection.terminate();
});
