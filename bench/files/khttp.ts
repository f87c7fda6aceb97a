/**
 * `serveDir()` for the file comparison:
 *
 *     deno run -A bench/files/khttp.ts --port 8080 --folder DIR --engine epoll
 *
 * `--constant` sends the same files and fields from memory instead: the price of
 * a response whose bytes the program has already.
 */

import { parseArgs } from "node:util";
import { Headers, Server } from "../../mod.ts";
import { serveDir } from "../../files/mod.ts";

const { values } = parseArgs({
  options: {
    port: { type: "string", default: "8080" },
    folder: { type: "string", default: "." },
    engine: { type: "string", default: "listen" },
    constant: { type: "boolean", default: false },
  },
});
const app = Server.builder({
  hostname: "127.0.0.1",
  port: Number(values.port),
});
if (values.constant) {
  for (const { name } of Deno.readDirSync(values.folder)) {
    const bytes = Deno.readFileSync(`${values.folder}/${name}`);
    const headers = new Headers({
      "etag": 'W/"1000-18bcfe56800"',
      "last-modified": "Tue, 14 Nov 2023 22:13:20 GMT",
      "accept-ranges": "bytes",
      "x-content-type-options": "nosniff",
      "content-type": "application/octet-stream",
    });
    app.get(`/${name}`, (_, res) => res.ok(bytes, headers));
  }
} else app.get("/**", serveDir(values.folder));
const server = app.build();
if (values.engine === "epoll") server.serveEpoll();
else server.serve({ engine: values.engine === "node" ? "node" : "listen" });
