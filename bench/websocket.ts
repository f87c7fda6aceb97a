/**
 * WebSocket echoes side by side: CPU time of the server per message, and messages
 * per second. Each server runs on the first core, the load on the second; the
 * rounds of all servers are interleaved, so that other work on the machine hits
 * all alike.
 *
 *     deno task bench:websocket --sizes 16,1024,65536 --rounds 5
 */
// deno-lint-ignore-file no-console

import { parseArgs } from "node:util";
import { installNpmPeers } from "./load/npm_peers.ts";
import { findPinning, type Pinning, UNPINNED } from "./load/pinning.ts";
import { ProcessTree } from "./load/process_tree.ts";
import { maybeOutput } from "./load/target.ts";

const WS_VERSION = "8.18.3";
const folder = new URL("websocket/", import.meta.url);
const pathOf = (name: string): string =>
  decodeURIComponent(new URL(name, folder).pathname);

const { values } = parseArgs({
  options: {
    sizes: { type: "string", default: "16,1024,65536" },
    servers: { type: "string" },
    types: { type: "string", default: "text,binary" },
    connections: { type: "string", default: "64" },
    "in-flight": { type: "string", default: "1" },
    rounds: { type: "string", default: "5" },
    duration: { type: "string", default: "2000" },
    help: { type: "boolean", default: false },
  },
});

const USAGE = `usage: deno task bench:websocket [options]
  --servers A,B     only these servers, by the names in the tables (all)
  --sizes N,M       sizes of messages in bytes (16,1024,65536)
  --types A,B       text and binary (both)
  --connections N   connections of the load (64)
  --in-flight N     messages on each connection before their echoes (1)
  --rounds N        rounds of all servers; the median counts (5)
  --duration MS     measured time of a round (2000)`;
if (values.help) {
  console.log(USAGE);
  Deno.exit();
}

/** Commands of the echoes, without the port. */
async function findServers(): Promise<
  Map<string, (port: number, size: string) => string[]>
> {
  const denoRun =
    (name: string) => (...args: string[]) => (port: number, size: string) => [
      ...[Deno.execPath(), "run", "-A", "--no-check", pathOf(name)],
      ...[String(port), ...(args.length > 0 ? args : [size])],
    ];
  const khttp = denoRun("khttp_echo.ts");
  const servers = new Map([
    ["khttp epoll accept", khttp("epoll", "accept")],
    ["khttp listen accept", khttp("listen", "accept")],
    ["khttp epoll upgrade", khttp("epoll", "upgrade")],
    ["khttp listen upgrade", khttp("listen", "upgrade")],
    ["Deno.upgradeWebSocket", denoRun("deno_echo.ts")()],
    ["floor of Deno.listen", denoRun("listen_floor.ts")()],
  ]);
  const peers = await installNpmPeers();
  const wsFolder = `${peers.folder}-ws`;
  await Deno.mkdir(wsFolder, { recursive: true });
  const installed = await maybeOutput("npm", [
    "install",
    "--no-save",
    `ws@${WS_VERSION}`,
  ], wsFolder);
  if (installed !== null) {
    servers.set(
      `ws ${WS_VERSION} on Node`,
      (port) => ["node", pathOf("ws_echo.mjs"), String(port), wsFolder],
    );
  }
  const bun = await peers.bun();
  if (bun !== null) {
    servers.set("Bun", (port) => [bun, pathOf("bun_echo.mjs"), String(port)]);
  }
  return servers;
}

function freePort(): number {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return listener.addr.port;
}

async function untilListening(port: number): Promise<void> {
  for (let count = 0; count < 250; count++) {
    try {
      (await Deno.connect({ hostname: "127.0.0.1", port })).close();
      return;
    } catch {
      await new Promise((wake) => setTimeout(wake, 20)); // it is still starting
    }
  }
  throw new Error(`Cannot connect to the server on port ${port}`);
}

interface Figures {
  readonly cpuUs: number;
  readonly perSecond: number;
}

/** Runs one server and its load once. */
async function measure(
  commandOf: (port: number, size: string) => string[],
  pinning: Pinning,
  size: string,
  type: string,
): Promise<Figures> {
  const port = freePort();
  const [command = "", ...args] = pinning.server(commandOf(port, size));
  const server = new Deno.Command(command, { args, stdout: "null" }).spawn();
  try {
    await untilListening(port);
    const tree = new ProcessTree(server.pid);
    const [loader = "", ...loadArgs] = pinning.load([
      ...[Deno.execPath(), "run", "-A", "--no-check", pathOf("load.ts")],
      ...["--port", String(port), "--size", size, "--type", type],
      ...["--connections", values.connections],
      ...["--in-flight", values["in-flight"], "--duration", values.duration],
    ]);
    const load = new Deno.Command(loader, { args: loadArgs, stdout: "piped" })
      .spawn();
    let startUs = 0;
    for await (const text of load.stdout.pipeThrough(new TextDecoderStream())) {
      const line = JSON.parse(text.trim());
      if ("started" in line) startUs = tree.cpuMicros();
      else {
        const cpuUs = (tree.cpuMicros() - startUs) / line.messages;
        await load.status;
        return { cpuUs, perSecond: line.messages / line.wallMs * 1000 };
      }
    }
    throw new Error("The load ended without figures");
  } finally {
    server.kill("SIGKILL");
    await server.status;
  }
}

function median(numbers: readonly number[]): number {
  const sorted = [...numbers].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? NaN;
}

const servers = await findServers();
const wanted = values.servers?.split(",") ?? [...servers.keys()];
const pinning = await findPinning() ?? UNPINNED;
for (const type of values.types.split(",")) {
  for (const size of values.sizes.split(",")) {
    const cells = new Map(wanted.map((name) => [name, [] as Figures[]]));
    for (let round = 0; round < Number(values.rounds); round++) {
      for (const [name, figures] of cells) {
        const commandOf = servers.get(name);
        if (commandOf === undefined) throw new Error(`No server ${name}`);
        figures.push(await measure(commandOf, pinning, size, type));
      }
    }
    console.log(
      `\n${type} messages of ${size} bytes, ${values.connections} connections, ${
        values["in-flight"]
      } in flight on each`,
    );
    console.table(
      Object.fromEntries([...cells].map(([name, figures]) => [name, {
        "CPU µs per message": Number(
          median(figures.map(({ cpuUs }) => cpuUs)).toFixed(2),
        ),
        "messages per second": Math.round(
          median(figures.map(({ perSecond }) => perSecond)),
        ),
      }])),
    );
  }
}
