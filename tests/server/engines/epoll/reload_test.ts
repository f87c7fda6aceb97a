/** A program under `--watch`: the runtime starts it again in the same process. */

import { assertEquals } from "@std/assert";
import { EPOLL, testEngine } from "../../../support/engines.ts";
import { Program } from "../../../support/program.ts";

const library = new URL("../../../../mod.ts", import.meta.url);

/** A server that listens on the port of its first start, and answers with `version`. */
function source(version: string): string {
  return `import { Server } from ${JSON.stringify(library.href)};
const file = new URL("port", import.meta.url);
let port = 0;
try {
  port = Number(Deno.readTextFileSync(file));
} catch {
  // The first start.
}
const app = Server.builder({ hostname: "127.0.0.1", port });
app.get("/", (_, res) => res.ok("${version}"));
const { addr } = app.build().serveEpoll();
Deno.writeTextFileSync(file, String(addr.port));
console.log("${version} on 127.0.0.1:" + addr.port);
`;
}

testEngine(
  EPOLL,
  "a reload under --watch closes listeners and connections, and the program listens again",
  async () => {
    const folder = await Deno.makeTempDir();
    const file = `${folder}/app.ts`;
    await Deno.writeTextFile(file, source("one"));
    try {
      await using program = await Program.start({
        args: ["run", "-A", "--no-check", "--watch", file],
      });
      const { port } = program;
      const url = `http://127.0.0.1:${port}/`;
      assertEquals(await (await fetch(url)).text(), "one");
      using idle = await Deno.connect({ hostname: "127.0.0.1", port });
      await Deno.writeTextFile(file, source("two"));
      await program.printed("two on");
      const size = await idle.read(new Uint8Array(1)).catch(() => null);
      assertEquals(size, null);
      assertEquals(await (await fetch(url)).text(), "two");
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  },
);
