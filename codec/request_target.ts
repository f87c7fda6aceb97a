/**
 * The four forms of a request target and their parts (RFC 9112 §3.2).
 * `request_line.ts` decides which bytes a target may contain.
 *
 * The target is split by hand and never decoded or normalised. `new URL()`
 * would read `//x` as a host, collapse `..` and turn a backslash into a slash,
 * so routing and file access would see a different path than the client sent.
 */

import { type Authority, parseAuthority } from "./authority.ts";

/** The form of a request target (RFC 9112 §3.2). */
export type TargetForm = "origin" | "absolute" | "authority" | "asterisk";

/**
 * A request target and its parts, as sent (RFC 9112 §3.2).
 *
 * @example The parts of a target
 * ```ts
 * import { RequestTarget } from "@khttp/khttp";
 * import { assertEquals } from "@std/assert";
 *
 * const uri = RequestTarget.parse("/p?q=1");
 * assertEquals([uri.path, uri.query, uri.pathAndQuery], ["/p", "q=1", "/p?q=1"]);
 * ```
 */
export class RequestTarget {
  /** The form of the target. */
  readonly form: TargetForm;
  /** The scheme of an absolute-form target in lower case, otherwise `null`. */
  readonly scheme: "http" | "https" | null;
  /** The authority of an absolute-form or authority-form target as sent, otherwise `null`. */
  readonly authority: string | null;
  /** The path as sent; `/` for an absolute-form target without one; empty for the authority and asterisk forms. */
  readonly path: string;
  /** The query without its `?`; `null` if there is no `?`, empty if nothing follows it. */
  readonly query: string | null;
  readonly #text: string;
  #searchParams: URLSearchParams | null = null;

  /** Use {@linkcode RequestTarget.parse}. */
  private constructor(
    text: string,
    form: TargetForm,
    authority: [scheme: "http" | "https" | null, text: string] | null,
    pathStart: number,
  ) {
    this.#text = text;
    this.form = form;
    this.scheme = authority?.[0] ?? null;
    this.authority = authority?.[1] ?? null;
    const mark = form === "authority" ? -1 : text.indexOf("?", pathStart);
    const path = form === "authority" || form === "asterisk"
      ? ""
      : text.slice(pathStart, mark === -1 ? undefined : mark);
    this.path = path === "" && form === "absolute" ? "/" : path;
    this.query = mark === -1 ? null : text.slice(mark + 1);
  }

  /**
   * Parses a target. It checks only the form, not the characters.
   *
   * @param text The target as in the request line.
   * @param method The method: CONNECT requires the authority form, and only OPTIONS
   * allows the asterisk form. @default {"GET"}
   * @throws {TypeError} If the target has none of the four forms, or one that the
   * method does not allow.
   */
  static parse(text: string, method = "GET"): RequestTarget {
    const target = RequestTarget.maybeParse(text, method);
    if (target !== null) return target;
    throw new TypeError(
      `Cannot parse request target ${
        JSON.stringify(text)
      }: its form is not allowed for method ${JSON.stringify(method)}`,
    );
  }

  /** Like {@linkcode RequestTarget.parse}, but returns `null` instead of throwing. */
  static maybeParse(text: string, method: string): RequestTarget | null {
    if (method === "CONNECT") {
      return isConnectAuthority(text)
        ? new RequestTarget(text, "authority", [null, text], 0)
        : null;
    }
    if (text.startsWith("/")) return new RequestTarget(text, "origin", null, 0);
    if (text === "*") {
      return method === "OPTIONS"
        ? new RequestTarget(text, "asterisk", null, 0)
        : null;
    }
    return parseAbsolute(
      text,
      (scheme, authority, pathStart) =>
        new RequestTarget(text, "absolute", [scheme, authority], pathStart),
    );
  }

  /** The path and the query with its `?`, as in an origin-form target. */
  get pathAndQuery(): string {
    return this.query === null ? this.path : `${this.path}?${this.query}`;
  }

  /**
   * The query's names and values, decoded: `%20` and `+` are spaces. Empty if
   * there is no query. It is created at the first read; changing it does not
   * change the target.
   */
  get searchParams(): URLSearchParams {
    return this.#searchParams ??= new URLSearchParams(this.query ?? "");
  }

  /** The target as it was sent. */
  toString(): string {
    return this.#text;
  }
}

/** Returns whether a string is a host with a port, as authority form requires (RFC 9112 §3.2.3). */
function isConnectAuthority(text: string): boolean {
  const authority: Authority | null = parseAuthority(text);
  return authority !== null && authority.port !== null && authority.port > 0;
}

function parseAbsolute<T>(
  text: string,
  make: (scheme: "http" | "https", authority: string, pathStart: number) => T,
): T | null {
  const match = /^(https?):\/\/([^/?]*)(?=[/?]|$)/i.exec(text);
  if (match === null) return null;
  const authority = match[2]!; // the pattern has this group in every match
  if (parseAuthority(authority) === null) return null;
  const scheme = match[1]!.length === 5 ? "https" : "http"; // as above
  return make(scheme, authority, match[0].length);
}
