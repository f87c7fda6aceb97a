/**
 * `serve()`: a server for one fetch handler, with the shape of `Deno.serve()`.
 * It only translates the settings: the server does everything else.
 */

import type { Addr, NetAddr, UnixAddr } from "../codec/socket_address.ts";
import type { ErrorHook } from "../server/hooks.ts";
import { Server } from "../server/server.ts";
import type { ServerHandle } from "../server/server_handle.ts";
import { type FetchHandler, type FetchModule, toHandler } from "./handler.ts";
import { exchangeOf } from "./fetch_exchange.ts";
import { ResponseSender } from "./response_sender.ts";
import {
  addressOf,
  checkSettings,
  type FetchTcpOptions,
  type FetchUnixOptions,
  limitsOf,
  type Settings,
  tlsPairOf,
} from "./serve_settings.ts";

/** The handle of a server with one address. The settings choose its kind: TCP or a Unix socket. */
export type FetchServerHandle<SocketAddr extends Addr = NetAddr> =
  & ServerHandle
  & { readonly addr: SocketAddr };

/**
 * Serves a fetch handler, as `Deno.serve()` does: to move a program here, change
 * the call's name.
 *
 * The server's limits apply. Of these, `maxBufferedBodyBytes` is 16 MiB here
 * instead of 1 MiB: programs for other servers expect to read uploads whole.
 *
 * @param handler A function from `Request` to `Response`, or an object that has
 * it as `fetch`, such as the application of a framework.
 * @returns The handle of the server, which accepts connections already.
 * @throws {TypeError | RangeError} If a setting is unknown or its value is wrong.
 * @throws {Deno.errors.NotCapable} If a permission is missing.
 * @throws {Error} If the address cannot be bound.
 *
 * @example A server
 * ```ts
 * import { serve } from "@khttp/khttp/fetch";
 * import { assertEquals } from "@std/assert";
 *
 * await using server = serve({ port: 0 }, (request) => {
 *   const { pathname } = new URL(request.url);
 *   return new Response(`You are at ${pathname}`);
 * });
 * const response = await fetch(`${server.url}/here`);
 * assertEquals(await response.text(), "You are at /here");
 * ```
 */
export function serve(
  handler: FetchHandler | FetchModule,
): FetchServerHandle;
/** Serves a fetch handler on a Unix socket. */
export function serve(
  options: FetchUnixOptions,
  handler: FetchHandler<UnixAddr> | FetchModule<UnixAddr>,
): FetchServerHandle<UnixAddr>;
/** Serves a fetch handler on a TCP port. */
export function serve(
  options: FetchTcpOptions,
  handler: FetchHandler | FetchModule,
): FetchServerHandle;
/** Serves the fetch handler that is among the settings, on a Unix socket. */
export function serve(
  options: FetchUnixOptions & {
    readonly handler: FetchHandler<UnixAddr> | FetchModule<UnixAddr>;
  },
): FetchServerHandle<UnixAddr>;
/** Serves the fetch handler that is among the settings, on a TCP port. */
export function serve(
  options: FetchTcpOptions & { readonly handler: FetchHandler | FetchModule },
): FetchServerHandle;
export function serve(first: unknown, second?: unknown): ServerHandle {
  const [settings, handler] = readArguments(first, second);
  const { engine, workers, libc, signal, onListen, onError } = settings;
  checkSettings(settings);
  if (onError !== undefined && typeof onError !== "function") {
    throw new TypeError("Cannot set option onError: not a function");
  }
  const app = Server.builder(addressOf(settings), limitsOf(settings));
  app.fallbackRoute(toHandler(handler));
  if (onError !== undefined) app.errorHook(errorHook(onError));
  const { proxyProtocol } = settings;
  if (proxyProtocol !== undefined) app.proxyProtocol(proxyProtocol);
  const pair = tlsPairOf(settings);
  if (pair !== null) app.tls(pair);
  const server = app.build();
  const serving = {
    signal,
    // The settings' types pair each kind of address with its function.
    onListen: onListen as ((addr: Addr) => void) | undefined,
  };
  if (workers !== undefined) {
    const { module, hangTimeout, maxHeapBytes } = settings;
    return server.serveThreaded({
      ...{ ...serving, workers, engine, libc },
      ...{ module, hangTimeout, maxHeapBytes },
    });
  }
  if (engine === "epoll") return server.serveEpoll({ ...serving, libc });
  return server.serve({ ...serving, engine });
}

/** Tells the settings from the handler, in any form of the call. */
function readArguments(
  first: unknown,
  second: unknown,
): [Settings, FetchHandler | FetchModule] {
  if (second !== undefined) {
    if (typeof first === "function") {
      throw new TypeError(
        "Cannot serve: the options come first, and then the handler",
      );
    }
    if (typeof first !== "object" || first === null) {
      throw new TypeError(
        `Cannot serve with ${
          JSON.stringify(first)
        }: the options are not an object such as { port: 8000 }`,
      );
    }
    return [first as Settings, second as FetchHandler]; // checked when they are used
  }
  if (
    typeof first === "object" && first !== null && "handler" in first &&
    !("fetch" in first) // an application of H3 has both
  ) {
    return [first as Settings, first.handler as FetchHandler]; // as above
  }
  checkModule(first);
  return [{}, first as FetchHandler]; // as above
}

/**
 * Refuses settings in the same object as `fetch()`. Other servers take them
 * there; here, they would have no effect.
 *
 * @throws {TypeError} If there is one.
 */
function checkModule(module: unknown): void {
  if (typeof module !== "object" || module === null) return;
  const name = ["port", "hostname", "cert"]
    .find((setting) => Object.hasOwn(module, setting));
  if (name === undefined) return;
  throw new TypeError(
    `Cannot serve: the option ${name} has no effect beside fetch(); pass it first, as in serve({ ${name} }, { fetch })`,
  );
}

/** Sends the response that `onError` makes, if the error came early enough for one. */
function errorHook(
  onError: (error: unknown) => Response | Promise<Response>,
): ErrorHook {
  const sender = new ResponseSender();
  return async (error, ctx, res) => {
    const response = await onError(error);
    if (!res.isSent) await sender.send(exchangeOf(ctx, res), response);
  };
}
