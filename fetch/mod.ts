/**
 * Web-standard handlers, functions from `Request` to `Response`, at full speed:
 * what frameworks such as Hono, H3, Elysia and React Router are made of.
 *
 * @example Change `Deno.serve(` to `serve(`
 * ```ts
 * import { serve } from "@khttp/khttp/fetch";
 *
 * await using server = serve({ port: 0 }, () => new Response("Hello, World!"));
 * ```
 *
 * @module
 */

export { type FetchServerHandle, serve } from "./serve.ts";
export type {
  FetchServeOptions,
  FetchTcpOptions,
  FetchUnixOptions,
} from "./serve_settings.ts";
export { type FetchHandler, type FetchModule, toHandler } from "./handler.ts";
export { FetchInfo } from "./fetch_info.ts";
export type {
  Addr,
  NetAddr,
  UnixAddr,
  VsockAddr,
} from "../codec/socket_address.ts";
export {
  type EventSource,
  eventStream,
  type EventStreamOptions,
} from "./event_stream.ts";
export type { ServerEvent } from "./server_event.ts";
export { type FetchableServer, toFetch } from "./to_fetch.ts";
export type { MemoryAddresses } from "./memory_exchange.ts";
