/**
 * The fields of a received request as the web's `Headers`: an immutable object
 * that looks a field up in the received bytes, and makes its list of strings only
 * when something iterates or copies it.
 */

import { isToken } from "../codec/ascii.ts";
import type { Headers as FieldLines } from "../codec/headers.ts";
import {
  attemptOnce,
  type FieldSource,
  findHeadersSlots,
  inheritHeaders,
} from "./runtime_slots.ts";

/**
 * The lines as pairs, with names in lower case. Lines of `Cookie` are joined
 * with `; `: the web's `Headers` would join them with a comma (RFC 6265 §5.4).
 */
export function fieldPairs(
  lines: FieldLines,
): [name: string, value: string][] {
  const pairs: [string, string][] = [];
  let cookie: [string, string] | null = null;
  for (const [name, value] of lines) {
    const pair: [string, string] = [name.toLowerCase(), value];
    if (pair[0] === "cookie") {
      if (cookie !== null) {
        cookie[1] += `; ${value}`;
        continue;
      }
      cookie = pair;
    }
    pairs.push(pair);
  }
  return pairs;
}

// What the runtime does if the name is missing or no token.
const { get: getChecked, has: hasChecked } = Headers.prototype;

/**
 * Immutable `Headers` of a request. The prototype inherits from that of
 * `Headers`, and its slots make the runtime ask for all fields when something
 * iterates or copies the object.
 */
class ReceivedHeaders {
  #lines: FieldLines;

  constructor(lines: FieldLines) {
    this.#lines = lines;
  }

  /** The fields for the runtime. */
  static sourceOf(headers: ReceivedHeaders): FieldSource {
    const lines = headers.#lines;
    return {
      header: (name) => lines.get(name),
      get headerList(): [name: string, value: string][] {
        return fieldPairs(lines);
      },
    };
  }

  get(name: string): string | null {
    const value = typeof name === "string" ? this.#lines.get(name) : null;
    if (value !== null || isName(name)) return value;
    return Reflect.apply(getChecked, this, arguments);
  }

  has(name: string): boolean {
    if (isName(name)) return this.#lines.has(name);
    return Reflect.apply(hasChecked, this, arguments);
  }
}

function isName(name: unknown): boolean {
  return typeof name === "string" && isToken(name);
}

/** Makes the class inherit from the runtime's `Headers`. Throws if the runtime has other slots. */
function inheritOnce(): true {
  inheritHeaders(
    findHeadersSlots(),
    ReceivedHeaders.prototype,
    (headers) => ReceivedHeaders.sourceOf(headers as ReceivedHeaders),
  );
  return true;
}

/** Makes `ReceivedHeaders` inherit from the runtime's class when a request's headers are first read; `null` if that failed. */
const inheritance = attemptOnce(inheritOnce);

/**
 * Makes `Headers` of received fields.
 *
 * perf: with the head of a browser and one field read, 0.02 times the time of
 * `Headers` that are filled (bench/fetch_bench.ts, Deno 2.9).
 */
export function requestHeaders(lines: FieldLines): Headers {
  return inheritance() !== null
    ? new ReceivedHeaders(lines) as unknown as Headers // its prototype inherits from that of Headers
    : new Headers(fieldPairs(lines));
}
