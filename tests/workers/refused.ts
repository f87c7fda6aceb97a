/** A program that prints why it cannot serve from workers; its arguments are the engine and an address. */
// deno-lint-ignore-file no-console

import { Server } from "../../mod.ts";

const [engine, address = "127.0.0.1:0"] = Deno.args;
try {
  Server.builder(address).build().serveThreaded({
    engine: engine === "epoll" ? "epoll" : "listen",
    workers: 2,
  });
} catch (error) {
  if (error instanceof Error) console.log(`${error.name}: ${error.message}`);
}
