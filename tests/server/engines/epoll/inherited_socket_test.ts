/** Sockets that a program inherits, such as those that systemd passes. */

import { assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { Server } from "../../../../mod.ts";
import {
  Libc,
  NON_BLOCKING,
  SOCK_STREAM,
} from "../../../../server/engines/epoll/libc.ts";
import {
  AF_INET,
  encodeSocketAddress,
} from "../../../../server/engines/epoll/socket_address.ts";
import { boundAddress } from "../../../../server/engines/epoll/socket_calls.ts";
import { EPOLL, LISTEN, testEngine } from "../../../support/engines.ts";
import { Program } from "../../../support/program.ts";
import { RawClient } from "../../../support/raw_client.ts";
import { request } from "../../../support/serve.ts";
import { untilRefused } from "../../../support/turns.ts";

const AF_UNIX = 1;
const SOCK_DGRAM = 2;

/** A socket that programs started by this one inherit. */
class Socket implements Disposable {
  readonly libc: Libc = new Libc();
  readonly fd: number;

  constructor(family: number, type: number) {
    this.fd = this.libc.calls.socket(family, type, 0);
  }

  /** A TCP socket that listens on a free port of 127.0.0.1. */
  static listening(): Socket {
    const socket = new Socket(AF_INET, SOCK_STREAM);
    const { calls } = socket.libc;
    const address = encodeSocketAddress("127.0.0.1", 0)!; // an IP address
    assertEquals(calls.bind(socket.fd, address, address.length), 0);
    assertEquals(calls.listen(socket.fd, 64), 0);
    return socket;
  }

  get port(): number {
    return boundAddress(this.libc, this.fd).port;
  }

  /** Another descriptor of the socket, which this object does not close. */
  copy(): number {
    const F_DUPFD = 0;
    return this.libc.setupCalls.fcntl(this.fd, F_DUPFD, 3);
  }

  close(): void {
    this.libc.calls.close(this.fd);
  }

  [Symbol.dispose](): void {
    this.close();
    this.libc.close();
  }
}

function serverOn(fd: number): Server {
  const app = Server.builder(`fd:${fd}`);
  app.get("/", (_, res) => res.ok("ok"));
  return app.build();
}

testEngine(
  EPOLL,
  "serveEpoll() serves an inherited socket, and closes it at the end",
  async (engine) => {
    using socket = Socket.listening();
    const { port } = socket;
    const handle = engine.start(serverOn(socket.copy()));
    assertEquals(handle.port, port);
    using client = await RawClient.connect(port);
    assertEquals((await client.ask(request("GET /"))).body, "ok");
    client.close();
    await handle.shutdown();
    socket.close();
    await untilRefused(port);
  },
);

testEngine(
  EPOLL,
  "while a server restarts, connections queue at the socket that its parent keeps",
  async () => {
    using socket = Socket.listening();
    const { port, fd } = socket;
    const start = (name: string): Promise<Program> =>
      Program.start({
        args: [
          ...["run", "--no-prompt", "--allow-ffi"],
          `--allow-net=127.0.0.1:${port},127.0.0.1:0`,
          ...["tests/programs/inherited_server.ts", String(fd), name],
        ],
      });
    await using first = await start("first");
    assertEquals(first.port, port);
    using early = await RawClient.connect(port);
    assertEquals((await early.ask(request("GET /"))).body, "first");
    early.close();
    first.signal("SIGTERM");
    assertEquals([await first.ended(), first.stderr], [0, ""]);

    using waiting = await RawClient.connect(port);
    await waiting.send(request("GET /"));
    await using second = await start("second");
    assertEquals((await waiting.response()).body, "second");
    waiting.close();
    second.signal("SIGTERM");
    assertEquals([await second.ended(), second.stderr], [0, ""]);
  },
);

testEngine(
  EPOLL,
  "an inherited socket needs the permission for its address",
  async () => {
    using socket = Socket.listening();
    const { port, fd } = socket;
    const { code, stderr } = await new Deno.Command(Deno.execPath(), {
      args: [
        ...["run", "--no-prompt", "--allow-ffi", "--allow-net=127.0.0.1:0"],
        ...["tests/programs/inherited_server.ts", String(fd), "name"],
      ],
      cwd: new URL("../../../../", import.meta.url),
    }).output();
    assertEquals(code, 1);
    const text = new TextDecoder().decode(stderr);
    assertStringIncludes(text, `run with --allow-net=127.0.0.1:${port}`);
  },
);

const PASS_ONE =
  "the program that starts this one has to pass a TCP socket that listens, as systemd does for a socket unit";

interface Refusal {
  readonly what: string;
  readonly why: string;
  /** Returns a descriptor, and what closes it. */
  open(): readonly [fd: number, close: () => void];
}

const refusals: readonly Refusal[] = [
  {
    what: "a number that is not open",
    why: `it is not open; ${PASS_ONE}`,
    open: () => [1_000_000, () => {}],
  },
  {
    what: "a descriptor that is no socket",
    why: `it is not a socket; ${PASS_ONE}`,
    open: () => {
      const libc = new Libc();
      const fd = libc.calls.eventfd(0, NON_BLOCKING);
      return [fd, () => {
        libc.calls.close(fd);
        libc.close();
      }];
    },
  },
  {
    what: "a datagram socket",
    why: `it is no stream socket; ${PASS_ONE}`,
    open: () => opened(new Socket(AF_INET, SOCK_DGRAM)),
  },
  {
    what: "a socket that does not listen",
    why:
      "the socket does not listen; pass it after listen(); a systemd socket unit must not have Accept=yes",
    open: () => opened(new Socket(AF_INET, SOCK_STREAM)),
  },
  {
    what: "a Unix socket",
    why: "it is no TCP socket; listen on unix:/path for a Unix socket",
    open: () => {
      const socket = new Socket(AF_UNIX, SOCK_STREAM);
      // With only a family, the system picks an abstract name.
      const name = Uint8Array.of(AF_UNIX, 0);
      const { calls } = socket.libc;
      assertEquals(calls.bind(socket.fd, name, name.length), 0);
      assertEquals(calls.listen(socket.fd, 1), 0);
      return opened(socket);
    },
  },
];

function opened(socket: Socket): readonly [number, () => void] {
  return [socket.fd, () => socket[Symbol.dispose]()];
}

for (const { what, why, open } of refusals) {
  testEngine(EPOLL, `serveEpoll() refuses ${what}`, (engine) => {
    const [fd, close] = open();
    try {
      const error = assertThrows(() => engine.start(serverOn(fd)), TypeError);
      assertEquals(error.message, `Cannot listen on "fd:${fd}": ${why}`);
    } finally {
      close();
    }
  });
}

testEngine(LISTEN, "serve() refuses an inherited socket", (engine) => {
  assertThrows(
    () => engine.start(serverOn(3)),
    TypeError,
    'Cannot listen on "fd:3": only the epoll engine can use an inherited socket; call serveEpoll()',
  );
});

testEngine(EPOLL, "serveThreaded() refuses an inherited socket", () => {
  assertThrows(
    () => serverOn(3).serveThreaded({ engine: "epoll" }),
    TypeError,
    'Cannot share "fd:3" among workers: use serveEpoll()',
  );
});
