/**
 * Converts file names to strings and back, also names that are not UTF-8. In such
 * a name, each byte from 0x80 on becomes a lone surrogate, from U+DC80 for 0x80 to
 * U+DCFF for 0xFF. A string that was decoded from UTF-8 has no lone surrogates, so
 * both kinds can be told apart, and each name has exactly one string.
 */

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** Added to each byte from 0x80 on of a name that is not UTF-8. */
const ESCAPE_BASE = 0xdc00;

/** Returns the string for the bytes of a name or path. */
export function nameOfBytes(bytes: Uint8Array): string {
  try {
    return decoder.decode(bytes);
  } catch {
    return Array.from(
      bytes,
      (byte) => String.fromCharCode(byte < 0x80 ? byte : ESCAPE_BASE + byte),
    ).join("");
  }
}

/** Returns the bytes of a name or path; the inverse of {@linkcode nameOfBytes}. */
export function bytesOfName(name: string): Uint8Array<ArrayBuffer> {
  if (name.isWellFormed()) return encoder.encode(name);
  const bytes: number[] = [];
  for (const char of name) {
    const code = char.codePointAt(0)! - ESCAPE_BASE; // a character has a code
    if (code >= 0x80 && code <= 0xff) bytes.push(code);
    else bytes.push(...encoder.encode(char));
  }
  return Uint8Array.from(bytes);
}

/** Percent-encodes a name as one segment of a path. */
export function segmentOfName(name: string): string {
  if (name.isWellFormed()) return encodeURIComponent(name);
  return Array.from(
    bytesOfName(name),
    (byte) =>
      byte < 0x80
        ? encodeURIComponent(String.fromCharCode(byte))
        : `%${byte.toString(16).toUpperCase()}`,
  ).join("");
}

/** Decodes a segment once; `null` if a `%` is not followed by two hex digits. */
export function nameOfSegment(segment: string): string | null {
  try {
    return decodeURIComponent(segment);
  } catch {
    if (/%(?![0-9A-Fa-f]{2})/.test(segment)) return null;
  }
  const bytes = segment.replace(
    /[^%]|%../g,
    (part) =>
      part.length === 1
        ? String.fromCharCode(...encoder.encode(part))
        : String.fromCharCode(Number.parseInt(part.slice(1), 16)),
  );
  return nameOfBytes(Uint8Array.from(bytes, (char) => char.charCodeAt(0)));
}
