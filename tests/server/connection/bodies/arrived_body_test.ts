/** Bodies that arrive completely with their head: read at once, later, or not at all. */

import { assert, assertEquals, assertRejects } from "@std/assert";
import { BodyReader } from "../../../../codec/body_reader.ts";
import { ArrivedBody } from "../../../../server/connection/bodies/arrived_body.ts";
import { testEngines } from "../../../support/engines.ts";
import { request } from "../../../support/serve.ts";
import { ReceiveBuffer } from "../../../../codec/receive_buffer.ts";

/** A body in the middle of a window. */
function arrive(text: string): {
  body: ArrivedBody;
  reader: BodyReader;
  window: Uint8Array;
  input: ReceiveBuffer;
  progress: () => number;
} {
  const window = new TextEncoder().encode(`head${text}next`);
  const input = new ReceiveBuffer();
  let calls = 0;
  const owner = {
    input,
    isInputEnded: false,
    bodyAwaited: () => {},
    bodyProgressed: () => void calls++,
  };
  const body = new ArrivedBody(owner, window, 4, window.length - 4);
  const reader = new BodyReader(body, 1000);
  return { body, reader, window, input, progress: () => calls };
}

Deno.test("ArrivedBody gives its bytes once, and notifies the connection", async () => {
  for (const form of ["text", "bytes", "views"] as const) {
    const { body, reader, progress } = arrive("größe");
    assertEquals([body.isDone, body.receivedBytes, body.remainingBytes], [
      false,
      0,
      7,
    ]);
    let text = "";
    if (form === "text") text = await reader.text();
    else if (form === "bytes") {
      text = new TextDecoder().decode(await reader.bytes());
    } else {
      for await (const view of reader.views()) {
        text += new TextDecoder().decode(view);
      }
    }
    assertEquals(text, "größe");
    assertEquals([body.isDone, body.receivedBytes, body.remainingBytes], [
      true,
      7,
      0,
    ]);
    assert(progress() >= 1);
    assertEquals(body.takeText(), null);
    assertEquals(body.takeAll(), null);
    assertEquals(body.pull(), null);
  }
});

Deno.test("a piece of an ArrivedBody stays unchanged when the window is overwritten", () => {
  const { body, window } = arrive("abc");
  const piece = body.pull();
  window.fill(0x78);
  assertEquals(piece, new TextEncoder().encode("abc"));
});

Deno.test("ArrivedBody.keep() copies what was not read", async () => {
  for (const text of ["short", "long".repeat(100)]) {
    const { body, reader, window } = arrive(text);
    body.keep();
    window.fill(0x78);
    assertEquals(await reader.text(), text);
  }
});

Deno.test("ArrivedBody rejects reads after the exchange, and after a fault", async () => {
  const late = arrive("abc");
  late.body.detach();
  await assertRejects(
    () => late.reader.text(),
    TypeError,
    "after the exchange",
  );
  const failed = arrive("abc");
  failed.body.fail(new RangeError("first"));
  failed.body.fail(new RangeError("second"));
  await assertRejects(() => failed.reader.json(), RangeError, "first");
  assertEquals(failed.body.drain(1000), null);
});

Deno.test("ArrivedBody.drain() discards up to a limit", () => {
  const short = arrive("abc");
  assertEquals([short.body.drain(3), short.body.isDone], [true, true]);
  assertEquals(arrive("abcd").body.drain(3), null);
});

Deno.test("ArrivedBody.cancel() makes later reads end", () => {
  const { body, progress } = arrive("abc");
  body.cancel();
  assertEquals([body.pull(), body.takeAll(), progress()], [null, null, 1]);
});

Deno.test("ArrivedBody.giveBack() puts unread bytes before those that came later", () => {
  const { body, input } = arrive("abc");
  body.keep();
  const later = new TextEncoder().encode("def");
  input.append(later, 0, 3);
  body.giveBack();
  const { bytes, start, end } = input;
  assertEquals(new TextDecoder().decode(bytes.subarray(start, end)), "abcdef");
});

const POST = request("POST /", "", '{"a":"b"}');

testEngines(
  "a body that is read late stays intact while other connections receive",
  async (engine) => {
    const gate = Promise.withResolvers<void>();
    let waiting = 0;
    await using server = engine.serve((app) => {
      app.post("/", async (ctx, res) => {
        waiting++;
        await gate.promise;
        res.ok(await ctx.body.text() + ctx.headers.get("x-client"));
      });
      app.get("/", (_, res) => res.ok());
    });
    using first = await server.connect();
    using second = await server.connect();
    using third = await server.connect();
    await first.send(request("POST /", "X-Client: 1\r\n", "first body"));
    await second.send(
      request("POST /", "X-Client: 2\r\n", "second".repeat(50)),
    );
    while (waiting < 2) {
      await third.ask(request("GET /", "", ""));
    }
    gate.resolve();
    assertEquals((await first.response()).body, "first body1");
    assertEquals((await second.response()).body, "second".repeat(50) + "2");
  },
);

testEngines(
  "requests that are pipelined with a body are answered in order",
  async (engine) => {
    await using server = engine.serve((app) => {
      app.post("/", async (ctx, res) => {
        if (ctx.headers.has("x-late")) await new Promise(setImmediateOnce);
        res.ok(await ctx.body.text());
      });
      app.post("/unread", (_, res) => res.ok("unread"));
    });
    using client = await server.connect();
    const late = "X-Late: 1\r\n";
    await client.send(
      POST + request("POST /", late, "two") + request("POST /unread", "", "x") +
        request("POST /", "", "three") + request("POST /unread", late, "y") +
        request("POST /", late, "four"),
    );
    const bodies: string[] = [];
    for (let i = 0; i < 6; i++) bodies.push((await client.response()).body);
    assertEquals(bodies, [
      '{"a":"b"}',
      "two",
      "unread",
      "three",
      "unread",
      "four",
    ]);
  },
);

function setImmediateOnce(resolve: (value: void) => void): void {
  setTimeout(resolve, 0);
}

testEngines(
  "a handler that takes the connection over reads an unread body first",
  async (engine) => {
    await using server = engine.serve((app) => {
      app.post("/", async (_, res) => {
        const conn = await res.hijack();
        const buffer = new Uint8Array(100);
        let text = "";
        while (text.length < 8) {
          const size = await conn.read(buffer);
          if (size === null) break;
          text += new TextDecoder().decode(buffer.subarray(0, size));
        }
        await conn.write(new TextEncoder().encode(`got ${text}`));
        conn.close();
      });
    });
    using client = await server.connect();
    await client.send(request("POST /", "", "body") + "rest");
    assertEquals(await client.toEnd(), "got bodyrest");
  },
);
