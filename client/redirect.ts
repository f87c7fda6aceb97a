/** Derives the request that follows a redirect (RFC 9110 §15.4). */

import { Headers } from "../codec/headers.ts";
import type { ClientResponse } from "./client_response.ts";
import { ClientError } from "./errors.ts";
import type { ExchangeInit } from "./request.ts";

/** Fields that are removed when a redirect leads to another origin. */
const CREDENTIALS = ["authorization", "cookie", "proxy-authorization"] as const;

/** Fields that describe a body. A redirect that changes the method to GET drops the body and these fields. */
const CONTENT_FIELDS = [
  "content-length",
  "content-type",
  "content-encoding",
  "content-language",
  "content-location",
] as const;

/** The request that follows a redirect. */
export interface Redirect {
  readonly url: URL;
  readonly method: string;
  readonly init: ExchangeInit;
}

/**
 * Derives the next request from a response.
 *
 * @returns The request, or `null` if the response is not a redirect.
 * @throws {ClientError} `REDIRECT` if it cannot be followed: its target is not
 * an HTTP URL, or the request's body was a stream, which cannot be sent again.
 */
export function redirect(
  response: ClientResponse,
  method: string,
  init: ExchangeInit,
): Redirect | null {
  const { status } = response;
  if (![301, 302, 303, 307, 308].includes(status)) return null;
  const location = response.headers.get("location");
  if (location === null) return null;
  const from = new URL(response.url);
  const url = resolve(decodeLocation(location), from);
  const becomesGet = status === 303 && method !== "HEAD" ||
    status < 303 && method === "POST";
  const headers = new Headers(init.headers);
  if (becomesGet) { for (const name of CONTENT_FIELDS) headers.remove(name); }
  if (url.origin !== from.origin) {
    for (const name of CREDENTIALS) headers.remove(name);
  }
  const { body: _body, expectContinue: _expectContinue, ...rest } = init;
  if (becomesGet) return { url, method: "GET", init: { ...rest, headers } };
  if (isStream(init.body)) {
    throw new ClientError(
      "Cannot follow redirect: the request's body was a stream, which cannot be sent again",
      { phase: "write", code: "REDIRECT" },
    );
  }
  return { url, method, init: { ...init, headers } };
}

/**
 * Reads the bytes of a `Location` as UTF-8, as browsers and curl do. Field
 * values are strings with one character per byte; a value that is not UTF-8
 * stays unchanged.
 */
function decodeLocation(location: string): string {
  const bytes = Uint8Array.from(location, (char) => char.charCodeAt(0));
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    return location; // the URL parser escapes it as Latin-1
  }
}

function resolve(location: string, from: URL): URL {
  const url = URL.canParse(location, from) ? new URL(location, from) : null;
  if (url !== null && /^https?:$/.test(url.protocol)) {
    url.username = "";
    url.password = "";
    url.hash = "";
    return url;
  }
  throw new ClientError(
    "Cannot follow redirect: its target is not an http or https URL",
    { phase: "read", code: "REDIRECT" },
  );
}

function isStream(body: ExchangeInit["body"]): boolean {
  return typeof body === "object" && body !== null &&
    !(body instanceof Uint8Array) && !(body instanceof ArrayBuffer);
}
