/**
 * Cookies in both directions: the value of `Cookie` as a map, and a checked line
 * of `Set-Cookie` (RFC 6265 §4.1, §5.4). Cookie values are not percent-encoded
 * by the protocol; a program that stores other characters encodes them itself.
 */

import { formatHttpDate } from "./http_date.ts";

/** The attributes of a cookie (RFC 6265 §4.1.2). */
export interface CookieOptions {
  /** The host that gets the cookie, including its subdomains. @default {the host of the request alone} */
  readonly domain?: string | undefined;
  /** The path prefix for which the cookie is sent. @default {the directory of the request's path} */
  readonly path?: string | undefined;
  /**
   * How long the cookie lasts, in seconds; 0 or less deletes it. It takes
   * precedence over `expires`. @default {until the browser is closed}
   */
  readonly maxAge?: number | undefined;
  /** When the cookie expires. @default {when the browser is closed} */
  readonly expires?: Date | undefined;
  /** Whether it is hidden from scripts in the page. @default {false} */
  readonly httpOnly?: boolean | undefined;
  /** Whether it is sent only over TLS. @default {false} */
  readonly secure?: boolean | undefined;
  /** Which requests from other sites send it; `none` requires `secure`. @default {decided by the browser} */
  readonly sameSite?: "strict" | "lax" | "none" | undefined;
  /** Whether each site that embeds this one has its own separate cookie; requires `secure`. @default {false} */
  readonly partitioned?: boolean | undefined;
}

/** A token (RFC 9110 §5.6.2), which a cookie's name has to be. */
const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;

/** Visible ASCII without `"`, `,`, `;` and `\` (RFC 6265 §4.1.1). */
const VALUE = /^[!#-+\--:<-[\]-~]*$/;

/** A path: a `/` and any characters except controls and `;`. Browsers ignore a path without the `/`. */
const PATH = /^\/[ -:<-~]*$/;

const DOMAIN = /^\.?[0-9A-Za-z](?:[0-9A-Za-z.-]*[0-9A-Za-z])?$/;

/** The longest name and value together, in bytes; browsers ignore longer cookies (RFC 6265 §6.1). */
const MAX_COOKIE_BYTES = 4096;

/** The spelling of `SameSite` values. */
const SAME_SITE = { strict: "Strict", lax: "Lax", none: "None" } as const;

/** Attributes that have no value. */
const FLAGS = [
  ["httpOnly", "HttpOnly"],
  ["secure", "Secure"],
  ["partitioned", "Partitioned"],
] as const;

/**
 * Parses the value of a `Cookie` field (RFC 6265 §4.2.1).
 *
 * If several cookies have the same name, the first is used: browsers send the
 * one with the most specific path first. Double quotes around a value are
 * removed. Parts without `=` are ignored, since they have no name. Nothing is
 * percent-decoded.
 *
 * @param value The field's value; several lines joined with `; `.
 * @returns The values by name, in the order of the field.
 *
 * @example Read two cookies
 * ```ts
 * import { parseCookies } from "@khttp/khttp/codec";
 * import { assertEquals } from "@std/assert";
 *
 * const cookies = parseCookies('sid=31d4; theme="dark"');
 * assertEquals([...cookies], [["sid", "31d4"], ["theme", "dark"]]);
 * ```
 */
export function parseCookies(value: string): Map<string, string> {
  const cookies = new Map<string, string>();
  for (const part of value.split(";")) {
    const mark = part.indexOf("=");
    const name = part.slice(0, Math.max(mark, 0)).trim();
    if (name === "" || cookies.has(name)) continue;
    const raw = part.slice(mark + 1).trim();
    const isQuoted = raw.length >= 2 && raw.startsWith('"') &&
      raw.endsWith('"');
    cookies.set(name, isQuoted ? raw.slice(1, -1) : raw);
  }
  return cookies;
}

/**
 * Encodes the value of a `Set-Cookie` field (RFC 6265 §4.1.1).
 *
 * @param name A token; `__Host-` and `__Secure-` at its start require the
 * attributes that browsers require for them.
 * @param value Visible ASCII without `"`, `,`, `;` and `\`; may be empty.
 * @param options The attributes. @default {none}
 * @throws {TypeError} If name, value or an attribute contains a character that
 * it must not contain, or a browser would ignore the cookie.
 * @throws {RangeError} If `maxAge` is not an integer, `expires` is not a date
 * in the years 1601 to 9999, or name and value exceed 4096 bytes.
 *
 * @example A session cookie
 * ```ts
 * import { encodeSetCookie } from "@khttp/khttp/codec";
 * import { assertEquals } from "@std/assert";
 *
 * const line = encodeSetCookie("sid", "31d4", { path: "/", httpOnly: true });
 * assertEquals(line, "sid=31d4; Path=/; HttpOnly");
 * ```
 */
export function encodeSetCookie(
  name: string,
  value: string,
  options: CookieOptions = {},
): string {
  checkPair(name, value);
  checkAttributes(name, options);
  const { domain, path, maxAge, expires, sameSite } = options;
  let line = `${name}=${value}`;
  if (domain !== undefined) line += `; Domain=${domain}`;
  if (path !== undefined) line += `; Path=${path}`;
  if (maxAge !== undefined) line += `; Max-Age=${maxAge}`;
  if (expires !== undefined) {
    line += `; Expires=${formatHttpDate(expires.getTime() / 1000)}`;
  }
  for (const [option, attribute] of FLAGS) {
    if (options[option] === true) line += `; ${attribute}`;
  }
  if (sameSite !== undefined) line += `; SameSite=${SAME_SITE[sameSite]}`;
  return line;
}

function checkPair(name: string, value: string): void {
  if (!TOKEN.test(name)) {
    throw new TypeError(
      `Cannot set cookie ${JSON.stringify(name)}: the name is not a token`,
    );
  }
  if (!VALUE.test(value)) {
    throw refused(
      name,
      'the value has a character other than visible ASCII, or one of " , ; \\ and space; encode it, such as with encodeURIComponent()',
    );
  }
  if (name.length + value.length <= MAX_COOKIE_BYTES) return;
  throw new RangeError(
    `Cannot set cookie ${
      JSON.stringify(name.slice(0, 64))
    }: name and value are longer than ${MAX_COOKIE_BYTES} bytes, which browsers ignore`,
  );
}

function checkAttributes(name: string, options: CookieOptions): void {
  const { domain, path, maxAge, expires, sameSite, secure } = options;
  if (domain !== undefined && !DOMAIN.test(domain)) {
    throw refused(name, "the domain is not a host name");
  }
  if (path !== undefined && !PATH.test(path)) {
    throw refused(
      name,
      'the path does not start with "/", or has a ";" or a character outside ASCII',
    );
  }
  if (maxAge !== undefined && !Number.isSafeInteger(maxAge)) {
    throw new RangeError(
      `Cannot set cookie ${
        JSON.stringify(name)
      }: maxAge ${maxAge} is not an integer of seconds`,
    );
  }
  if (expires !== undefined && !isCookieDate(expires)) {
    throw new RangeError(
      `Cannot set cookie ${
        JSON.stringify(name)
      }: expires is no date of the years 1601 to 9999`,
    );
  }
  if (sameSite !== undefined && !Object.hasOwn(SAME_SITE, sameSite)) {
    throw refused(
      name,
      `sameSite ${
        JSON.stringify(sameSite)
      } is none of "strict", "lax" and "none"`,
    );
  }
  checkSecure(name, options);
  if (!name.startsWith("__Host-")) return;
  if (secure === true && path === "/" && domain === undefined) return;
  throw refused(
    name,
    'browsers ignore a "__Host-" cookie without secure and path "/", or with a domain',
  );
}

/** Checks attributes that browsers accept only over TLS. */
function checkSecure(
  name: string,
  { secure, sameSite, partitioned }: CookieOptions,
): void {
  if (secure === true) return;
  const reason = sameSite === "none"
    ? 'sameSite "none"'
    : partitioned === true
    ? "partitioned"
    : /^__(?:Secure|Host)-/.test(name)
    ? "this name"
    : undefined;
  if (reason === undefined) return;
  throw refused(name, `browsers ignore a cookie with ${reason} without secure`);
}

/** The years that RFC 6265 §5.1.1 and a four-digit year allow. */
function isCookieDate(date: Date): boolean {
  const year = date.getUTCFullYear(); // NaN for an invalid date
  return year >= 1601 && year <= 9999;
}

function refused(name: string, why: string): TypeError {
  return new TypeError(`Cannot set cookie ${JSON.stringify(name)}: ${why}`);
}
