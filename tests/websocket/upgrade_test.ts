/** `upgradeWebSocket()` in fetch handlers, on each engine. */

import {
  assert,
  assertEquals,
  assertStringIncludes,
  assertThrows,
} from "@std/assert";
import { toHandler } from "../../fetch/handler.ts";
import { WebSocketFault } from "../../websocket/codec/fault.ts";
import type { WebSocketOptions } from "../../websocket/options.ts";
import { upgradeWebSocket } from "../../websocket/upgrade.ts";
import { type TestEngine, testEngines } from "../support/engines.ts";
import { registerTest } from "../support/register.ts";
import { request, type TestServer } from "../support/serve.ts";
import { turns } from "../support/turns.ts";
import { FrameClient, HANDSHAKE } from "./client_frames.ts";
import { binary, close, hex, text } from "./frame_cases/case.ts";
import { REFUSED } from "./refused_requests.ts";

/** Serves a fetch handler that upgrades each request and gives the socket to `use`. */
function serveSockets(
  engine: TestEngine,
  use: (socket: WebSocket, response: Response) => void | Promise<void>,
  options: WebSocketOptions = {},
): TestServer {
  return engine.serve((app) =>
    app.fallbackRoute(toHandler(async (request) => {
      const { socket, response } = upgradeWebSocket(request, options);
      await use(socket, response);
      return response;
    }))
  );
}

function eventOf(socket: WebSocket, type: string): Promise<Event> {
  return new Promise((resolve) =>
    socket.addEventListener(type, resolve, { once: true })
  );
}

testEngines(
  "upgradeWebSocket() opens a socket in the web's shape",
  async (engine) => {
    const seen: unknown[] = [];
    const closed = Promise.withResolvers<void>();
    await using server = serveSockets(engine, (socket, response) => {
      assert(socket instanceof WebSocket);
      assert(response instanceof Response);
      assertEquals([response.status, response.body], [101, null]);
      response.headers.append("set-cookie", "a=b");
      seen.push(socket.readyState, socket.CONNECTING, socket.url);
      assertThrows(() => socket.send("early"), DOMException, "connecting");
      socket.onopen = () => {
        seen.push(socket.readyState, socket.protocol, socket.binaryType);
      };
      socket.onmessage = ({ data, target }) => {
        assert(target === socket);
        socket.send(data);
      };
      socket.onclose = ({ code, reason, wasClean }) => {
        seen.push(socket.readyState, code, reason, wasClean);
        closed.resolve();
      };
    }, { protocols: ["chat"] });
    using client = await FrameClient.open(
      server,
      "/a?b",
      "Sec-WebSocket-Protocol: chat\r\n",
    );
    assertStringIncludes(client.head.toLowerCase(), "set-cookie: a=b\r\n");
    await client.send(text("hello"));
    assertEquals(await client.frame(), { first: 0x81, payload: "hello" });
    await client.send(close(4001, "bye"));
    assertEquals(await client.closed(), [4001, ""]);
    await client.end();
    await closed.promise;
    assertEquals(seen, [
      0,
      0,
      "ws://a/a?b",
      1,
      "chat",
      "blob",
      3,
      4001,
      "bye",
      true,
    ]);
    assertEquals(server.errors, []);
  },
);

testEngines(
  "the socket opens after the handler has returned, however late",
  async (engine) => {
    const order: string[] = [];
    await using server = serveSockets(engine, async (socket) => {
      await turns(3);
      socket.addEventListener("open", () => {
        order.push("open");
        socket.send("welcome");
      });
      order.push("returned");
    });
    using client = await FrameClient.open(server);
    assertEquals((await client.frame()).payload, "welcome");
    assertEquals(order, ["returned", "open"]);
  },
);

testEngines(
  "binary messages come as blobs or buffers, and go out from both",
  async (engine) => {
    const types: string[] = [];
    await using server = serveSockets(engine, (socket) => {
      socket.onmessage = ({ data }) => {
        types.push(data.constructor.name);
        socket.send(data);
        socket.binaryType = "arraybuffer";
        socket.send("after");
        socket.binaryType = "nonsense" as BinaryType;
      };
    });
    using client = await FrameClient.open(server);
    for (let i = 0; i < 2; i++) {
      await client.send(binary(hex("0102ff")));
      // A string waits for the blob before it.
      assertEquals(await client.frame(), {
        first: 0x82,
        payload: "\x01\x02\xff",
      });
      assertEquals((await client.frame()).payload, "after");
    }
    assertEquals(types, ["Blob", "ArrayBuffer"]);
  },
);

testEngines(
  "close() waits for blobs, and refuses what no frame may carry",
  async (engine) => {
    await using server = serveSockets(engine, (socket) => {
      socket.onopen = () => {
        assertThrows(() => socket.close(1005), DOMException, "1005");
        assertThrows(
          () => socket.close(1000, "a".repeat(124)),
          DOMException,
          "124",
        );
        socket.send(new Blob(["blob"]));
        assertEquals(socket.bufferedAmount, 4);
        socket.close(4000, "x");
        assertEquals(socket.readyState, WebSocket.CLOSING);
        socket.close(4001);
      };
    });
    using client = await FrameClient.open(server);
    assertEquals((await client.frame()).payload, "blob");
    await client.send(close(4000));
    assertEquals(await client.closed(), [4000, "x"]);
  },
);

testEngines(
  "a fault of the client is an error event, and then a close event",
  async (engine) => {
    const events: Event[] = [];
    const closed = Promise.withResolvers<void>();
    await using server = serveSockets(engine, (socket) => {
      socket.onerror = (event) => void events.push(event);
      socket.onclose = (event) => {
        events.push(event);
        closed.resolve();
      };
    });
    using client = await FrameClient.open(server);
    await client.sendBytes(hex("81 81 00000000 ff"));
    assertEquals((await client.closed())[0], 1007);
    await client.end();
    await closed.promise;
    const [error, end] = events;
    const { error: fault } = error as ErrorEvent; // Node.js 24 lacks the class
    assert(error?.type === "error" && fault instanceof WebSocketFault);
    assert(end instanceof CloseEvent);
    assertEquals([end.code, end.wasClean], [1007, false]);
  },
);

testEngines(
  "a socket that is closed before it is open never opens",
  async (engine) => {
    const events: string[] = [];
    const closed = Promise.withResolvers<void>();
    await using server = serveSockets(engine, (socket) => {
      socket.onopen = () => void events.push("open");
      eventOf(socket, "close").then(() => closed.resolve());
      socket.close();
      assertEquals(socket.readyState, WebSocket.CLOSING);
    });
    using client = await FrameClient.open(server);
    assertEquals(await client.toEnd(), "");
    await closed.promise;
    assertEquals(events, []);
  },
);

testEngines("handlers can be replaced and removed", async (engine) => {
  const seen: string[] = [];
  await using server = serveSockets(engine, (socket) => {
    assertEquals(socket.onmessage, null);
    socket.onmessage = () => void seen.push("never");
    socket.onmessage = ({ data }) => {
      seen.push(data);
      socket.onmessage = null;
    };
    socket.addEventListener("message", ({ data }) => socket.send(data));
  });
  using client = await FrameClient.open(server);
  for (const word of ["a", "b"]) {
    await client.send(text(word));
    assertEquals((await client.frame()).payload, word);
  }
  assertEquals(seen, ["a"]);
});

testEngines(
  "upgradeWebSocket() throws for a request that is no WebSocket request, and nothing is sent",
  async (engine) => {
    const messages: string[] = [];
    await using server = engine.serve((app) =>
      app.fallbackRoute(toHandler((request) => {
        try {
          return upgradeWebSocket(request).response;
        } catch (error) {
          messages.push(String(error));
          return new Response(null, { status: 426 });
        }
      }))
    );
    for (
      const wire of [
        request("GET /"),
        `GET / HTTP/1.0\r\nHost: a\r\n${HANDSHAKE}\r\n`,
        request("GET /", HANDSHAKE.replace("13", "12")),
      ]
    ) {
      using client = await server.connect();
      assertEquals((await client.ask(wire)).status, 426);
    }
    const expected = "TypeError: Cannot upgrade to WebSocket: ";
    assertEquals(messages, [
      `${expected}A WebSocket request is expected`,
      `${expected}A WebSocket request is expected`,
      `${expected}The version of the WebSocket protocol is not 13`,
    ]);
  },
);

for (const [what, wire, status, field] of REFUSED) {
  testEngines(
    `R88: a handler that does not catch the error of upgradeWebSocket() for ${what} answers ${status}`,
    async (engine) => {
      await using server = serveSockets(engine, () => {});
      using client = await server.connect();
      const answer = await client.ask(wire);
      assertEquals(answer.status, status);
      if (field !== undefined) assert(answer.headers.has(field), field);
      if (status === 426) {
        assertEquals(answer.headers.get("upgrade"), "websocket");
        assertEquals(
          answer.headers.get("connection")?.toLowerCase().includes("upgrade"),
          true,
        );
      }
      assertEquals(server.errors, []);
    },
  );
}

testEngines(
  "an error hook may answer for upgradeWebSocket()",
  async (engine) => {
    await using server = engine.serve((app) =>
      app.fallbackRoute(
        toHandler((request) => upgradeWebSocket(request).response),
      ).errorHook((error, ctx, res) => {
        if (ctx.uri.path === "/own") res.send(418, String(error));
      })
    );
    using client = await server.connect();
    assertEquals((await client.ask(request("GET /"))).status, 426);
    const own = await client.ask(request("GET /own"));
    assertEquals(own.status, 418);
    assertStringIncludes(own.body, "TypeError: Cannot upgrade to WebSocket");
  },
);

testEngines(
  "a response that is not returned upgrades nothing",
  async (engine) => {
    await using server = engine.serve((app) =>
      app.fallbackRoute(toHandler((request) => {
        const { socket } = upgradeWebSocket(request);
        return new Response(String(socket.readyState));
      }))
    );
    using client = await server.connect();
    assertEquals((await client.ask(request("GET /", HANDSHAKE))).body, "0");
  },
);

testEngines(
  "upgradeWebSocket() takes a request after the program has replaced the global class",
  async (engine) => {
    await using server = serveSockets(engine, () => {});
    const original = globalThis.Request;
    globalThis.Request = class extends original {};
    try {
      using client = await server.connect();
      const wire = request("GET /", HANDSHAKE);
      assertEquals((await client.ask(wire)).status, 101);
    } finally {
      globalThis.Request = original;
    }
  },
);

testEngines(
  "a copy of a request or of the response of an upgrade upgrades nothing",
  async (engine) => {
    await using server = engine.serve((app) =>
      app.fallbackRoute(toHandler((request) => {
        for (const copy of [request.clone(), new Request(request)]) {
          assertThrows(
            () => upgradeWebSocket(copy),
            TypeError,
            "pass the one that the fetch handler was given, not a copy",
          );
        }
        const { response } = upgradeWebSocket(request);
        assertThrows(() => response.clone(), TypeError, "Cannot clone");
        return response.bodyUsed ? response : new Response(null, response);
      }))
    );
    using client = await server.connect();
    assertEquals((await client.ask(request("GET /", HANDSHAKE))).status, 500);
    // Deno makes a copy with status 101, which the server refuses; the other runtimes refuse to make it.
    assert(/not a copy|must be in the range/.test(String(server.errors[0])));
  },
);

testEngines(
  "a field that belongs to the handshake is reported, and not sent",
  async (engine) => {
    await using server = serveSockets(engine, (_, response) => {
      response.headers.set("sec-websocket-protocol", "chat");
    });
    using client = await server.connect();
    const wire = request("GET /", HANDSHAKE);
    assertEquals((await client.ask(wire)).status, 500);
    assertStringIncludes(String(server.errors[0]), "the handshake sets it");
  },
);

registerTest({
  name: "upgradeWebSocket() throws for what is no request of this server",
  ignore: false,
  fn: () => {
    for (const value of [new Request("http://a/"), undefined, null, 5, {}]) {
      assertThrows(
        () => upgradeWebSocket(value as Request),
        TypeError,
        "was not received by this server",
      );
    }
  },
});
