/** The `Content-Disposition` field for downloads (RFC 6266, RFC 8187). */

/** Characters that a quoted string cannot have, or that clients take for something else. */
const NOT_PLAIN = /[^ !#-$&-.0-\[\]-~]/gu;

/**
 * Encodes `attachment` with a file name. Clients that do not know `filename*`
 * use the plain name, in which other characters than ASCII are `_`.
 *
 * @param name The name as it is shown; slashes in it are replaced.
 */
export function attachment(name: string): string {
  const plain = name.replace(NOT_PLAIN, "_");
  if (plain === name) return `attachment; filename="${plain}"`;
  // encodeURIComponent leaves `'()*`, which RFC 8187 does not allow, and throws
  // for half a surrogate pair.
  const encoded = encodeURIComponent(name.toWellFormed()).replace(
    /['()*]/g,
    (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`,
  );
  return `attachment; filename="${plain}"; filename*=UTF-8''${encoded}`;
}
