/** A server on a free port of 127.0.0.1 for the length of a test, and requests for it. */

import {
  type ServeOptions,
  Server,
  type ServerBuilder,
  type ServerHandle,
  type ServerOptions,
} from "../../mod.ts";
import { RawClient } from "./raw_client.ts";

/** A running server, its port and what its hooks threw. */
export interface TestServer extends AsyncDisposable {
  readonly handle: ServerHandle;
  readonly port: number;
  /** What `onError` was told, at most one a second. */
  readonly errors: unknown[];
  /** Opens a connection to it. */
  connect(): Promise<RawClient>;
}

/** Sets up an application. */
export type Configure = (app: ServerBuilder) => void;

/** Serves what `configure` sets up, on the engine that `start` begins. */
export function serveOn(
  start: (server: Server, serving: ServeOptions) => ServerHandle,
  configure: Configure,
  options: Partial<ServerOptions> = {},
): TestServer {
  const app = Server.builder("127.0.0.1:0", options);
  configure(app);
  const errors: unknown[] = [];
  const handle = start(app.build(), {
    onError: (error) => void errors.push(error),
  });
  const { port } = handle.addr as Deno.NetAddr; // a TCP address was given
  return {
    handle,
    port,
    errors,
    connect: () => RawClient.connect(port),
    [Symbol.asyncDispose]: () => handle.shutdown({ deadline: 10_000 }),
  };
}

/** A request; a body gets a length unless the fields say how it is framed. */
export function request(line: string, fields = "", body = ""): string {
  const isFramed = body === "" ||
    /transfer-encoding|content-length/i.test(fields);
  const length = isFramed ? "" : `Content-Length: ${body.length}\r\n`;
  return `${line} HTTP/1.1\r\nHost: a\r\n${length}${fields}\r\n${body}`;
}
