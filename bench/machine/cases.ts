/**
 * The cases of the connection machine in memory: a request, how many of them
 * one read contains, and the expected response. Most cases are those of the
 * load comparison, so that the results of both can be compared.
 */

import { RouterBuilder } from "../../router/router.ts";
import type { Application } from "../../server/hooks.ts";
import type { Handler } from "../../server/hooks.ts";
import { DEFAULT_SERVER_OPTIONS } from "../../server/options.ts";
import { Headers } from "../../codec/headers.ts";
import { toHandler } from "../../fetch/handler.ts";
import { LOAD_CASES } from "../load/cases.ts";
import { HELLO } from "../targets/answers.mjs";

/** One case. */
export interface MachineCase {
  /** The name, as used on the command line. */
  readonly name: string;
  /** A description for readers of the results. */
  readonly description: string;
  /** The bytes of one request, one character each. */
  readonly request: string;
  /** Requests in one read. */
  readonly pipelined: number;
  /** The status code of the response. */
  readonly status: number;
  /** The body of the response. */
  readonly body: string;
  /** Whether the handler is asynchronous; its response then follows after the read returns. */
  readonly isAsync: boolean;
  /** What it measures, in the benchmarks' reports. */
  readonly group: string;
  /** Creates the application that serves the case. */
  readonly application: () => Application | Promise<Application>;
}

const POSTED = '{"name":"khttp","stars":5}';

const NATIVE = { group: "request in memory", application: makeApplication };

/** A case of the load comparison. */
function fromLoad(name: string): MachineCase {
  const found = LOAD_CASES.find((loadCase) => loadCase.name === name);
  if (found === undefined) throw new TypeError(`Cannot find case "${name}"`);
  const { description, request, pipelined, answer } = found;
  const body = new TextDecoder().decode(answer.body);
  return {
    ...{ name, description, request, pipelined, body },
    ...{ status: 200, isAsync: false },
    ...NATIVE,
  };
}

/** A case of the load comparison with a handler of the web, which answers as the server's own does. */
function onFetch(
  prefix: "fetch" | "hono",
  name: string,
  isAsync = false,
): MachineCase {
  const loadCase = fromLoad(name);
  return {
    ...loadCase,
    name: `${prefix}-${name}`,
    description: `${loadCase.description}; ${FETCH_HANDLERS[prefix]}`,
    isAsync,
    group: `request in memory, ${FETCH_HANDLERS[prefix]}`,
    application: () => makeFetchApplication(prefix),
  };
}

const FETCH_HANDLERS = { fetch: "fetch handler", hono: "Hono" } as const;

/** All cases, in the order of the report. */
export const MACHINE_CASES: readonly MachineCase[] = [
  fromLoad("hello"),
  fromLoad("chrome-params"),
  fromLoad("json-handler"),
  fromLoad("pipelined-16"),
  {
    name: "post-json",
    description: "POST 26 bytes of JSON, read and sent back",
    request: "POST /echo HTTP/1.1\r\nHost: 127.0.0.1\r\n" +
      "Content-Type: application/json\r\n" +
      `Content-Length: ${POSTED.length}\r\n\r\n${POSTED}`,
    ...{ pipelined: 1, status: 200, body: POSTED, isAsync: true },
    ...NATIVE,
  },
  {
    name: "not-found",
    description: "GET a path without a route",
    request: "GET /wp-login.php HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n",
    ...{ pipelined: 1, status: 404, body: "Not Found", isAsync: false },
    ...NATIVE,
  },
  onFetch("fetch", "hello"),
  onFetch("fetch", "params"),
  onFetch("fetch", "json-handler"),
  onFetch("fetch", "json-post", true),
  onFetch("hono", "hello"),
  onFetch("hono", "params"),
  onFetch("hono", "json-handler"),
  onFetch("hono", "json-post", true),
];

/**
 * Finds a case by its name.
 *
 * @throws {TypeError} If no case has the name.
 */
export function machineCaseOf(name: string): MachineCase {
  const found = MACHINE_CASES.find((known) => known.name === name);
  if (found !== undefined) return found;
  const names = MACHINE_CASES.map((known) => known.name).join(", ");
  throw new TypeError(`Cannot find "${name}" among the cases: ${names}`);
}

const TEXT = new Headers({ "content-type": "text/plain" });
const JSON_TYPE = new Headers({ "content-type": "application/json" });

const ROUTES: readonly (readonly [string, string, Handler])[] = [
  ["GET", "/", (_, res) => res.ok(HELLO, TEXT)],
  ["GET", "/user/:id", (ctx, res) => res.ok(ctx.params.get("id"), TEXT)],
  ["GET", "/search", ({ uri, headers }, res) => {
    const parts = {
      path: uri.path,
      query: uri.query,
      agent: headers.get("user-agent"),
      language: headers.get("accept-language"),
    };
    return res.ok(JSON.stringify(parts), JSON_TYPE);
  }],
  ["POST", "/echo", async (ctx, res) => {
    res.ok(await ctx.body.text(), JSON_TYPE);
  }],
];

/** Creates the application whose fallback is a fetch handler, or the application of Hono. */
async function makeFetchApplication(
  which: "fetch" | "hono",
): Promise<Application> {
  const handler = which === "fetch"
    ? (await import("../targets/fetch_handler.ts")).fetchHandler
    : (await import("../targets/hono_app.ts")).app;
  return {
    ...makeApplication(),
    router: new RouterBuilder<Handler>().build(),
    fallback: toHandler(handler),
  };
}

/** Creates the application that serves the cases without a fetch handler. */
export function makeApplication(): Application {
  const router = new RouterBuilder<Handler>();
  for (const [method, pattern, handler] of ROUTES) {
    router.add(method, pattern, handler);
  }
  return {
    router: router.build(),
    fallback: null,
    notFound: null,
    hooks: {
      connectionSetup: null,
      preRouting: null,
      connectionTeardown: null,
      error: null,
      refusal: null,
    },
    options: DEFAULT_SERVER_OPTIONS,
    tls: null,
    proxies: null,
  };
}
