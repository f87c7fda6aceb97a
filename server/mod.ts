/**
 * The server alone: builder, options, hooks, and what handlers see.
 *
 * @example Serve
 * ```ts
 * import { Server } from "@khttp/khttp/server";
 *
 * const app = Server.builder("127.0.0.1:0");
 * app.get("/", (_, res) => res.ok("Hello, World!"));
 * await using handle = app.build().serve();
 * ```
 *
 * @module
 */

export type { CookieOptions } from "../codec/cookies.ts";
export { Server, ServerBuilder } from "./server.ts";
export type {
  EpollServeOptions,
  ServeOptions,
  ThreadedServeOptions,
} from "./serve_options.ts";
export { ServerHandle, type ShutdownOptions } from "./server_handle.ts";
export type { Address, ListenAddress } from "./address.ts";
export type { ServerOptions, ServerOptionsInit } from "./options.ts";
export type { TlsOptions, TlsPair, TlsSettings } from "./tls.ts";
export {
  type Forwarded,
  forwardedFrom,
  type ForwardedOptions,
  type ForwardedRequest,
} from "./proxies/forwarded.ts";
export type { ProxyProtocolOptions } from "./proxies/trusted_peers.ts";
export type { Duplex, PeerCertificate, TlsInfo } from "./duplex.ts";
export type { OpenFile } from "./open_file.ts";
export type {
  Addr,
  NetAddr,
  UnixAddr,
  VsockAddr,
} from "../codec/socket_address.ts";
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
} from "./hooks.ts";
export type { RequestContext } from "./request_context.ts";
export {
  type ProblemDetails,
  ResponseHandle,
  type SendFileOptions,
} from "./response_handle.ts";
export { FileBody, type FileRange, type FileSource } from "./file_body.ts";
export { type ParamNames, Params } from "../router/params.ts";

// Messages
export {
  Headers,
  type HeadersInit,
  type HeadersRecord,
} from "../codec/headers.ts";
export type { FieldName, KnownFieldName } from "../codec/field_names.ts";
export { BodyReader } from "../codec/body_reader.ts";
export type { BodyInit, StreamedBody } from "../codec/body_source.ts";
export {
  PROTOCOL_ERROR_STATUS,
  ProtocolError,
  type ProtocolErrorCode,
} from "../codec/errors.ts";
export { Status } from "../codec/status.ts";
export { RequestTarget, type TargetForm } from "../codec/request_target.ts";
export type { BodyLimits, HeadLimits } from "../codec/limits.ts";
