/*
 * Literal segments where a path may go on, found by the characters that tell
 * them apart. Whole paths are text_table.ts; what a segment is worth is
 * match.ts.
 *
 * How the choice works. Of several texts, the place is taken at which they
 * differ most, among those that all of them have; the end of a text counts as
 * the slash that follows it in a longer path. Texts that are alike there are
 * told apart by another place, and so on until one is left. It alone is
 * compared as text. So a search reads one to three characters, and the segment
 * needs not be cut out of the path, nor its end be known.
 */

const SLASH = 0x2f; // /

/** Stands where no text goes on. */
const NONE = -1;

/** What an edge leads to. */
export interface EdgeEnd {
  /** The segment, visible ASCII without slashes. */
  readonly text: string;
}

/**
 * Finds the literal segment with which a path goes on.
 *
 * perf: replaces a table keyed by a hash of the segment. bench/router_bench.ts,
 * 300 routes of an API: 0.73 times for hits on text not seen before, 0.87 times
 * on constants, 0.62 and 0.68 times for misses. Comparing character by
 * character in place of `slice` and `===` makes a hit 1.15 times as long
 * (Deno 2.9.6).
 *
 * @typeParam N What an edge leads to.
 */
export class LiteralEdges<N extends EdgeEnd> {
  /**
   * Choices, one after the other: a place; the least character there, how many
   * follow it; for each of them the next choice, {@linkcode NONE}, or the
   * complement of an index of `#ends`.
   */
  readonly #cells: Int32Array;
  /** What the edges lead to; nothing at the complement of {@linkcode NONE}. */
  readonly #ends: readonly (N | undefined)[];

  /**
   * Builds the choices.
   *
   * @param ends What the edges lead to, at least one, no two texts alike.
   */
  constructor(ends: readonly N[]) {
    const cells: number[] = [];
    const known: (N | undefined)[] = [undefined];
    addChoice(ends, cells, known);
    this.#cells = Int32Array.from(cells);
    this.#ends = known;
  }

  /**
   * Finds the edge whose text is the segment that starts at an offset.
   *
   * @param path Any text.
   * @param start Where the segment starts, at most `path.length`.
   * @returns What the edge leads to, or `undefined`.
   */
  find(path: string, start: number): N | undefined {
    const cells = this.#cells;
    const length = path.length;
    let cell = 0;
    do {
      const at = start + cells[cell]!; // choices are whole, here and below
      const code = at < length ? path.charCodeAt(at) : SLASH;
      const offset = code - cells[cell + 1]!;
      if (offset < 0 || offset >= cells[cell + 2]!) return undefined;
      cell = cells[cell + 3 + offset]!;
    } while (cell >= 0);
    const found = this.#ends[~cell];
    if (found === undefined) return undefined;
    const { text } = found;
    const end = start + text.length;
    if (end < length ? path.charCodeAt(end) !== SLASH : end > length) {
      return undefined;
    }
    return path.slice(start, end) === text ? found : undefined;
  }
}

/** Adds the choice among `ends` and those below it; gives where it starts. */
function addChoice<N extends EdgeEnd>(
  ends: readonly N[],
  cells: number[],
  known: (N | undefined)[],
): number {
  const place = choosePlace(ends);
  const groups = Map.groupBy(ends, ({ text }) => codeAt(text, place));
  const least = Math.min(...groups.keys());
  const count = Math.max(...groups.keys()) - least + 1;
  const start = cells.length;
  cells.push(place, least, count, ...new Array<number>(count).fill(NONE));
  for (const [code, group] of groups) {
    cells[start + 3 + code - least] = group.length === 1
      ? ~(known.push(group[0]) - 1)
      : addChoice(group, cells, known);
  }
  return start;
}

/** The place at which texts differ most; no text ends before it. */
function choosePlace(ends: readonly EdgeEnd[]): number {
  const shortest = Math.min(...ends.map(({ text }) => text.length));
  let best = 0;
  let mostKinds = 0;
  for (let place = 0; place <= shortest; place++) {
    const kinds = new Set(ends.map(({ text }) => codeAt(text, place))).size;
    if (kinds > mostKinds) [best, mostKinds] = [place, kinds];
  }
  return best;
}

/** The character of a text, or the slash behind it. */
function codeAt(text: string, place: number): number {
  return place < text.length ? text.charCodeAt(place) : SLASH;
}
