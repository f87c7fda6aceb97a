/** The same as `serve.ts`, from the entry `./server`, which leaves the client out. */

import { Server } from "../../server/mod.ts";

const app = Server.builder({
  hostname: "127.0.0.1",
  port: Number(Deno.args[0]),
});
app.get("/", (_, res) => res.ok("Hello, World!"));
app.build().serve();
