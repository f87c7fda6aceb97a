/** The builder, and requests on one connection. */

import { assert, assertEquals, assertThrows } from "@std/assert";
import { stub } from "@std/testing/mock";
import {
  type Handler,
  type RequestContext,
  type ServeOptions,
  Server,
} from "../../mod.ts";
import { LISTEN, testEngine, testEngines } from "../support/engines.ts";
import { MemoryConnection } from "../support/memory_duplex.ts";
import { RawClient } from "../support/raw_client.ts";
import { request } from "../support/serve.ts";
import { untilRefused } from "../support/turns.ts";

Deno.test("Server.builder() and its methods throw at the invalid call", () => {
  const handler = (): void => {};
  assertThrows(() => Server.builder("nowhere"), TypeError, "Cannot listen on");
  assertThrows(() => Server.builder([]), TypeError, "no address");
  assertThrows(
    () => Server.builder("127.0.0.1:0", { idleTimeout: -1 }),
    RangeError,
    "idleTimeout",
  );
  const app = Server.builder("127.0.0.1:0");
  assertThrows(() => app.route("GE T", "/", handler), TypeError);
  assertThrows(() => app.get("no-slash", handler), TypeError);
  assertThrows(() => app.maxRequestHeadSize(0), RangeError);
  const none = undefined as unknown as typeof handler;
  assertThrows(() => app.get("/", none), TypeError, "not a function");
  assertThrows(() => app.fallbackRoute(none), TypeError, "not a function");
  assertThrows(() => app.notFound(none), TypeError, "not a function");
  assertThrows(() => app.route("get", "/", handler), TypeError, 'write "GET"');
  assertThrows(() => app.get("*", handler), TypeError, 'write "/**"');
  assertThrows(() => app.errorHook(none), TypeError, "not a function");
});

testEngines(
  "build() freezes the server: later calls of the builder do not change it",
  async (engine) => {
    const app = Server.builder("127.0.0.1:0");
    const before = app.build();
    app.get("/late", (_, res) => res.ok("late"));
    await using handle = engine.start(before);
    const { port } = handle.addr as Deno.NetAddr; // a TCP address was given
    using client = await RawClient.connect(port);
    assertEquals((await client.ask(request("GET /late"))).status, 404);
  },
);

testEngines(
  "serve() throws if an address is in use, and binds none",
  async (engine) => {
    using taken = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    const { port } = taken.addr;
    const free = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    const other = free.addr.port;
    free.close();
    const app = Server.builder([`127.0.0.1:${other}`, `127.0.0.1:${port}`]);
    assertThrows(
      () => engine.start(app.build()),
      Deno.errors.AddrInUse,
      `Cannot listen on 127.0.0.1:${port}: `,
    );
    await untilRefused(other);
  },
);

testEngines(
  "1,000 requests in one write get 1,000 responses in order",
  async (engine) => {
    await using server = engine.serve((app) => {
      app.get("/n/:n", (ctx, res) => res.ok(ctx.params.get("n")));
    });
    using client = await server.connect();
    const numbers = Array.from({ length: 1000 }, (_, n) => String(n));
    const wire = numbers.map((n) => request(`GET /n/${n}`)).join("");
    const sending = client.send(wire);
    const answers: string[] = [];
    for (const _ of numbers) answers.push((await client.response()).body);
    await sending;
    assertEquals(answers, numbers);
  },
);

testEngines(
  "the response to a slow request precedes those to requests pipelined after it",
  async (engine) => {
    const { promise, resolve } = Promise.withResolvers<void>();
    const started: string[] = [];
    await using server = engine.serve((app) => {
      app.get("/slow", async (_, res) => {
        started.push("slow");
        await promise;
        res.ok("slow");
      });
      app.get("/fast", (_, res) => {
        started.push("fast");
        res.ok("fast");
      });
    });
    using client = await server.connect();
    await client.send(request("GET /slow") + request("GET /fast"));
    using other = await server.connect();
    await other.ask(request("GET /fast")); // enough time for the first connection
    assertEquals(started, ["slow", "fast"]);
    resolve();
    assertEquals((await client.response()).body, "slow");
    assertEquals((await client.response()).body, "fast");
  },
);

testEngine(
  LISTEN,
  "a small response is one write, and so is a batch of them",
  async () => {
    const app = Server.builder("127.0.0.1:0");
    app.get("/", (_, res) => res.ok("Hello, World!"));
    const connection = new MemoryConnection();
    const served = app.build().handle(connection.duplex);
    connection.send(request("GET /"));
    await connection.response();
    assertEquals(connection.writes.length, 1);
    connection.send(request("GET /").repeat(16));
    for (let n = 0; n < 16; n++) await connection.response();
    assertEquals(connection.writes.length, 2);
    connection.end();
    await served;
  },
);

const failing: readonly (readonly [string, Handler])[] = [
  ["throws", () => {
    throw new Error("secret");
  }],
  ["rejects", () => Promise.reject(new Error("secret"))],
  ["throws a value that is not an Error", () => {
    throw undefined;
  }],
  ["sends nothing", () => {}],
  ["resolves with nothing sent", () => Promise.resolve()],
  ["sends an invalid status", (_, res) => res.send(99)],
  ["sends a status as final that is interim", (_, res) => res.send(103)],
  ["sends a field with a line end", (_, res) => res.ok("", { a: "b\r\nc" })],
];

for (const [what, handler] of failing) {
  testEngines(
    `a handler that ${what} gets 500, and the connection stays open`,
    async (engine) => {
      await using server = engine.serve((app) => {
        app.get("/bad", handler);
        app.get("/good", (_, res) => res.ok("good"));
      });
      using client = await server.connect();
      const bad = await client.ask(request("GET /bad"));
      assertEquals([bad.status, bad.headers.get("content-length")], [
        500,
        "21",
      ]);
      assert(!(bad.head + bad.body).includes("secret"));
      assertEquals((await client.ask(request("GET /good"))).body, "good");
    },
  );
}

testEngines(
  "a second response throws a TypeError and does not reach the wire",
  async (engine) => {
    const thrown: unknown[] = [];
    await using server = engine.serve((app) => {
      app.get("/", (_, res) => {
        res.ok("first");
        thrown.push(assertThrows(() => res.ok("second"), TypeError));
        thrown.push(assertThrows(() => res.informational(103), TypeError));
      });
    });
    using client = await server.connect();
    assertEquals((await client.ask(request("GET /"))).body, "first");
    assertEquals((await client.ask(request("GET /"))).body, "first");
    assertEquals(thrown.length, 4);
  },
);

testEngines(
  "a context keeps its values after an await and further bytes",
  async (engine) => {
    const { promise, resolve } = Promise.withResolvers<void>();
    await using server = engine.serve((app) => {
      app.post("/:a/x", async (ctx, res) => {
        const body = await ctx.body.text();
        await promise;
        const { method, uri, headers, params, httpVersion } = ctx;
        const parts = [
          method,
          uri,
          headers.get("x"),
          params.get("a"),
          httpVersion,
        ];
        res.ok([...parts, body].join(" "));
      });
    });
    using client = await server.connect();
    const parts = ["POST /one/x", "X: first\r\n", "body"] as const;
    await client.send(
      request(...parts) + request("POST /two/x", "X: second\r\n"),
    );
    using other = await server.connect();
    await other.ask(request("GET /"));
    resolve();
    const first = await client.response();
    assertEquals(first.body, "POST /one/x first one 1 body");
    assertEquals((await client.response()).body, "POST /two/x second two 1 ");
  },
);

testEngines(
  "a context throws a TypeError when it is read after its handler has returned",
  async (engine) => {
    const kept: RequestContext[] = [];
    await using server = engine.serve((app) => {
      app.get("/:a", (ctx, res) => {
        kept.push(ctx);
        void ctx.headers;
        res.ok();
      });
    });
    using client = await server.connect();
    await client.ask(request("GET /a", "X: mine\r\n"));
    await client.ask(request("GET /b", "X: another\r\n"));
    const [ctx] = kept;
    assert(ctx !== undefined);
    assertThrows(() => ctx.headers.get("x"), TypeError, "exchange");
    assertThrows(() => ctx.uri, TypeError, "after its handler returned");
  },
);

testEngines(
  "an unread body is drained, and the connection stays open",
  async (engine) => {
    await using server = engine.serve((app) =>
      app.post("/", (_, res) => res.ok("ok"))
    );
    using client = await server.connect();
    const body = "GET /hidden HTTP/1.1\r\nHost: a\r\n\r\n";
    const first = await client.ask(request("POST /", "", body));
    assertEquals(first.headers.has("connection"), false);
    const chunked = "Transfer-Encoding: chunked\r\n";
    await client.ask(request("POST /", chunked, "3\r\nabc\r\n0\r\n\r\n"));
    assertEquals((await client.ask(request("POST /"))).body, "ok");
  },
);

testEngines(
  "an unread body longer than drainBytes closes the connection after the response",
  async (engine) => {
    await using server = engine.serve(
      (app) => app.post("/", (_, res) => res.ok("ok")),
      { drainBytes: 10 },
    );
    using kept = await server.connect();
    assertEquals(
      (await kept.ask(request("POST /", "", "0123456789"))).body,
      "ok",
    );
    assertEquals((await kept.ask(request("POST /"))).body, "ok");
    using client = await server.connect();
    const answer = await client.ask(request("POST /", "", "0123456789a"));
    assertEquals(answer.headers.get("connection"), "close");
    assertEquals(await client.toEnd(), "");
  },
);

testEngines(
  "an unread body that is invalid, or too long and chunked, closes the connection",
  async (engine) => {
    await using server = engine.serve((app) => {
      app.post("/", (_, res) => res.ok("ok"));
      app.get("/hidden", (_, res) => res.ok("smuggled"));
    });
    const chunked = "Transfer-Encoding: chunked\r\n";
    const long = `8000\r\n${"x".repeat(0x8000)}\r\n`.repeat(4);
    for (const body of ["3\r\nabcd\r\n", long]) {
      using client = await server.connect();
      const wire = request("POST /", chunked, body) + request("GET /hidden");
      const sending = client.send(wire).catch(() => {}); // it may be cut
      assertEquals((await client.response()).body, "ok");
      assertEquals(await client.toEnd(), "");
      await sending;
    }
  },
);

testEngines(
  "without a fallback: 404, 405 with Allow, 501, HEAD from the GET route, OPTIONS",
  async (engine) => {
    await using server = engine.serve((app) =>
      app.get("/a", (_, res) => res.ok("abc"))
    );
    using client = await server.connect();
    assertEquals((await client.ask(request("GET /b"))).status, 404);
    const wrong = await client.ask(request("POST /a"));
    assertEquals(wrong.status, 405);
    assertEquals(wrong.headers.get("allow"), "GET, HEAD, OPTIONS");
    assertEquals((await client.ask(request("BREW /a"))).status, 501);
    const head = await client.ask(request("HEAD /a"));
    assertEquals([head.status, head.headers.get("content-length")], [200, "3"]);
    const options = await client.ask(request("OPTIONS /a"));
    assertEquals(options.headers.get("allow"), "GET, HEAD, OPTIONS");
    assertEquals((await client.ask(request("OPTIONS *"))).status, 200);
  },
);

testEngines(
  "an OPTIONS route for all paths leaves unknown paths unknown",
  async (engine) => {
    await using server = engine.serve((app) => {
      app.options("/**", (_, res) => res.ok("preflight"));
      app.get("/a", (_, res) => res.ok("abc"));
    });
    using client = await server.connect();
    assertEquals((await client.ask(request("GET /b"))).status, 404);
    assertEquals((await client.ask(request("POST /b"))).status, 404);
    const wrong = await client.ask(request("POST /a"));
    assertEquals(wrong.status, 405);
    assertEquals(wrong.headers.get("allow"), "GET, HEAD, OPTIONS");
    for (const path of ["/a", "/b"]) {
      const answer = await client.ask(request(`OPTIONS ${path}`));
      assertEquals([answer.status, answer.body], [200, "preflight"]);
    }
  },
);

testEngines(
  "notFound() gets requests to paths without a route, and the automatic responses stay",
  async (engine) => {
    await using server = engine.serve((app) => {
      app.get("/a", (_, res) => res.ok("abc"));
      app.notFound(async (ctx, res) => {
        await Promise.resolve();
        res.send(404, `no ${ctx.uri.path}`);
      });
    });
    using client = await server.connect();
    for (const method of ["GET", "POST", "OPTIONS"]) {
      const answer = await client.ask(request(`${method} /b?q`));
      assertEquals([answer.status, answer.body], [404, "no /b"], method);
    }
    const missing = await client.ask(request("HEAD /b"));
    assertEquals(
      [missing.status, missing.headers.get("content-length")],
      [404, "5"],
    );
    const head = await client.ask(request("HEAD /a"));
    assertEquals([head.status, head.headers.get("content-length")], [200, "3"]);
    for (const [line, status] of [["POST /a", 405], ["OPTIONS /a", 200]]) {
      const answer = await client.ask(request(String(line)));
      assertEquals(answer.status, status);
      assertEquals(answer.headers.get("allow"), "GET, HEAD, OPTIONS");
    }
    assertEquals((await client.ask(request("BREW /b"))).status, 501);
    assertEquals((await client.ask(request("OPTIONS *"))).status, 200);
  },
);

Deno.test("notFound() and fallbackRoute() exclude each other", () => {
  const handler = (): void => {};
  const first = Server.builder("127.0.0.1:0").notFound(handler);
  assertThrows(() => first.fallbackRoute(handler), TypeError, "both");
  const second = Server.builder("127.0.0.1:0").fallbackRoute(handler);
  assertThrows(() => second.notFound(handler), TypeError, "both");
});

testEngines(
  "a number is a port on all IPv4 addresses, and handle.url reaches it",
  async (engine) => {
    const app = Server.builder(0).get("/", (_, res) => res.ok("hi"));
    await using handle = engine.start(app.build());
    const addr = handle.addr as Deno.NetAddr; // a TCP address was given
    assertEquals([addr.hostname, addr.port], ["0.0.0.0", handle.port]);
    assertEquals(handle.url, `http://127.0.0.1:${handle.port}`);
    const answer = await fetch(handle.url);
    assertEquals(await answer.text(), "hi");
  },
);

testEngines(
  "each way of serving refuses an unknown option, and accepts undefined for a known one",
  async (engine) => {
    const server = Server.builder("127.0.0.1:0", { idleTimeout: undefined })
      .build();
    assertEquals(server.options.idleTimeout, 95_000);
    const unknown = { libcc: "eploll" } as unknown as ServeOptions;
    assertThrows(() => engine.start(server, unknown), TypeError, '"libcc"');
    await using handle = engine.start(server, {
      signal: undefined,
      onListen: undefined,
      onError: undefined,
    });
    assertEquals(handle.connectionCount, 0);
  },
);

testEngines(
  "fallbackRoute() gets every request that matches no route",
  async (engine) => {
    await using server = engine.serve((app) => {
      app.get("/a", (_, res) => res.ok("route"));
      app.fallbackRoute((ctx, res) => res.ok(`${ctx.method} ${ctx.uri}`));
    });
    using client = await server.connect();
    assertEquals((await client.ask(request("GET /a"))).body, "route");
    for (const line of ["GET /b", "POST /a", "BREW /a", "OPTIONS *"]) {
      assertEquals((await client.ask(request(line))).body, line);
    }
  },
);

testEngine(
  LISTEN,
  "ctx.signal fires when the peer leaves before the response",
  async () => {
    const gone = Promise.withResolvers<unknown>();
    const app = Server.builder("127.0.0.1:0");
    app.get("/", async (ctx, res) => {
      const { signal } = ctx;
      await new Promise((resolve) => signal.addEventListener("abort", resolve));
      gone.resolve(signal.reason);
      res.ok("too late");
    });
    const connection = new MemoryConnection();
    const served = app.build().handle(connection.duplex);
    connection.send(request("GET /"));
    const reset = new Error("reset by peer");
    connection.reset(reset);
    assertEquals(await gone.promise, reset);
    await served;
    assertEquals(connection.writes, []);
  },
);

testEngines(
  "serve() ends when its signal fires, and does not start if it has already fired",
  async (engine) => {
    const controller = new AbortController();
    const app = Server.builder("127.0.0.1:0");
    const addresses: Deno.Addr[] = [];
    const handle = engine.start(app.build(), {
      signal: controller.signal,
      onListen: (addr) => void addresses.push(addr),
    });
    assertEquals(addresses, [handle.addr]);
    controller.abort(new Error("enough"));
    await handle.finished;
    assertThrows(
      () => engine.start(app.build(), { signal: controller.signal }),
      Error,
      "enough",
    );
  },
);

testEngines(
  "above maxConnections, a connection waits until another one closes",
  async (engine) => {
    const order: string[] = [];
    await using server = engine.serve((app) => {
      app.get("/:n", (ctx, res) => {
        order.push(ctx.params.get("n") ?? "");
        res.ok();
      });
    }, { maxConnections: 1 });
    const first = await server.connect();
    await first.ask(request("GET /1"));
    using second = await server.connect();
    await second.send(request("GET /3"));
    await first.ask(request("GET /2"));
    assertEquals(server.handle.connectionCount, 1);
    first.close();
    assertEquals((await second.response()).status, 200);
    assertEquals(order, ["1", "2", "3"]);
  },
);

testEngines(
  "maxRequestsPerConnection closes a connection after its last response",
  async (engine) => {
    await using server = engine.serve((app) => {
      app.get("/", (_, res) => res.ok());
    }, { maxRequestsPerConnection: 2 });
    using client = await server.connect();
    await client.send(request("GET /").repeat(3));
    assertEquals((await client.response()).headers.has("connection"), false);
    assertEquals((await client.response()).headers.get("connection"), "close");
    assertEquals(await client.toEnd(), "");
  },
);

testEngines(
  "an error from onListen ends serve()",
  async (engine) => {
    let port = 0;
    const serving = (): unknown =>
      engine.start(Server.builder("127.0.0.1:0").build(), {
        onListen(addr): void {
          port = (addr as Deno.NetAddr).port; // a TCP address was given
          throw new Error("not now");
        },
      });
    assertThrows(serving, Error, "not now");
    await untilRefused(port);
  },
);

testEngines(
  "an error from onError ends neither the server nor the process",
  async (engine) => {
    const printed: unknown[] = [];
    using _ = stub(console, "error", (thrown) => void printed.push(thrown));
    const fault = new Error("onError");
    const app = Server.builder("127.0.0.1:0").connectionTeardownHook(() => {
      throw new Error("teardown");
    });
    const handle = engine.start(app.build(), {
      onError(): void {
        throw fault;
      },
    });
    const { port } = handle.addr as Deno.NetAddr; // a TCP address was given
    const conn = await Deno.connect({ hostname: "127.0.0.1", port });
    conn.close();
    await handle.shutdown();
    assertEquals(printed, [fault]);
  },
);

testEngines(
  "headers that were read before an await are the same after it, whatever arrived in between",
  async (engine) => {
    const { promise, resolve } = Promise.withResolvers<void>();
    await using server = engine.serve((app) =>
      app.get("/", async (ctx, res) => {
        const { headers } = ctx;
        const before = headers.get("x-user");
        await promise;
        res.ok(`${before} ${headers.get("x-user")}`);
      })
    );
    using client = await server.connect();
    await client.send(request("GET /", "X-User: alice\r\n"));
    using other = await server.connect();
    assertEquals((await other.ask(request("GET /gone"))).status, 404);
    await client.send(request("GET /", "X-User: admin\r\n"));
    assertEquals((await other.ask(request("GET /gone"))).status, 404);
    resolve();
    assertEquals((await client.response()).body, "alice alice");
    assertEquals((await client.response()).body, "admin admin");
  },
);

testEngines(
  "a param that cannot be decoded gets 400, another URIError gets 500, and the connection stays open",
  async (engine) => {
    const errors: unknown[] = [];
    await using server = engine.serve((app) =>
      app.get("/param/:name", (ctx, res) => res.ok(ctx.params.decoded("name")))
        .get("/later/:name", async (ctx, res) => {
          await Promise.resolve();
          res.ok(ctx.params.decoded("name"));
        })
        .get("/own/:name", (_, res) => res.ok(decodeURIComponent("%ff")))
        .errorHook((error) => void errors.push(error))
    );
    using client = await server.connect();
    const expected = [["/param/%ff", 400], ["/later/a%C3", 400], [
      "/own/a",
      500,
    ], ["/param/caf%C3%A9", 200]];
    for (const [path, status] of expected) {
      const answer = await client.ask(request(`GET ${path}`));
      assertEquals(answer.status, status);
      assertEquals(answer.headers.has("connection"), false);
    }
    assertEquals(errors.map((error) => error instanceof URIError), [
      true,
      true,
      true,
    ]);
  },
);

testEngines(
  "a body that is not the JSON or the form that it should be gets 400, and other syntax errors 500",
  async (engine) => {
    const multipart = "Content-Type: multipart/form-data; boundary=x\r\n";
    await using server = engine.serve((app) =>
      app.post("/json", async (ctx, res) => res.json(await ctx.body.json()))
        .post("/form", async (ctx, res) => {
          await ctx.body.form();
          res.ok();
        })
        .post("/own", () => void JSON.parse("{"))
    );
    using client = await server.connect();
    const asked = [
      [request("POST /json", "", "{bad"), 400],
      [request("POST /json", "Content-Length: 0\r\n"), 400],
      [request("POST /json", "", "{}"), 200],
      [request("POST /form", multipart, "--x\r\n"), 400],
      [request("POST /own", "Content-Length: 0\r\n"), 500],
    ] as const;
    for (const [wire, status] of asked) {
      assertEquals((await client.ask(wire)).status, status, wire);
    }
    assertEquals(server.errors.length, 1); // the program's own error alone
  },
);
