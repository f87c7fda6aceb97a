/**
 * What a builder freezes into: routes, hooks and options, the same for every
 * connection and engine; and how a request finds its handler.
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

/** The hooks that an application set. */
export interface Hooks {
  readonly connectionSetup: ConnectionSetupHook | null;
  readonly preRouting: PreRoutingHook | null;
  readonly connectionTeardown: ConnectionTeardownHook | null;
  readonly error: ErrorHook | null;
}

/** An application, ready to serve. */
export interface Application {
  readonly router: Router<Handler>;
  readonly fallback: Handler | null;
  readonly hooks: Hooks;
  readonly options: ServerOptions;
  /** The identity that listeners show, or `null` for clear text. */
  readonly tls: TlsIdentity | null;
}

/** The limits that the codec knows. */
export function headLimits(
  options: ServerOptions,
  isSecure: boolean,
): HeadLimits {
  return { ...options, acceptsHttps: isSecure || options.trustForwardedScheme };
}
