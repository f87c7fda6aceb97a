/** When the connections of an engine begin to scan heads, and that nothing else changes then. */

import { assertEquals, assertNotEquals, assertStrictEquals } from "@std/assert";
import { RouterBuilder } from "../../../router/router.ts";
import { Connection } from "../../../server/connection/connection.ts";
import { EngineContext } from "../../../server/connection/engine_context.ts";
import type { Handler } from "../../../server/hooks.ts";
import { applicationOf } from "../../support/application.ts";
import { FakeClock } from "../../support/fake_clock.ts";
import { decodeLatin1, encodeLatin1 } from "../../support/latin1.ts";

/** More reads than the plain parser gets. */
const MANY = 100;

function contextOf(clock: FakeClock): EngineContext {
  const router = new RouterBuilder<Handler>()
    .add("GET", "/", (_, res) => res.ok("root"))
    .add(
      "GET",
      "/user/:id",
      (ctx, res) => res.ok(`${ctx.params.get("id")} ${ctx.headers.get("x-n")}`),
    )
    .build();
  const app = { ...applicationOf(() => {}), router, fallback: null };
  return new EngineContext(app, clock, false, () => {});
}

/** Opens a connection with its own receive buffer. The result sends a request and returns the response. */
function connect(context: EngineContext): (wire: string) => string {
  const transport = {
    duplex: {
      read: () => Promise.resolve(null),
      write: (bytes: Uint8Array) => Promise.resolve(bytes.length),
      close: () => {},
    },
    wake: (): void => {},
    takeOver: (): never => {
      throw new TypeError("Cannot take over: no test does");
    },
    close: (): void => {},
  };
  const connection = new Connection(context, transport);
  return (wire) => {
    const bytes = encodeLatin1(wire);
    connection.receive(bytes, 0, bytes.length);
    let sent = "";
    let buffer = connection.output.take();
    while (buffer !== null) {
      sent += decodeLatin1(buffer.bytes.subarray(0, buffer.end));
      connection.output.sent(buffer.end);
      connection.outputSent();
      buffer = connection.output.take();
    }
    return sent.replaceAll(/date: .*\r\n/gi, "");
  };
}

const ROOT = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
const USER = "GET /user/7 HTTP/1.1\r\nHost: a\r\nX-N: one\r\n\r\n";

Deno.test("a server scans heads after some reads, and answers as before", () => {
  const context = contextOf(new FakeClock());
  const send = connect(context);
  const wires = [ROOT, USER, ROOT + USER];
  const before = wires.map(send);
  assertStrictEquals(context.scanner, null);
  assertStrictEquals(context.slots.take(), null);
  send(USER.slice(0, 20)); // the plain parser holds a part of a head then
  for (let count = 0; count < MANY; count++) context.notePlainRead();
  const { scanner } = context;
  assertNotEquals(scanner, null);
  assertNotEquals(context.slots.take(), null);
  assertEquals(context.handlers.length, 1);
  assertEquals(send(USER.slice(20)), before[1]);
  assertEquals(wires.map(send), before);
  context.startScanning();
  assertStrictEquals(context.scanner, scanner);
});
