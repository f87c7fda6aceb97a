/**
 * The four forms of a request target and their parts (RFC 9112 §3.2).
 *
 * The text is split by hand and never decoded or normalised: `new URL()` would
 * change the host of `//x`, collapse `..` and turn a backslash into a slash,
 * so that routing and files saw another path than the peer sent.
 */

import { type Authority, parseAuthority } from "./authority.ts";

/** Which of the four forms a target has (RFC 9112 §3.2). */
export type TargetForm = "origin" | "absolute" | "authority" | "asterisk";

/**
 * A request target: the whole text and its parts, as sent.
 *
 * @example Parts of a target
 * ```ts
 * import { RequestTarget } from "@khttp/khttp";
 * import { assertEquals } from "@std/assert";
 *
 * const uri = RequestTarget.parse("/p?q=1");
 * assertEquals([uri.path, uri.query, uri.pathAndQuery], ["/p", "q=1", "/p?q=1"]);
 * ```
 */
export class RequestTarget {
  /** Which form the target has. */
  readonly form: TargetForm;
  /** Lower-case scheme of an absolute-form target, otherwise `null`. */
  readonly scheme: "http" | "https" | null;
  /** Authority of an absolute- or authority-form target as sent, otherwise `null`. */
  readonly authority: string | null;
  /** Path as sent; `/` for an absolute-form target without one; empty where the form has none. */
  readonly path: string;
  /** Query without its `?`; `null` without one, empty if nothing follows the `?`. */
  readonly query: string | null;
  readonly #text: string;

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
   * Parses a target whose octets are known to be allowed in one.
   *
   * @param text The target as it stands in the request line.
   * @param method The method, which decides about the authority and asterisk forms.
   * @throws {TypeError} If it has none of the four forms, or one that the
   * method does not allow.
   */
  static parse(text: string, method = "GET"): RequestTarget {
    const target = RequestTarget.maybeParse(text, method);
    if (target !== null) return target;
    throw new TypeError(
      `Cannot parse request target ${
        JSON.stringify(text)
      }: none of the four forms for method ${JSON.stringify(method)}`,
    );
  }

  /** As {@linkcode RequestTarget.parse}, but `null` where that throws. */
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

  /** Path and query together, as an origin-form target has them. */
  get pathAndQuery(): string {
    return this.query === null ? this.path : `${this.path}?${this.query}`;
  }

  /** The target as it was sent. */
  toString(): string {
    return this.#text;
  }
}

/** An authority-form target needs a host and a port of its own (RFC 9112 §3.2.3). */
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
