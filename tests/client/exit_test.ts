/** Idle connections do not keep a program alive. */

import { assertEquals } from "@std/assert";
import { HELLO } from "../support/client_exchange.ts";
import { head, HostileServer, send } from "../support/hostile_server.ts";

const mod = new URL("../../mod.ts", import.meta.url);
const fixture = new URL("../fixtures/localhost.cert.pem", import.meta.url);
const cert = await Deno.readTextFile(fixture);
const key = await Deno.readTextFile(
  new URL("../fixtures/localhost.key.pem", import.meta.url),
);

/** Far more than a program takes to start and end, in ms. */
const DEADLINE_MS = 15_000;

/** Runs a program that sends GET and leaves its client open; returns its output once it has ended. */
async function outputOf(origin: string): Promise<string> {
  const program = `
    import { Client } from "${mod}";
    const client = new Client("${origin}", {
      idleTimeout: 600_000,
      bodyTimeout: 600_000,
      caCerts: [await Deno.readTextFile(new URL("${fixture}"))],
    });
    for (let count = 0; count < 2; count++) {
      const response = await client.get("/");
      console.log(await response.body.text());
    }
    console.log(client.connectionCount);
  `;
  const command = new Deno.Command(Deno.execPath(), {
    args: ["eval", "--no-check", program],
    stdout: "piped",
    stderr: "inherit",
    signal: AbortSignal.timeout(DEADLINE_MS),
  });
  const { stdout } = await command.output();
  return new TextDecoder().decode(stdout);
}

Deno.test("a program ends although its client has an idle connection", async () => {
  const folder = await Deno.makeTempDir();
  const script = [head, send(HELLO), head, send(HELLO)];
  {
    await using plain = new HostileServer([script]);
    await using secure = new HostileServer([script], { tls: { cert, key } });
    await using unix = new HostileServer([script], {
      path: `${folder}/socket`,
    });
    for (
      const origin of [
        `http://${plain.origin}`,
        `https://localhost:${secure.port}`,
        `unix:${folder}/socket`,
      ]
    ) assertEquals(await outputOf(origin), "hello\nhello\n1\n", origin);
    assertEquals([plain.count, secure.count, unix.count], [1, 1, 1]);
  }
  await Deno.remove(folder, { recursive: true });
});
