/**
 * `res.headers`: fields that hooks and handlers collect are sent with whatever
 * answers the request, automatic responses included.
 */

import { assertEquals, assertThrows } from "@std/assert";
import { PreRoutingAction } from "../mod.ts";
import { testEngines } from "./support/engines.ts";
import { request } from "./support/serve.ts";

testEngines(
  "res.headers is sent with every answer to its request, and with no other",
  async (engine) => {
    let isOn = true;
    await using server = engine.serve((app) => {
      app.preRoutingHook((req, res) => {
        if (isOn) res.headers.set("x-path", req.uri.path);
        return PreRoutingAction.proceed;
      });
      app.get("/text", (_, res) => res.ok("text"));
      app.get("/bytes", (_, res) => res.ok(new Uint8Array(3), { "x-a": "b" }));
      app.get("/stream", (_, res) => res.ok(ReadableStream.from(["a", "b"])));
      app.get("/throws", () => {
        throw new Error("failure");
      });
      app.get("/late", async (_, res) => {
        await null;
        res.headers.set("x-late", "1");
        res.send(204);
      });
    });
    using client = await server.connect();
    const lines = [
      ...["GET /text", "HEAD /text", "GET /text", "GET /bytes", "GET /stream"],
      ...["GET /throws", "GET /late", "GET /nope", "POST /text", "BREW /text"],
    ];
    for (const isHookOn of [true, false, true]) {
      isOn = isHookOn;
      for (const line of lines) {
        await client.send(request(line));
        const { headers } = await client.response(line.startsWith("HEAD"));
        const path = isOn ? line.split(" ")[1] : undefined;
        assertEquals(headers.get("x-path"), path, line);
        if (line === "GET /late") assertEquals(headers.get("x-late"), "1");
      }
    }
  },
);

testEngines(
  "what the send call gives replaces res.headers, except for cookies",
  async (engine) => {
    await using server = engine.serve((app) => {
      app.get("/", (_, res) => {
        res.headers.add("Vary", "Accept").add("vary", "Cookie");
        res.headers.add("x-kept", "1");
        res.headers.add("content-type", "text/csv");
        res.setCookie("a", "1", { path: "/", httpOnly: true });
        assertThrows(() => res.setCookie("a b", "1"), TypeError);
        res.ok("x", { vary: "Origin", "set-cookie": "b=2" });
      });
      app.get("/close", (_, res) => {
        res.headers.set("connection", "close");
        res.ok();
      });
    });
    using client = await server.connect();
    const { head } = await client.ask(request("GET /"));
    assertEquals(
      head.replace(/date: .*\r\n/, ""),
      "HTTP/1.1 200 OK\r\nx-kept: 1\r\ncontent-type: text/csv\r\n" +
        "set-cookie: a=1; Path=/; HttpOnly\r\nvary: Origin\r\n" +
        "set-cookie: b=2\r\ncontent-length: 1\r\n",
    );
    const closed = await client.ask(request("GET /close"));
    assertEquals(closed.headers.get("connection"), "close");
    assertEquals(await client.toEnd(), "");
  },
);

testEngines("res.headers is sent with an upgrade", async (engine) => {
  await using server = engine.serve((app) => {
    app.get("/", async (_, res) => {
      res.headers.set("x-a", "b");
      (await res.upgrade("test")).close();
    });
  });
  using client = await server.connect();
  await client.send(
    request("GET /", "Connection: upgrade\r\nUpgrade: test\r\n"),
  );
  assertEquals(/x-a: (.*)\r\n/.exec(await client.head())?.[1], "b");
  assertEquals(await client.toEnd(), "");
});
