/**
 * khttp: a low-level HTTP/1.1 server and client for Deno that is small, strict and fast.
 *
 * This entry has what an application needs. `@khttp/khttp/server` and
 * `@khttp/khttp/client` load only one half, `@khttp/khttp/codec` has the
 * parsers and encoders of messages, and `@khttp/khttp/router` the router.
 *
 * @example Serve
 * ```ts
 * import { Server } from "@khttp/khttp";
 *
 * const app = Server.builder("127.0.0.1:0");
 * app.get("/", (_, res) => res.ok("Hello, World!"));
 * await using handle = app.build().serve();
 * ```
 *
 * @module
 */

// Server
export type { CookieOptions } from "./codec/cookies.ts";
export { Server, ServerBuilder } from "./server/server.ts";
export type {
  EpollServeOptions,
  ServeOptions,
  ThreadedServeOptions,
} from "./server/serve_options.ts";
export { ServerHandle, type ShutdownOptions } from "./server/server_handle.ts";
export type { Address, ListenAddress } from "./server/address.ts";
export type { ServerOptions, ServerOptionsInit } from "./server/options.ts";
export type { TlsOptions, TlsPair, TlsSettings } from "./server/tls.ts";
export {
  type Forwarded,
  forwardedFrom,
  type ForwardedOptions,
  type ForwardedRequest,
} from "./server/proxies/forwarded.ts";
export type { ProxyProtocolOptions } from "./server/proxies/trusted_peers.ts";
export type { Duplex, PeerCertificate, TlsInfo } from "./server/duplex.ts";
export type { OpenFile } from "./server/open_file.ts";
export type {
  Addr,
  NetAddr,
  UnixAddr,
  VsockAddr,
} from "./codec/socket_address.ts";
export {
  type Accepted,
  ConnectionSetupAction,
  type ConnectionSetupHook,
  type ConnectionTeardownHook,
  type ErrorHook,
  type Handler,
  PreRoutingAction,
  type PreRoutingHook,
  type ProceedOptions,
  type Refusal,
  type RefusalHook,
  type RefusalResponse,
  type RouteHandler,
} from "./server/hooks.ts";
export type { RequestContext } from "./server/request_context.ts";
export {
  type ProblemDetails,
  ResponseHandle,
  type SendFileOptions,
} from "./server/response_handle.ts";
export {
  FileBody,
  type FileRange,
  type FileSource,
} from "./server/file_body.ts";
export { type ParamNames, Params } from "./router/params.ts";

// Client
export { Client } from "./client/client.ts";
export { Agent } from "./client/agent.ts";
export { createFetch, type PooledFetch } from "./client/create_fetch.ts";
export type { FetchInit } from "./client/fetch_init.ts";
export type {
  AgentOptionsInit,
  OriginOptionsInit,
} from "./client/agent_options.ts";
export {
  ClientError,
  type ClientErrorCode,
  type ClientPhase,
} from "./client/errors.ts";
export type {
  ClientOptions,
  ClientOptionsInit,
  CookieJar,
} from "./client/options.ts";
export {
  ClientResponse,
  type UpgradedConnection,
} from "./client/client_response.ts";
export type { ClientConn } from "./client/client_conn.ts";
export type {
  ExchangeInit,
  ProgressCallback,
  RequestBody,
  TransferProgress,
} from "./client/request.ts";
export { basic, bearer } from "./client/authorization.ts";
export type { ProxyOption } from "./client/proxy_address.ts";
export { proxyFromEnvironment } from "./client/proxy_environment.ts";

// Messages
export {
  Headers,
  type HeadersInit,
  type HeadersRecord,
} from "./codec/headers.ts";
export type { FieldName, KnownFieldName } from "./codec/field_names.ts";
export { BodyReader } from "./codec/body_reader.ts";
export type { BodyInit, StreamedBody } from "./codec/body_source.ts";
export {
  PROTOCOL_ERROR_STATUS,
  ProtocolError,
  type ProtocolErrorCode,
} from "./codec/errors.ts";
export { Status } from "./codec/status.ts";
export { RequestTarget, type TargetForm } from "./codec/request_target.ts";
export type { BodyLimits, HeadLimits } from "./codec/limits.ts";
