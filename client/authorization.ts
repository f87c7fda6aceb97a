/** Values of `Authorization` (RFC 9110 §11.6.2) for the two usual schemes. */

/**
 * Returns the value of `Authorization` for a user and a password (RFC 7617 §2).
 *
 * @param user Without a colon.
 * @throws {TypeError} If the user has a colon, or either has a control character
 * or is not a string.
 *
 * @example Send credentials
 * ```ts
 * import { basic } from "@khttp/khttp";
 * import { assertEquals } from "@std/assert";
 *
 * const headers = { authorization: basic("Aladdin", "open sesame") };
 * assertEquals(headers.authorization, "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==");
 * ```
 */
export function basic(user: string, password: string): string {
  if (typeof user !== "string" || typeof password !== "string") {
    throw new TypeError(
      `Cannot encode credentials: the user is of type ${typeof user}, and the password of type ${typeof password}; both must be strings`,
    );
  }
  // deno-lint-ignore no-control-regex
  if (user.includes(":") || /[\x00-\x1f\x7f]/.test(user + password)) {
    throw new TypeError(
      "Cannot encode credentials: the user has a colon, or a control character is in them",
    );
  }
  // Node.js 24 has no `Uint8Array.prototype.toBase64()`, so `btoa()` gets each byte as a character.
  let bytes = "";
  for (const byte of new TextEncoder().encode(`${user}:${password}`)) {
    bytes += String.fromCharCode(byte);
  }
  return `Basic ${btoa(bytes)}`;
}

/**
 * Returns the value of `Authorization` for a token (RFC 6750 §2.1).
 *
 * @throws {TypeError} If the token has other characters than letters, digits and
 * `-._~+/`, with `=` at the end, or is not a string. The message does not quote it.
 *
 * @example Send a token
 * ```ts
 * import { bearer } from "@khttp/khttp";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(bearer("mF_9.B5f-4.1JqM"), "Bearer mF_9.B5f-4.1JqM");
 * ```
 */
export function bearer(token: string): string {
  if (typeof token !== "string") {
    throw new TypeError(
      `Cannot use token: it is of type ${typeof token}, not a string`,
    );
  }
  if (!/^[A-Za-z0-9\-._~+/]+=*$/.test(token)) {
    throw new TypeError(
      'Cannot use token: it is empty, or has characters other than letters, digits and "-._~+/", such as a line end',
    );
  }
  return `Bearer ${token}`;
}
