/** Bytes that the system may hold back until more are sent. */

import { assertEquals } from "@std/assert";
import { EventLoop } from "../../../../server/engines/epoll/event_loop.ts";
import {
  CLOSE_ON_EXEC,
  Libc,
  NON_BLOCKING,
  SOCK_STREAM,
} from "../../../../server/engines/epoll/libc.ts";
import { EpollSocket } from "../../../../server/engines/epoll/socket.ts";
import {
  AF_INET,
  encodeSocketAddress,
  MAX_SOCKET_ADDRESS_BYTES,
} from "../../../../server/engines/epoll/socket_address.ts";
import {
  boundAddress,
  openListening,
} from "../../../../server/engines/epoll/socket_calls.ts";
import { EPOLL, testEngine } from "../../../support/engines.ts";
import { request } from "../../../support/serve.ts";

const DO_NOT_WAIT = 0x40; // MSG_DONTWAIT

/** A connection of the process with itself: a socket of the engine, and the peer's descriptor. */
class Pair implements AsyncDisposable {
  readonly socket: EpollSocket;
  #libc: Libc = new Libc();
  #loop: EventLoop;
  #peerFd: number;

  constructor() {
    const { calls } = this.#libc;
    const any = encodeSocketAddress("127.0.0.1", 0)!; // it is an IP address
    const listening = openListening(this.#libc, any, { isShared: false });
    const { port } = boundAddress(this.#libc, listening);
    const address = encodeSocketAddress("127.0.0.1", port)!; // it is an IP address
    this.#peerFd = calls.socket(AF_INET, SOCK_STREAM | CLOSE_ON_EXEC, 0);
    assertEquals(calls.connect(this.#peerFd, address, address.length), 0);
    const fd = calls.accept4(listening, null, null, NON_BLOCKING);
    calls.close(listening);
    this.#loop = new EventLoop(this.#libc, 16, (error) => {
      throw error;
    });
    const peer = new Uint8Array(MAX_SOCKET_ADDRESS_BYTES);
    this.socket = new EpollSocket(this.#loop, fd, peer);
  }

  /** How many bytes the peer has received; it does not wait for any. */
  received(): number {
    const { calls } = this.#libc;
    const buffer = new Uint8Array(1000);
    return calls.recvBytes(this.#peerFd, buffer, buffer.length, DO_NOT_WAIT);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.socket.close();
    this.#libc.calls.close(this.#peerFd);
    await this.#loop.close();
    this.#libc.close();
  }
}

for (const noDelay of [true, false]) {
  testEngine(
    EPOLL,
    `bytes sent with hasMore leave by push() or by the next send (setNoDelay(${noDelay}))`,
    async () => {
      await using pair = new Pair();
      const { socket } = pair;
      socket.setNoDelay(noDelay);
      const bytes = new Uint8Array(100);
      for (let n = 0; n < 20; n++) {
        assertEquals(socket.send(bytes, true), 100);
        socket.push();
        assertEquals(pair.received(), 100);
      }
      assertEquals(socket.send(bytes, true), 100);
      assertEquals(socket.send(bytes, false), 100);
      assertEquals(pair.received(), 200);
    },
  );
}

testEngine(
  EPOLL,
  "push() sends joined pieces when their source becomes slow",
  async (engine) => {
    let pushes = 0;
    const { push } = EpollSocket.prototype;
    EpollSocket.prototype.push = function (): void {
      pushes++;
      push.call(this);
    };
    try {
      const read = Promise.withResolvers<void>();
      await using server = engine.serve((app) =>
        app.get("/", (_, res) => {
          async function* source(): AsyncGenerator<string> {
            yield "x".repeat(10_000);
            for (let n = 0; n < 15; n++) yield "y"; // with the first, as many as one write joins
            await read.promise;
            yield "z";
          }
          res.ok(source());
        })
      );
      using client = await server.connect();
      await client.send(request("GET /"));
      await client.head();
      assertEquals((await client.chunk()).length, 10_000);
      for (let n = 0; n < 15; n++) assertEquals(await client.chunk(), "y");
      assertEquals(pushes, 1);
      read.resolve();
      assertEquals(await client.chunk(), "z");
      assertEquals(pushes, 1); // a lone piece is not held back
    } finally {
      EpollSocket.prototype.push = push;
    }
  },
);
