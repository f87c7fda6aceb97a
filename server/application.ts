/**
 * The immutable application that a builder produces: routes, hooks and options,
 * the same for every connection and engine.
 */

import type { HeadLimits } from "../codec/limits.ts";
import type { Router } from "../router/router.ts";
import type {
  ConnectionSetupHook,
  ConnectionTeardownHook,
  ErrorHook,
  Handler,
  PreRoutingHook,
} from "./hooks.ts";
import type { ServerOptions } from "./options.ts";
import type { TlsIdentity } from "./tls.ts";

/** The hooks of an application; `null` where none is set. */
export interface Hooks {
  readonly connectionSetup: ConnectionSetupHook | null;
  readonly preRouting: PreRoutingHook | null;
  readonly connectionTeardown: ConnectionTeardownHook | null;
  readonly error: ErrorHook | null;
}

/** An application that is ready to serve. */
export interface Application {
  readonly router: Router<Handler>;
  readonly fallback: Handler | null;
  readonly hooks: Hooks;
  readonly options: ServerOptions;
  /** The certificate and key of the listeners, or `null` for clear text. */
  readonly tls: TlsIdentity | null;
}

/**
 * Derives the codec's limits for request heads.
 *
 * @param isSecure Whether the connections use TLS.
 */
export function headLimits(
  options: ServerOptions,
  isSecure: boolean,
): HeadLimits {
  return { ...options, acceptsHttps: isSecure || options.trustForwardedScheme };
}
