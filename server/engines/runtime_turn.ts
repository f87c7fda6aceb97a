/** Resolves after one turn of the runtime's event loop, in which timers and I/O callbacks run. */
export function runtimeTurn(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 0));
}
