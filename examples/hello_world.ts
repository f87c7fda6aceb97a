// deno run --allow-net=127.0.0.1 examples/hello_world.ts [PORT]
// deno-lint-ignore-file no-console
import { Server } from "@khttp/khttp";

const app = Server.builder(`127.0.0.1:${Deno.args[0] ?? 8080}`);
app.get("/", (_ctx, res) => res.ok("Hello, World!"));
const handle = app.build().serve();
console.log(`Listening on ${handle.url}/`);
