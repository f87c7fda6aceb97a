/**
 * `Deno.serve` at its fastest: the handler does not read the request and always
 * sends the same response.
 */

import { HELLO, numberArgument } from "./answers.mjs";

Deno.serve(
  { hostname: "127.0.0.1", port: numberArgument("port", 8080) },
  () => new Response(HELLO),
);
