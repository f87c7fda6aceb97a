/**
 * The engine's connection to itself, which keeps the runtime's I/O running:
 * other processes that connect to its listener first cannot stop the engine.
 */

import { assertEquals } from "@std/assert";
import { stub } from "@std/testing/mock";
import {
  CLOSE_ON_EXEC,
  Libc,
  SOCK_STREAM,
} from "../../../../server/engines/epoll/libc.ts";
import {
  AF_INET,
  encodeSocketAddress,
} from "../../../../server/engines/epoll/socket_address.ts";
import { EPOLL, testEngine } from "../../../support/engines.ts";
import { request } from "../../../support/serve.ts";

const LOOPBACK = "127.0.0.1";

/** Connects to each listener of the runtime before its owner can accept. */
class Intruder implements Disposable {
  readonly #libc: Libc = new Libc();
  readonly #fds: number[] = [];
  readonly #stub: Disposable;

  constructor(count: number) {
    const listen = Deno.listen;
    const intrude = (options: Deno.TcpListenOptions): Deno.TcpListener => {
      const listener = listen(options);
      for (let n = 0; n < count; n++) this.#connect(listener.addr.port);
      return listener;
    };
    this.#stub = stub(Deno, "listen", intrude as typeof Deno.listen); // only TCP listeners are made
  }

  /** Connections that were made. */
  get count(): number {
    return this.#fds.length;
  }

  #connect(port: number): void {
    const { calls } = this.#libc;
    const fd = calls.socket(AF_INET, SOCK_STREAM | CLOSE_ON_EXEC, 0);
    const address = encodeSocketAddress(LOOPBACK, port)!; // an IP address
    assertEquals(calls.connect(fd, address, address.length), 0);
    this.#fds.push(fd);
  }

  [Symbol.dispose](): void {
    this.#stub[Symbol.dispose]();
    for (const fd of this.#fds) this.#libc.calls.close(fd);
    this.#libc.close();
  }
}

/** Few others, and more than the engine looks through. */
const COUNTS = [1, 3, 40];

for (const count of COUNTS) {
  testEngine(
    EPOLL,
    `the engine starts and serves although other connections (${count}) came first to its own listener`,
    async (engine) => {
      using intruder = new Intruder(count);
      await using server = engine.serve((app) =>
        app.get("/", async (_, res) => {
          await Deno.stat("."); // needs a turn of the runtime
          res.ok("ok");
        })
      );
      assertEquals(intruder.count, count);
      using client = await server.connect();
      for (let n = 0; n < 100; n++) {
        assertEquals((await client.ask(request("GET /"))).body, "ok");
      }
    },
  );
}
