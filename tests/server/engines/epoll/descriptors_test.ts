/** No descriptor stays open, however a connection or a server ends. */

import { assertEquals } from "@std/assert";
import {
  ConnectionSetupAction,
  Server,
  type ServerBuilder,
} from "../../../../mod.ts";
import { EPOLL, testEngine } from "../../../support/engines.ts";
import { withDeadline } from "../../../support/with_deadline.ts";
import { request, type TestServer } from "../../../support/serve.ts";
import { countDescriptors, Resetter } from "../../../support/sockets.ts";
import { turn, until, untilRefused } from "../../../support/turns.ts";
import { connect, drain, toBytes } from "../../../support/epoll_peers.ts";

const DEADLINE_MS = 20_000;

/** Connections of each kind that are counted, and connections made before as a warm-up. */
const KIND_CONNECTIONS = 150;
const WARM_UP_CONNECTIONS = 10;

/** More than the system buffers for a connection whose peer does not read. */
const FLOOD = new Uint8Array(20_000_000);

/** A peer's behaviour on one connection. */
type Visit = (conn: Deno.TcpConn, resetter: Resetter) => Promise<void>;

/** Sends, reads to the end, closes. */
function asking(wire: string): Visit {
  return async (conn) => {
    await conn.write(toBytes(wire));
    await conn.closeWrite();
    await drain(conn);
    conn.close();
  };
}

/** Sends, waits for a byte if one is expected, and resets. */
function resetting(wire: string, waits: boolean): Visit {
  return async (conn, resetter) => {
    await conn.write(toBytes(wire));
    if (waits) await conn.read(new Uint8Array(1));
    resetter.reset(conn);
  };
}

/** Kinds of connections, by the behaviour of the peer. */
const kinds: Readonly<Record<string, Visit>> = {
  "that get responses": asking(request("GET /").repeat(3)),
  "that are refused": asking("x\r\n\r\n"),
  "with part of a head": asking("GET / HTTP/1.1\r\nHo"),
  "that send nothing": asking(""),
  "that are reset": resetting(request("GET /"), true),
  "that are reset immediately": resetting("", false),
  "that are reset in half a head": resetting("GET / HT", false),
  "that are reset during a response": resetting(request("GET /flood"), true),
  "that were taken over": asking(request("GET /hijack")),
  "that were taken over and reset": resetting(request("GET /hijack"), true),
  "whose handler throws": asking(request("GET /throws")),
  "whose stream fails": asking(request("GET /fails")),
};

async function* failing(): AsyncGenerator<string> {
  yield "x".repeat(20_000);
  throw new Error("scripted");
}

function addRoutes(app: ServerBuilder): void {
  app.get("/", (_, res) => res.ok("ok"))
    .get("/flood", (_, res) => res.ok(FLOOD))
    .get("/fails", (_, res) => res.ok(failing()))
    .get("/throws", () => {
      throw new Error("scripted");
    })
    .get("/hijack", async (_, res) => {
      const conn = await res.hijack();
      try {
        await conn.write(toBytes("taken"));
        while (await conn.read(new Uint8Array(10)) !== null);
      } finally {
        conn.close();
      }
    });
}

/** Opens connections one after the other, and checks that no descriptor stays open. */
async function checkDescriptors(
  server: TestServer,
  visit: Visit,
  open = 0,
): Promise<void> {
  using resetter = new Resetter();
  const run = async (count: number): Promise<void> => {
    for (let n = 0; n < count; n += 10) {
      await Promise.all(Array.from({ length: 10 }, async () => {
        const conn = await connect(server);
        await visit(conn, resetter);
      }));
    }
    await until(() => server.handle.connectionCount === open);
  };
  await run(WARM_UP_CONNECTIONS);
  const before = countDescriptors();
  await run(KIND_CONNECTIONS);
  await until(() => countDescriptors() <= before);
}

for (const [what, visit] of Object.entries(kinds)) {
  testEngine(
    EPOLL,
    `connections ${what} leave no descriptor`,
    async (engine) => {
      await using server = engine.serve(addRoutes);
      await checkDescriptors(server, visit);
    },
  );
}

/** Setup hooks that reject every connection. */
const refusals: Readonly<
  Record<string, () => ConnectionSetupAction | Promise<ConnectionSetupAction>>
> = {
  "drops": () => ConnectionSetupAction.drop,
  "drops later": async () => {
    await turn();
    return ConnectionSetupAction.drop;
  },
  "throws": () => {
    throw new Error("scripted");
  },
  "rejects": () => Promise.reject(new Error("scripted")),
  "returns nothing": () => undefined as never, // possible without types
};

for (const [what, refuse] of Object.entries(refusals)) {
  testEngine(
    EPOLL,
    `connections whose setup hook ${what} leave no descriptor`,
    async (engine) => {
      await using server = engine.serve((app) => {
        addRoutes(app);
        app.connectionSetupHook(() => refuse());
      });
      await checkDescriptors(server, asking(request("GET /")));
    },
  );
}

testEngine(
  EPOLL,
  "StopAccepting and shutdown leave no descriptor and no timer",
  async (engine) => {
    const cycle = async (): Promise<void> => {
      let isStopping = false;
      const server = engine.serve((app) => {
        addRoutes(app);
        app.connectionSetupHook((accepted) => {
          if (isStopping || !accepted.ok) {
            return ConnectionSetupAction.stopAccepting;
          }
          return ConnectionSetupAction.proceed(accepted.conn);
        });
      });
      using idle = await server.connect();
      await idle.ask(request("GET /"));
      isStopping = true;
      using last = await server.connect();
      assertEquals(await last.toEnd(), "");
      assertEquals(await idle.toEnd(), "");
      idle.close(); // otherwise the server would wait for its end
      await withDeadline(server.handle.finished, DEADLINE_MS);
      await untilRefused(server.port);
      await server.handle.shutdown();
    };
    await cycle();
    const before = countDescriptors();
    // At the same time, since each has its second of grace.
    await Promise.all(Array.from({ length: 10 }, cycle));
    await until(() => countDescriptors() <= before);
  },
);

testEngine(
  EPOLL,
  "a server that is closed right after its start leaves no descriptor",
  async (engine) => {
    const cycle = async (): Promise<void> => {
      const app = Server.builder("127.0.0.1:0").get("/", (_, res) => res.ok());
      const handle = engine.start(app.build());
      handle.closeNow();
      await withDeadline(handle.finished, DEADLINE_MS);
    };
    await cycle();
    const before = countDescriptors();
    for (let n = 0; n < 10; n++) await cycle();
    await until(() => countDescriptors() <= before);
  },
);

testEngine(
  EPOLL,
  "closeNow() leaves no descriptor of connections in any state",
  async (engine) => {
    const cycle = async (): Promise<void> => {
      const server = engine.serve((app) => {
        addRoutes(app);
        app.get("/wait", () => new Promise(() => {}));
      });
      const wires = [
        "",
        "GET / HT",
        request("GET /wait"),
        request("GET /flood"),
      ];
      const conns: Deno.TcpConn[] = [];
      for (const wire of [...wires, request("GET /hijack")]) {
        const conn = await connect(server);
        await conn.write(toBytes(wire));
        conns.push(conn);
      }
      await until(() => server.handle.requestCount === 3);
      server.handle.closeNow();
      await withDeadline(server.handle.finished, DEADLINE_MS);
      for (const conn of conns) {
        await drain(conn);
        conn.close();
      }
    };
    await cycle();
    const before = countDescriptors();
    for (let n = 0; n < 5; n++) await cycle();
    await until(() => countDescriptors() <= before);
  },
);
