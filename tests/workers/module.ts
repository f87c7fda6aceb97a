/** What workers of a test run: they serve what the test has set up an address for, and answer with their names. */

import { Server } from "../../mod.ts";

const app = Server.builder(["127.0.0.1:0", "[::1]:0"]);
app.get("/", (_, res) => res.ok(globalThis.name));
app.build().serveThreaded({ engine: "epoll" });
