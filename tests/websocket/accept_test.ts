/** `acceptWebSocket()` on each engine: the handshake, messages, control frames, faults and the end. */

import {
  assert,
  assertEquals,
  assertRejects,
  assertStringIncludes,
  assertThrows,
} from "@std/assert";
import { acceptWebSocket } from "../../websocket/accept.ts";
import type { AcceptedWebSocket } from "../../websocket/accepted_socket.ts";
import type { WebSocketClosed } from "../../websocket/connection.ts";
import type { WebSocketOptions } from "../../websocket/options.ts";
import { WebSocketFault } from "../../websocket/codec/fault.ts";
import { MessageInflater } from "../../websocket/deflate.ts";
import { type TestEngine, testEngines } from "../support/engines.ts";
import { request, type TestServer } from "../support/serve.ts";
import { FrameClient, HANDSHAKE, type ReceivedFrame } from "./client_frames.ts";
import { binary, close, hex, last, ping, text } from "./frame_cases/case.ts";
import { REFUSED } from "./refused_requests.ts";

/** A server whose `/` echoes, and how its WebSockets ended. */
interface EchoServer extends TestServer {
  readonly ends: WebSocketClosed[];
  /** Resolves when `count` of them have ended. */
  ended(count: number): Promise<void>;
}

function serveEcho(
  engine: TestEngine,
  options: WebSocketOptions = {},
): EchoServer {
  const ends: WebSocketClosed[] = [];
  let note = (): void => {};
  const server = engine.serve((app) =>
    app.route("GET", "/", async (ctx, res) => {
      const socket = await acceptWebSocket(ctx, res, options);
      if (socket === null) return;
      for await (const message of socket) socket.send(message);
      ends.push(await socket.closed);
      note();
    }).post("/", async (ctx, res) => {
      assertEquals(await acceptWebSocket(ctx, res), null);
    })
  );
  const ended = async (count: number): Promise<void> => {
    while (ends.length < count) {
      await new Promise<void>((resolve) => note = resolve);
    }
  };
  return Object.assign(server, { ends, ended });
}

/** A server with one handler. */
function serveSocket(
  engine: TestEngine,
  use: (socket: AcceptedWebSocket) => void | Promise<void>,
  options: WebSocketOptions = {},
): TestServer {
  return engine.serve((app) =>
    app.get("/", async (ctx, res) => {
      const socket = await acceptWebSocket(ctx, res, options);
      assert(socket !== null);
      await use(socket);
    })
  );
}

testEngines(
  "acceptWebSocket() answers the handshake of RFC 6455 §1.3",
  async (engine) => {
    await using server = serveEcho(engine, {
      protocols: ["superchat", "chat"],
      headers: { "set-cookie": "a=b" },
    });
    using client = await FrameClient.open(
      server,
      "/",
      "Sec-WebSocket-Protocol: chat, superchat\r\n",
    );
    const head = client.head.toLowerCase();
    assertStringIncludes(client.head, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n");
    assertStringIncludes(head, "sec-websocket-accept: ");
    assertStringIncludes(head, "sec-websocket-protocol: superchat\r\n");
    assertStringIncludes(head, "set-cookie: a=b\r\n");
    assert(!head.includes("sec-websocket-extensions"));
  },
);

testEngines(
  "acceptWebSocket() chooses no subprotocol if none is shared",
  async (engine) => {
    await using server = serveEcho(engine, { protocols: ["chat"] });
    using client = await FrameClient.open(
      server,
      "/",
      "Sec-WebSocket-Protocol: CHAT, x\r\n",
    );
    assert(!client.head.toLowerCase().includes("sec-websocket-protocol"));
  },
);

for (const [what, wire, status, field] of REFUSED) {
  testEngines(
    `acceptWebSocket() refuses ${what} with ${status}`,
    async (engine) => {
      await using server = serveEcho(engine);
      using client = await server.connect();
      const answer = await client.ask(wire);
      assertEquals(answer.status, status);
      assert(answer.body.length > 0);
      if (field !== undefined) assert(answer.headers.has(field), field);
      assertEquals(server.errors, []);
    },
  );
}

testEngines(
  "a refused request leaves the connection open for further ones",
  async (engine) => {
    await using server = serveEcho(engine);
    using client = await server.connect();
    assertEquals((await client.ask(request("GET /"))).status, 426);
    await client.send(request("GET /", HANDSHAKE));
    assertStringIncludes(await client.head(), "HTTP/1.1 101 ");
  },
);

testEngines(
  "acceptWebSocket() throws for invalid options before it answers",
  async (engine) => {
    const errors: unknown[] = [];
    await using server = engine.serve((app) =>
      app.get("/", async (ctx, res) => {
        const invalid: WebSocketOptions[] = [
          { protocols: ["a b"] },
          { protocols: ["a", "a"] },
          { maxMessageBytes: -1 },
          { maxBufferedBytes: 0 },
          { idleTimeout: 0 },
          { writeTimeout: 0.5 },
          { closeTimeout: Infinity },
          { permessageDeflate: { serverMaxWindowBits: 8 } },
          { permessageDeflate: { clientMaxWindowBits: 16 } },
          { headers: { "a b": "c" } },
          { idleTimout: 1 } as WebSocketOptions,
          {
            permessageDeflate: { threshold: 1 } as
              & WebSocketOptions["permessageDeflate"]
              & object,
          },
        ];
        for (const options of invalid) {
          errors.push(
            await acceptWebSocket(ctx, res, options).catch((error) =>
              error.name
            ),
          );
        }
        res.ok();
      })
    );
    using client = await server.connect();
    assertEquals((await client.ask(request("GET /", HANDSHAKE))).status, 200);
    assertEquals(errors, [
      ...["TypeError", "TypeError"],
      ...Array.from({ length: 7 }, () => "RangeError"),
      ...["TypeError", "TypeError", "TypeError"],
    ]);
  },
);

testEngines(
  "a WebSocket echoes texts, bytes and fragments, and answers pings",
  async (engine) => {
    await using server = serveEcho(engine);
    using client = await FrameClient.open(server);
    await client.send(text("hello"), binary(hex("00ff")), ping("p"));
    await client.send(text("a", false), ping("q"), last("b"), text(""));
    const frames: ReceivedFrame[] = [];
    for (let i = 0; i < 6; i++) frames.push(await client.frame());
    // Answers to pings may overtake echoes.
    const byOpcode = (opcode: number): string[] =>
      frames.filter(({ first }) => first === opcode).map(({ payload }) =>
        payload
      );
    assertEquals(byOpcode(0x81), ["hello", "ab", ""]);
    assertEquals(byOpcode(0x82), ["\x00\xff"]);
    assertEquals(byOpcode(0x8a), ["p", "q"]);
  },
);

testEngines(
  "frames that arrive with the handshake are not lost",
  async (engine) => {
    await using server = serveEcho(engine);
    using client = await server.connect();
    await client.send(
      request("GET /", HANDSHAKE) + "\x81\x82\0\0\0\0hi\x88\x80\0\0\0\0",
    );
    await client.head();
    assertEquals(await client.toEnd(), "\x81\x02hi\x88\x00");
  },
);

for (
  const size of [125, 126, 65_535, 65_536, 300_000]
) {
  testEngines(`a WebSocket echoes a text of ${size} bytes`, async (engine) => {
    await using server = serveEcho(engine);
    using client = await FrameClient.open(server);
    const ascii = "abcdefgh".repeat(size / 8 + 1).slice(0, size);
    const wide = "ä".repeat(size / 2);
    await client.send(text(ascii));
    assert((await client.frame()).payload === ascii);
    await client.send(text(wide));
    assert((await client.frame()).payload.length === 2 * wide.length);
  });
}

testEngines(
  "the client closes: it gets its code back, and the loop ends",
  async (engine) => {
    await using server = serveEcho(engine);
    using client = await FrameClient.open(server);
    await client.send(close(4001, "done"));
    assertEquals(await client.closed(), [4001, ""]);
    await client.end();
    await server.ended(1);
    assertEquals(server.ends, [{ code: 4001, reason: "done", wasClean: true }]);
  },
);

testEngines("the client closes without a code", async (engine) => {
  await using server = serveEcho(engine);
  using client = await FrameClient.open(server);
  await client.sendBytes(hex("88 80 00000000"));
  assertEquals(await client.closed(), [1005, ""]);
  await client.end();
  await server.ended(1);
  assertEquals(server.ends, [{ code: 1005, reason: "", wasClean: true }]);
});

testEngines("the client leaves without closing", async (engine) => {
  await using server = serveEcho(engine);
  using client = await FrameClient.open(server);
  await client.end();
  assertEquals(await client.toEnd(), "");
  await server.ended(1);
  assertEquals(server.ends, [{ code: 1006, reason: "", wasClean: false }]);
});

testEngines(
  "a message that arrives with the end of the client's direction is answered",
  async (engine) => {
    await using server = serveEcho(engine);
    using client = await FrameClient.open(server);
    void client.send(text("a"), text("b"));
    await client.end();
    assertEquals((await client.frame()).payload, "a");
    assertEquals((await client.frame()).payload, "b");
    assertEquals(await client.toEnd(), "");
    await server.ended(1);
    assertEquals(server.ends, [{ code: 1006, reason: "", wasClean: false }]);
  },
);

testEngines(
  "close() sends what waits, then code and reason, and waits for the client",
  async (engine) => {
    let end: Promise<WebSocketClosed> | null = null;
    await using server = serveSocket(engine, (socket) => {
      socket.send("last");
      socket.close(4000, "grün");
      socket.close(4002);
      socket.send("dropped");
      assertEquals(socket.isOpen, false);
      end = socket.closed;
    });
    using client = await FrameClient.open(server);
    assertEquals((await client.frame()).payload, "last");
    const frame = await client.frame();
    assertEquals(frame, { first: 0x88, payload: "\x0f\xa0gr\xc3\xbcn" });
    await client.send(text("ignored"), close(4000));
    assertEquals(await client.toEnd(), "");
    await client.end();
    assertEquals(await end, { code: 4000, reason: "", wasClean: true });
  },
);

testEngines("terminate() closes without a handshake", async (engine) => {
  let end: Promise<WebSocketClosed> | null = null;
  await using server = serveSocket(engine, (socket) => {
    end = socket.closed;
    socket.terminate();
  });
  using client = await FrameClient.open(server);
  assertEquals(await client.toEnd(), "");
  assertEquals(await end, { code: 1006, reason: "", wasClean: false });
});

const faults: readonly (readonly [wire: string, code: number, name: string])[] =
  [
    ["81 01 61", 1002, "MASK_MISSING"],
    ["83 80 00000000", 1002, "RESERVED_OPCODE"],
    ["c1 80 00000000", 1002, "RESERVED_BIT"],
    ["81 81 00000000 ff", 1007, "INVALID_UTF8"],
    ["82 ff 0000000000100001 00000000", 1009, "MESSAGE_TOO_LARGE"],
    ["88 82 00000000 03ed", 1002, "INVALID_CLOSE_CODE"],
  ];

testEngines(
  "an invalid frame closes its connection with the code of the fault, after the answers before it",
  async (engine) => {
    await using server = serveEcho(engine);
    for (const [wire, code, name] of faults) {
      using client = await FrameClient.open(server);
      await client.sendBytes(hex(`81 81 00000000 61 ${wire} 81 80 00000000`));
      assertEquals((await client.frame()).payload, "a");
      const [sent, reason] = await client.closed();
      assertEquals(sent, code);
      assert(reason.startsWith("Cannot "), reason);
      await client.end();
      await server.ended(1);
      const [end] = server.ends.splice(0);
      assert(end?.error instanceof WebSocketFault);
      assertEquals([end.code, end.wasClean], [code, false]);
      assertEquals(end.error.code, name);
    }
    assertEquals(server.errors, []);
  },
);

testEngines(
  "permessage-deflate is used if both sides agree, in both directions",
  async (engine) => {
    await using server = serveEcho(engine, {
      permessageDeflate: { thresholdBytes: 5 },
    });
    using client = await FrameClient.open(
      server,
      "/",
      "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n",
    );
    assertStringIncludes(
      client.head.toLowerCase(),
      "sec-websocket-extensions: permessage-deflate; server_no_context_takeover\r\n",
    );
    const hello = hex("f2 48 cd c9 c9 07 00");
    await client.send(text(hello, true, 0x40), text("hi"));
    const echo = await client.frame();
    assertEquals(echo.first, 0xc1);
    assertEquals(echo.payload, "\xf2\x48\xcd\xc9\xc9\x07\x00");
    assertEquals(await client.frame(), { first: 0x81, payload: "hi" });
    // The client's second message refers to its first one.
    await client.send(text(hex("f2 00 11 00 00"), true, 0x40));
    assertEquals((await client.frame()).payload, echo.payload);
  },
);

testEngines(
  "the server's messages refer to earlier ones if both sides agree",
  async (engine) => {
    await using server = serveEcho(engine, {
      permessageDeflate: { thresholdBytes: 0, serverNoContextTakeover: false },
    });
    const open = (params: string): Promise<FrameClient> =>
      FrameClient.open(
        server,
        "/",
        `Sec-WebSocket-Extensions: permessage-deflate${params}\r\n`,
      );
    using client = await open("");
    assertStringIncludes(
      client.head.toLowerCase(),
      "sec-websocket-extensions: permessage-deflate\r\n",
    );
    await client.send(text("Hello"), text("Hello"), text(""));
    const [first, second, empty] = [
      await client.frame(),
      await client.frame(),
      await client.frame(),
    ];
    assertEquals([first.first, second.first, empty.first], [0xc1, 0xc1, 0xc1]);
    assert(second.payload.length < first.payload.length); // RFC 7692 §7.2.3.2
    assertEquals(empty.payload, "\0");
    const inflater = new MessageInflater({
      noContextTakeover: false,
      maxWindowBits: 15,
    });
    for (const { payload } of [first, second]) {
      const bytes = Uint8Array.from(payload, (unit) => unit.charCodeAt(0));
      const plain = inflater.inflate(bytes, 100);
      assertEquals(new TextDecoder().decode(plain), "Hello");
    }
    using alone = await open("; server_no_context_takeover");
    await alone.send(text("Hello"), text("Hello"));
    assertEquals(await alone.frame(), await alone.frame());
  },
);

testEngines(
  "leaving the loop keeps the socket open, and a later loop goes on",
  async (engine) => {
    const seen: unknown[] = [];
    const done = Promise.withResolvers<void>();
    await using server = serveSocket(engine, async (socket) => {
      for await (const message of socket) {
        seen.push(message);
        if (message === "two") break;
      }
      socket.send("next");
      for await (const message of socket) seen.push(message);
      done.resolve();
    });
    using client = await FrameClient.open(server);
    await client.send(text("one"), text("two"), text("three"));
    assertEquals((await client.frame()).payload, "next");
    await client.send(text("four"), close(1000));
    await client.closed();
    await client.end();
    await done.promise;
    assertEquals(seen, ["one", "two", "three", "four"]);
  },
);

testEngines("send() takes views, and copies", async (engine) => {
  await using server = serveSocket(engine, (socket) => {
    const bytes = Uint8Array.of(1, 2, 3, 4, 5, 6);
    socket.send(bytes.subarray(1, 3));
    socket.send(new DataView(bytes.buffer, 2, 2));
    socket.send(new Uint16Array(bytes.buffer, 4, 1));
    socket.send(bytes.buffer);
    bytes.fill(0);
  });
  using client = await FrameClient.open(server);
  const payloads = [];
  for (let i = 0; i < 4; i++) payloads.push((await client.frame()).payload);
  assertEquals(payloads, [
    "\x02\x03",
    "\x03\x04",
    "\x05\x06",
    "\x01\x02\x03\x04\x05\x06",
  ]);
});

testEngines(
  "ping() and close() refuse what no frame may carry",
  async (engine) => {
    const checked = Promise.withResolvers<void>();
    await using server = serveSocket(engine, (socket) => {
      assertThrows(() => socket.ping(new Uint8Array(126)), RangeError);
      for (const code of [0, 999, 1004, 1005, 1006, 1015, 2999, 5000]) {
        assertThrows(() => socket.close(code), RangeError, "close code");
      }
      assertThrows(() => socket.close(1000, "ä".repeat(62)), RangeError, "124");
      socket.ping(new Uint8Array(125));
      checked.resolve();
    });
    using client = await FrameClient.open(server);
    await checked.promise;
    assertEquals((await client.frame()).payload.length, 125);
  },
);

testEngines(
  "send() and ping() refuse what has no bytes, and the socket stays open",
  async (engine) => {
    await using server = serveSocket(engine, (socket) => {
      const values = [undefined, null, 5, true, {}, [1], new Blob(["a"])];
      for (const value of values as never[]) {
        const send = (): void => socket.send(value);
        assertThrows(send, TypeError, "neither a string nor bytes");
      }
      const payload = "a" as unknown as Uint8Array;
      assertThrows(
        () => socket.ping(payload),
        TypeError,
        "must be a Uint8Array",
      );
      socket.send(new SharedArrayBuffer(1) as unknown as ArrayBuffer);
      socket.send("end");
    });
    using client = await FrameClient.open(server);
    assertEquals(await client.frame(), { first: 0x82, payload: "\0" });
    assertEquals(await client.frame(), { first: 0x81, payload: "end" });
    assertEquals(server.errors, []);
  },
);

testEngines("acceptWebSocket() throws after a response", async (engine) => {
  const done = Promise.withResolvers<void>();
  await using server = engine.serve((app) =>
    app.get("/", async (ctx, res) => {
      res.ok("first");
      await assertRejects(() => acceptWebSocket(ctx, res), TypeError, "begun");
      done.resolve();
    })
  );
  using client = await server.connect();
  assertEquals((await client.ask(request("GET /", HANDSHAKE))).body, "first");
  await done.promise;
});
