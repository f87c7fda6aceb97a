/** What a context derives from the head when it is read: query, cookies, route and address. */

import { assertEquals, assertThrows } from "@std/assert";
import {
  Client,
  type RequestContext,
  Server,
  type ServerBuilder,
} from "../../mod.ts";
import { testEngines } from "../support/engines.ts";
import { request } from "../support/serve.ts";

/** Adds a route for all paths that answers with what `read` returns, as JSON. */
function showing(
  app: ServerBuilder,
  read: (ctx: RequestContext) => unknown,
): void {
  app.get("/**", (ctx, res) => res.ok(JSON.stringify(read(ctx))));
}

testEngines("ctx.query decodes the query of the target", async (engine) => {
  await using server = engine.serve((app) =>
    showing(app, ({ query }) => [...query])
  );
  using client = await server.connect();
  const queries: readonly (readonly [string, string[][]])[] = [
    ["/", []],
    ["/?", []],
    ["/?a=1&b=%20x+y&a=2", [["a", "1"], ["b", " x y"], ["a", "2"]]],
    ["/?flag", [["flag", ""]]],
    ["http://a/?a=1", [["a", "1"]]],
  ];
  for (const [target, pairs] of queries) {
    const { body } = await client.ask(request(`GET ${target}`));
    assertEquals(JSON.parse(body), pairs, target);
  }
});

testEngines(
  "ctx.query is one object, and follows a target that a hook sets",
  async (engine) => {
    await using server = engine.serve((app) => {
      app.preRoutingHook((ctx) => {
        if (ctx.query.has("old")) ctx.uri = "/?new=1";
        return "proceed";
      });
      showing(app, (ctx) => [ctx.query === ctx.query, String(ctx.query)]);
    });
    using client = await server.connect();
    const { body } = await client.ask(request("GET /?old"));
    assertEquals(JSON.parse(body), [true, "new=1"]);
  },
);

testEngines("ctx.cookies has the cookies of all lines", async (engine) => {
  await using server = engine.serve((app) =>
    showing(app, ({ cookies }) => [...cookies])
  );
  using client = await server.connect();
  const none = await client.ask(request("GET /"));
  assertEquals(JSON.parse(none.body), []);
  const fields = 'Cookie: a=1; b="x%20"\r\nCookie: c=3; a=4\r\n';
  const some = await client.ask(request("GET /", fields));
  assertEquals(JSON.parse(some.body), [["a", "1"], ["b", "x%20"], ["c", "3"]]);
});

const routed: readonly (readonly [line: string, route: string | null])[] = [
  ["GET /", "/"],
  ["GET /user/7", "/user/:id"],
  ["GET /user/7?q", "/user/:id"],
  ["HEAD /user/7", "/user/:id"],
  ["GET http://a/user/7", "/user/:id"],
  ["GET /files/a/b", "/files/**"],
  ["POST /moved", "/user/:id"],
  ["OPTIONS *", "*"],
  ["GET /nothing", null],
  ["POST /user/7", null],
];

testEngines(
  "ctx.route is the pattern of the route, in hooks and after the response",
  async (engine) => {
    const seen: unknown[] = [];
    await using server = engine.serve((app) => {
      app.preRoutingHook((ctx, res) => {
        if (ctx.uri.path === "/moved") {
          [ctx.method, ctx.uri] = ["GET", "/user/1"];
        }
        res.sent.then(() => seen.push(ctx.route));
        return "proceed";
      });
      app.get("/", (_, res) => res.ok());
      app.get("/user/:id", (_, res) => res.ok());
      app.get("/files/**", async (ctx, res) => {
        await Promise.resolve();
        res.ok(ctx.route);
      });
      app.route("OPTIONS", "*", (_, res) => res.ok());
    });
    using client = await server.connect();
    for (const [line] of routed) await client.ask(request(line));
    assertEquals(seen, routed.map(([, route]) => route));
  },
);

testEngines(
  "ctx.route is null for a HEAD request that the fallback route gets",
  async (engine) => {
    const seen: unknown[] = [];
    await using server = engine.serve((app) => {
      app.get("/", (_, res) => res.ok());
      app.fallbackRoute((ctx, res) => {
        seen.push(ctx.route);
        res.ok();
      });
    });
    using client = await server.connect();
    await client.ask(request("HEAD /"));
    assertEquals(seen, [null]);
  },
);

testEngines("ctx.ip is the peer's address", async (engine) => {
  await using server = engine.serve((app) => showing(app, ({ ip }) => ip));
  using client = await server.connect();
  const { body } = await client.ask(request("GET /"));
  assertEquals(JSON.parse(body), "127.0.0.1");
});

testEngines("ctx.body.form() takes what a browser uploads", async (engine) => {
  await using server = engine.serve((app) => {
    app.post("/", async (ctx, res) => {
      const form = await ctx.body.form();
      const file = form.get("file");
      const content = file instanceof File ? await file.text() : file;
      res.ok(`${form.constructor.name}: ${form.get("name")}, ${content}`);
    });
  }, { maxBufferedBodyBytes: 1000 });
  const post = async (body: BodyInit): Promise<readonly [number, string]> => {
    const response = await fetch(server.handle.url, { method: "POST", body });
    return [response.status, await response.text()];
  };
  const upload = new FormData();
  upload.set("name", "é");
  upload.set("file", new File(["abc"], "a.txt"));
  assertEquals(await post(upload), [200, "FormData: é, abc"]);
  const fields = new URLSearchParams({ name: "é", file: "x" });
  assertEquals(await post(fields), [200, "URLSearchParams: é, x"]);
  upload.set("file", new File(["x".repeat(2000)], "a.txt"));
  assertEquals((await post(upload))[0], 413);
});

testEngines(
  "ctx.ip is null on a Unix socket, and the handle names no port",
  async (engine) => {
    if (Deno.build.os === "windows") return;
    const folder = await Deno.makeTempDir();
    try {
      const path = `${folder}/a.sock`;
      const app = Server.builder({ path });
      showing(app, ({ ip }) => ip);
      await using handle = engine.start(app.build());
      assertThrows(() => handle.url, TypeError, "Unix sockets only");
      await using client = new Client(`unix:${path}`);
      const response = await client.get("/");
      assertEquals(await response.body.json(), null);
      assertThrows(
        () => engine.start(Server.builder(`unix:${path}`).build()),
        Error,
        `Cannot listen on unix:${path}: `,
      );
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  },
);
