/**
 * A custom router: every request goes to the fallback route, where one `switch` on
 * method and path handles it. It also has to answer HEAD, OPTIONS, 404 and 405,
 * which the library does only for its own routes.
 *
 *     deno run --allow-net=127.0.0.1 examples/custom_router.ts [PORT]
 */
// deno-lint-ignore-file no-console

import { Server } from "@khttp/khttp";

/** The methods that each path allows, for OPTIONS and 405. */
const ALLOWED: ReadonlyMap<string, string> = new Map([
  ["/", "GET, HEAD, OPTIONS"],
  ["/greeting", "GET, HEAD, OPTIONS, PUT"],
  ["/echo", "OPTIONS, POST"],
]);

let greeting = "Hello, World!\n";

const app = Server.builder(`127.0.0.1:${Deno.args[0] ?? 8080}`);

app.fallbackRoute(async (ctx, res) => {
  const { method, uri } = ctx;
  // `OPTIONS *` has no path, and neither has CONNECT, which gets 404 below.
  const path = uri.form === "asterisk" ? "*" : uri.path;
  switch (`${method} ${path}`) {
    case "GET /":
    case "HEAD /":
      return res.ok("GET or PUT /greeting, POST /echo, GET /user/:id\n");

    case "GET /greeting":
    case "HEAD /greeting":
      return res.ok(greeting);

    case "PUT /greeting":
      greeting = await ctx.body.text();
      return res.send(204);

    case "POST /echo":
      return res.ok(ctx.body);

    case "OPTIONS *":
      return res.ok();
  }

  // A `case` cannot match a path parameter.
  const id = /^\/user\/([0-9]+)$/.exec(path)?.[1];
  const allow = id === undefined ? ALLOWED.get(path) : "GET, HEAD, OPTIONS";
  if (allow === undefined) return res.send(404, "Path not found\n");
  if (method === "OPTIONS") return res.send(204, null, { allow });
  const isRead = method === "GET" || method === "HEAD";
  if (id !== undefined && isRead) return res.ok(`user ${id}\n`);
  res.send(405, "Method not allowed\n", { allow });
});

const handle = app.build().serve();
const stop = (): void => void handle.shutdown({ deadline: 10_000 });
Deno.addSignalListener("SIGINT", stop);
if (Deno.build.os !== "windows") Deno.addSignalListener("SIGTERM", stop);
console.log(`Listening on ${handle.url}/`);
await handle.finished;
Deno.exit();
