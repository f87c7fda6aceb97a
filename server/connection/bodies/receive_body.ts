/** Decides where the body of a request is kept: in the receive window or in the connection's input. */

import type { BodyLimits } from "../../../codec/limits.ts";
import { ArrivedBody } from "./arrived_body.ts";
import type { BodyOwner, ExchangeBody } from "./exchange_body.ts";
import { RequestBody } from "./request_body.ts";

/** A connection, and the limits of its bodies. */
export interface ReceivingOwner extends BodyOwner {
  readonly context: { readonly app: { readonly options: BodyLimits } };
}

/**
 * Makes the body of a request whose head ends at `start`. The bytes up to `end`
 * are in the receive window; they are appended to the input unless the body is
 * complete.
 *
 * @param length The body's length in bytes, or -1 if it is chunked.
 */
export function receiveBody(
  owner: ReceivingOwner,
  length: number,
  bytes: Uint8Array,
  start: number,
  end: number,
): ExchangeBody {
  if (length > 0 && length <= end - start) {
    return new ArrivedBody(owner, bytes, start, start + length);
  }
  owner.input.append(bytes, start, end);
  return new RequestBody(owner, length, owner.context.app.options);
}
