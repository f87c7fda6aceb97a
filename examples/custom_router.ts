/**
 * A router of one's own: every request goes to the fallback route, and one
 * `switch` on method and path answers it. HEAD, OPTIONS, 404 and 405 are
 * up to it too, since the library answers them only where it does the routing.
 *
 *     deno run --allow-net=127.0.0.1 examples/custom_router.ts [PORT]
 */
// deno-lint-ignore-file no-console

import { Server } from "@khttp/khttp";

/** What each path answers, for OPTIONS and 405. */
const ALLOWED: ReadonlyMap<string, string> = new Map([
  ["/", "GET, HEAD, OPTIONS"],
  ["/greeting", "GET, HEAD, OPTIONS, PUT"],
  ["/echo", "OPTIONS, POST"],
]);

let greeting = "Hello, World!\n";

const app = Server.builder(`127.0.0.1:${Deno.args[0] ?? 8080}`);

app.fallbackRoute(async (ctx, res) => {
  const { method, uri } = ctx;
  // Only `OPTIONS *` has no path, and only CONNECT, which is refused below, another form.
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

  // What a case cannot say: a param.
  const id = /^\/user\/([0-9]+)$/.exec(path)?.[1];
  const allow = id === undefined ? ALLOWED.get(path) : "GET, HEAD, OPTIONS";
  if (allow === undefined) return res.send(404, "No such path\n");
  if (method === "OPTIONS") return res.send(204, null, { allow });
  const isRead = method === "GET" || method === "HEAD";
  if (id !== undefined && isRead) return res.ok(`user ${id}\n`);
  res.send(405, "No such method here\n", { allow });
});

const handle = app.build().serve();
const stop = (): void => void handle.shutdown({ deadline: 10_000 });
Deno.addSignalListener("SIGINT", stop);
if (Deno.build.os !== "windows") Deno.addSignalListener("SIGTERM", stop);
const { hostname, port } = handle.addr as Deno.NetAddr; // a TCP address was given
console.log(`Listening on http://${hostname}:${port}/`);
await handle.finished;
Deno.exit();
