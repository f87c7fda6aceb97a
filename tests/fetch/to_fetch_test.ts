/** An application as a fetch handler: the same answers as on a socket, without one. */

import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { toFetch } from "../../fetch/mod.ts";
import { Server, type ServerBuilder } from "../../mod.ts";

function fetchOf(
  configure: (app: ServerBuilder) => void,
): (request: Request, info?: { remoteAddr: Deno.Addr }) => Promise<Response> {
  const app = Server.builder("127.0.0.1:0");
  configure(app);
  return toFetch(app.build()).fetch;
}

const URL_BASE = "http://example.org:81";

Deno.test("toFetch() routes a request and gives its response", async () => {
  const fetch = fetchOf((app) =>
    app.get("/user/:id", (ctx, res) => {
      res.send(299, ctx.params.get("id"), {
        "content-type": "text/x",
        "set-cookie": ["a=1", "b=2"],
      });
    })
  );
  const response = await fetch(new Request(`${URL_BASE}/user/4%202?q#f`));
  assertEquals(response.status, 299);
  assertEquals(response.headers.get("content-type"), "text/x");
  assertEquals(response.headers.getSetCookie(), ["a=1", "b=2"]);
  assertEquals(response.headers.has("connection"), false);
  assertEquals(await response.text(), "4%202");
});

Deno.test("toFetch() passes on target, Host, fields and the client's address", async () => {
  const fetch = fetchOf((app) =>
    app.get("/p", (ctx, res) =>
      res.json([
        ctx.uri.toString(),
        ctx.headers.get("host"),
        ctx.headers.get("x-a"),
        ctx.headers.has("connection"),
        ctx.ip,
      ]))
  );
  const request = new Request(`${URL_BASE}/p?q=%C3%A9`, {
    headers: [["x-a", "h\xe9"], ["x-a", "c"], ["connection", "close"]],
  });
  const remoteAddr = {
    transport: "tcp",
    hostname: "192.0.2.1",
    port: 5,
  } as const;
  const response = await fetch(request, { remoteAddr });
  assertEquals(await response.json(), [
    "/p?q=%C3%A9",
    "example.org:81",
    "h\xe9, c",
    false,
    "192.0.2.1",
  ]);
});

Deno.test("toFetch() gives the automatic answers: 404, 405, HEAD, OPTIONS", async () => {
  const fetch = fetchOf((app) => app.get("/a", (_, res) => res.ok("hello")));
  const ask = async (method: string, path: string): Promise<unknown[]> => {
    const response = await fetch(new Request(URL_BASE + path, { method }));
    const { status, headers } = response;
    return [status, headers.get("allow"), await response.text()];
  };
  assertEquals((await ask("GET", "/b"))[0], 404);
  const allow = "GET, HEAD, OPTIONS";
  assertEquals((await ask("DELETE", "/a")).slice(0, 2), [405, allow]);
  assertEquals(await ask("OPTIONS", "/a"), [200, allow, ""]);
  const head = await fetch(new Request(`${URL_BASE}/a`, { method: "HEAD" }));
  assertEquals(head.headers.get("content-length"), "5");
  assertEquals(head.body, null);
});

for (const declares of [true, false]) {
  Deno.test(`toFetch() passes on a body ${declares ? "with" : "without"} a declared length`, async () => {
    const fetch = fetchOf((app) =>
      app.post("/", async (ctx, res) => res.ok(await ctx.body.text()))
    );
    const body = "é".repeat(50_000);
    const response = await fetch(
      new Request(URL_BASE, {
        method: "POST",
        body,
        headers: declares ? { "content-length": "100000" } : {},
      }),
    );
    assertEquals(await response.text(), body);
  });
}

Deno.test("toFetch() streams both ways, with a bound on what waits", async () => {
  let pulled = 0;
  const fetch = fetchOf((app) =>
    app.get("/", (_, res) => {
      const pieces = new ReadableStream<Uint8Array>({
        pull(controller): void {
          pulled++;
          if (pulled > 100) controller.close();
          else controller.enqueue(new Uint8Array(50_000));
        },
      }, { highWaterMark: 0 });
      res.ok(pieces);
    })
  );
  const response = await fetch(new Request(URL_BASE));
  await new Promise((resolve) => setTimeout(resolve, 5));
  assert(pulled < 20, `${pulled} pieces were pulled before one was read`);
  assertEquals((await response.bytes()).length, 5_000_000);
});

Deno.test("toFetch() tells the application when the response's body is canceled", async () => {
  const { promise: canceled, resolve: cancel } = Promise.withResolvers<void>();
  const fetch = fetchOf((app) =>
    app.get("/", (_, res) =>
      res.ok(
        new ReadableStream<Uint8Array>({
          pull: (controller) => controller.enqueue(new Uint8Array(20_000)),
          cancel: () => cancel(),
        }),
      ))
  );
  const response = await fetch(new Request(URL_BASE));
  const reader = response.body!.getReader();
  await reader.read();
  await reader.cancel();
  await canceled;
});

Deno.test("toFetch() ends with the reason of the request's signal, which the application notices", async () => {
  const left = Promise.withResolvers<void>();
  const controller = new AbortController();
  const fetch = fetchOf((app) =>
    app.get("/", async ({ signal }) => {
      signal.addEventListener("abort", () => left.resolve());
      controller.abort(new RangeError("enough"));
      await left.promise;
      throw new Error("the client is gone");
    }).errorHook(() => {})
  );
  await assertRejects(
    () => fetch(new Request(URL_BASE, { signal: controller.signal })),
    RangeError,
    "enough",
  );
  await left.promise;
  await assertRejects(
    () => fetch(new Request(URL_BASE, { signal: controller.signal })),
    RangeError,
    "enough",
  );
});

Deno.test("toFetch() rejects when there is no response, or only a part of one", async () => {
  const fetch = fetchOf((app) =>
    app.get("/hijacked", async (_, res) => (await res.hijack()).close())
      .get("/cut", (_, res) =>
        res.ok(
          new ReadableStream<Uint8Array>({
            start: (controller) => controller.enqueue(new Uint8Array(20_000)),
            pull: (controller) => controller.error(new Error("broken")),
          }, { highWaterMark: 0 }),
        ))
      .errorHook(() => {})
  );
  await assertRejects(
    () => fetch(new Request(`${URL_BASE}/hijacked`)),
    TypeError,
    "closed the connection without one",
  );
  const response = await fetch(new Request(`${URL_BASE}/cut`));
  await assertRejects(() => response.text(), Error, "body");
});

Deno.test("toFetch() skips interim responses", async () => {
  const fetch = fetchOf((app) =>
    app.get("/", (_, res) => {
      res.informational(103, { link: "</a>; rel=preload" });
      res.ok("final");
    })
  );
  const response = await fetch(new Request(URL_BASE));
  assertEquals(await response.text(), "final");
});

Deno.test("toFetch() works as the handler of Deno.serve()", async () => {
  const { fetch: handler } = toFetch(
    Server.builder("127.0.0.1:0")
      .post("/echo", (ctx, res) => res.ok(`${ctx.ip} `))
      .fallbackRoute(async (ctx, res) => res.ok(await ctx.body.text()))
      .build(),
  );
  await using server = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen: () => {} },
    handler,
  );
  const url = `http://127.0.0.1:${server.addr.port}`;
  const echo = await fetch(`${url}/echo`, { method: "POST", body: "a" });
  assertEquals(await echo.text(), "127.0.0.1 ");
  const other = await fetch(`${url}/other`, {
    method: "PUT",
    body: "a".repeat(9),
  });
  assertEquals(await other.text(), "a".repeat(9));
});

Deno.test("toFetch() refuses a builder, and names build()", () => {
  const builder = Server.builder("127.0.0.1:0") as unknown;
  assertThrows(() => toFetch(builder as Server), TypeError, "build()");
});
