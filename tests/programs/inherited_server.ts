/**
 * A server on a socket that the program inherited:
 *
 *     deno run --allow-ffi … tests/programs/inherited_server.ts DESCRIPTOR NAME
 *
 * Every response is NAME. SIGTERM shuts it down.
 */
// deno-lint-ignore-file no-console

import { Server } from "../../mod.ts";

const [descriptor, name] = Deno.args;
const app = Server.builder(`fd:${descriptor}`);
app.fallbackRoute((_, res) => res.ok(name));
const handle = app.build().serveEpoll();
Deno.addSignalListener("SIGTERM", () => handle.shutdown());
console.log(`listening on ${handle.url}/`);
await handle.finished;
Deno.exit();
