/**
 * The shape of a conformance case, and the applications that the cases run
 * against. Handlers record what they saw as data, so that two deliveries of
 * the same bytes can be compared.
 */

import { Headers } from "../../codec/headers.ts";
import type { ServerOptions } from "../../server/options.ts";
import type { RequestContext } from "../../server/request_context.ts";
import type { ConfigureWire, LogOf } from "./wire.ts";

/** What one call of a handler saw of its request. */
export interface Seen {
  readonly method: string;
  readonly target: string;
  readonly path: string;
  readonly query: string | null;
  readonly authority: string | null;
  readonly version: number;
  /** The lines as sent, in order. */
  readonly lines: readonly (readonly [string, string])[];
  /** `get` of every name that occurs, in lower case. */
  readonly fields: Readonly<Record<string, string>>;
  /** The payload, one character for each byte, or the error's code if reading failed. */
  readonly body: string;
  readonly trailers: readonly (readonly [string, string])[];
}

/** What a case expects of one call: the given members must be equal. */
export type ExpectedCall = Partial<Seen>;

/** What happens to the connection after the bytes of a case. */
export type Ending =
  /** A second request is served. */
  | "keeps"
  /** The response says `Connection: close`, and nothing more is read. */
  | "closes"
  /** The peer ends its direction after the bytes of the case. */
  | "ended by peer"
  /** Like "closes"; the last byte shows the fault, so no further byte is sent. */
  | "closes immediately";

/** One row of a table. */
export interface ConformanceCase {
  /** Begins with the R numbers of the requirements. */
  readonly name: string;
  readonly wire: string;
  /** Final statuses, in order. */
  readonly statuses: readonly number[];
  /** All calls of handlers, in order. */
  readonly calls: readonly ExpectedCall[];
  readonly ending: Ending;
  readonly options?: Partial<ServerOptions>;
  readonly app?: AppName;
  /** Fields that the last response of the case must have. */
  readonly responseFields?: Readonly<Record<string, string>>;
}

/** Members that override what a function below assumes. */
export type CaseExtras = Partial<
  Pick<
    ConformanceCase,
    "options" | "app" | "responseFields" | "ending" | "statuses"
  >
>;

/** A case whose fault is in the head: no handler runs. */
export function refuses(
  name: string,
  wire: string,
  status = 400,
  extras: CaseExtras = {},
): ConformanceCase {
  return {
    name: `${name} → ${status}`,
    wire,
    statuses: [status],
    calls: [],
    ending: "closes",
    ...extras,
  };
}

/** A case whose fault is in the body: the handler runs and its read fails (rule A). */
export function breaks(
  name: string,
  wire: string,
  code: string,
  status = 400,
  extras: CaseExtras = {},
): ConformanceCase {
  return {
    name: `${name} → ${code}`,
    wire,
    statuses: [status],
    calls: [{ body: code }],
    ending: "closes",
    ...extras,
  };
}

/** A case in which each call is answered with 200. */
export function serves(
  name: string,
  wire: string,
  call: ExpectedCall | readonly ExpectedCall[],
  extras: CaseExtras = {},
): ConformanceCase {
  const calls = Array.isArray(call) ? call : [call];
  return {
    name,
    wire,
    statuses: calls.map(() => 200),
    calls,
    ending: "keeps",
    ...extras,
  };
}

/** A case that the server answers without a handler; the connection stays open. */
export function answers(
  name: string,
  wire: string,
  status: number,
  extras: CaseExtras = {},
): ConformanceCase {
  return {
    name: `${name} → ${status}`,
    wire,
    statuses: [status],
    calls: [],
    ending: "keeps",
    app: "routed",
    ...extras,
  };
}

/** The application that serves a case. */
export type AppName = "catch all" | "routed";

/** Sets up the application of that name. */
export function appOf(name: AppName): ConfigureWire {
  if (name === "catch all") {
    return (app, logOf) =>
      app.fallbackRoute(async (ctx, res) => {
        await see(ctx, logOf);
        // a 2xx answer to CONNECT would promise a tunnel
        res.send(ctx.method === "CONNECT" ? 300 : 200, "ok");
      });
  }
  return (app, logOf) => {
    for (const pattern of ["/", "/known", "/next", "/smuggled"]) {
      app.get(pattern, async (ctx, res) => {
        await see(ctx, logOf);
        res.ok("ok");
      });
    }
    app.route("OPTIONS", "/any/**", (_, res) => res.send(204));
  };
}

/** Records everything that a handler can see. */
async function see(ctx: RequestContext, logOf: LogOf): Promise<void> {
  const { method, uri, httpVersion } = ctx;
  const headers = new Headers(ctx.headers);
  const fields: Record<string, string> = Object.create(null);
  for (const name of headers.keys()) {
    fields[name.toLowerCase()] = headers.get(name) ?? "absent";
  }
  const seen = {
    method,
    target: String(uri),
    path: uri.path,
    query: uri.query,
    authority: uri.authority,
    version: httpVersion,
    lines: [...headers],
    fields,
  };
  try {
    const bytes = await ctx.body.bytes();
    let body = "";
    for (const byte of bytes) body += String.fromCharCode(byte);
    logOf(ctx.conn).push({ ...seen, body, trailers: [...ctx.trailers] });
  } catch (error) {
    const code = error instanceof Error && "code" in error ? error.code : error;
    logOf(ctx.conn).push({ ...seen, body: String(code), trailers: [] });
    throw error;
  }
}
