/**
 * The status codes that a close frame may contain (RFC 6455 §7.4, and the
 * registry that it creates).
 */

/** The peer's close frame had no code; never sent (RFC 6455 §7.4.1). */
export const NO_STATUS = 1005;

/** The connection ended without a close frame; never sent (RFC 6455 §7.4.1). */
export const ABNORMAL_CLOSURE = 1006;

/** Whether a close frame may carry the code: assigned by the protocol or the registry, or in the ranges 3000 to 4999 of libraries and programs. */
export function isCloseCode(code: number): boolean {
  if (code >= 3000) return code <= 4999;
  if (code < 1000 || code > 1014) return false;
  return code < 1004 || code > 1006; // 1004 is reserved, 1005 and 1006 stand for missing codes
}
