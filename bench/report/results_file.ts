/** The files in `results/`, from which the page is made. */

/** Reads a file that a program of this folder has written; `null` if it does not exist. */
export async function maybeReadResults<T>(
  file: URL | string,
): Promise<T | null> {
  try {
    return JSON.parse(await Deno.readTextFile(file)) as T; // its writer uses the same type
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return null;
    throw error;
  }
}

/** Writes a file that {@linkcode maybeReadResults} reads. */
export async function writeResults<T>(
  file: URL | string,
  results: T,
): Promise<void> {
  await Deno.writeTextFile(file, `${JSON.stringify(results, null, 2)}\n`);
}

/**
 * Adds cases to earlier ones; a case that was measured again replaces the earlier
 * one.
 *
 * @param keyOf Returns what tells the cases apart.
 */
export function withCases<T>(
  earlier: readonly T[],
  measured: readonly T[],
  keyOf: (item: T) => string,
): T[] {
  const replaced = new Set(measured.map(keyOf));
  return [...earlier.filter((item) => !replaced.has(keyOf(item))), ...measured];
}
