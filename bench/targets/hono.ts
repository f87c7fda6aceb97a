/** The application of Hono on `Deno.serve`. */

import { numberArgument } from "./answers.mjs";
import { app } from "./hono_app.ts";

Deno.serve(
  { hostname: "127.0.0.1", port: numberArgument("port", 8080) },
  app.fetch,
);
