/**
 * A router of one's own: every request goes to the fallback route, and one
 * `switch` on method and path answers it. So do HEAD, OPTIONS, 404 and 405,
 * which the library answers only where it does the routing.
 *
 *     deno run --allow-net=127.0.0.1 examples/custom_router.ts [PORT]
 */
// deno-lint-ignore-file no-console

import { type Handler, Server } from "@khttp/khttp";

const notes = new Map<string, string>();

const route: Handler = async (ctx, res) => {
  const { method, uri } = ctx;
  // "*" is what OPTIONS asks of the server as a whole; only it has no path.
  const path = uri.form === "asterisk" ? "*" : uri.path;
  // The first segment chooses, the second is a name, and nothing follows.
  const [, first = "", name, ...more] = path.split("/");
  const shape = path === "*" || more.length > 0
    ? path
    : `/${first}${name === undefined ? "" : "/:name"}`;

  switch (`${method} ${shape}`) {
    case "GET /":
    case "HEAD /":
      return res.ok("Hello, World!");

    case "GET /notes":
    case "HEAD /notes":
      if (path !== "/notes") break;
      return res.ok([...notes.keys()].map((key) => `${key}\n`).join(""));

    case "POST /echo":
      return res.ok(ctx.body);
  }
};

const app = Server.builder(`127.0.0.1:${Deno.args[0] ?? 8080}`);
app.fallbackRoute(route);
