/**
 * A server whose process is out of descriptors: it continues, prints what
 * failed, and serves again when descriptors are free (R158, R161).
 */

import { assert, assertEquals } from "@std/assert";
import { connect } from "node:tls";
import {
  EPOLL,
  LISTEN,
  type TestEngine,
  testEngine,
  testEngines,
} from "./support/engines.ts";
import {
  type HeldServerOptions,
  startHeldServer,
} from "./support/held_server.ts";
import type { Program } from "./support/program.ts";
import { RawClient } from "./support/raw_client.ts";
import { request } from "./support/serve.ts";
import { withDeadline } from "./support/with_deadline.ts";

const MAX_DESCRIPTORS = 64;
/** More connections than the process can take. */
const COUNT = 100;

/** The time between two counts of the server's descriptors, in ms. */
const FULL_CHECK_MS = 10;
/** How long the server may take until it has no free descriptor, in ms. */
const FULL_MS = 20_000;

const fixtures = new URL("fixtures/", import.meta.url);
const ca = await Deno.readTextFile(new URL("localhost.cert.pem", fixtures));

/** Whether the server has printed that it is out of descriptors. */
function isOut({ stderr }: Program): boolean {
  return /EMFILE|Too many open files/.test(stderr);
}

/** Counts the descriptors of a process; needs Linux. */
function descriptorCount(pid: number): number {
  return [...Deno.readDirSync(`/proc/${pid}/fd`)].length;
}

/** Waits until a process has no free descriptor. */
function untilFull(pid: number): Promise<void> {
  const wait = async (): Promise<void> => {
    while (descriptorCount(pid) < MAX_DESCRIPTORS) {
      await new Promise((resolve) => setTimeout(resolve, FULL_CHECK_MS));
    }
  };
  return withDeadline(
    wait(),
    FULL_MS,
    () => `${descriptorCount(pid)} descriptors are open`,
  );
}

/**
 * Opens more connections than a server has descriptors for, and waits until none
 * is free.
 *
 * @param isTold Whether the server prints that no descriptor is free.
 */
async function exhaust(
  program: Program,
  isTold = true,
): Promise<RawClient[]> {
  const clients = await Promise.all(
    Array.from({ length: COUNT }, () => RawClient.connect(program.port)),
  );
  if (isTold) await program.untilOutput(() => isOut(program));
  else await untilFull(program.pid);
  return clients;
}

async function bodyOf(client: RawClient, path: string): Promise<string> {
  await client.send(request(`GET ${path}`));
  return (await client.response()).body;
}

/** Takes all descriptors of a server, and frees them again. */
async function takeAll(
  engine: TestEngine,
  mode?: HeldServerOptions["mode"],
): Promise<void> {
  await using program = await startHeldServer(engine.name, {
    maxDescriptors: MAX_DESCRIPTORS,
    ...(mode === undefined ? {} : { mode }),
  });
  const isTold = engine.name !== "node"; // Node.js does not report failures of accept
  const clients = await exhaust(program, isTold);
  // Only some of them were accepted.
  const first = Promise.any(clients.map((client) => bodyOf(client, "/")));
  assertEquals(await first, "ok", program.stderr);
  if (isTold) {
    await program.untilOutput(() =>
      program.stderr.includes(
        "Error: Cannot accept connection: the process has no free descriptor (EMFILE); raise its limit (ulimit -n)",
      )
    );
  }
  for (const client of clients) client.close();
  const next = await RawClient.connect(program.port);
  assertEquals(await bodyOf(next, "/"), "ok");
  next.close();
  assert(!program.stderr.includes("panicked"), program.stderr);
}

testEngines(
  "R158: a server without descriptors goes on and serves again later",
  (engine) => takeAll(engine),
);

testEngine(
  LISTEN,
  "R158: a server without descriptors goes on and serves again later, from workers",
  (engine) => takeAll(engine, "workers"),
);

testEngine(
  EPOLL,
  "R158: a server without descriptors goes on and serves again later, from workers",
  (engine) => takeAll(engine, "workers"),
);

/** Descriptors that the runtime may open meanwhile for its own purposes. */
const RUNTIME_DESCRIPTORS = 3;

/** How long a silent peer may hold a descriptor, in ms. */
const HANDSHAKE_MS = 200;

/** Sends a request over TLS; resolves with the response's last line. */
function honestExchange(port: number): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  const socket = connect({
    port,
    host: "127.0.0.1",
    ca,
    servername: "localhost",
  });
  let text = "";
  socket.on("data", (piece) => text += String(piece));
  socket.on("end", () => {
    socket.destroy();
    resolve(text.split("\r\n").at(-1) ?? "");
  });
  socket.on("error", reject);
  socket.write(request("GET /", "Connection: close\r\n"));
  return promise;
}

for (const mode of ["tls", "tls workers"] as const) {
  Deno.test({
    name:
      `R161: more silent TLS peers than descriptors lock no client out, and leave no descriptor behind (${mode})`,
    ignore: Deno.build.os !== "linux", // counts descriptors in /proc
    fn: async () => {
      await using program = await startHeldServer(LISTEN.name, {
        options: { handshakeTimeout: HANDSHAKE_MS },
        mode,
        maxDescriptors: MAX_DESCRIPTORS,
      });
      assertEquals(await honestExchange(program.port), "ok");
      const before = descriptorCount(program.pid);
      const silent = await exhaust(program);
      assertEquals(await honestExchange(program.port), "ok");
      // All of them are closed, not only those that a free descriptor was needed from.
      await Promise.all(silent.map((client) => client.toEnd()));
      assertEquals(await honestExchange(program.port), "ok");
      const after = descriptorCount(program.pid);
      assert(
        after <= before + RUNTIME_DESCRIPTORS,
        `${before} descriptors became ${after}`,
      );
      for (const client of silent) client.close();
      assert(!program.stderr.includes("panicked"), program.stderr);
    },
  });
}

Deno.test({
  name:
    "R161: failed TLS handshakes do not end a server that is out of descriptors",
  ignore: Deno.build.os !== "linux", // the shell of other systems may lack `ulimit`
  fn: async () => {
    await using program = await startHeldServer(LISTEN.name, {
      options: { handshakeTimeout: HANDSHAKE_MS },
      mode: "tls",
      maxDescriptors: MAX_DESCRIPTORS,
    });
    assertEquals(await honestExchange(program.port), "ok");
    const clients = await exhaust(program);
    await Promise.all(
      clients.map((client) => client.send(request("GET /")).catch(() => {})),
    );
    // A plain request is no handshake; the server may reset the connection.
    await Promise.all(clients.map((client) => client.toEnd().catch(() => {})));
    for (const client of clients) client.close();
    assertEquals(await honestExchange(program.port), "ok");
    assert(!program.stderr.includes("panicked"), program.stderr);
  },
});
