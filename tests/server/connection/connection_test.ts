/**
 * How a transport drives a connection: bytes in the receive window, which of
 * them the connection copies, and when the window may be overwritten.
 */

import { assertEquals } from "@std/assert";
import { RouterBuilder } from "../../../router/router.ts";
import { Connection } from "../../../server/connection/connection.ts";
import type { Handler } from "../../../server/hooks.ts";
import { DEFAULT_SERVER_OPTIONS } from "../../../server/options.ts";
import { EngineContext } from "../../../server/connection/engine_context.ts";
import type { Transport } from "../../../server/connection/transport.ts";
import { decodeLatin1, encodeLatin1 } from "../../support/latin1.ts";
import { until } from "../../support/turns.ts";
import { applicationOf } from "../../support/application.ts";
import { FakeClock } from "../../support/fake_clock.ts";

/** State that the connections of one test share. */
function share(
  routes: Readonly<Record<string, Handler>>,
  clock: FakeClock,
): EngineContext {
  const router = new RouterBuilder<Handler>();
  for (const [pattern, handler] of Object.entries(routes)) {
    router.add("GET", pattern, handler).add("POST", pattern, handler);
  }
  const app = {
    ...applicationOf(() => {}),
    router: router.build(),
    fallback: null,
  };
  const context = new EngineContext(app, clock, false, () => {});
  context.startScanning();
  return context;
}

/** A connection whose engine receives into the window and sends all output immediately. */
class Wire implements Transport {
  readonly duplex = {
    read: () => Promise.resolve(null),
    write: (bytes: Uint8Array) => Promise.resolve(bytes.length),
    close: () => {},
  };
  readonly connection: Connection;
  isClosed = false;
  #services: EngineContext;
  #sent = "";
  #isCalling = false;

  constructor(context: EngineContext) {
    this.#services = context;
    this.connection = new Connection(context, this);
  }

  /** The bodies of all responses so far. */
  get bodies(): string[] {
    return this.#sent.split(/HTTP\/1.1 [^]*?\r\n\r\n/).slice(1);
  }

  /** Receives bytes at an offset in the window, then overwrites the window. */
  receive(text: string, place = 0): void {
    const { bytes, start, size } = this.#services.window;
    bytes.set(encodeLatin1(text), start + place);
    const at = start + place;
    this.#call(() => this.connection.receive(bytes, at, at + text.length));
    bytes.fill(0x78, start, start + size);
    this.wake();
  }

  /** The peer closes its direction. */
  receiveEnd(): void {
    this.#call(() => this.connection.receiveEnd());
    this.wake();
  }

  wake(): void {
    if (this.#isCalling) {
      throw new TypeError("Cannot wake: the transport is already in a call");
    }
    if (this.isClosed) return;
    const { output } = this.connection;
    let buffer = output.take();
    while (buffer !== null) {
      this.#sent += decodeLatin1(buffer.bytes.subarray(0, buffer.end));
      output.sent(buffer.end);
      if (output.pendingBytes === 0) {
        this.#call(() => this.connection.outputSent());
      }
      buffer = output.take();
    }
    if (output.takeEnd()) this.#call(() => this.connection.receiveEnd());
  }

  /** Calls the connection, which must not call the transport meanwhile. */
  #call(action: () => void): void {
    this.#isCalling = true;
    action();
    this.#isCalling = false;
  }

  takeOver(): never {
    throw new TypeError("Cannot take over: no test does");
  }

  close(): void {
    this.isClosed = true;
  }
}

function get(path: string, fields = ""): string {
  return `GET ${path} HTTP/1.1\r\nHost: a\r\n${fields}\r\n`;
}

Deno.test("pipelined requests are read from the window at any offset, with the last one cut anywhere", () => {
  const routes: Record<string, Handler> = {
    "/": (_, res) => res.ok("root"),
    "/user/:id": (ctx, res) =>
      res.ok(`${ctx.params.get("id")} ${ctx.headers.get("x-n")}`),
  };
  const wire = get("/") + get("/user/1", "X-N: one\r\n") + get("/") +
    get("/user/2", "X-N: two\r\n");
  const expected = ["root", "1 one", "root", "2 two"];
  for (let cut = 1; cut < wire.length; cut++) {
    const context = share(routes, new FakeClock());
    const served = new Wire(context);
    served.receive(wire.slice(0, cut), context.window.size - cut);
    served.receive(wire.slice(cut), 7 * cut);
    assertEquals(served.bodies, expected, `cut at ${cut}`);
  }
});

Deno.test("an asynchronous handler can read its request after the window was overwritten", async () => {
  const served = new Wire(share({
    "/later": async (ctx, res) => {
      const { headers } = ctx;
      await Promise.resolve();
      res.ok(`${ctx.uri} ${headers.get("x-n")} ${ctx.headers.count}`);
    },
  }, new FakeClock()));
  served.receive(get("/later?1", "X-N: one\r\n") + get("/later?2"));
  await until(() => served.bodies.length === 2);
  assertEquals(served.bodies, ["/later?1 one 2", "/later?2 null 1"]);
});

Deno.test("a body that follows its head in the window survives until it is read", async () => {
  const served = new Wire(share({
    "/echo": async (ctx, res) => {
      await Promise.resolve();
      res.ok(await ctx.body.text());
    },
  }, new FakeClock()));
  served.receive(
    "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 6\r\n\r\nab",
  );
  served.receive("cdef" + get("/echo"), 100);
  await until(() => served.bodies.length === 2);
  assertEquals(served.bodies, ["abcdef", ""]);
});

Deno.test("a handler that resumes another connection does not disturb the window or its own request head", () => {
  let release = (): void => {};
  const routes: Record<string, Handler> = {
    "/wait": (_, res) =>
      new Promise<void>((resolve) => {
        release = () => {
          res.ok("released");
          resolve();
        };
      }),
    "/release": (ctx, res) => {
      release();
      res.ok(`by ${ctx.headers.get("x-n")}`);
    },
    "/name/:name": (ctx, res) => res.ok(ctx.params.get("name")),
  };
  const head = get("/wait");
  const held = get("/name/held", "X-N: wrong\r\n") + get("/name/behind");
  for (let cut = 0; cut < head.length; cut++) {
    const context = share(routes, new FakeClock());
    const waiting = new Wire(context);
    const acting = new Wire(context);
    if (cut > 0) waiting.receive(head.slice(0, cut));
    waiting.receive(head.slice(cut));
    waiting.receive(held);
    acting.receive(get("/release", "X-N: right\r\n") + get("/name/next"));
    assertEquals(acting.bodies, ["by right", "next"], `cut at ${cut}`);
    assertEquals(waiting.bodies, ["released", "held", "behind"]);
  }
});

Deno.test("a handler that fails its own connection sends nothing, and res.sent rejects", async () => {
  const rejections: string[] = [];
  const context = share({
    "/end": (_, res) => {
      served.connection.fail(new Error("ended by its handler"));
      res.ok("too late");
      res.sent.catch((error) => rejections.push(error.message));
    },
  }, new FakeClock());
  const served = new Wire(context);
  served.receive(get("/end") + get("/end"));
  await until(() => rejections.length > 0);
  assertEquals(rejections, ["ended by its handler"]);
  assertEquals([served.bodies, served.isClosed], [[], true]);
  assertEquals(context.requestCount, 1);
});

Deno.test("announceEnd() in a handler makes its response the last one", () => {
  const context = share({
    "/stop": (_, res) => {
      served.connection.announceEnd();
      res.ok("last");
    },
  }, new FakeClock());
  const served = new Wire(context);
  served.receive(get("/stop") + get("/stop"));
  assertEquals([served.bodies, served.isClosed], [["last"], true]);
});

Deno.test("a connection that opens after the server was idle for an hour has its full deadline", () => {
  const clock = new FakeClock();
  const context = share({ "/": (_, res) => res.ok("root") }, clock);
  clock.advance(3_600_000);
  const served = new Wire(context);
  clock.advance(DEFAULT_SERVER_OPTIONS.headerTimeout - 1);
  assertEquals(served.isClosed, false);
  served.receive(get("/"));
  assertEquals(served.bodies, ["root"]);
  clock.advance(2 * DEFAULT_SERVER_OPTIONS.idleTimeout);
  assertEquals(served.isClosed, true);
});

Deno.test("a connection wakes its transport only for a change outside of the transport's calls", async () => {
  const context = share({
    "/": (_, res) => res.ok("root"),
    "/later": async (_, res) => {
      await Promise.resolve();
      res.ok("later");
    },
    "/echo": async (ctx, res) => res.ok(await ctx.body.text()),
  }, new FakeClock());
  const served = new Wire(context);
  served.receive(get("/") + get("/later") + get("/"));
  await until(() => served.bodies.length === 3);
  served.receive(
    "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\na",
  );
  await Promise.resolve(); // the handler waits for the body
  served.receive("b" + get("/"));
  await until(() => served.bodies.length === 5);
  served.receiveEnd();
  assertEquals(served.bodies, ["root", "later", "root", "ab", "root"]);
  assertEquals(served.isClosed, true);
  const refused = new Wire(context);
  refused.receive("no request\r\n\r\n");
  assertEquals([refused.bodies, refused.isClosed], [["Bad Request"], true]);
});
