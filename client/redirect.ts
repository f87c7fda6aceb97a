/** Derives the request that follows a redirect (RFC 9110 §15.4). */

import { Headers } from "../codec/headers.ts";
import type { ClientResponse } from "./client_response.ts";
import { ClientError } from "./errors.ts";

/** Fields that describe a body. A redirect that changes the method to GET drops the body and these fields. */
const CONTENT_FIELDS = [
  "content-length",
  "content-type",
  "content-encoding",
  "content-language",
  "content-location",
] as const;

/** A request, as far as a redirect can change it. */
export interface RedirectableRequest {
  readonly method: string;
  readonly headers: Headers;
  /** Whether its body, if there is one, can be sent again. */
  readonly isRepeatable: boolean;
}

/** The request that follows a redirect. */
export interface Redirect {
  readonly url: URL;
  readonly method: string;
  readonly headers: Headers;
  /** Whether the body is sent again. */
  readonly keepsBody: boolean;
}

/** Whether a status redirects to its `Location`. */
export function isRedirect(status: number): boolean {
  return status >= 301 && status <= 308 && status !== 304 && status !== 305 &&
    status !== 306;
}

/**
 * Derives the next request from a response.
 *
 * @param crossOriginFields Lower-case names of the fields that another origin gets.
 * @returns The request, or `null` if the response is not a redirect.
 * @throws {ClientError} `REDIRECT` if it cannot be followed: its target is not
 * an HTTP URL, there are several targets, or the request's body cannot be sent
 * again.
 */
export function redirect(
  response: ClientResponse,
  request: RedirectableRequest,
  crossOriginFields: ReadonlySet<string>,
): Redirect | null {
  const { status } = response;
  if (!isRedirect(status)) return null;
  const location = locationOf(response);
  if (location === null) return null;
  const { method } = request;
  const from = new URL(response.url);
  const url = resolve(decodeLocation(location), from);
  const becomesGet = status === 303 && method !== "HEAD" ||
    status < 303 && method === "POST";
  const headers = new Headers(request.headers);
  if (becomesGet) { for (const name of CONTENT_FIELDS) headers.remove(name); }
  if (url.origin !== from.origin) {
    for (const name of new Set(headers.keys())) {
      if (!crossOriginFields.has(name.toLowerCase())) headers.remove(name);
    }
  }
  if (becomesGet) return { url, method: "GET", headers, keepsBody: false };
  if (request.isRepeatable) return { url, method, headers, keepsBody: true };
  throw new ClientError(
    "Cannot follow redirect: the request's body was a stream, which cannot be sent again",
    { phase: "write", code: "REDIRECT" },
  );
}

/** Returns the one `Location`. Two that differ may be the work of an attacker who can add a line. */
function locationOf({ headers }: ClientResponse): string | null {
  const [first, ...others] = headers.getAll("location");
  if (others.every((other) => other === first)) return first ?? null;
  throw new ClientError(
    "Cannot follow redirect: the response has several Location lines that differ",
    { phase: "read", code: "REDIRECT" },
  );
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
