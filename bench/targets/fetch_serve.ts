/** The fetch handler, or with `--hono 1` the application of Hono, on `serve()` of this package. */

import { serve } from "../../fetch/mod.ts";
import { numberArgument } from "./answers.mjs";
import { fetchHandler } from "./fetch_handler.ts";

const engine = Deno.args.includes("epoll") ? "epoll" : "listen";
const handler = numberArgument("hono", 0) === 1
  ? (await import("./hono_app.ts")).app
  : fetchHandler;

serve({
  hostname: "127.0.0.1",
  port: numberArgument("port", 8080),
  engine,
}, handler);
