/** Session tickets and the choice of a protocol, over `node:tls`, and beside `openssl s_client`. */

import { assert, assertEquals, assertMatch, assertThrows } from "@std/assert";
import { spawn, spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { connect, type ConnectionOptions, type TLSSocket } from "node:tls";
import {
  Server,
  type ServerHandle,
  type TlsSettings,
} from "../../../../mod.ts";
import { LISTEN, NODE, testEngine } from "../../../support/engines.ts";
import { registerTest } from "../../../support/register.ts";

const folder = new URL("../../../fixtures/tls/", import.meta.url);
const isNode = typeof Deno === "undefined" && !("Bun" in globalThis);
const hasOpenssl = spawnSync("openssl", ["version"]).error === undefined;
/** What a client that offers other protocols sees; Deno's `node:tls` closes without the alert. */
const REFUSAL = typeof Deno === "undefined"
  ? /no.application.protocol/i
  : /ECONNRESET|unexpected eof/;
const runtime = typeof Deno === "undefined" ? "Bun" : "Deno";

function pem(name: string): string {
  return readFileSync(new URL(`${name}.pem`, folder), "utf8");
}

const ca = pem("ca.cert");
const pair = { cert: pem("a.cert"), key: pem("a.key") };
const clientPair = { cert: pem("client.cert"), key: pem("client.key") };

/** Serves the name of the client's certificate. */
function start(
  settings: TlsSettings,
  engine: typeof NODE = NODE,
): ServerHandle {
  const app = Server.builder("127.0.0.1:0").tls({ ...pair, ...settings });
  app.get("/", ({ conn }, res) => {
    res.ok(`client: ${conn.tls?.peerCertificate?.subject["CN"]}`);
  });
  return engine.start(app.build(), { onError: () => {} });
}

interface Answer {
  readonly text: string;
  readonly isResumed: boolean;
  readonly protocol: TLSSocket["alpnProtocol"];
  readonly session: Uint8Array | undefined;
}

/** Sends a request, with the session of an earlier answer if there is one. */
function ask(
  { port }: ServerHandle,
  options: ConnectionOptions = {},
): Promise<Answer> {
  const { promise, resolve, reject } = Promise.withResolvers<Answer>();
  const socket = connect({
    port,
    host: "127.0.0.1",
    servername: "a.example",
    ca,
    ...options,
  });
  let text = "";
  let isResumed = false;
  let protocol: TLSSocket["alpnProtocol"] = null;
  let session: Uint8Array | undefined;
  socket.on("secureConnect", () => {
    isResumed = socket.isSessionReused();
    protocol = socket.alpnProtocol;
  });
  socket.on("session", (ticket: Uint8Array) => session = ticket);
  socket.on("data", (bytes) => text += String(bytes));
  socket.on("error", reject);
  socket.on("close", () => resolve({ text, isResumed, protocol, session }));
  socket.write(
    "GET / HTTP/1.1\r\nHost: a.example\r\nConnection: close\r\n\r\n",
  );
  return promise;
}

/** Whether a server resumes the session of an earlier answer. */
async function resumes(
  handle: ServerHandle,
  { session }: Answer,
  options: ConnectionOptions = {},
): Promise<boolean> {
  assert(session !== undefined);
  const ticket = { session } as ConnectionOptions; // it is a Buffer
  const { isResumed, text } = await ask(handle, { ...options, ...ticket });
  assertMatch(text, /200 OK/);
  return isResumed;
}

if (isNode) {
  testEngine(
    NODE,
    "a session is resumed at another server with the same ticketKeys",
    async () => {
      const ticketKeys = crypto.getRandomValues(new Uint8Array(48));
      const others = crypto.getRandomValues(new Uint8Array(48));
      await using first = start({ ticketKeys });
      await using same = start({ ticketKeys: ticketKeys.slice() });
      await using other = start({ ticketKeys: others });
      const answer = await ask(first);
      assertEquals(answer.isResumed, false);
      assertEquals(await resumes(same, answer), true);
      assertEquals(await resumes(other, answer), false);
    },
  );

  testEngine(
    NODE,
    "ticketKeys that the program changes are used for later handshakes",
    async () => {
      const ticketKeys = crypto.getRandomValues(new Uint8Array(48));
      await using server = start({ ticketKeys });
      const before = await ask(server);
      assertEquals(await resumes(server, before), true);
      crypto.getRandomValues(ticketKeys);
      assertEquals(await resumes(server, before), false);
      const after = await ask(server);
      assertEquals(await resumes(server, after), true);
    },
  );

  testEngine(
    NODE,
    "a resumed session has the client's certificate, and acceptCert() is asked again",
    async () => {
      let isAccepted = true;
      let count = 0;
      await using server = start({
        ca,
        requestCert: "required",
        acceptCert: () => {
          count++;
          return isAccepted;
        },
      });
      const answer = await ask(server, clientPair);
      assertEquals(await resumes(server, answer, clientPair), true);
      assertEquals(count, 2);
      isAccepted = false;
      const { session } = answer;
      const ticket = { session } as ConnectionOptions; // it is a Buffer
      const refused = await ask(server, { ...clientPair, ...ticket })
        .catch(() => null);
      assert(refused === null || refused.text === "");
      assertEquals(server.requestCount, 2);
    },
  );

  for (const size of [0, 32, 49]) {
    registerTest({
      name: `tls() refuses ticketKeys of ${size} bytes`,
      ignore: false,
      fn: () => {
        assertThrows(
          () => start({ ticketKeys: new Uint8Array(size) }),
          TypeError,
          "ticketKeys is not a Uint8Array of 48 bytes",
        );
      },
    });
  }
} else {
  registerTest({
    name:
      "tls() refuses ticketKeys where the runtime has its own, and names the runtime",
    ignore: false,
    fn: () => {
      assertThrows(
        () => start({ ticketKeys: new Uint8Array(48) }),
        TypeError,
        `${runtime} cannot take keys for session tickets`,
      );
    },
  });
}

for (const engine of [LISTEN, NODE]) {
  testEngine(
    engine,
    "http/1.1 is agreed on if the client offers it, or offers nothing",
    async () => {
      await using server = start({}, engine);
      const offers = [["http/1.1"], ["h2", "http/1.1"], undefined];
      for (const offer of offers) {
        const options = offer === undefined ? {} : { ALPNProtocols: offer };
        const { protocol, text } = await ask(server, options);
        assertEquals(protocol || null, offer === undefined ? null : "http/1.1");
        assertMatch(text, /200 OK/);
      }
    },
  );

  testEngine(
    engine,
    "a client that offers other protocols only is refused in the handshake",
    async () => {
      await using server = start({}, engine);
      const failure = await ask(server, { ALPNProtocols: ["h2"] })
        .then(() => null, (error) => error);
      assertMatch(`${failure?.code} ${failure?.message}`, REFUSAL);
      assertEquals(server.requestCount, 0);
    },
  );

  if (!hasOpenssl) continue;

  testEngine(
    engine,
    "openssl s_client is refused in the handshake if it offers h2 only",
    async () => {
      await using server = start({}, engine);
      const text = await openssl(server, "-alpn", "h2");
      assertMatch(text, REFUSAL);
      const agreed = await openssl(server, "-alpn", "h2,http/1.1");
      assertMatch(agreed, /ALPN protocol: http\/1\.1/);
    },
  );
}

if (isNode && hasOpenssl) {
  testEngine(
    NODE,
    "openssl s_client resumes its session after a restart with the same ticketKeys",
    async () => {
      const ticketKeys = crypto.getRandomValues(new Uint8Array(48));
      const home = mkdtempSync(`${tmpdir()}/khttp-`);
      const file = `${home}/session`;
      try {
        for (const version of ["-tls1_2", "-tls1_3"]) {
          const first = start({ ticketKeys });
          const text = await openssl(first, version, "-sess_out", file);
          assertMatch(text, /^New, TLSv1/m);
          await first.shutdown({ deadline: 0 });
          await using second = start({ ticketKeys });
          const again = await openssl(second, version, "-sess_in", file);
          assertMatch(again, /^Reused, TLSv1/m);
        }
      } finally {
        rmSync(home, { recursive: true });
      }
    },
  );
}

/** Sends a request by `openssl s_client`; resolves with all that it prints. */
function openssl(
  { port }: ServerHandle,
  ...args: readonly string[]
): Promise<string> {
  const { promise, resolve } = Promise.withResolvers<string>();
  const child = spawn("openssl", [
    ...["s_client", "-connect", `127.0.0.1:${port}`, "-ign_eof"],
    ...["-servername", "a.example", ...args],
  ], { stdio: "pipe" });
  let text = "";
  child.stdin.on("error", () => {}); // it may end first
  child.stdout.on("data", (bytes) => text += String(bytes));
  child.stderr.on("data", (bytes) => text += String(bytes));
  child.on("close", () => resolve(text));
  child.stdin.write(
    "GET / HTTP/1.1\r\nHost: a.example\r\nConnection: close\r\n\r\n",
  );
  return promise;
}
