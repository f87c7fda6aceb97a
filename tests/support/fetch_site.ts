/** The server-side resources of the web platform's Fetch tests, as far as `fetch_platform_test.ts` uses them. */

import { type Handler, Server, type ServerHandle } from "../../mod.ts";

/** A running site, and another origin with the same resources. */
export interface FetchSite extends AsyncDisposable {
  /** `http://127.0.0.1:port`. */
  readonly url: string;
  /** As `url`, with another port. */
  readonly remoteUrl: string;
  /** How often a slow response was begun, and how often its connection was closed. */
  readonly slow: { begun: number; ended: number };
}

/** Answers with the fields that the query names, each as `x-request-…`. */
const inspectHeaders: Handler = async (ctx, res) => {
  const headers: Record<string, string> = { "x-request-method": ctx.method };
  for (const name of (ctx.query.get("headers") ?? "").split("|")) {
    const value = name === "" ? null : ctx.headers.get(name);
    if (value !== null) headers[`x-request-${name}`] = value;
  }
  res.ok(ctx.method === "HEAD" ? "" : await ctx.body.text(), headers);
};

/** Redirects to `location`, `count` times to itself before that. */
const redirect: Handler = (ctx, res) => {
  const { query } = ctx;
  const status = Number(query.get("redirect_status") ?? "302");
  const count = Number(query.get("count") ?? "0");
  let location = query.get("location");
  if (count > 0) {
    const next = new URLSearchParams(query);
    next.set("count", String(count - 1));
    location = `?${next}`;
  }
  res.send(status, "", location === null ? {} : { location });
};

async function* trickle(ms: number, count: number): AsyncGenerator<string> {
  for (let sent = 0; sent < count; sent++) {
    await new Promise((resolve) => setTimeout(resolve, ms));
    yield "TEST_TRICKLE\n";
  }
}

function serve(slow: FetchSite["slow"]): ServerHandle {
  const app = Server.builder("127.0.0.1:0");
  app.fallbackRoute(async (ctx, res) => {
    switch (ctx.uri.path) {
      case "/inspect-headers":
        return await inspectHeaders(ctx, res);
      case "/redirect":
        return redirect(ctx, res);
      case "/echo-content":
        return res.ok(await ctx.body.text());
      case "/data.json":
        return res.json({ key: "value" });
      case "/empty.txt":
        return res.ok("");
      case "/status":
        return res.send(Number(ctx.query.get("code")), "body");
      case "/trickle":
        return res.ok(trickle(5, 20));
      case "/infinite-slow": {
        slow.begun++;
        ctx.signal.addEventListener("abort", () => slow.ended++);
        return res.ok(trickle(5, Infinity));
      }
      default:
        res.send(404);
    }
  });
  return app.build().serve();
}

/** Starts the site. */
export function startFetchSite(): FetchSite {
  const slow = { begun: 0, ended: 0 };
  const site = serve(slow);
  const remote = serve(slow);
  return {
    url: site.url,
    remoteUrl: remote.url,
    slow,
    async [Symbol.asyncDispose](): Promise<void> {
      await site.shutdown({ deadline: 1000 });
      await remote.shutdown({ deadline: 1000 });
    },
  };
}
