/** Resolves when everybody else of the program has had a turn of the runtime's loop. */
export function runtimeTurn(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 0));
}
