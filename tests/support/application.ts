/** Applications of one handler, and connection managers that serve them: for tests that start an engine without `Server`. */

import type { Handler, ServerOptions } from "../../mod.ts";
import { RouterBuilder } from "../../router/router.ts";
import type { Application, Hooks } from "../../server/hooks.ts";
import type { Clock } from "../../server/connection/connections.ts";
import { ConnectionManager } from "../../server/engines/connection_manager.ts";
import type { Engine } from "../../server/engines/engine.ts";
import { resolveOptions } from "../../server/options.ts";

/** Builds an application without routes: every request goes to `handler`. */
export function applicationOf(
  handler: Handler,
  options: Partial<ServerOptions> = {},
  hooks: Partial<Hooks> = {},
): Application {
  return {
    router: new RouterBuilder<Handler>().build(),
    fallback: handler,
    notFound: null,
    hooks: {
      connectionSetup: null,
      preRouting: null,
      connectionTeardown: null,
      error: null,
      refusal: null,
      ...hooks,
    },
    options: resolveOptions(options),
    tls: null,
    proxies: null,
  };
}

/** A connection manager that listens on 127.0.0.1. */
export interface ListeningManager {
  readonly manager: ConnectionManager;
  readonly port: number;
}

/** Serves an application on an engine, on a free port of 127.0.0.1, with the given clock. */
export function listenWith(
  app: Application,
  engine: Engine,
  clock: Clock,
): ListeningManager {
  const manager = new ConnectionManager(app, engine, {
    onError: () => {},
    clock,
  });
  manager.listen([{ transport: "tcp", hostname: "127.0.0.1", port: 0 }]);
  const { port } = manager.addrs[0] as Deno.NetAddr; // a TCP address was given
  return { manager, port };
}
