/*
 * The lists of methods that router.ts returns for a path. Requests to paths
 * that do not allow their method are frequent (scanners send them), so each
 * list is created only once.
 */

/** How many lists are kept; the usual methods result in at most 256. */
const MAX_LISTS = 256;

/** The list without methods. */
export const NO_METHODS: readonly string[] = Object.freeze([]);

/** Frozen lists of methods, each created when it is first needed. */
export class MethodLists {
  /** For each list, the lists that have one method more. */
  readonly #longer: Map<readonly string[], Map<string, readonly string[]>> =
    new Map();
  #count = 0;

  /**
   * Returns the list with one more method.
   *
   * @param list {@linkcode NO_METHODS}, or a result of this method.
   * @param method The method to add; `list` does not have it.
   * @returns The same frozen list for the same arguments, as long as no more
   * than {@linkcode MAX_LISTS} lists exist; a new one beyond that.
   */
  append(list: readonly string[], method: string): readonly string[] {
    const known = this.#longer.get(list)?.get(method);
    if (known !== undefined) return known;
    const made = Object.freeze([...list, method]);
    if (this.#count < MAX_LISTS) {
      this.#count += 1;
      const longer = this.#longer.get(list) ?? new Map();
      this.#longer.set(list, longer.set(method, made));
    }
    return made;
  }
}
