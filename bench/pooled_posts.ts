// deno-lint-ignore-file no-console
/**
 * Counts the POSTs that fail on connections that a balancer keeps to the server,
 * when they have been idle for about as long as the balancer, or the server,
 * keeps them:
 *
 *     deno task bench:pooled [--only usual,nginx,epoll]
 *
 * First, 1,600 POSTs wait at the server at the same time, so that the pool fills.
 * Around the end of the idle time, from half a second before to half a second
 * after, bursts of 64 POSTs use the pooled connections, or find them just closed.
 *
 * - `short`: the balancer's limit is 2 s, the server's the default of 95 s.
 * - `usual`: nginx's own limit is 60 s; HAProxy is set to the same.
 * - `control`: the server closes after 2 s, before the balancer, and POSTs must
 *   fail: it shows that this program can see such failures.
 */

import { Balancer, type BalancerName } from "./balancers/balancer.ts";
import { Instance } from "./balancers/instance.ts";

const BALANCER_PORT = 18_090;
const PORT = 18_091;
const POSTS = 1600;

/** POSTs that are sent at once. */
const BURST = 64;

/** How much the idle times differ from the limit, in ms, in both directions. */
const SPREAD_MS = 500;

interface Case {
  readonly name: "short" | "usual" | "control";
  readonly balancerIdleMs: number;
  /** The server's `idleTimeout`, in ms; its default if it is absent. */
  readonly serverIdleMs?: number;
}

const CASES: readonly Case[] = [
  { name: "short", balancerIdleMs: 2000 },
  { name: "usual", balancerIdleMs: 60_000 },
  { name: "control", balancerIdleMs: 60_000, serverIdleMs: 2000 },
];

function argument(name: string): string[] {
  const index = Deno.args.indexOf(`--${name}`);
  return index === -1 ? [] : (Deno.args[index + 1] ?? "").split(",");
}

/** The server holds each response back, so that no POST uses a connection of another one. */
const POST = new TextEncoder().encode(
  "POST /slow HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello",
);

const passed = (ms: number): Promise<void> =>
  new Promise((resolve) => setTimeout(resolve, ms));

/** A client's connection to the balancer, which stays open. */
class Client {
  #conn: Deno.TcpConn;
  #buffer = new Uint8Array(4096);

  private constructor(conn: Deno.TcpConn) {
    this.#conn = conn;
  }

  static async connect(): Promise<Client> {
    const address = { hostname: "127.0.0.1", port: BALANCER_PORT };
    return new Client(await Deno.connect(address));
  }

  /** Sends a POST; returns the status of its response, or what failed. */
  async post(): Promise<string> {
    try {
      await this.#conn.write(POST);
      let text = "";
      while (!text.startsWith("HTTP/1.1 200") || !text.endsWith("hello")) {
        const size = await this.#conn.read(this.#buffer);
        if (size === null) return "no response";
        text += new TextDecoder().decode(this.#buffer.subarray(0, size));
        if (/^HTTP.1.1 [3-5]/.test(text)) break;
      }
      return text.slice(9, 12);
    } catch (error) {
      return String(error);
    }
  }

  close(): void {
    this.#conn.close();
  }
}

function count(counts: Map<string, number>, outcomes: readonly string[]): void {
  for (const outcome of outcomes) {
    counts.set(outcome, (counts.get(outcome) ?? 0) + 1);
  }
}

async function run(
  { balancerIdleMs, serverIdleMs }: Case,
  name: BalancerName,
  engine: "listen" | "epoll",
): Promise<Map<string, number>> {
  const options = { port: PORT, engine, workers: 0, delayMs: 0 };
  await using instance = new Instance(
    serverIdleMs === undefined ? options : { ...options, idleMs: serverIdleMs },
  );
  await instance.start();
  await using _ = await Balancer.start({
    name,
    port: BALANCER_PORT,
    upstreams: [PORT],
    pool: POSTS,
    idleMs: balancerIdleMs,
    isChecked: false,
  });
  const limitMs = Math.min(balancerIdleMs, serverIdleMs ?? Infinity);
  const counts = new Map<string, number>();
  const indices = Array.from({ length: POSTS }, (_, index) => index);
  const clients: Client[] = [];
  for (const _ of indices) clients.push(await Client.connect());
  const filled = await Promise.all(clients.map((client) => client.post()));
  if (filled.some((outcome) => outcome !== "200")) {
    throw new Error(`Cannot fill the pool: ${filled.join(" ")}`);
  }
  await passed(limitMs - SPREAD_MS);
  const bursts = Math.ceil(POSTS / BURST);
  const outcomes = clients.map(async (client, index) => {
    await passed(2 * SPREAD_MS * Math.floor(index / BURST) / bursts);
    return await client.post();
  });
  count(counts, await Promise.all(outcomes));
  for (const client of clients) client.close();
  return counts;
}

const only = argument("only");
for (const each of CASES) {
  for (const balancer of ["nginx", "haproxy"] as const) {
    for (const engine of ["listen", "epoll"] as const) {
      const parts: string[] = [each.name, balancer, engine];
      if (!only.every((part) => parts.includes(part))) continue;
      const counts = await run(each, balancer, engine);
      console.log(
        parts.join(" ").padEnd(24),
        JSON.stringify(Object.fromEntries(counts)),
      );
    }
  }
}
