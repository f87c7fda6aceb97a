// deno-lint-ignore-file no-console
/**
 * WebSocket with the npm package `ws`: the handler takes over the connection, and
 * `ws` does the handshake and everything after it.
 *
 *     deno run --allow-net=127.0.0.1 --allow-env=WS_NO_BUFFER_UTIL,WS_NO_UTF_8_VALIDATE \
 *       examples/websocket.ts [PORT]
 */

import { type Duplex, Server } from "@khttp/khttp";
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

const sockets = new WebSocketServer({ noServer: true });
sockets.on("connection", (socket: WebSocket) => {
  socket.on(
    "message",
    (data: RawData, isBinary: boolean) =>
      socket.send(data, { binary: isBinary }),
  );
});

const port = Number(Deno.args[0] ?? 8080);
const app = Server.builder({ hostname: "127.0.0.1", port });

app.get("/", (_ctx, res) => res.ok("a WebSocket echo is at /echo\n"));
app.get("/echo", async (ctx, res) => {
  if (ctx.headers.get("upgrade")?.toLowerCase() !== "websocket") {
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

const handle = app.build().serve();
for (const signal of ["SIGINT", "SIGTERM"] as const) {
  Deno.addSignalListener(signal, () => {
    for (const client of sockets.clients) client.close(1001);
    handle.shutdown({ deadline: 2000 });
  });
}
const { hostname, port: bound } = handle.addr as Deno.NetAddr; // a TCP address was given
console.log(`Listening on http://${hostname}:${bound}/`);
await handle.finished;
Deno.exit();
