/**
 * Serves a folder in a process of its own:
 *
 *     deno run … tests/programs/file_server.ts ENGINE FOLDER
 *
 * It opens files for each request, since that is what its tests are about.
 */
// deno-lint-ignore-file no-console

import { Server } from "../../mod.ts";
import { serveDir } from "../../files/mod.ts";

const [engine, folder = "."] = Deno.args;
const app = Server.builder("127.0.0.1:0");
app.get("/**", serveDir(folder, { cache: false }));
const server = app.build();
const handle = engine === "epoll" ? server.serveEpoll() : server.serve();
console.log(`listening on 127.0.0.1:${handle.port}`);
