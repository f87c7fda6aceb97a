/** Finds mistakes in the options of a request; JavaScript programs have no types that prevent them. */

import type { ExchangeInit } from "./request.ts";

/** The result of `typeof` for each option, or an empty string if the type is checked where the option is used. */
const TYPES: { readonly [Name in keyof Required<ExchangeInit>]: string } = {
  headers: "object",
  body: "",
  json: "",
  signal: "",
  timeout: "number",
  maxRedirects: "number",
  retries: "number",
  idempotent: "boolean",
  omitsCookies: "boolean",
  expectContinue: "boolean",
  onInterim: "function",
  onUpload: "function",
  onDownload: "function",
  upgrade: "string",
};

const TYPES_BY_NAME: ReadonlyMap<string, string> = new Map(
  Object.entries(TYPES),
);

/**
 * Says what is wrong with the options of a request: a body instead of the
 * options, a controller instead of its signal, a name that is misspelled, or a
 * value of another type. Returns `null` if nothing is.
 */
export function initFault(init: ExchangeInit): string | null {
  if (typeof init !== "object" || init === null) {
    return "Cannot send request: its options are not an object; pass a body as { body }";
  }
  let count = 0;
  for (const name in init) {
    const fault = optionFault(name, init[name as keyof ExchangeInit]); // looked up before it is used as one
    if (fault !== null) return fault;
    count++;
  }
  // Such as an empty array or a `Map`.
  return count === 0 && Symbol.iterator in init
    ? "Cannot send request: its options are a list, not an object; pass a body as { body }"
    : null;
}

function optionFault(name: string, value: unknown): string | null {
  const type = TYPES_BY_NAME.get(name);
  if (type === undefined) {
    return `Cannot set option ${
      JSON.stringify(name)
    } of a request: no such option; the options are ${
      [...TYPES_BY_NAME.keys()].join(", ")
    }`;
  }
  if (value === undefined) return null;
  if (name === "signal" && !(value instanceof AbortSignal)) {
    return "Cannot set option signal: not an AbortSignal; pass controller.signal";
  }
  const isType = type === "" || typeof value === type && value !== null;
  return isType
    ? null
    : `Cannot set option ${name} of a request: not a ${
      type === "object" ? "record, pairs or Headers" : type
    }`;
}
