/** The server commands: four applications that share their options and their shutdown. */
// deno-lint-ignore-file no-console

import { isMainThread } from "node:worker_threads";
import {
  ConnectionSetupAction,
  PreRoutingAction,
  type ProceedOptions,
  type RequestContext,
  Server,
  type ServerBuilder,
  type ServerHandle,
} from "@khttp/khttp";
import type { ServerArguments, ServerKind } from "./arguments.ts";
import { EXIT, Failure, messageOf } from "./failure.ts";

/** How long running responses may take after the first signal, in milliseconds. */
const SHUTDOWN_MS = 10_000;

/** Duration of `/sleep` without a time, in milliseconds. */
const SLEEP_MS = 3000;

/** The longest delay of a timer, in milliseconds. */
const MAX_TIMER_MS = 2_147_483_647;

const ROUTES: Readonly<Record<ServerKind, (app: ServerBuilder) => void>> = {
  echo: addEcho,
  sleep: addSleep,
  status: addStatus,
  drip: addDrip,
};

/** Serves until a signal ends it. With several threads, each of them calls this. */
export async function runServer(args: ServerArguments): Promise<void> {
  const { hostname, port } = args;
  try {
    const handle = listen(args);
    if (isMainThread) stopOnSignals(handle);
    await handle.finished;
  } catch (error) {
    const { NotCapable, NotSupported } = Deno.errors;
    const isUsage = error instanceof TypeError || error instanceof NotCapable ||
      error instanceof NotSupported;
    throw new Failure(
      isUsage ? EXIT.USAGE : EXIT.NOT_CONNECTED,
      `Cannot serve on ${hostname}, port ${port}: ${messageOf(error)}`,
    );
  }
}

function listen(args: ServerArguments): ServerHandle {
  const { hostname, port, threadCount, isVerbose } = args;
  const app = Server.builder({ hostname, port });
  ROUTES[args.kind](app);
  addConnectionHooks(app, args);
  if (isVerbose) addLog(app);
  const server = app.threadCount(threadCount).build();
  const onListen = (addr: Deno.Addr): void => {
    const { hostname, port } = addr as Deno.NetAddr; // a TCP address was given
    const host = hostname.includes(":") ? `[${hostname}]` : hostname;
    console.log(`Listening on http://${host}:${port}/`);
  };
  return threadCount === 1
    ? server.serve({ onListen })
    : server.serveThreaded({ engine: "epoll", onListen });
}

function addEcho(app: ServerBuilder): void {
  for (const method of ["POST", "PUT", "PATCH"]) {
    app.route(method, "/**", (ctx, res) => {
      const type = ctx.headers.get("content-type");
      res.ok(ctx.body, type === null ? {} : { "content-type": type });
    });
  }
}

function addSleep(app: ServerBuilder): void {
  const sleep = async (ms: number, { signal }: RequestContext): Promise<void> =>
    await passed(ms, signal);
  app.get("/sleep", async (ctx, res) => {
    await sleep(SLEEP_MS, ctx);
    res.ok();
  });
  app.get("/sleep/:ms", async (ctx, res) => {
    const ms = readInteger(ctx.params.get("ms"), 0, MAX_TIMER_MS);
    if (ms === null) {
      return res.send(400, "The path must contain a number of milliseconds\n");
    }
    await sleep(ms, ctx);
    res.ok();
  });
}

function addStatus(app: ServerBuilder): void {
  app.get("/status/:code", (ctx, res) => {
    const code = readInteger(ctx.params.get("code"), 200, 599);
    if (code === null) {
      return res.send(400, "The path must contain a status from 200 to 599\n");
    }
    res.send(code, `${code}\n`);
  });
}

function addDrip(app: ServerBuilder): void {
  app.get("/drip", (ctx, res) => {
    const query = new URLSearchParams(ctx.uri.query ?? "");
    const bytes = readInteger(query.get("bytes") ?? "10", 0, 1_000_000_000);
    const delayMs = readInteger(query.get("delay") ?? "100", 0, MAX_TIMER_MS);
    if (bytes === null || delayMs === null) {
      return res.send(400, "The query must be bytes=NUMBER&delay=MS\n");
    }
    const { signal } = ctx;
    async function* drops(): AsyncGenerator<Uint8Array> {
      const drop = Uint8Array.of(0x2a); // *
      for (let sent = 0; sent < Number(bytes) && !signal.aborted; sent++) {
        if (sent > 0) await passed(Number(delayMs), signal);
        yield drop;
      }
    }
    res.ok(drops(), {
      "content-length": String(bytes),
      "content-type": "text/plain",
    });
  });
}

/** Applies the connection options. */
function addConnectionHooks(app: ServerBuilder, args: ServerArguments): void {
  const { readTimeoutMs, writeTimeoutMs, hasNoDelay, isVerbose } = args;
  const options: ProceedOptions = {
    ...(readTimeoutMs === null ? {} : { readTimeoutMs }),
    ...(writeTimeoutMs === null ? {} : { writeTimeoutMs }),
  };
  app.connectionSetupHook((accepted) => {
    if (!accepted.ok) {
      console.error(`Cannot accept: ${accepted.error.message}`);
      return ConnectionSetupAction.drop;
    }
    if (isVerbose) console.error(`${nameOf(accepted.peer)} connected`);
    accepted.conn.setNoDelay?.(hasNoDelay);
    return ConnectionSetupAction.proceed(accepted.conn, options);
  });
  if (!isVerbose) return;
  app.connectionTeardownHook((conn, error) => {
    const why = error === undefined ? "" : `: ${error.message}`;
    console.error(`${nameOf(conn.remoteAddr ?? null)} closed${why}`);
  });
}

/** Logs each request when its response has been sent. */
function addLog(app: ServerBuilder): void {
  app.preRoutingHook((ctx, res) => {
    const line = `${ctx.method} ${ctx.uri}`;
    res.sent.then(
      () => console.error(`${line} ${res.status} ${res.bodyBytes}`),
      (error) => console.error(`${line} ${res.status}: ${messageOf(error)}`),
    );
    return PreRoutingAction.proceed;
  });
}

function nameOf(address: Deno.Addr | null): string {
  const isTcp = address !== null && address.transport === "tcp";
  return isTcp ? `${address.hostname}:${address.port}` : "A peer";
}

function stopOnSignals(handle: ServerHandle): void {
  let isStopping = false;
  const stop = (): void => {
    if (isStopping) return handle.closeNow();
    isStopping = true;
    // `finished`, which is awaited, rejects with the same error.
    handle.shutdown({ deadline: SHUTDOWN_MS }).catch(() => {});
  };
  Deno.addSignalListener("SIGINT", stop);
  if (Deno.build.os !== "windows") Deno.addSignalListener("SIGTERM", stop);
}

/** Waits, but ends early if the client disconnects. */
function passed(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const end = (): void => {
      clearTimeout(timer);
      signal.removeEventListener("abort", end);
      resolve();
    };
    const timer = setTimeout(end, ms);
    signal.addEventListener("abort", end, { once: true });
    if (signal.aborted) end();
  });
}

function readInteger(
  text: string | null | undefined,
  minimum: number,
  maximum: number,
): number | null {
  const number = /^[0-9]+$/.test(text ?? "") ? Number(text) : NaN;
  return number >= minimum && number <= maximum ? number : null;
}
