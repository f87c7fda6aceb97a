/**
 * `Deno.serve` at its best: a handler that reads nothing of the request and
 * answers everything alike.
 */

import { HELLO, numberArgument } from "./answers.mjs";

Deno.serve(
  { hostname: "127.0.0.1", port: numberArgument("port", 8080) },
  () => new Response(HELLO),
);
