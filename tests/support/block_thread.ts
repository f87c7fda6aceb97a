/** Blocks the thread, as other work of a program or of the machine does. */
export function blockThread(durationMs: number): void {
  const endMs = performance.now() + durationMs;
  while (performance.now() < endMs);
}
