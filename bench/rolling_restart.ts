// deno-lint-ignore-file no-console
/**
 * Counts the requests that are lost while two instances behind a balancer are
 * restarted in turn, under 64 connections, until enough requests were made:
 *
 *     deno task bench:restart [--requests 700000] [--only nginx,listen,mix]
 *
 * Needs nginx, HAProxy and wrk. `--only` names parts of cases: a balancer, an
 * engine, `threaded` or `single`, `get` or `mix`. All cases take about 15 minutes.
 */

import { Balancer, type BalancerName } from "./balancers/balancer.ts";
import { Instance } from "./balancers/instance.ts";

const HELP =
  `Counts requests that are lost in rolling restarts behind a balancer.

  --requests N  requests of each case, 700000 by default
  --only PARTS  only the cases with these parts, separated by commas: nginx or
                haproxy, listen, epoll or node, single or threaded, get or mix`;

const BALANCER_PORT = 18_080;
const PORTS = [18_081, 18_082];
const CONNECTIONS = 64;

/** nginx keeps one pool for all instances, and each of them may get all requests at once. */
const POOL = PORTS.length * CONNECTIONS;

/** The delay of each shutdown, in ms: five checks of HAProxy. */
const DELAY_MS = 1000;

/** From the start of an instance to the end of the next one, in ms: longer than nginx's fail_timeout. */
const PAUSE_MS = 1500;

/** How long one run of the load generator takes, in s. */
const RUN_S = 10;

interface Case {
  readonly balancer: BalancerName;
  readonly engine: "listen" | "epoll" | "node";
  readonly workers: number;
  readonly mix: "get" | "mix";
}

interface Counts {
  readonly requests: number;
  /** Responses with a status of at least 400. */
  readonly status: number;
  readonly connect: number;
  readonly read: number;
  readonly write: number;
  readonly timeout: number;
}

interface Result {
  readonly counts: Counts;
  readonly restarts: number;
  /** What the balancer has logged about requests that failed. */
  readonly errorLog: string;
}

function argument(name: string, standard: string): string {
  const index = Deno.args.indexOf(`--${name}`);
  return index === -1 ? standard : Deno.args[index + 1] ?? standard;
}

function partsOf({ balancer, engine, workers, mix }: Case): string[] {
  return [balancer, engine, workers > 0 ? "threaded" : "single", mix];
}

function allCases(): Case[] {
  const cases: Case[] = [];
  for (const workers of [0, 2]) {
    for (const engine of ["listen", "epoll", "node"] as const) {
      if (engine === "node" && workers > 0) continue;
      for (const balancer of ["nginx", "haproxy"] as const) {
        for (const mix of ["get", "mix"] as const) {
          cases.push({ balancer, engine, workers, mix });
        }
      }
    }
  }
  return cases;
}

/** A response that takes longer than 10 s counts as lost. */
async function load(mix: string): Promise<Counts> {
  const script = new URL("balancers/mix.lua", import.meta.url).pathname;
  const { stdout, success } = await new Deno.Command("wrk", {
    args: [
      ...["-t1", `-c${CONNECTIONS}`, `-d${RUN_S}s`, "--timeout", "10s"],
      ...["-s", script],
      ...[`http://127.0.0.1:${BALANCER_PORT}/`, "--", mix],
    ],
    stderr: "inherit",
  }).output();
  if (!success) throw new Error("wrk failed");
  const lines = new TextDecoder().decode(stdout).trim().split("\n");
  return JSON.parse(lines.at(-1) ?? "") as Counts; // the last line of mix.lua
}

/** Restarts the instances in turn until `isOver`; returns how often. */
async function restart(
  instances: readonly Instance[],
  isOver: () => boolean,
): Promise<number> {
  for (let count = 0;; count++) {
    await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
    if (isOver()) return count;
    const instance = instances[count % instances.length]!; // in range
    await instance.stop();
    await instance.start();
  }
}

async function run(
  { balancer, engine, workers, mix }: Case,
  wanted: number,
): Promise<Result> {
  const make = (port: number): Instance =>
    new Instance({ port, engine, workers, delayMs: DELAY_MS });
  await using first = make(PORTS[0]!);
  await using second = make(PORTS[1]!);
  await Promise.all([first.start(), second.start()]);
  await using running = await Balancer.start({
    name: balancer,
    port: BALANCER_PORT,
    upstreams: PORTS,
    pool: POOL,
  });
  let isOver = false;
  const restarts = restart([first, second], () => isOver);
  let sum: Record<string, number> = {};
  while ((sum.requests ?? 0) < wanted) {
    const counts = await load(mix);
    sum = Object.fromEntries(
      Object.entries(counts).map(([name, n]) => [name, n + (sum[name] ?? 0)]),
    );
  }
  isOver = true;
  return {
    counts: sum as unknown as Counts,
    restarts: await restarts,
    errorLog: await running.errorLog(),
  };
}

if (Deno.args.includes("--help")) {
  console.log(HELP);
  Deno.exit();
}
const wanted = Number(argument("requests", "700000"));
const only = argument("only", "").split(",").filter((part) => part !== "");
let isLost = false;
for (const each of allCases()) {
  const parts = partsOf(each);
  if (!only.every((part) => parts.includes(part))) continue;
  const beginMs = performance.now();
  const { counts, restarts, errorLog } = await run(each, wanted);
  const { requests, status, connect, read, write, timeout } = counts;
  const lost = status + connect + read + write + timeout;
  isLost ||= lost > 0;
  const seconds = Math.round((performance.now() - beginMs) / 1000);
  console.log(
    `${parts.join(" ").padEnd(28)} ${lost} lost of ${requests}, ` +
      `${restarts} restarts, ${seconds} s` +
      (lost > 0 ? ` ${JSON.stringify(counts)}\n${errorLog}` : ""),
  );
}
Deno.exit(isLost ? 1 : 0);
