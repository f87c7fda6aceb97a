// deno-lint-ignore-file no-console
/**
 * WebSocket with the npm package `ws`: the handler takes over the connection, and
 * `ws` does the handshake and everything after it.
 *
 *     deno run --allow-net=127.0.0.1 --allow-env=WS_NO_BUFFER_UTIL,WS_NO_UTF_8_VALIDATE \
 *       examples/websocket.ts [PORT] [PING_MS]
 *
 * A client costs a bounded amount of memory and time: messages have a largest size,
 * a client that does not read is not read from either, and a client that has shown
 * no life between two pings is cut off. `ws` closes a connection with an invalid
 * frame by itself, with code 1002, 1007 or 1009 (RFC 6455 §7.4.1).
 */

import { type Duplex, type RequestContext, Server } from "@khttp/khttp";
import { Duplex as NodeDuplex } from "node:stream";
import { type RawData, type WebSocket, WebSocketServer } from "npm:ws@8.18.3";

/** Adapts a taken-over connection to the stream that `ws` expects. */
class Socket extends NodeDuplex {
  #conn: Duplex;
  #buffer = new Uint8Array(65_536);

  constructor(conn: Duplex) {
    super();
    this.#conn = conn;
  }

  override _read(): void {
    this.#conn.read(this.#buffer).then(
      (size) => this.push(size === null ? null : this.#buffer.slice(0, size)),
      (error) => this.destroy(error),
    );
  }

  override _write(
    chunk: Uint8Array,
    _encoding: string,
    callback: (error?: Error | null) => void,
  ): void {
    this.#writeAll(chunk).then(() => callback(), callback);
  }

  override _final(callback: (error?: Error | null) => void): void {
    Promise.resolve(this.#conn.closeWrite?.()).then(() => callback(), callback);
  }

  override _destroy(
    error: Error | null,
    callback: (error?: Error | null) => void,
  ): void {
    this.#conn.close();
    callback(error);
  }

  /** `ws` calls this to disable idle timers; a taken-over connection has none. */
  setTimeout(): this {
    return this;
  }

  setNoDelay(): this {
    this.#conn.setNoDelay?.(true);
    return this;
  }

  async #writeAll(chunk: Uint8Array): Promise<void> {
    let rest = chunk;
    while (rest.length > 0) rest = rest.subarray(await this.#conn.write(rest));
  }
}

/** Largest message, in bytes. Each client can make the server hold one. */
const MAX_MESSAGE_BYTES = 1024 * 1024;

/** Unsent bytes beyond which a client is not read from until it has taken some. */
const MAX_UNSENT_BYTES = 256 * 1024;

const [port = "8080", pingMs = "30000"] = Deno.args;

// The default of `maxPayload` is 100 MiB.
const sockets = new WebSocketServer({
  noServer: true,
  maxPayload: MAX_MESSAGE_BYTES,
  autoPong: false,
});

/** Clients that have sent or taken something since the last ping. */
const alive = new WeakSet<WebSocket>();

sockets.on("connection", (socket: WebSocket) => {
  alive.add(socket);
  const onSent = (error?: Error): void => {
    if (error) return; // the connection is closing
    alive.add(socket);
    if (socket.bufferedAmount < MAX_UNSENT_BYTES) socket.resume();
  };
  const pauseIfFull = (): void => {
    alive.add(socket);
    if (socket.bufferedAmount >= MAX_UNSENT_BYTES) socket.pause();
  };
  socket.on("message", (data: RawData, isBinary: boolean) => {
    socket.send(data, { binary: isBinary }, onSent);
    pauseIfFull();
  });
  socket.on("ping", (data: Uint8Array) => {
    socket.pong(data, false, onSent);
    pauseIfFull();
  });
  socket.on("pong", () => alive.add(socket));
  // Without a listener, an invalid frame or a reset would end the process.
  socket.on("error", (error: Error) => console.error(error.message));
});

const pings = setInterval(() => {
  for (const socket of sockets.clients) {
    if (!alive.delete(socket)) socket.terminate();
    else if (socket.readyState === socket.OPEN) socket.ping();
  }
}, Number(pingMs));

const app = Server.builder({ hostname: "127.0.0.1", port: Number(port) });

app.get("/", (_ctx, res) => res.ok("a WebSocket echo is at /echo\n"));
app.get("/echo", async (ctx, res) => {
  if (!offersWebSocket(ctx)) {
    return res.send(426, null, { upgrade: "websocket" });
  }
  const request = {
    method: ctx.method,
    url: ctx.uri.toString(),
    headers: Object.fromEntries(
      [...ctx.headers].map(([name, value]) => [name.toLowerCase(), value]),
    ),
  };
  const socket = new Socket(await res.hijack());
  sockets.handleUpgrade(
    request as never, // `ws` reads only method, url and headers
    socket as never, // `ws` uses any stream like a socket
    new Uint8Array() as never, // bytes that were already read come through the stream
    (webSocket: WebSocket) => sockets.emit("connection", webSocket, request),
  );
});

/** Whether the client asks for a WebSocket. `Upgrade` counts only in HTTP/1.1, and only if `Connection` names it (RFC 9110 §7.8). */
function offersWebSocket({ httpVersion, headers }: RequestContext): boolean {
  const lists = (name: string, wanted: string): boolean =>
    headers.getAll(name).join().toLowerCase().split(",")
      .some((member) => member.trim() === wanted);
  return httpVersion === 1 && lists("connection", "upgrade") &&
    lists("upgrade", "websocket");
}

const handle = app.build().serve();
for (const signal of ["SIGINT", "SIGTERM"] as const) {
  Deno.addSignalListener(signal, () => {
    clearInterval(pings);
    for (const client of sockets.clients) client.close(1001);
    handle.shutdown({ deadline: 2000 });
  });
}
console.log(`Listening on ${handle.url}/`);
await handle.finished;
Deno.exit();
