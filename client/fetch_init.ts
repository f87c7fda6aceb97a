/** The options of one call of a `fetch`. */

import type { ExchangeInit } from "./request.ts";

/** Options of one call: those of the web's `fetch`, and some of this client. */
export interface FetchInit extends
  RequestInit,
  Pick<
    ExchangeInit,
    "timeout" | "retries" | "idempotent" | "onInterim" | "onUpload"
  > {
  /** Called with each piece of the response's body that is read. */
  readonly onDownload?: ExchangeInit["onDownload"];
}
