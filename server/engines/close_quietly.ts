/**
 * Closes a resource that may be closed already, and ignores the error. A
 * `close` written by the application may throw, or return a promise that rejects.
 */
export function closeQuietly(resource: { close(): unknown }): void {
  try {
    Promise.resolve(resource.close()).catch(() => {});
  } catch {
    // It is already closed, which is all that the caller wants.
  }
}
