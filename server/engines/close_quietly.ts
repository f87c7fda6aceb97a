/**
 * Closes something that may be closed already; a `close` of somebody's own may
 * throw, or give a promise that rejects.
 */
export function closeQuietly(thing: { close(): unknown }): void {
  try {
    Promise.resolve(thing.close()).catch(() => {});
  } catch {
    // It was closed from elsewhere, which is what is wanted.
  }
}
