/** The same as `serve.ts`, from the entry `./server`, which leaves the client out. */

import { Server } from "../../server/mod.ts";

const [port, engine] = Deno.args;
const app = Server.builder({ hostname: "127.0.0.1", port: Number(port) });
app.get("/", (_, res) => res.ok("Hello, World!"));
const server = app.build();
if (engine === "epoll") server.serveEpoll();
else server.serve();
