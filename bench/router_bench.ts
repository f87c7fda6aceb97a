/**
 * Finds routes with khttp's router and with others, and literal routes by bytes
 * and by string: `deno bench -A bench/router_bench.ts`.
 *
 * One iteration looks up 1,000 requests in mixed order, so microseconds for an
 * iteration read as nanoseconds for a look-up. Fresh paths are cut out of the
 * requests before the clock starts, as in a server: they are new strings without
 * a hash. Constant paths are the same objects every time.
 */

import { deepStrictEqual as assertEquals } from "node:assert/strict";
import { decodeLatin1 } from "../codec/ascii.ts";
import { Router } from "../router/router.ts";
import { type Contender, contendersFor } from "./router_peers.ts";
import {
  apiRoutes,
  asConstant,
  literalRoutes,
  type Request,
  type RouteSet,
} from "./routes.ts";

/** Look-ups in one iteration. */
const LOOKUPS = 1000;

/** Iterations before the first measured one, in which V8 compiles. */
const WARM_ROUNDS = 200;

/** Spreads 0, 1, 2 … over 32 bits. */
const MIX_FACTOR = 0x9e3779b1;

/** Peers that try one route after the other. They take 50 to 100 µs per look-up, so only some groups include them. */
const LINEAR: ReadonlySet<string> = new Set([
  "Hono PatternRouter",
  "Hono LinearRouter",
]);

type Mode = "find" | "read";
type PathKind = "fresh" | "constant";

/** Uses the results, so that V8 does not remove the look-ups. */
const sink = { sum: 0 };

function checkAnswers(
  contenders: readonly Contender[],
  requests: readonly Request[],
): void {
  const [ours, ...peers] = contenders;
  for (const { method, path } of requests) {
    const expected = ours?.find(method, path);
    const params = ours?.read(method, path);
    for (const { name, find, read } of peers) {
      const about = `${name}: ${method} ${path}`;
      assertEquals(find(method, path), expected, about);
      assertEquals(read(method, path) ?? [], params ?? [], about);
    }
  }
}

/** Mixes the requests, so that they are not in the order of the routes. */
function mix(requests: readonly Request[]): Request[] {
  return Array.from({ length: LOOKUPS }, (_, index) => {
    const place = (Math.imul(index, MIX_FACTOR) >>> 8) % requests.length;
    const { method, path } = requests[place]!; // below the length
    return { method, path: asConstant(path) };
  });
}

/** Cuts every path out of the text of its request, as a new string. */
function cutPaths(
  requests: readonly Request[],
  texts: readonly string[],
): string[] {
  return requests.map(({ method, path }, index) => {
    const start = method.length + 1;
    return texts[index]?.slice(start, start + path.length) ?? "";
  });
}

function lookUp(
  { find, read }: Contender,
  mode: Mode,
  requests: readonly Request[],
  paths: readonly string[],
): number {
  let sum = 0;
  for (let index = 0; index < requests.length; index++) {
    const { method } = requests[index]!; // below both lengths
    const path = paths[index]!;
    if (mode === "find") sum += find(method, path)?.number ?? 0;
    else sum += read(method, path)?.length ?? 0;
  }
  return sum;
}

function addBench(
  contender: Contender,
  requests: readonly Request[],
  { group, mode, kind }: { group: string; mode: Mode; kind: PathKind },
): void {
  const constants = requests.map(({ path }) => path);
  const encoder = new TextEncoder();
  const decoder = new TextDecoder();
  const texts = requests.map(({ method, path }) =>
    decoder.decode(encoder.encode(`${method} ${path} HTTP/1.1\r\n\r\n`))
  );
  const { name } = contender;
  const makePaths = (): readonly string[] =>
    kind === "fresh" ? cutPaths(requests, texts) : constants;
  // Warm up before any clock runs; otherwise the first of a group pays for all.
  const rounds = LINEAR.has(name) ? 1 : WARM_ROUNDS;
  for (let round = 0; round < rounds; round++) {
    lookUp(contender, mode, requests, makePaths());
  }
  Deno.bench(name, { group, baseline: name === "khttp" }, (b) => {
    const paths = makePaths();
    b.start();
    const sum = lookUp(contender, mode, requests, paths);
    b.end();
    sink.sum = sum;
  });
}

function addGroups({ name, routes, hits, misses }: RouteSet): void {
  const contenders = contendersFor(routes);
  checkAnswers(contenders, [...hits, ...misses]);
  const hasParams = routes.some(({ names }) => names.length > 0);
  for (const kind of ["fresh", "constant"] as const) {
    for (
      const [label, mode, requests] of [
        ["hits", "find", mix(hits)],
        ["hits, params read", "read", mix(hits)],
        ["misses", "find", mix(misses)],
      ] as const
    ) {
      if (mode === "read" && !hasParams) continue;
      const group = `${name}, ${label}, ${kind} paths, 1,000 look-ups`;
      for (const contender of contenders) {
        const isShown = !LINEAR.has(contender.name) ||
          (label !== "hits, params read" && kind === "fresh");
        if (isShown) addBench(contender, requests, { group, mode, kind });
      }
    }
  }
}

/** Finds the literal routes of requests that are bytes, with and without a string. */
function addBytesGroup({ name, routes, hits }: RouteSet): void {
  const router = new Router(
    routes.map((route) => [route.method, route.pattern, route] as const),
  );
  const encoder = new TextEncoder();
  const requests = mix(hits)
    .filter(({ path }) => routes.some(({ pattern }) => pattern === path))
    .map(({ method, path }) => ({ method, bytes: encoder.encode(path) }));
  const byBytes = (): number => {
    let sum = 0;
    for (const { method, bytes } of requests) {
      const found = router.matchLiteral(method, bytes, 0, bytes.length);
      sum += found?.value.number ?? 0;
    }
    return sum;
  };
  const byString = (): number => {
    let sum = 0;
    for (const { method, bytes } of requests) {
      const path = decodeLatin1(bytes, 0, bytes.length);
      sum += router.match(method, path)?.value.number ?? 0;
    }
    return sum;
  };
  const group = `${name}, literal paths as bytes, ${requests.length} look-ups`;
  for (
    const [label, find] of [["bytes", byBytes], ["string", byString]] as const
  ) {
    assertEquals(find(), byBytes());
    for (let round = 0; round < WARM_ROUNDS; round++) find();
    Deno.bench(label, { group, baseline: label === "bytes" }, () => {
      sink.sum = find();
    });
  }
}

addGroups(literalRoutes());
addGroups(apiRoutes());
addBytesGroup(literalRoutes());
addBytesGroup(apiRoutes());
