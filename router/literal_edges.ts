/*
 * Finds the literal segment with which a path continues, among the literal
 * children of one node of the pattern tree (match.ts). literal_paths.ts handles
 * whole literal paths.
 *
 * How it works. A decision tree compares single characters. Each of its nodes
 * looks at the position where the remaining segments differ most; the end of a
 * segment counts as the slash that follows it in a longer path. When one
 * segment remains, it is compared as a string. A search therefore reads one to
 * three characters before that comparison, and the caller needs to know only
 * where the segment starts, not where it ends.
 */

const SLASH = 0x2f; // /

/** Marks a character that continues no segment. */
const NONE = -1;

/** What an edge leads to. */
export interface EdgeTarget {
  /** The literal segment, visible ASCII without slashes. */
  readonly text: string;
}

/**
 * The literal edges of one node.
 *
 * perf: replaces a table keyed by a hash of the segment. bench/router_bench.ts,
 * 300 routes of an API: 0.73 times the time for hits on new strings, 0.87 times
 * for hits on constants, 0.62 and 0.68 times for misses. Comparing character by
 * character instead of `slice` and `===` makes a hit take 1.15 times as long
 * (Deno 2.9.6).
 *
 * @typeParam N What an edge leads to.
 */
export class LiteralEdges<N extends EdgeTarget> {
  /**
   * The decision tree, one node after the other. A node is: the position to
   * look at, the least character there, how many characters follow from it, and
   * one cell for each of these characters. A cell holds the index of the next
   * node, {@linkcode NONE}, or the complement of an index of `#targets`.
   */
  readonly #cells: Int32Array;
  /** What the edges lead to; index 0, the complement of {@linkcode NONE}, is unused. */
  readonly #targets: readonly (N | undefined)[];

  /**
   * Builds the decision tree.
   *
   * @param targets What the edges lead to: at least one, all texts different.
   */
  constructor(targets: readonly N[]) {
    const cells: number[] = [];
    const indexed: (N | undefined)[] = [undefined];
    addNode(targets, cells, indexed);
    this.#cells = Int32Array.from(cells);
    this.#targets = indexed;
  }

  /**
   * Finds the edge whose text is the segment that starts at an offset.
   *
   * @param path Any string.
   * @param start Where the segment starts, at most `path.length`.
   * @returns What the edge leads to, or `undefined`.
   */
  find(path: string, start: number): N | undefined {
    const cells = this.#cells;
    const length = path.length;
    let cell = 0;
    do {
      const at = start + cells[cell]!; // nodes are complete, here and below
      const code = at < length ? path.charCodeAt(at) : SLASH;
      const offset = code - cells[cell + 1]!;
      if (offset < 0 || offset >= cells[cell + 2]!) return undefined;
      cell = cells[cell + 3 + offset]!;
    } while (cell >= 0);
    const found = this.#targets[~cell];
    if (found === undefined) return undefined;
    const { text } = found;
    const end = start + text.length;
    if (end < length ? path.charCodeAt(end) !== SLASH : end > length) {
      return undefined;
    }
    return path.slice(start, end) === text ? found : undefined;
  }
}

/** Adds the node that distinguishes `targets`, and the nodes below it; returns its index. */
function addNode<N extends EdgeTarget>(
  targets: readonly N[],
  cells: number[],
  indexed: (N | undefined)[],
): number {
  const position = choosePosition(targets);
  const groups = Map.groupBy(targets, ({ text }) => codeAt(text, position));
  const least = Math.min(...groups.keys());
  const count = Math.max(...groups.keys()) - least + 1;
  const start = cells.length;
  cells.push(position, least, count, ...new Array<number>(count).fill(NONE));
  for (const [code, group] of groups) {
    cells[start + 3 + code - least] = group.length === 1
      ? ~(indexed.push(group[0]) - 1)
      : addNode(group, cells, indexed);
  }
  return start;
}

/** Finds the position at which the texts differ most; no text ends before it. */
function choosePosition(targets: readonly EdgeTarget[]): number {
  const shortest = Math.min(...targets.map(({ text }) => text.length));
  let best = 0;
  let mostCodes = 0;
  for (let position = 0; position <= shortest; position++) {
    const codes = new Set(targets.map(({ text }) => codeAt(text, position)));
    if (codes.size > mostCodes) [best, mostCodes] = [position, codes.size];
  }
  return best;
}

/** The character at a position, or the slash that follows the text. */
function codeAt(text: string, position: number): number {
  return position < text.length ? text.charCodeAt(position) : SLASH;
}
