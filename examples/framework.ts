/**
 * A small framework outside the library, built by extending its builder:
 * middleware chains that pass typed values along, recovery from errors,
 * redirects of trailing slashes, authentication and logging.
 *
 *     deno run --allow-net=127.0.0.1 examples/framework.ts [PORT]
 *     curl -H "Authorization: Bearer admin-token" 127.0.0.1:8080/admin
 */
// deno-lint-ignore-file no-console

import {
  type Handler,
  PreRoutingAction,
  type PreRoutingHook,
  ProtocolError,
  type RequestContext,
  type ResponseHandle,
  type RouteHandler,
  ServerBuilder,
} from "@khttp/khttp";
import { createHash } from "node:crypto";

/** A request, its response, and the values that earlier middleware has added. */
interface Call<Values> {
  readonly ctx: RequestContext;
  readonly res: ResponseHandle;
  readonly values: Values;
}

type Endpoint<Values> = (call: Call<Values>) => void | Promise<void>;

/** Either responds itself, or calls `next` with the values that it adds. */
type Middleware<Needs, Adds> = (
  call: Call<Needs>,
  next: (added: Adds) => Promise<void>,
) => void | Promise<void>;

/** Middleware in order. A chain is immutable; `with` returns a longer one. */
class Chain<Values extends object> {
  static readonly start: Chain<object> = new Chain((endpoint) => (ctx, res) =>
    endpoint({ ctx, res, values: {} })
  );

  private constructor(
    /** Turns an endpoint into a handler. */
    readonly handle: (endpoint: Endpoint<Values>) => Handler,
  ) {}

  with<Adds extends object>(
    middleware: Middleware<Values, Adds>,
  ): Chain<Values & Adds> {
    return new Chain((endpoint) =>
      this.handle((call) =>
        middleware(call, async (added) => {
          await endpoint({ ...call, values: { ...call.values, ...added } });
        })
      )
    );
  }
}

/** A builder that adds recovery around every route, logging, and redirects of trailing slashes. */
class Framework extends ServerBuilder {
  constructor(address: string) {
    super(address);
    this.preRoutingHook((req, res) => {
      log(req, res);
      return redirectSlash(req, res);
    });
  }

  override route<Pattern extends string>(
    method: string,
    pattern: Pattern,
    handler: RouteHandler<Pattern>,
  ): this {
    const around = Chain.start.with(recover);
    const plain = handler as Handler; // the chain passes the route's params on
    return super.route(
      method,
      pattern,
      around.handle(({ ctx, res }) => plain(ctx, res)),
    );
  }
}

/** Logs each request when its response has been sent. */
function log(req: RequestContext, res: ResponseHandle): void {
  const sinceMs = performance.now();
  const line = `${req.method} ${JSON.stringify(req.uri.toString())}`;
  const write = (end: string): void => {
    const ms = Math.round(performance.now() - sinceMs);
    console.log(`${line} ${res.status ?? "-"} ${ms}ms${end}`);
  };
  res.sent.then(() => write(""), () => write(" cut"));
}

/** Redirects `/a/` to `/a`. */
const redirectSlash: PreRoutingHook = ({ uri: { path, query } }, res) => {
  let end = path.length;
  while (end > 1 && path[end - 1] === "/") end--;
  if (end === path.length) return PreRoutingAction.proceed;
  // A location that begins with `//` would lead to another host.
  let begin = 0;
  while (begin + 1 < end && path[begin + 1] === "/") begin++;
  const search = query === null ? "" : `?${query}`;
  res.send(308, null, { location: path.slice(begin, end) + search });
  return PreRoutingAction.drop;
};

/** Sends 500 if the endpoint throws or sends nothing. */
const recover: Middleware<object, object> = async ({ ctx, res }, next) => {
  try {
    await next({});
    if (!res.isSent) throw new TypeError("Nothing was sent");
  } catch (error) {
    // A client's error has its own status, and a started response can only be cut off.
    if (error instanceof ProtocolError || res.isSent) throw error;
    console.error(`${ctx.method} failed: ${JSON.stringify(String(error))}`);
    sendJson(res, 500, { error: "internal error" });
  }
};

interface User {
  readonly name: string;
  readonly isAdmin: boolean;
}

/** Looked up by digest, so that timing reveals nothing about a token. */
const users: ReadonlyMap<string, User> = new Map([
  [digest("reader-token"), { name: "reader", isAdmin: false }],
  [digest("admin-token"), { name: "admin", isAdmin: true }],
]);

/** Adds the user whose token the request has, or answers 401 (RFC 6750 §3). */
const authenticate: Middleware<object, { readonly user: User }> = (
  { ctx, res },
  next,
) => {
  const authorization = ctx.headers.get("authorization") ?? "";
  const token = /^bearer +(\S+)$/i.exec(authorization)?.[1];
  const user = token === undefined ? undefined : users.get(digest(token));
  if (user !== undefined) return next({ user });
  const fault = token === undefined ? "" : `, error="invalid_token"`;
  const challenge = { "www-authenticate": `Bearer realm="example"${fault}` };
  sendJson(res, 401, { error: "not authenticated" }, challenge);
};

/** Requires an administrator; the types ensure that {@linkcode authenticate} runs before. */
const requireAdmin: Middleware<{ readonly user: User }, object> = (
  { res, values },
  next,
) => {
  if (values.user.isAdmin) return next({});
  sendJson(res, 403, { error: `${values.user.name} is not an administrator` });
};

const members = Chain.start.with(authenticate);
const admins = members.with(requireAdmin);

const app = new Framework(`127.0.0.1:${Deno.args[0] ?? 8080}`);
app.get("/", (_, res) => res.ok("Hello, World!\n"));
app.get("/me", members.handle(({ res, values }) => sendJson(res, 200, values)));
app.get("/admin", admins.handle(({ res }) => res.ok("Welcome\n")));
app.get("/silent", () => {});
app.get("/panic", () => {
  throw new Error("out of\ncoffee");
});
app.post("/echo", async (ctx, res) => res.ok(await ctx.body.text()));

const handle = app.build().serve();
const stop = (): void => void handle.shutdown({ deadline: 10_000 });
Deno.addSignalListener("SIGINT", stop);
if (Deno.build.os !== "windows") Deno.addSignalListener("SIGTERM", stop);
console.log(`Listening on ${handle.url}/`);
await handle.finished;
Deno.exit();

function digest(token: string): string {
  return createHash("sha256").update(token).digest("hex");
}

function sendJson(
  res: ResponseHandle,
  status: number,
  value: unknown,
  headers: Record<string, string> = {},
): void {
  const type = { "content-type": "application/json" };
  res.send(status, `${JSON.stringify(value)}\n`, { ...headers, ...type });
}
