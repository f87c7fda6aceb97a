/** The entry `./fetch`, for `bench/start.ts`. */

import { serve } from "../../fetch/mod.ts";

serve(
  { hostname: "127.0.0.1", port: Number(Deno.args[0]), onListen(): void {} },
  () => new Response("Hello, World!"),
);
