/**
 * Serves behind a real HAProxy that sends PROXY headers, and checks that every
 * request sees its client's address:
 *
 *     deno run -A bench/haproxy.ts
 *
 * Each engine and TLS are combined with `send-proxy` and `send-proxy-v2`, from
 * IPv4 and IPv6 clients; health checks run meanwhile. HAProxy has to be
 * installed. Prints a line for each combination, and exits with 1 if one fails.
 */
// deno-lint-ignore-file no-console

import {
  ConnectionSetupAction,
  Server,
  type ServerBuilder,
  type ServerHandle,
} from "../mod.ts";

const REQUESTS = 500;
const CONNECTIONS = 8;

const fixtures = new URL("../tests/fixtures/", import.meta.url);

interface Target {
  readonly name: string;
  readonly isSecure: boolean;
  start(server: Server): ServerHandle;
}

const TARGETS: readonly Target[] = [
  { name: "listen", isSecure: false, start: (server) => server.serve() },
  { name: "epoll", isSecure: false, start: (server) => server.serveEpoll() },
  {
    name: "node",
    isSecure: false,
    start: (server) => server.serve({ engine: "node" }),
  },
  { name: "listen, TLS", isSecure: true, start: (server) => server.serve() },
  {
    name: "node, TLS",
    isSecure: true,
    start: (server) => server.serve({ engine: "node" }),
  },
];

/** What the server has seen that no client is. */
interface Findings {
  wrongPeers: number;
  healthChecks: number;
}

function appOf(isSecure: boolean, findings: Findings): ServerBuilder {
  const app = Server.builder("127.0.0.1:0");
  app.proxyProtocol({ trusted: ["127.0.0.1"] });
  if (isSecure) {
    app.tls({
      certFile: new URL("localhost.cert.pem", fixtures).pathname,
      keyFile: new URL("localhost.key.pem", fixtures).pathname,
    });
  }
  app.connectionSetupHook((accepted) => {
    if (!accepted.ok) return ConnectionSetupAction.drop;
    if (accepted.peer === null) findings.wrongPeers++;
    return ConnectionSetupAction.proceed(accepted.conn);
  });
  app.get("/", (ctx, res) => {
    const addr = ctx.conn.remoteAddr as Deno.NetAddr; // of TCP
    res.ok(`${addr.hostname} ${addr.port}`);
  });
  app.get("/health", (_, res) => {
    findings.healthChecks++;
    res.ok();
  });
  return app;
}

function configOf(
  server: number,
  front: number,
  { isSecure, option }: { readonly isSecure: boolean; readonly option: string },
): string {
  const tls = isSecure ? "check-ssl verify none" : "";
  return `
defaults
  mode tcp
  timeout connect 5s
  timeout client 30s
  timeout server 30s
listen front
  bind 127.0.0.1:${front}
  bind [::1]:${front}
  option httpchk GET /health
  http-check send hdr host localhost
  server one 127.0.0.1:${server} ${option} check inter 100 ${tls}
`;
}

function freePort(): number {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return listener.addr.port;
}

/** Sends requests on one connection; returns how many saw another address than the client's. */
async function ask(
  hostname: string,
  port: number,
  ca: string | null,
): Promise<number> {
  const plain = await Deno.connect({ hostname, port });
  const { port: own, hostname: ip } = plain.localAddr as Deno.NetAddr; // of TCP
  const conn = ca === null
    ? plain
    : await Deno.startTls(plain, { hostname: "localhost", caCerts: [ca] });
  const wire = new TextEncoder().encode(
    "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n",
  );
  const buffer = new Uint8Array(4096);
  const decoder = new TextDecoder();
  let wrong = 0;
  for (let count = 0; count < REQUESTS / CONNECTIONS; count++) {
    await conn.write(wire);
    const size = await conn.read(buffer);
    const text = decoder.decode(buffer.subarray(0, size ?? 0));
    if (!text.endsWith(`\r\n\r\n${ip} ${own}`)) wrong++;
  }
  conn.close();
  return wrong;
}

async function untilHealthy(findings: Findings): Promise<void> {
  for (let tries = 0; findings.healthChecks < 3; tries++) {
    if (tries > 200) throw new Error("HAProxy sends no health checks");
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

/** Runs one combination; returns whether all requests saw their client. */
async function run(
  { name, isSecure, start }: Target,
  option: string,
): Promise<boolean> {
  const findings: Findings = { wrongPeers: 0, healthChecks: 0 };
  await using handle = start(appOf(isSecure, findings).build());
  const front = freePort();
  const path = await Deno.makeTempFile({ suffix: ".cfg" });
  await Deno.writeTextFile(
    path,
    configOf(handle.port, front, { isSecure, option }),
  );
  const haproxy = new Deno.Command("haproxy", {
    args: ["-db", "-f", path],
    stdout: "null",
    stderr: "null",
  }).spawn();
  try {
    await untilHealthy(findings);
    const ca = isSecure
      ? await Deno.readTextFile(new URL("localhost.cert.pem", fixtures))
      : null;
    const clients = Array.from(
      { length: CONNECTIONS },
      (_, at) => ask(at % 2 === 0 ? "127.0.0.1" : "::1", front, ca),
    );
    const wrong = (await Promise.all(clients)).reduce((sum, one) => sum + one);
    const isGood = wrong === 0 && findings.wrongPeers === 0;
    console.log(
      `${isGood ? "ok" : "FAILED"}  ${name}, ${option}: ${wrong} of ${
        Math.floor(REQUESTS / CONNECTIONS) * CONNECTIONS
      } requests with a wrong address, ${findings.healthChecks} health checks answered`,
    );
    return isGood;
  } finally {
    haproxy.kill();
    await haproxy.status;
    await Deno.remove(path);
  }
}

let isGood = true;
for (const target of TARGETS) {
  for (const option of ["send-proxy", "send-proxy-v2"]) {
    isGood = await run(target, option) && isGood;
  }
}
Deno.exit(isGood ? 0 : 1);
