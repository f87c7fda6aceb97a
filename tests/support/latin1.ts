/**
 * Bytes as strings of one character each (Latin-1), so that wire text can be a
 * literal in a test. Written independently of the codec's own functions, which
 * are under test.
 */

/** Decodes bytes to a string, one character for each byte. */
export function decodeLatin1(bytes: Uint8Array): string {
  let text = "";
  for (const byte of bytes) text += String.fromCharCode(byte);
  return text;
}

/** Encodes a string to bytes, one byte for each character. */
export function encodeLatin1(text: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(text, (char) => char.charCodeAt(0));
}
