/**
 * Connection hooks: tables of clients and connections, and a blacklist that is
 * changed over HTTP.
 *
 *     deno run --allow-net=127.0.0.1 examples/lifecycle_hooks.ts [PORT]
 *
 * GET /peers, /connections, /ended and /blacklist return the tables as JSON; PUT and
 * DELETE /blacklist/:ip change the blacklist. It is checked when a connection is
 * accepted, so an open connection can still correct a mistake.
 */
// deno-lint-ignore-file no-console

import {
  ConnectionSetupAction,
  type Duplex,
  PreRoutingAction,
  type RequestContext,
  type ResponseHandle,
  Server,
} from "@khttp/khttp";
import { isIP } from "node:net";

/** Most clients without a connection, and most closed connections, that are remembered. */
const MAX_REMEMBERED = 1000;

interface Peer {
  open: number;
  accepted: number;
  dropped: number;
  requests: number;
}

interface Connection {
  readonly id: number;
  readonly ip: string;
  readonly port: number;
  readonly sinceMs: number;
  requests: number;
}

const peers = new Map<string, Peer>();
const connections = new Map<Duplex, Connection>();
const ended: unknown[] = [];
const blacklist = new Set<string>();
let nextId = 1;

const app = Server.builder(`127.0.0.1:${Deno.args[0] ?? 8080}`);

app.connectionSetupHook((accepted) => {
  if (!accepted.ok) return ConnectionSetupAction.drop;
  const { conn, peer: addr } = accepted;
  if (addr?.transport !== "tcp") return ConnectionSetupAction.drop;
  const ip = addr.hostname;
  const peer = findPeer(ip);
  if (blacklist.has(ip)) {
    peer.dropped++;
    return ConnectionSetupAction.drop;
  }
  peer.accepted++;
  peer.open++;
  const row = { id: nextId++, ip, port: addr.port, sinceMs: performance.now() };
  connections.set(conn, { ...row, requests: 0 });
  return ConnectionSetupAction.proceed(conn);
});

app.preRoutingHook((req) => {
  const row = connections.get(req.conn);
  if (row !== undefined) {
    row.requests++;
    findPeer(row.ip).requests++;
  }
  return PreRoutingAction.proceed;
});

app.connectionTeardownHook((conn, error) => {
  const row = connections.get(conn);
  if (row === undefined) return;
  connections.delete(conn);
  findPeer(row.ip).open--;
  ended.push({ ...show(row), end: error?.message ?? "ok" });
  if (ended.length > MAX_REMEMBERED) ended.shift();
});

app.get("/peers", (_, res) => sendJson(res, Object.fromEntries(peers)));
app.get("/connections", (ctx, res) => {
  const own = connections.get(ctx.conn)?.id;
  sendJson(res, { own, open: [...connections.values()].map(show) });
});
app.get("/ended", (_, res) => sendJson(res, ended));

app.get("/blacklist", (_, res) => sendJson(res, [...blacklist]));
app.put("/blacklist/:ip", (ctx, res) => {
  const ip = readIp(ctx);
  if (ip === null) return res.send(400, "Not an IP address\n");
  res.send(blacklist.has(ip) ? 204 : 201);
  blacklist.add(ip);
});
app.delete("/blacklist/:ip", (ctx, res) => {
  const ip = readIp(ctx);
  if (ip === null) return res.send(400, "Not an IP address\n");
  res.send(blacklist.delete(ip) ? 204 : 404);
});

const handle = app.build().serve();
const stop = (): void => void handle.shutdown({ deadline: 10_000 });
Deno.addSignalListener("SIGINT", stop);
if (Deno.build.os !== "windows") Deno.addSignalListener("SIGTERM", stop);
console.log(`Listening on ${handle.url}/`);
await handle.finished;
Deno.exit();

/** Returns the client's row; a new one replaces the oldest without a connection. */
function findPeer(ip: string): Peer {
  const known = peers.get(ip);
  if (known !== undefined) return known;
  for (const [old, { open }] of peers) {
    if (peers.size < MAX_REMEMBERED) break;
    if (open === 0) peers.delete(old);
  }
  const peer: Peer = { open: 0, accepted: 0, dropped: 0, requests: 0 };
  peers.set(ip, peer);
  return peer;
}

/** Reads the address in the path and normalises it as the operating system does. */
function readIp(ctx: RequestContext): string | null {
  const ip = ctx.params.get("ip") ?? "";
  if (isIP(ip) !== 6) return isIP(ip) === 4 ? ip : null;
  return URL.parse(`http://[${ip}]/`)?.hostname.slice(1, -1) ?? null; // refuses a zone
}

function show({ sinceMs, ...row }: Connection): Record<string, unknown> {
  return { ...row, ageMs: Math.round(performance.now() - sinceMs) };
}

function sendJson(res: ResponseHandle, value: unknown): void {
  const headers = { "content-type": "application/json" };
  res.ok(`${JSON.stringify(value, null, 2)}\n`, headers);
}
