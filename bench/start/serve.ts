/** This library on the engine that the second argument names, for `bench/start.ts`. */

import { Server } from "../../mod.ts";

const [port, engine] = Deno.args;
const app = Server.builder({ hostname: "127.0.0.1", port: Number(port) });
app.get("/", (_, res) => res.ok("Hello, World!"));
const server = app.build();
if (engine === "epoll") server.serveEpoll();
else server.serve();
