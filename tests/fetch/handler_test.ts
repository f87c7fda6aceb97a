/** `toHandler()` with fetch handlers that return promises: as the fallback, which the server answers in the promise's own reaction, and within other handlers. */

import { assertEquals } from "@std/assert";
import { type Handler, PreRoutingAction } from "../../mod.ts";
import { toHandler } from "../../fetch/handler.ts";
import { testEngines } from "../support/engines.ts";
import { request } from "../support/serve.ts";

const PATHS = ["/text", "/blob", "/stream", "/null"];

/** Waits, and then answers in the way that the path names. */
const handler: Handler = toHandler(async ({ url }) => {
  await null;
  switch (new URL(url).pathname) {
    case "/text":
      return new Response("text");
    case "/blob":
      return new Response(new Blob(["blob"]));
    case "/stream":
      return new Response(ReadableStream.from([new Uint8Array([0x73])]));
    case "/null":
      return new Response(null, { status: 204 });
    case "/twice": {
      const response = new Response("once");
      await response.text();
      return response;
    }
    default:
      throw new Error("planted");
  }
});

const EXPECTED = ["200 text", "200 blob", "200 s", "204 "];

/** The ways in which a server comes to call the handler. */
const USES: readonly (readonly [name: string, handler: Handler])[] = [
  ["as the fallback", handler],
  ["called by another handler", (ctx, res) => handler(ctx, res)],
  ["awaited by another handler", async (ctx, res) => {
    await handler(ctx, res);
    assertEquals(res.isSent, true);
  }],
];

for (const [name, used] of USES) {
  testEngines(
    `toHandler() ${name}: pipelined requests get the responses of their promises in order`,
    async (engine) => {
      await using server = engine.serve((app) => app.fallbackRoute(used));
      using client = await server.connect();
      for (let round = 0; round < 3; round++) {
        await client.send(PATHS.map((path) => request(`GET ${path}`)).join(""));
        const seen: string[] = [];
        while (seen.length < PATHS.length) {
          const { status, body } = await client.response();
          seen.push(`${status} ${body}`);
        }
        assertEquals(seen, EXPECTED);
      }
    },
  );

  testEngines(
    `toHandler() ${name}: an error after a wait reaches the error hook once`,
    async (engine) => {
      const errors: string[] = [];
      await using server = engine.serve((app) => {
        app.fallbackRoute(used);
        app.errorHook((error, _ctx, res) => {
          errors.push(error instanceof Error ? error.message : String(error));
          res.send(500, "hook");
        });
      });
      using client = await server.connect();
      for (const path of ["/throw", "/twice", "/text"]) {
        const { status, body } = await client.ask(request(`GET ${path}`));
        assertEquals(
          `${status} ${body}`,
          path === "/text" ? "200 text" : "500 hook",
        );
      }
      assertEquals(errors, [
        "planted",
        "Cannot send response: its body is being read or was used already; make a response for each request, or return its clone()",
      ]);
    },
  );

  testEngines(
    `toHandler() ${name}: an asynchronous pre-routing hook may come before it`,
    async (engine) => {
      await using server = engine.serve((app) => {
        app.fallbackRoute(used);
        app.preRoutingHook(async () => {
          await null;
          return PreRoutingAction.proceed;
        });
      });
      using client = await server.connect();
      for (const [index, path] of PATHS.entries()) {
        const { status, body } = await client.ask(request(`GET ${path}`));
        assertEquals(`${status} ${body}`, EXPECTED[index]);
      }
    },
  );
}

testEngines(
  "toHandler() beside routes answers requests that no route matches",
  async (engine) => {
    await using server = engine.serve((app) => {
      app.get("/route", (_, res) => res.ok("route"));
      app.fallbackRoute(handler);
    });
    using client = await server.connect();
    for (const path of ["/text", "/route", "/blob"]) {
      const { body } = await client.ask(request(`GET ${path}`));
      assertEquals(body, path.slice(1));
    }
  },
);
