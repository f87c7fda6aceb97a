/** Section 4, `Expect: 100-continue` (R104 to R106): when 100 is sent, and what happens if it is not. */

import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import type { Handler } from "../mod.ts";
import { testEngines } from "./support/engines.ts";
import { request } from "./support/serve.ts";
import { turn } from "./support/turns.ts";

const CONTINUE = "HTTP/1.1 100 Continue\r\n\r\n";

/** A head that announces 5 bytes and waits for 100 Continue to send them. */
function expecting(value = "100-continue", version = "1.1"): string {
  return `POST / HTTP/${version}\r\nHost: a\r\nContent-Length: 5\r\nExpect: ${value}\r\n\r\n`;
}

const reading: Readonly<Record<string, Handler>> = {
  "text()": async (ctx, res) => res.ok(await ctx.body.text()),
  "read()": async (ctx, res) => {
    const buffer = new Uint8Array(1);
    let text = "";
    while (await ctx.body.read(buffer) !== null) {
      text += String.fromCharCode(...buffer);
    }
    res.ok(text);
  },
  "an iterator": async (ctx, res) => {
    let size = 0;
    for await (const piece of ctx.body) size += piece.length;
    res.ok("x".repeat(size).replace("xxxxx", "hello"));
  },
  "a stream that is sent back": (ctx, res) => res.ok(ctx.body.stream),
  "text() after a while": async (ctx, res) => {
    await turn();
    res.ok(await ctx.body.text());
  },
  "text() after sendContinue()": async (ctx, res) => {
    res.sendContinue();
    res.sendContinue();
    res.ok(await ctx.body.text());
  },
  "text() after informational(100)": async (ctx, res) => {
    if (ctx.method === "POST") res.informational(100);
    res.ok(await ctx.body.text());
  },
};

for (const [how, handler] of Object.entries(reading)) {
  testEngines(
    `R104: 100 Continue is sent once, before the response, when a handler reads with ${how}`,
    async (engine) => {
      for (const value of ["100-continue", "100-Continue", "100-CONTINUE"]) {
        const peer = engine.timed(handler);
        peer.send(expecting(value));
        assertEquals(await peer.head(), CONTINUE.slice(0, -2));
        for (const byte of "hello") {
          peer.send(byte);
          await peer.settle();
        }
        const answer = await peer.response();
        assertEquals([answer.status, answer.body], [200, "hello"]);
        assertEquals(answer.headers.has("connection"), false);
        peer.send(request("GET /"));
        assertEquals((await peer.response()).body, "");
        peer.end();
        assertEquals(await peer.finish(), "");
      }
    },
  );
}

testEngines(
  "R104: 100 Continue also precedes a chunked body",
  async (engine) => {
    const peer = engine.timed(async (ctx, res) =>
      res.ok(await ctx.body.text())
    );
    peer.send(
      request(
        "POST /",
        "Transfer-Encoding: chunked\r\nExpect: 100-continue\r\n",
      ),
    );
    assertEquals(await peer.head(), CONTINUE.slice(0, -2));
    peer.send("5\r\nhello\r\n0\r\n\r\n");
    assertEquals((await peer.response()).body, "hello");
    peer.end();
    await peer.finish();
  },
);

/** Handlers that respond without reading; the peer never sends its body. */
const refusing: Readonly<Record<string, Handler>> = {
  "answers synchronously": (_, res) => res.send(401),
  "answers later": async (_, res) => {
    await turn();
    res.send(401);
  },
  "sends 417": (_, res) => res.sendExpectationFailed(),
  "throws": () => {
    throw new Error("refused");
  },
  "takes the stream and leaves it": (ctx, res) => {
    void ctx.body.stream;
    res.send(401);
  },
  "cancels the stream": async (ctx, res) => {
    await ctx.body.stream.cancel();
    res.send(401);
  },
  "streams a short answer": (_, res) => res.send(401, streamOf("no")),
  "streams a short answer and cancels the body": (ctx, res) => {
    ctx.body.stream.cancel();
    res.send(401, streamOf("no"));
  },
  "streams a long answer": (_, res) => res.send(401, streamOf(LONG, LONG)),
  "streams a long answer and leaves the stream of the body": (ctx, res) => {
    void ctx.body.stream;
    res.send(401, streamOf(LONG, LONG));
  },
};

const LONG = "x".repeat(10_000);

async function* streamOf(...pieces: string[]): AsyncGenerator<string> {
  yield* pieces;
}

for (const [how, handler] of Object.entries(refusing)) {
  testEngines(
    `R105: no 100 is sent for a handler that ${how}, and the connection closes`,
    async (engine) => {
      for (const late of ["", "hello", request("GET /smuggled")]) {
        const paths: string[] = [];
        const peer = engine.timed((ctx, res) => {
          paths.push(ctx.uri.path);
          return handler(ctx, res);
        });
        peer.send(expecting());
        const answer = await peer.response();
        assertEquals(answer.headers.get("connection"), "close");
        assertEquals(answer.status >= 400, true);
        peer.send(late);
        peer.send(request("GET /smuggled"));
        assertEquals(await peer.finish(), "");
        assertEquals(paths, ["/"]);
      }
    },
  );
}

testEngines(
  "R105: a read after the final head sends no 100",
  async (engine) => {
    const peer = engine.timed(async (ctx, res) => {
      res.send(401);
      assertThrows(() => res.sendContinue(), TypeError);
      await assertRejects(() => ctx.body.text());
    });
    peer.send(expecting());
    assertEquals((await peer.response()).headers.get("connection"), "close");
    peer.end();
    assertEquals(await peer.finish(), "");
  },
);

const unawaited: readonly (readonly [string, string, string])[] = [
  ["with the body here", `${expecting()}hello`, "hello"],
  [
    "with a length of 0",
    request("POST /", "Content-Length: 0\r\nExpect: 100-continue\r\n"),
    "",
  ],
  ["without a body", request("POST /", "Expect: 100-continue\r\n"), ""],
  ["in HTTP/1.0", `${expecting("100-continue", "1.0")}hello`, "hello"],
];

for (const [what, wire, body] of unawaited) {
  testEngines(`R106: no 1xx is sent ${what}`, async (engine) => {
    const peer = engine.timed(async (ctx, res) =>
      res.ok(await ctx.body.text())
    );
    peer.send(wire);
    const answer = await peer.response();
    assertEquals([answer.status, answer.body], [200, body]);
    peer.end();
    assertEquals(await peer.finish(), "");
  });
}

testEngines(
  "R106: res.sendContinue() sends nothing where no 1xx is allowed",
  async (engine) => {
    for (const [what, wire] of unawaited) {
      if (what === "with the body here") continue; // allowed there
      const peer = engine.timed(async (ctx, res) => {
        res.sendContinue();
        res.ok(await ctx.body.text());
      });
      peer.send(wire);
      assertEquals((await peer.response()).status, 200, what);
      peer.end();
      assertEquals(await peer.finish(), "");
    }
  },
);

testEngines(
  "R106: HTTP/1.0 gets no 100 even if its body has not arrived",
  async (engine) => {
    const peer = engine.timed(async (ctx, res) =>
      res.ok(await ctx.body.text())
    );
    peer.send(expecting("100-continue", "1.0"));
    await peer.settle();
    assertEquals(peer.writtenBytes, 0);
    peer.send("hello");
    assertEquals((await peer.response()).body, "hello");
    assertEquals(await peer.finish(), "");
  },
);
