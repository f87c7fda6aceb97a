/**
 * Prepares the requests to one origin. A head that was sent before is not
 * checked and encoded again.
 */

import { Headers } from "../codec/headers.ts";
import type { OutgoingFields } from "../codec/outgoing_fields.ts";
import { ByteArena } from "./byte_arena.ts";
import type { Origin } from "./origin.ts";
import {
  type ExchangeInit,
  type PreparedRequest,
  prepareRequest,
  type RequestLine,
} from "./request.ts";

/** How many heads are kept, each at most {@linkcode MAX_KEPT_BYTES} long. */
const MAX_ENTRIES = 128;

/** Longest head that is kept, in bytes. */
const MAX_KEPT_BYTES = 1024;

const encoder = new TextEncoder();

interface Entry {
  readonly method: string;
  /** The fields that were encoded; a list that changes gets others. */
  readonly fields: OutgoingFields;
  /** Size of the body, or `null` if there is none. */
  readonly bodyBytes: number | null;
  /** The request, without its body. */
  readonly request: PreparedRequest;
}

/** The heads that were sent last, by target; see the file's header. */
export class RequestCache {
  #entries: Map<string, Entry> = new Map();
  #arena = new ByteArena();

  /**
   * As `prepareRequest()`.
   *
   * @throws {TypeError} If the request is not valid.
   */
  prepare(
    line: RequestLine,
    init: ExchangeInit,
    origin: Origin,
  ): PreparedRequest {
    const fields = fieldsOf(init);
    const body = typeof init.body === "string"
      ? encoder.encode(init.body)
      : init.body ?? null;
    const isKept = body === null || body instanceof Uint8Array;
    if (fields === null || !isKept) {
      return prepareRequest(line, init, origin, this.#arena);
    }
    // perf: for a target that was requested before, an exchange takes 0.9 times
    // the instructions (bench/client_bench.ts, client-get, Deno 2.9.6).
    const { method, target } = line;
    const bodyBytes = body === null ? null : body.length;
    const entry = this.#entries.get(target);
    if (
      entry !== undefined && entry.method === method &&
      entry.fields === fields && entry.bodyBytes === bodyBytes
    ) {
      return bodyBytes === null || bodyBytes === 0
        ? entry.request
        : { ...entry.request, rest: body };
    }
    const request = prepareRequest(
      line,
      body === null ? init : { ...init, body },
      origin,
      this.#arena,
    );
    if (request.first.length <= MAX_KEPT_BYTES) {
      if (this.#entries.size >= MAX_ENTRIES) this.#entries.clear();
      const bodyless = body === null ? request : { ...request, rest: null };
      this.#entries.set(target, {
        ...{ method, fields, bodyBytes },
        request: bodyless,
      });
    }
    return request;
  }
}

/** The fields, if they, the request line and the body's size determine the head; `null` if more options do. */
function fieldsOf(
  { headers, expectContinue, upgrade }: ExchangeInit,
): OutgoingFields | null {
  if (expectContinue === true || upgrade !== undefined) return null;
  if (headers === undefined) return Headers.empty.outgoing();
  return headers instanceof Headers ? headers.outgoing() : null;
}
