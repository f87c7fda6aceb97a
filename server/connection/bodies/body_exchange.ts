/** What the files of this folder that send a body need of the exchange. */

import type { BodySource } from "../../../codec/body_source.ts";
import type { TextBytes } from "../../../codec/text_bytes.ts";
import type { Clock } from "../connections.ts";
import type { ResponseHeadCache } from "../head_cache.ts";
import type { Output } from "../output.ts";
import type { ExchangeFacts, ResponsePlan } from "../response_plan.ts";
import type { JoinQueue } from "./join_queue.ts";
import type { PiecePool } from "./piece_pool.ts";

/** What sending a body needs of its exchange. */
export interface BodyExchange extends ExchangeFacts {
  readonly owner: {
    readonly context: {
      readonly clock: Clock;
      readonly heads: ResponseHeadCache;
      readonly textHeads: ResponseHeadCache;
      readonly texts: TextBytes;
      readonly pieces: PiecePool;
      readonly joins: JoinQueue;
    };
    readonly output: Output;
    exchangeProgressed(): void;
  };
  /** Completes a response: its head and `bodyBytes` of content are in the output. */
  complete(plan: ResponsePlan, bodyBytes: number): void;
  /** Begins to send a body that arrives in pieces. */
  stream(plan: ResponsePlan, source: BodySource): void;
  /** Called with `null` when a body in pieces is complete, or with the error if it failed. */
  endBody(error: unknown): void;
}
