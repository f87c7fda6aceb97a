/**
 * Strings with one character for each byte. `Headers` and heads consist of them
 * (RFC 9110 §5.5); the command line and the terminal use UTF-8.
 */

/** Encodes text in UTF-8, one character for each byte. */
export function toByteString(text: string): string {
  const bytes = new TextEncoder().encode(text);
  return Array.from(bytes, (byte) => String.fromCharCode(byte)).join("");
}

/** Decodes UTF-8 from a byte string; returns what is not UTF-8 unchanged, which reads it as Latin-1. */
export function fromByteString(bytes: string): string {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytesOf(bytes));
  } catch {
    return bytes;
  }
}

/** Returns the bytes of a byte string. */
export function bytesOf(bytes: string): Uint8Array {
  return Uint8Array.from(bytes, (char) => char.charCodeAt(0));
}
