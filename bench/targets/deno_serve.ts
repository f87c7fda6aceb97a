/** The fetch handler on `Deno.serve`. */

import { numberArgument } from "./answers.mjs";
import { fetchHandler } from "./fetch_handler.ts";

Deno.serve(
  { hostname: "127.0.0.1", port: numberArgument("port", 8080) },
  fetchHandler,
);
