/**
 * The ways in which the entry `./fetch` adapts a handler: through the runtime's
 * slots; through the public interface alone, which it falls back to; and with
 * lazy requests that fall back to it when something first uses their slots.
 */

import type { Handler } from "../../mod.ts";
import { exchangeOf } from "../../fetch/fetch_exchange.ts";
import { FetchInfo } from "../../fetch/fetch_info.ts";
import { type FetchHandler, toHandler } from "../../fetch/handler.ts";
import { LazyRequest, makeRequest } from "../../fetch/lazy_request.ts";
import { ResponseSender } from "../../fetch/response_sender.ts";
import { type TestEngine, testEngines } from "./engines.ts";

/** One way to adapt a fetch handler. */
export interface FetchAdapter {
  readonly name: "slots" | "public" | "late";
  readonly toHandler: (fetch: FetchHandler) => Handler;
}

/** Uses the slots at first, and then the public interface. */
export const LATE_ADAPTER: FetchAdapter = {
  name: "late",
  toHandler: (fetch) =>
    toHandler((request, info) => {
      // the adapter makes only lazy requests on this runtime
      LazyRequest.becomeReal(request as unknown as LazyRequest);
      return fetch(request, info);
    }),
};

/** The first two ways. */
export const FETCH_ADAPTERS: readonly FetchAdapter[] = [
  { name: "slots", toHandler },
  {
    name: "public",
    toHandler(fetch): Handler {
      const sender = new ResponseSender(null);
      return async (ctx, res) => {
        const exchange = exchangeOf(ctx, res);
        const info = new FetchInfo(exchange);
        await sender.send(exchange, await fetch(makeRequest(exchange), info));
      };
    },
  },
];

/** Registers a test for each engine and each adapter. */
export function testFetch(
  name: string,
  run: (
    engine: TestEngine,
    adapter: FetchAdapter,
  ) => void | Promise<void>,
): void {
  for (const adapter of FETCH_ADAPTERS) {
    testEngines(
      adapter.name === "slots" ? name : `${name} (${adapter.name})`,
      (engine) => run(engine, adapter),
    );
  }
}
