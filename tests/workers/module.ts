/** The module that workers of a test run: each serves the given address, and answers with its name. */

import { Server } from "../../mod.ts";

const app = Server.builder(["127.0.0.1:0", "[::1]:0"]);
app.get("/", (_, res) => res.ok(globalThis.name));
app.build().serveThreaded({ engine: "epoll" });
