/**
 * Decides how the body of a response that we send is framed, and whether it has
 * a body (RFC 9112 §6.1 to §6.3; RFC 9110 §6.4.1, §8.6, §15). `framing.ts`
 * decides the same for messages that we receive.
 */

import { CHUNKED, UNTIL_CLOSE } from "./framing.ts";
import { declaredLength, type OutgoingFields } from "./outgoing_fields.ts";
import { IS_HEAD, IS_HTTP_1_0 } from "./request_flags.ts";

/** The response has neither a body nor a length. */
export const NO_LENGTH = -3;

/** The size of a body that is streamed. */
export const UNKNOWN_SIZE = -1;

/**
 * Returns whether content may follow the response's head (RFC 9112 §6.3 step 1).
 *
 * @param requestFlags Bits of `request_flags.ts`.
 */
export function mayHaveContent(status: number, requestFlags: number): boolean {
  return (requestFlags & IS_HEAD) === 0 &&
    status !== 204 && status !== 205 && status !== 304;
}

/**
 * Decides how a final response's body is framed.
 *
 * @param status An integer from 200 to 599.
 * @param requestFlags Bits of `request_flags.ts`. A response to HEAD may
 * declare a length other than that of its body.
 * @param fields The application's fields, or `null` if it set none.
 * @param sizeBytes Size of the body, or {@linkcode UNKNOWN_SIZE}.
 * @returns A number of bytes, {@linkcode CHUNKED}, {@linkcode UNTIL_CLOSE} or {@linkcode NO_LENGTH}.
 * @throws {TypeError} If the application declares a length or a coding that
 * the response cannot have.
 */
export function responseBodyLength(
  status: number,
  requestFlags: number,
  fields: OutgoingFields | null,
  sizeBytes: number,
): number {
  const declared = fields === null ? null : declaredLength(fields);
  const wantsChunked = fields !== null && declaresChunked(fields);
  if (status === 204 || status === 304) return NO_LENGTH; // RFC 9110 §15.3.5, §15.4.5
  if (status === 205) return 0; // RFC 9110 §15.3.6
  if (declared !== null) {
    if (wantsChunked) {
      throw new TypeError(
        "Cannot declare both Content-Length and Transfer-Encoding",
      );
    }
    const isHead = (requestFlags & IS_HEAD) !== 0;
    if (sizeBytes !== UNKNOWN_SIZE && sizeBytes !== declared && !isHead) {
      throw new TypeError(
        `Cannot declare a Content-Length of ${declared} bytes: the body has ${sizeBytes}`,
      );
    }
    return declared;
  }
  // An HTTP/1.0 client does not understand transfer codings (RFC 9112 §6.1).
  const canChunk = (requestFlags & IS_HTTP_1_0) === 0;
  if (sizeBytes !== UNKNOWN_SIZE && !(wantsChunked && canChunk)) {
    return sizeBytes;
  }
  return canChunk ? CHUNKED : UNTIL_CLOSE;
}

function declaresChunked(fields: OutgoingFields): boolean {
  const { transferEncoding } = fields;
  if (transferEncoding.length === 0) return false;
  if (/^chunked$/i.test(transferEncoding.join(","))) return true;
  throw new TypeError(
    `Cannot declare Transfer-Encoding ${
      JSON.stringify(transferEncoding.join(", "))
    }: the only coding written is chunked`,
  );
}
