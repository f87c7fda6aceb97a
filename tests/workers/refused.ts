/** A program that prints why it cannot serve from workers; its arguments are the engine and an address. */
// deno-lint-ignore-file no-console

import { Server } from "../../mod.ts";
import { engineNamed } from "./threads.ts";

const [engine, address = "127.0.0.1:0"] = process.argv.slice(2);
try {
  Server.builder(address).build().serveThreaded({
    engine: engineNamed(engine),
    workers: 2,
  });
} catch (error) {
  if (error instanceof Error) console.log(`${error.name}: ${error.message}`);
}
