/** One exchange, as the parts of the adapter share it. */

import type { RequestContext } from "../server/request_context.ts";
import type { RequestView } from "../server/request_view.ts";
import type { ResponseHandle } from "../server/response_handle.ts";

/** A received request and what answers it. */
export interface FetchExchange {
  readonly ctx: RequestView;
  readonly res: ResponseHandle;
}

/** Makes an exchange of a handler's arguments. */
export function exchangeOf(
  ctx: RequestContext,
  res: ResponseHandle,
): FetchExchange {
  return { ctx: ctx as RequestView, res }; // the connection machine makes no other contexts
}
