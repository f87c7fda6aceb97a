/** The same small site on several servers, for tests of clients and proxies. */

import { Buffer } from "node:buffer";
import http from "node:http";
import type { AddressInfo } from "node:net";
import { ConnectionSetupAction, type Handler, Server } from "../../mod.ts";
import { EPOLL, LISTEN, type TestEngine } from "./engines.ts";
import { endNow } from "./serve.ts";

/** Size of the large body, in bytes. */
export const LARGE_BYTES = 10 * 1024 * 1024;

/** The body of `/down` and `/chunked`. */
export const LARGE: Uint8Array<ArrayBuffer> = Uint8Array.from(
  { length: LARGE_BYTES },
  (_, index) => (index * 31 + (index >> 8)) & 0xff,
);

/** Returns the SHA-256 of bytes in hexadecimal. */
export async function sha256(bytes: Uint8Array<ArrayBuffer>): Promise<string> {
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
  return digest.toHex();
}

/** Yields bytes in pieces, so that their total length is not known in advance. */
export async function* inPieces(
  bytes: Uint8Array<ArrayBuffer>,
  sizeBytes = 50_000,
): AsyncGenerator<Uint8Array<ArrayBuffer>> {
  for (let at = 0; at < bytes.length; at += sizeBytes) {
    yield bytes.subarray(at, at + sizeBytes);
    await Promise.resolve();
  }
}

/** A running server of the site. */
export interface Origin extends AsyncDisposable {
  readonly port: number;
  /** Connections so far. */
  readonly connectionCount: number;
}

/**
 * The site: `/` answers `hello`, `/down` sends {@linkcode LARGE} with its length
 * and `/chunked` without, `/hash` answers the hash of a body, `/echo` streams the
 * body back, `/etag` answers 304 to a matching tag, `/none` answers 204.
 */
export const ORIGINS: Readonly<Record<string, () => Promise<Origin>>> = {
  "our server": () => startOurs(LISTEN),
  ...EPOLL.isAbsent ? {} : { "our server on epoll": () => startOurs(EPOLL) },
  "node:http": startNode,
  "Deno.serve": startDeno,
};

/** Starts the site on one of our engines. */
export function startOurs(engine: TestEngine): Promise<Origin> {
  let connectionCount = 0;
  const app = Server.builder("127.0.0.1:0");
  app.connectionSetupHook((accepted) => {
    if (!accepted.ok) return ConnectionSetupAction.drop;
    connectionCount++;
    return ConnectionSetupAction.proceed(accepted.conn);
  });
  app.get("/", (_, res) => res.ok("hello"));
  app.get("/down", (_, res) => res.ok(LARGE));
  app.get("/chunked", (_, res) => res.ok(inPieces(LARGE)));
  app.post("/echo", (ctx, res) => res.ok(ctx.body));
  const hash: Handler = async (ctx, res) => {
    const bytes = await new Response(ctx.body.stream).bytes();
    res.ok(await sha256(bytes));
  };
  app.post("/hash", hash);
  app.get("/etag", (ctx, res) => {
    const isKnown = ctx.headers.get("if-none-match") === '"one"';
    res.send(isKnown ? 304 : 200, isKnown ? null : "tagged", { etag: '"one"' });
  });
  app.get("/none", (_, res) => res.send(204));
  const handle = engine.start(app.build());
  return Promise.resolve({
    port: (handle.addr as Deno.NetAddr).port, // a TCP address was given
    get connectionCount(): number {
      return connectionCount;
    },
    [Symbol.asyncDispose]: () => endNow(handle),
  });
}

async function startNode(): Promise<Origin> {
  let connectionCount = 0;
  const server = http.createServer((req, res) => {
    answerNode(req, res).catch((error) => res.destroy(error));
  });
  server.on("connection", () => connectionCount++);
  server.listen(0, "127.0.0.1");
  await new Promise((resolve) => server.once("listening", resolve));
  return {
    port: (server.address() as AddressInfo).port, // it listens on TCP
    get connectionCount(): number {
      return connectionCount;
    },
    [Symbol.asyncDispose]: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

async function answerNode(
  req: http.IncomingMessage,
  res: http.ServerResponse,
): Promise<void> {
  switch (req.url) {
    case "/":
      return void res.end("hello");
    case "/down":
      res.setHeader("content-length", LARGE_BYTES);
      return void res.end(req.method === "HEAD" ? undefined : LARGE);
    case "/chunked":
      for await (const piece of inPieces(LARGE)) {
        if (res.write(piece)) continue;
        await new Promise((resolve) => res.once("drain", resolve));
      }
      return void res.end();
    case "/echo":
      return void req.pipe(res);
    case "/hash": {
      const pieces: Uint8Array[] = [];
      for await (const piece of req) pieces.push(piece);
      return void res.end(await sha256(new Uint8Array(Buffer.concat(pieces))));
    }
    case "/etag": {
      const isKnown = req.headers["if-none-match"] === '"one"';
      res.writeHead(isKnown ? 304 : 200, { etag: '"one"' });
      return void res.end(isKnown ? undefined : "tagged");
    }
    case "/none":
      return void res.writeHead(204).end();
    default:
      return void res.writeHead(404).end();
  }
}

function startDeno(): Promise<Origin> {
  const peers = new Set<number>();
  const server = Deno.serve({
    hostname: "127.0.0.1",
    port: 0,
    onListen: () => {},
  }, (request, info) => {
    peers.add(info.remoteAddr.port);
    return answerDeno(request);
  });
  return Promise.resolve({
    port: server.addr.port,
    get connectionCount(): number {
      return peers.size;
    },
    [Symbol.asyncDispose]: () => server.shutdown(),
  });
}

async function answerDeno(request: Request): Promise<Response> {
  switch (new URL(request.url).pathname) {
    case "/":
      return new Response("hello");
    case "/down":
      return new Response(LARGE);
    case "/chunked":
      return new Response(ReadableStream.from(inPieces(LARGE)));
    case "/echo":
      return new Response(request.body);
    case "/hash":
      return new Response(await sha256(await request.bytes()));
    case "/etag": {
      const isKnown = request.headers.get("if-none-match") === '"one"';
      const init = { status: isKnown ? 304 : 200, headers: { etag: '"one"' } };
      return new Response(isKnown ? null : "tagged", init);
    }
    case "/none":
      return new Response(null, { status: 204 });
    default:
      return new Response(null, { status: 404 });
  }
}
