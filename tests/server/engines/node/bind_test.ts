/** The addresses that the engine on `node:net` listens on: IP addresses of both versions, and names. */

import { assert, assertStringIncludes } from "@std/assert";
import { connect } from "node:net";
import { Server } from "../../../../mod.ts";
import { NODE, testEngine } from "../../../support/engines.ts";

/** Serves at a host; returns the address that was bound. */
async function boundHost(hostname: string): Promise<string> {
  const app = Server.builder({ hostname, port: 0 });
  app.get("/", (_, res) => res.ok("here"));
  await using handle = NODE.start(app.build());
  const { addr, port } = handle;
  assert(addr.transport === "tcp");
  const socket = connect(port, addr.hostname);
  socket.write("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
  let text = "";
  for await (const bytes of socket) text += String(bytes);
  assertStringIncludes(text, "here");
  return addr.hostname;
}

const hosts: readonly (readonly [
  name: string,
  addresses: readonly string[],
])[] = [
  ["127.0.0.1", ["127.0.0.1"]],
  ["::1", ["::1"]],
  ["localhost", ["127.0.0.1", "::1"]],
  ["LocalHost", ["127.0.0.1", "::1"]], // this spelling is looked up
];

for (const [name, addresses] of hosts) {
  testEngine(NODE, `a server listens on ${name}`, async () => {
    const host = await boundHost(name);
    assert(addresses.includes(host), host);
  });
}

testEngine(
  NODE,
  "a host name without an address is an error of the call",
  () => {
    const server = Server.builder("nowhere.invalid:0").build();
    let error: unknown;
    try {
      NODE.start(server);
    } catch (caught) {
      error = caught;
    }
    assert(error instanceof Error);
    assertStringIncludes(error.message, "Cannot listen on nowhere.invalid:0");
  },
);
