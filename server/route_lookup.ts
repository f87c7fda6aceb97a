/**
 * The rules for finding a request's route that go beyond its method and path:
 * HEAD uses the GET route (RFC 9110 §9.3.2), and some targets have no path.
 * `connection/run_exchange.ts` decides what happens without a route.
 */

import type { RequestTarget } from "../codec/request_target.ts";
import type { RouteMatch } from "../router/route_match.ts";
import type { Router } from "../router/router.ts";

/** The part of an application that finds routes. */
export interface RoutedApplication<T> {
  /** The routes. */
  readonly router: Router<T>;
  /** Handles all requests without a route, HEAD requests included; or `null`. */
  readonly fallback: unknown;
}

/** Finds the route for a method and a path; `undefined` if there is none. */
export function findRoute<T>(
  app: RoutedApplication<T>,
  method: string,
  path: string,
): RouteMatch<T> | undefined {
  return app.router.match(method, path) ??
    (method === "HEAD" && app.fallback === null
      ? app.router.match("GET", path)
      : undefined);
}

/**
 * The path to match against the routes. It is `*` for the asterisk form, which
 * no wildcard matches, and `/` for CONNECT.
 */
export function pathOf({ form, path }: RequestTarget): string {
  if (form === "asterisk") return "*";
  return form === "authority" ? "/" : path;
}
