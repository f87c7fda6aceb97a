/** A server on a free port of 127.0.0.1 that lives as long as a test, and the text of requests for it. */

import {
  type ServeOptions,
  Server,
  type ServerBuilder,
  type ServerHandle,
  type ServerOptions,
} from "../../mod.ts";
import { RawClient } from "./raw_client.ts";

/** How long running requests may take at the end of a test, in ms. */
const DEADLINE_MS = 10_000;

/** A running server, its port and the errors that its hooks threw. */
export interface TestServer extends AsyncDisposable {
  readonly handle: ServerHandle;
  readonly port: number;
  /** The errors that `onError` got, at most one a second. */
  readonly errors: unknown[];
  /** Opens a connection to it. */
  connect(): Promise<RawClient>;
}

/** Sets up an application. */
export type Configure = (app: ServerBuilder) => void;

/** Serves the application that `configure` sets up, on the engine that `start` starts. */
export function serveOn(
  start: (
    server: Server,
    serving: Omit<ServeOptions, "engine">,
  ) => ServerHandle,
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
    [Symbol.asyncDispose]: () => endNow(handle),
  };
}

/** Shuts down without grace for idle connections, and cuts requests that do not end. */
export async function endNow(handle: ServerHandle): Promise<void> {
  const timer = setTimeout(() => handle.closeNow(), DEADLINE_MS);
  await handle[Symbol.asyncDispose]().finally(() => clearTimeout(timer));
}

/** Builds a request; adds a Content-Length for the body unless `fields` frame it. */
export function request(line: string, fields = "", body = ""): string {
  const isFramed = body === "" ||
    /transfer-encoding|content-length/i.test(fields);
  const length = isFramed ? "" : `Content-Length: ${body.length}\r\n`;
  return `${line} HTTP/1.1\r\nHost: a\r\n${length}${fields}\r\n${body}`;
}
