/**
 * Certificates of clients, certificates by name, and clients that never finish
 * their handshake or leave without `close_notify`: over `node:tls`, and beside
 * curl and `openssl s_client`.
 */

import { assert, assertEquals, assertThrows } from "@std/assert";
import { spawn, spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { connect as connectTcp } from "node:net";
import { connect, type ConnectionOptions } from "node:tls";
import {
  Server,
  type ServerHandle,
  type ServerOptions,
  type TlsSettings,
} from "../../../../mod.ts";
import { readTlsIdentity } from "../../../../server/tls.ts";
import {
  LISTEN,
  NODE,
  type TestEngine,
  testEngine,
} from "../../../support/engines.ts";
import { registerTest } from "../../../support/register.ts";
import { until } from "../../../support/turns.ts";

const folder = new URL("../../../fixtures/tls/", import.meta.url);

function pem(name: string): string {
  return readFileSync(new URL(`${name}.pem`, folder), "utf8");
}

function pair(name: string): { cert: string; key: string } {
  return { cert: pem(`${name}.cert`), key: pem(`${name}.key`) };
}

const ca = pem("ca.cert");
const engines: readonly TestEngine[] = [LISTEN, NODE];

/** The error of a connection that does not complete its handshake in 100 ms. */
const HANDSHAKE_TIMEOUT =
  "Cannot complete TLS handshake: not done within 100 ms (handshakeTimeout)";

/** The first bytes of the body at `/held`, which does not end. */
const HELD = "the first piece";

interface Running extends AsyncDisposable {
  readonly handle: ServerHandle;
  /** What the teardown hook got, by connection. */
  readonly ends: (Error | undefined)[];
  /** Resolves with the first of them. */
  readonly firstEnd: Promise<Error | undefined>;
}

/**
 * Serves the name of the client's certificate and the name that the client asked
 * for, and at `/held` a body that does not end.
 */
function start(
  engine: TestEngine,
  settings: TlsSettings,
  options: Partial<ServerOptions> = {},
): Running {
  const ends: (Error | undefined)[] = [];
  const first = Promise.withResolvers<Error | undefined>();
  const app = Server.builder("127.0.0.1:0", options)
    .tls({ ...pair("a"), ...settings });
  app.get("/held", (_, res) => {
    const start = (controller: ReadableStreamDefaultController): void =>
      controller.enqueue(new TextEncoder().encode(HELD));
    res.ok(new ReadableStream({ start }));
  });
  app.get("/", ({ conn }, res) => {
    const { peerCertificate, serverName, protocol } = conn.tls ?? {};
    assert(protocol?.startsWith("TLSv1."));
    const client = peerCertificate?.subject["CN"] ?? "no certificate";
    res.ok(`${client}, ${serverName}, ${peerCertificate?.serialNumber}`);
  }).connectionTeardownHook((_, error) => {
    ends.push(error);
    first.resolve(error);
  });
  const handle = engine.start(app.build(), { onError: () => {} });
  return {
    handle,
    ends,
    firstEnd: first.promise,
    [Symbol.asyncDispose]: () => handle.shutdown({ deadline: 0 }),
  };
}

/** Sends a request; resolves with the body, or with the code of the failure. */
function ask(
  { port }: ServerHandle,
  options: ConnectionOptions = {},
): Promise<string> {
  const { promise, resolve } = Promise.withResolvers<string>();
  const socket = connect({
    port,
    host: "127.0.0.1",
    servername: "a.example",
    ca,
    ...options,
  });
  let text = "";
  socket.on("data", (bytes) => text += String(bytes));
  socket.on("error", (error) => resolve(`failed: ${error.message}`));
  socket.on("close", () => resolve(text.split("\r\n").at(-1) ?? ""));
  socket.write(
    "GET / HTTP/1.1\r\nHost: a.example\r\nConnection: close\r\n\r\n",
  );
  return promise;
}

function refuseRevoked(): TlsSettings {
  return {
    ca,
    requestCert: "optional",
    acceptCert: ({ subject, serialNumber, subjectAltName }) => {
      assertEquals(subjectAltName, `DNS:${subject["CN"]}`);
      return serialNumber !== "66";
    },
  };
}

/** The client's certificate, the setting, and what the client gets; `null` if it is refused. */
const clients: readonly (readonly [
  name: string | null,
  settings: TlsSettings,
  body: string | null,
])[] = [
  [null, {}, "no certificate, a.example, undefined"],
  ["client", {}, "no certificate, a.example, undefined"],
  ["client", { ca, requestCert: "required" }, "client.example, a.example, 65"],
  [null, { ca, requestCert: "required" }, null],
  ["stranger", { ca, requestCert: "required" }, null],
  ["expired", { ca, requestCert: "required" }, null],
  ["client", { ca, requestCert: "optional" }, "client.example, a.example, 65"],
  [
    null,
    { ca, requestCert: "optional" },
    "no certificate, a.example, undefined",
  ],
  ["stranger", { ca, requestCert: "optional" }, null],
  ["expired", { ca, requestCert: "optional" }, null],
  [
    "revoked",
    { ca, requestCert: "optional" },
    "revoked.example, a.example, 66",
  ],
  ["revoked", refuseRevoked(), null],
  ["client", refuseRevoked(), "client.example, a.example, 65"],
];

for (const engine of engines) {
  for (const [name, settings, body] of clients) {
    const { requestCert = "not asked for", acceptCert } = settings;
    const rule = acceptCert === undefined ? "" : ", acceptCert";
    const outcome = body === null ? "is refused" : "is served";
    testEngine(
      engine,
      `a client with ${
        name ?? "no"
      } certificate (${requestCert}${rule}) ${outcome}`,
      async () => {
        await using server = start(engine, settings);
        const answer = await ask(
          server.handle,
          name === null ? {} : pair(name),
        );
        if (body !== null) {
          assertEquals(answer, body);
          return;
        }
        assert(answer === "" || answer.startsWith("failed: "), answer);
        await until(() => server.ends.length === 1);
        assert(server.ends[0] instanceof Error);
        assertEquals(server.handle.requestCount, 0);
      },
    );
  }

  testEngine(
    engine,
    "the certificate follows the name that the client asks for",
    async () => {
      await using server = start(engine, {
        certificates: {
          "B.example": pair("b"),
          "*.wild.example": pair("client"),
        },
      });
      const { port } = server.handle;
      const subjectFor = (servername: string): Promise<unknown> => {
        const { promise, resolve, reject } = Promise.withResolvers<unknown>();
        const socket = connect({
          port,
          host: "127.0.0.1",
          servername,
          ca,
          checkServerIdentity: () => undefined,
        }, () => {
          resolve(socket.getPeerCertificate().subject.CN);
          socket.destroy();
        });
        socket.on("error", reject);
        return promise;
      };
      const expected = {
        "a.example": "a.example",
        "b.example": "b.example",
        "B.EXAMPLE": "b.example",
        "x.wild.example": "client.example",
        "x.y.wild.example": "a.example",
        "other.example": "a.example",
      };
      for (const [name, subject] of Object.entries(expected)) {
        assertEquals(await subjectFor(name), subject, name);
      }
    },
  );

  testEngine(
    engine,
    "R161: clients that do not finish their handshake are closed after handshakeTimeout",
    async () => {
      await using server = start(engine, {}, { handshakeTimeout: 100 });
      const { port } = server.handle;
      const beginnings = [[], [0x16, 0x03, 0x01]]; // nothing, and a part of a ClientHello
      await Promise.all(beginnings.map(async (bytes) => {
        const plain = connectTcp(port, "127.0.0.1");
        plain.on("error", () => {}); // a reset ends it as well
        plain.write(Uint8Array.from(bytes));
        plain.resume();
        await new Promise((resolve) => plain.on("close", resolve));
      }));
      await until(() => server.ends.length === 2);
      for (const end of server.ends) {
        assertEquals(end?.message, HANDSHAKE_TIMEOUT);
      }
    },
  );

  testEngine(
    engine,
    "a client that ends without close_notify does not hold its connection",
    async () => {
      await using server = start(engine, {});
      const { port } = server.handle;
      const plain = connectTcp(port, "127.0.0.1");
      const conn = connect({ socket: plain, servername: "a.example", ca });
      conn.on("error", () => {});
      const answered = new Promise((resolve) => conn.once("data", resolve));
      conn.write("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
      await answered;
      plain.end(); // TLS ends with close_notify, the plain connection does not
      await until(() => server.ends.length === 1);
    },
  );
}

/** The settings of one run of a client program. */
interface Told {
  readonly port: number;
  /** The certificate to show; `null` for none. */
  readonly client: string | null;
  readonly path: string;
}

/** A client program that speaks TLS. */
interface Program {
  readonly command: string;
  args(told: Told): readonly string[];
  /** Arguments to connect and send nothing: it waits for the server to speak first. */
  silentArgs(port: number): readonly string[];
}

const programs: readonly Program[] = [{
  command: "curl",
  args: ({ port, client, path }) => [
    ...["-sSN", "-m", "10", "--noproxy", "*", "--cacert", file("ca.cert")],
    ...client === null
      ? []
      : ["--cert", file(`${client}.cert`), "--key", file(`${client}.key`)],
    ...["--resolve", `b.example:${port}:127.0.0.1`],
    `https://b.example:${port}${path}`,
  ],
  silentArgs: (
    port,
  ) => ["-sS", "-m", "10", "--noproxy", "*", `telnet://127.0.0.1:${port}`],
}, {
  command: "openssl",
  args: ({ port, client }) => [
    ...["s_client", "-quiet", "-connect", `127.0.0.1:${port}`],
    ...["-servername", "b.example", "-verify_return_error"],
    ...["-verify_hostname", "b.example", "-CAfile", file("ca.cert")],
    ...client === null
      ? []
      : ["-cert", file(`${client}.cert`), "-key", file(`${client}.key`)],
  ],
  silentArgs: (
    port,
  ) => ["s_client", "-connect", `127.0.0.1:${port}`, "-starttls", "smtp"],
}];

function file(name: string): string {
  return new URL(`${name}.pem`, folder).pathname;
}

/** A running program. */
interface Client {
  /** What it has printed. */
  readonly text: () => string;
  /** Resolves when it has printed {@linkcode HELD}. */
  readonly held: Promise<void>;
  /** Resolves when it has ended. */
  readonly ended: Promise<unknown>;
  kill(): void;
}

/** Runs a program. Its standard input gets `input` and stays open. */
function runClient(
  command: string,
  args: readonly string[],
  input: string,
): Client {
  const child = spawn(command, args, { stdio: "pipe" });
  let text = "";
  child.stdin.on("error", () => {}); // it may end first
  const { promise: held, resolve: resolveHeld } = Promise.withResolvers<void>();
  child.stdout.on("data", (bytes) => {
    text += String(bytes);
    if (text.includes(HELD)) resolveHeld();
  });
  child.stderr.on("data", () => {});
  child.stdin.write(input);
  return {
    text: () => text,
    held,
    ended: new Promise((resolve) => child.on("close", resolve)),
    kill: () => void child.kill("SIGKILL"),
  };
}

function request(path: string, lines = ""): string {
  return `GET ${path} HTTP/1.1\r\nHost: b.example\r\n${lines}\r\n`;
}

for (const { command, args, silentArgs } of programs) {
  const { error } = spawnSync(command, ["version"]);
  for (const engine of error === undefined ? engines : []) {
    for (const [client, settings, body] of clients) {
      const { requestCert = "not asked for", acceptCert } = settings;
      const rule = acceptCert === undefined ? "" : ", acceptCert";
      const outcome = body === null ? "is refused" : "is served";
      testEngine(
        engine,
        `${command} with ${
          client ?? "no"
        } certificate (${requestCert}${rule}) ${outcome}, and sees the certificate of a name`,
        async () => {
          await using server = start(engine, {
            ...settings,
            certificates: { "b.example": pair("b") },
          });
          const { port } = server.handle;
          const told = { port, client, path: "/" };
          const input = request("/", "Connection: close\r\n");
          const { text, ended } = runClient(command, args(told), input);
          await ended;
          if (body === null) {
            assertEquals(text(), "");
            assertEquals(server.handle.requestCount, 0);
          } else {
            const expected = body.replace("a.example", "b.example");
            assert(
              text().endsWith(expected),
              `${text()} instead of ${expected}`,
            );
          }
        },
      );
    }

    testEngine(
      engine,
      `R161: ${command} is closed after handshakeTimeout if it begins no handshake`,
      async () => {
        await using server = start(engine, {}, { handshakeTimeout: 100 });
        const { port } = server.handle;
        const client = runClient(command, silentArgs(port), "");
        assertEquals((await server.firstEnd)?.message, HANDSHAKE_TIMEOUT);
        client.kill(); // curl waits for its input
        await client.ended;
      },
    );

    testEngine(
      engine,
      `${command} that is killed, and sends no close_notify, holds its connection for writeTimeout at most`,
      async () => {
        const certificates = { "b.example": pair("b") };
        await using server = start(engine, { certificates }, {
          writeTimeout: 100,
        });
        const { port } = server.handle;
        const told = { port, client: null, path: "/held" };
        const client = runClient(command, args(told), request("/held"));
        await client.held;
        assertEquals(server.handle.connectionCount, 1);
        client.kill();
        await client.ended;
        await until(() => server.ends.length === 1);
        assertEquals(server.handle.connectionCount, 0);
      },
    );
  }
}

const wrong: readonly (readonly [settings: object, text: string])[] = [
  [{ requestCert: "required" }, "requestCert needs ca"],
  [{ requestCert: true, ca }, 'neither "required" nor "optional"'],
  [{ ca }, "need requestCert"],
  [
    { requestCert: "optional", ca: "x" },
    "a certificate in ca cannot be parsed",
  ],
  [
    { certificates: { "a b": pair("b") } },
    '"a b" in certificates is not a host name',
  ],
  [{ certificates: { "b.example": {} } }, "give cert and key"],
  [{ rejectUnauthorized: true }, "there is no option rejectUnauthorized"],
];

for (const [settings, text] of wrong) {
  registerTest({
    name: `tls() refuses settings: ${text}`,
    ignore: false,
    fn: () => {
      assertThrows(
        () => readTlsIdentity({ ...pair("a"), ...settings }),
        TypeError,
        `Cannot use TLS: `,
      );
      assertThrows(
        () => readTlsIdentity({ ...pair("a"), ...settings }),
        TypeError,
        text,
      );
    },
  });
}
