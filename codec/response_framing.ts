/**
 * How the body of a response that we write is framed, and whether it has one
 * at all (RFC 9112 §6.1 to §6.3; RFC 9110 §6.4.1, §8.6, §15). The counterpart
 * of `framing.ts`, which decides it for messages that we read.
 */

import { CHUNKED, UNTIL_CLOSE } from "./framing.ts";
import type { OutgoingFields } from "./outgoing_fields.ts";

/** The response has neither a body nor a length. */
export const NO_LENGTH = -3;

/** The size of a body that is streamed. */
export const UNKNOWN_SIZE = -1;

/** Says whether bytes of content may follow the head (RFC 9112 §6.3 step 1). */
export function mayHaveContent(status: number, isHead: boolean): boolean {
  return !isHead && status !== 204 && status !== 205 && status !== 304;
}

/**
 * Decides how a final response's body is framed.
 *
 * @param status An integer from 200 to 599.
 * @param minorVersion The request's minor version.
 * @param control The control fields that the application gave, or `null`.
 * @param sizeBytes Bytes of the body, or {@linkcode UNKNOWN_SIZE}.
 * @param isHead Whether the request was HEAD, so that a declared length may
 * differ from the body given.
 * @returns Bytes, {@linkcode CHUNKED}, {@linkcode UNTIL_CLOSE} or {@linkcode NO_LENGTH}.
 * @throws {TypeError} If the application declared a length or a coding that
 * the response cannot have.
 */
export function responseBodyLength(
  status: number,
  minorVersion: number,
  control: OutgoingFields | null,
  sizeBytes: number,
  isHead: boolean,
): number {
  const declared = control === null ? null : declaredLength(control);
  const wantsChunked = control !== null && declaresChunked(control);
  if (status === 204 || status === 304) return NO_LENGTH; // RFC 9110 §15.3.5, §15.4.5
  if (status === 205) return 0; // RFC 9110 §15.3.6
  if (declared !== null) {
    if (wantsChunked) {
      throw new TypeError(
        "Cannot declare both Content-Length and Transfer-Encoding",
      );
    }
    if (sizeBytes !== UNKNOWN_SIZE && sizeBytes !== declared && !isHead) {
      throw new TypeError(
        `Cannot declare a Content-Length of ${declared} bytes: the body has ${sizeBytes}`,
      );
    }
    return declared;
  }
  if (sizeBytes !== UNKNOWN_SIZE && !(wantsChunked && minorVersion > 0)) {
    return sizeBytes;
  }
  // An HTTP/1.0 client knows no transfer codings (RFC 9112 §6.1).
  return minorVersion > 0 ? CHUNKED : UNTIL_CLOSE;
}

function declaredLength(control: OutgoingFields): number | null {
  const [value, ...more] = control.contentLength;
  if (value === undefined) return null;
  if (more.length === 0 && /^[0-9]{1,16}$/.test(value)) {
    const length = Number(value);
    if (Number.isSafeInteger(length)) return length;
  }
  throw new TypeError(
    `Cannot declare Content-Length ${
      JSON.stringify(control.contentLength.join(", "))
    }: it is not one number of bytes`,
  );
}

function declaresChunked(control: OutgoingFields): boolean {
  const { transferEncoding } = control;
  if (transferEncoding.length === 0) return false;
  if (/^chunked$/i.test(transferEncoding.join(","))) return true;
  throw new TypeError(
    `Cannot declare Transfer-Encoding ${
      JSON.stringify(transferEncoding.join(", "))
    }: the only coding written is chunked`,
  );
}
