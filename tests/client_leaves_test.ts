/**
 * Section 4, clients that disconnect while a handler runs (R108, R110): they
 * close, reset, or close only their write direction, over all transports.
 */

import { assert, assertEquals } from "@std/assert";
import { type Handler, Server, type ServerHandle } from "../mod.ts";
import { encodeLatin1 } from "./support/latin1.ts";
import {
  EPOLL,
  LISTEN,
  type TestEngine,
  testEngine,
  testEngines,
} from "./support/engines.ts";
import { ResponseReader } from "./support/raw_client.ts";
import { request } from "./support/serve.ts";
import { Resetter } from "./support/sockets.ts";
import { until } from "./support/turns.ts";
import { withDeadline } from "./support/with_deadline.ts";
import { writeAll } from "./support/write_all.ts";

const DEADLINE_MS = 10_000;
/** Short, so that exchanges without a client end soon. */
const TIMEOUT_MS = 80;

/** More than a connection holds, so that the server stops reading. */
const UNREAD_BYTES = 100_000;

const fixtures = new URL("./fixtures/", import.meta.url);
const cert = await Deno.readTextFile(new URL("localhost.cert.pem", fixtures));
const key = await Deno.readTextFile(new URL("localhost.key.pem", fixtures));

/** One way to reach a server. */
interface Route {
  readonly name: string;
  readonly address: () => Promise<string>;
  readonly isSecure: boolean;
  readonly connect: (addr: Deno.Addr) => Promise<Deno.Conn>;
}

const routes: readonly Route[] = [
  {
    name: "TCP",
    address: () => Promise.resolve("127.0.0.1:0"),
    isSecure: false,
    connect: (addr) =>
      Deno.connect(addr as Deno.NetAddr & { transport: "tcp" }), // as listened on
  },
  {
    name: "a Unix socket",
    address: async () => `unix:${await Deno.makeTempDir()}/socket`,
    isSecure: false,
    connect: (addr) =>
      Deno.connect(addr as Deno.UnixAddr & { transport: "unix" }),
  },
  {
    name: "TLS",
    address: () => Promise.resolve("127.0.0.1:0"),
    isSecure: true,
    connect: async (addr) => {
      const { port } = addr as Deno.NetAddr; // as listened on
      const conn = await Deno.connectTls({
        hostname: "localhost",
        port,
        caCerts: [cert],
      });
      await conn.handshake();
      return conn;
    },
  },
];

/** What a server saw of one request. */
class Visit {
  readonly begun: PromiseWithResolvers<AbortSignal> = Promise.withResolvers();
  readonly aborted: PromiseWithResolvers<unknown> = Promise.withResolvers();
  readonly canceled: PromiseWithResolvers<void> = Promise.withResolvers();
  readonly tornDown: PromiseWithResolvers<void> = Promise.withResolvers();
  tearDowns = 0;
  /** The last timer of the handler. */
  sleep: Promise<void> = Promise.resolve();
}

/** What handlers do while their client disconnects; they respond if they notice it. */
const occupations: Readonly<Record<string, (visit: Visit) => Handler>> = {
  waits: (visit) => async (_, res) => {
    await visit.aborted.promise;
    res.ok("late");
  },
  "never answers": () => () => new Promise(() => {}),
  streams: (visit) => (_, res) =>
    res.ok(
      new ReadableStream<string>({
        async start(controller): Promise<void> {
          controller.enqueue("l".repeat(10_000));
          await visit.aborted.promise;
          controller.enqueue("ate");
          controller.close();
        },
        cancel: () => visit.canceled.resolve(),
      }, { highWaterMark: 2 }),
    ),
  "streams nothing more": (visit) => (_, res) =>
    res.ok(
      new ReadableStream<string>({
        start: (controller) => controller.enqueue("l".repeat(10_000)),
        cancel: () => visit.canceled.resolve(),
      }),
    ),
  sleeps: (visit) => async (_, res) => {
    visit.sleep = new Promise((resolve) => {
      setTimeout(resolve, TIMEOUT_MS / 2);
    });
    await visit.sleep;
    res.ok("late");
  },
};

async function serve(
  engine: TestEngine,
  route: Route,
  handler: Handler,
  visit: Visit,
): Promise<ServerHandle> {
  const app = Server.builder(await route.address(), {
    halfCloseTimeout: TIMEOUT_MS,
    writeTimeout: TIMEOUT_MS,
  });
  if (route.isSecure) app.tls({ cert, key });
  app.connectionTeardownHook(() => {
    visit.tearDowns++;
    visit.tornDown.resolve();
  });
  app.fallbackRoute((ctx, res) => {
    const { signal } = ctx;
    signal.onabort = () => visit.aborted.resolve(signal.reason);
    visit.begun.resolve(signal);
    return handler(ctx, res);
  });
  return engine.start(app.build());
}

function reader(conn: Deno.Conn): ResponseReader {
  const buffer = new Uint8Array(65_536);
  return new ResponseReader(async () => {
    const size = await conn.read(buffer);
    return size === null ? null : buffer.slice(0, size);
  });
}

/** Registers a test on all engines that have the route. */
function testOn(
  { isSecure }: Route,
  name: string,
  run: (engine: TestEngine) => Promise<void>,
): void {
  if (isSecure) testEngine(LISTEN, name, run); // the only one with TLS
  else testEngines(name, run);
}

const leavings: Readonly<Record<string, (conn: Deno.Conn) => void>> = {
  closes: (conn) => conn.close(),
  resets: (conn) => {
    using resetter = new Resetter();
    resetter.reset(conn as Deno.TcpConn); // a TLS connection has the same addresses
  },
};

for (const route of routes) {
  for (const [how, leave] of Object.entries(leavings)) {
    if (how === "resets" && route.name === "a Unix socket") continue; // has no reset
    for (const [what, occupy] of Object.entries(occupations)) {
      testOn(
        route,
        `R108: a client over ${route.name} that ${how} while a handler ${what} is noticed, and frees its connection`,
        async (engine) => {
          const visit = new Visit();
          await using handle = await serve(
            engine,
            route,
            occupy(visit),
            visit,
          );
          const conn = await route.connect(handle.addr);
          await writeAll(conn, encodeLatin1(request("GET /")));
          await visit.begun.promise;
          if (what.startsWith("streams")) await reader(conn).head();
          leave(conn);
          await withDeadline(visit.aborted.promise, DEADLINE_MS);
          await withDeadline(visit.tornDown.promise, DEADLINE_MS);
          assertEquals(handle.connectionCount, 0);
          if (what === "streams nothing more") await visit.canceled.promise;
          await handle.shutdown();
          await visit.sleep;
          assertEquals(visit.tearDowns, 1);
        },
      );
    }
  }

  for (const what of ["waits", "streams", "sleeps"]) {
    testOn(
      route,
      `R108: a client over ${route.name} that ends its direction while a handler ${what} is noticed, and answered`,
      async (engine) => {
        const visit = new Visit();
        const handler = occupations[what]!(visit); // in the table
        await using handle = await serve(engine, route, handler, visit);
        const conn = await route.connect(handle.addr);
        await writeAll(conn, encodeLatin1(request("GET /")));
        await visit.begun.promise;
        await conn.closeWrite();
        const reason = await withDeadline(visit.aborted.promise, DEADLINE_MS);
        assert(reason instanceof DOMException);
        assertEquals(reason.name, "AbortError");
        const responses = reader(conn);
        const { status, body } = await responses.response();
        assertEquals([status, body.slice(-3)], [200, "ate"]);
        assertEquals(await responses.toEnd(), "");
        conn.close();
        await withDeadline(visit.tornDown.promise, DEADLINE_MS);
        await handle.shutdown();
        assertEquals(visit.tearDowns, 1);
      },
    );
  }
}

/** Ways to disconnect after sending bytes of a body that no handler reads. */
const endings: Readonly<Record<string, (conn: Deno.TcpConn) => unknown>> = {
  "ends its direction": (conn) => conn.closeWrite(),
  closes: (conn) => conn.close(),
  resets: (conn) => leavings.resets?.(conn),
};

for (const [how, leave] of Object.entries(endings)) {
  testEngine(
    EPOLL,
    `R108: a client that ${how} after bytes that no handler reads is noticed`,
    async (engine) => {
      const begun = Promise.withResolvers<AbortSignal>();
      const errors: (Error | undefined)[] = [];
      await using server = engine.serve((app) =>
        app.post("/", (ctx) => {
          begun.resolve(ctx.signal);
          return new Promise(() => {});
        }).connectionTeardownHook((_, error) => void errors.push(error)), {
        halfCloseTimeout: TIMEOUT_MS,
      });
      const { port } = server;
      const conn = await Deno.connect({ hostname: "127.0.0.1", port });
      const wire = request("POST /", "", "x".repeat(UNREAD_BYTES));
      await writeAll(conn, encodeLatin1(wire));
      const signal = await begun.promise;
      const aborted = new Promise<void>((resolve) => {
        signal.onabort = () => resolve();
      });
      await leave(conn);
      await withDeadline(aborted, DEADLINE_MS);
      await until(() => errors.length > 0);
      assertEquals(
        errors.map((error) => error?.name),
        [how === "resets" ? "ConnectionReset" : "TimeoutError"],
      );
      assertEquals(server.handle.connectionCount, 0);
      if (how === "ends its direction") conn.close();
    },
  );
}
