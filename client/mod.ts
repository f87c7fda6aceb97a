/**
 * The client without the server: pooled connections to one origin, and its
 * responses.
 *
 * @example Read a response
 * ```ts
 * import { Client } from "@khttp/khttp/client";
 *
 * async function findUser(id: number): Promise<unknown> {
 *   await using client = new Client("http://127.0.0.1:8081");
 *   using response = await client.get(`/user/${id}`);
 *   return response.status === 200 ? await response.body.json() : null;
 * }
 * ```
 *
 * @module
 */

export { Client } from "./client.ts";
export { Agent } from "./agent.ts";
export { createFetch, type PooledFetch } from "./create_fetch.ts";
export type { FetchInit } from "./fetch_init.ts";
export type { AgentOptionsInit, OriginOptionsInit } from "./agent_options.ts";
export {
  ClientError,
  type ClientErrorCode,
  type ClientPhase,
} from "./errors.ts";
export type { ClientOptions, ClientOptionsInit, CookieJar } from "./options.ts";
export { ClientResponse, type UpgradedConnection } from "./client_response.ts";
export type { ClientConn } from "./client_conn.ts";
export type {
  Addr,
  NetAddr,
  UnixAddr,
  VsockAddr,
} from "../codec/socket_address.ts";
export type {
  ExchangeInit,
  ProgressCallback,
  RequestBody,
  TransferProgress,
} from "./request.ts";
export { basic, bearer } from "./authorization.ts";
export type { ProxyOption } from "./proxy_address.ts";
export { proxyFromEnvironment } from "./proxy_environment.ts";

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
