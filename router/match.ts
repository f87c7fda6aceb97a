/*
 * Precedence and matching, segment by segment, for the patterns of one method
 * that are not all literal; router.ts looks up all-literal patterns first.
 * Pattern syntax is in pattern.ts, captured values are in params.ts.
 *
 * How the search works. The patterns form a tree with one edge for each
 * segment. Among the patterns that match a path, the one with the most leading
 * literals wins. So `find` first follows literal edges as deep as possible.
 * Then it goes back up, and looks in each node for patterns whose first
 * non-literal segment is there; the first one found is the best. Below such a
 * segment, leading literals no longer count: the kind of the last segment
 * decides, then the first segment that differs. The search walks edges by rank
 * (literal, param, `*`, `**`), so it meets candidates in the order of the
 * second rule. A later candidate replaces an earlier one only if its last kind
 * ranks higher, and the search skips subtrees that have no higher last kind
 * (`reach`). It enters no node twice for one path. The work is bounded by the
 * length of the path plus the number of nodes, whatever the path.
 */

import { LiteralEdges } from "./literal_edges.ts";
import { type Pattern, type Segment, SegmentKind } from "./pattern.ts";

// `!` after an index of `starts` is safe: the search notes a segment before it reads it.

const SLASH = 0x2f; // /

/** Lower than every {@linkcode SegmentKind}, so that any candidate is better than none. */
const NO_KIND = -1;

/**
 * Finds the best pattern for a path without trying all of them.
 *
 * The patterns never change. {@linkcode PatternTree.find} overwrites
 * {@linkcode PatternTree.starts} with the offsets of the current path and keeps
 * no string.
 *
 * @typeParam T What is found for a pattern; an object, so that `undefined`
 * always means a miss.
 */
export class PatternTree<T extends object> {
  /**
   * Where the segments of the latest path start, as far as
   * {@linkcode PatternTree.find} had to read them. That includes each param of
   * the winner and the segment after it.
   */
  readonly starts: Int32Array;
  readonly #root: PatternNode<T>;
  /** How many segments of the current path were read. */
  #readCount = 0;

  /**
   * Builds the tree.
   *
   * @param patterns Patterns with at least one segment that is not literal,
   * each with what {@linkcode PatternTree.find} returns for it. Of two patterns
   * that differ only in param names, the later replaces the earlier.
   */
  constructor(patterns: Iterable<readonly [Pattern, T]>) {
    const root = new PatternNode<T>({ kind: SegmentKind.literal, text: "" });
    let depth = 0;
    for (const [{ segments }, value] of patterns) {
      const lastKind = segments.at(-1)?.kind ?? NO_KIND;
      let node = root;
      node.reach = Math.max(node.reach, lastKind);
      for (const segment of segments) {
        node = node.childFor(segment);
        node.reach = Math.max(node.reach, lastKind);
      }
      node.value = value;
      depth = Math.max(depth, segments.length);
    }
    root.finish();
    this.#root = root;
    this.starts = new Int32Array(depth + 1);
    this.starts[0] = 1;
  }

  /**
   * Finds the pattern that wins for a path.
   *
   * @param path The raw path. A path that does not start with `/` has no match.
   * @returns What belongs to the winner, or `undefined`.
   */
  find(path: string): T | undefined {
    let node: PatternNode<T> | undefined = this.#root;
    if (node.reach === NO_KIND || path.charCodeAt(0) !== SLASH) {
      return undefined;
    }
    this.#readCount = 0;
    let index = 0;
    let child = this.#literalChild(path, node, index);
    while (child !== undefined) {
      node = child;
      index += 1;
      child = this.#literalChild(path, node, index);
    }
    while (node !== undefined) {
      if (node.isFork) {
        const found = this.#pickOther(path, node, index, NO_KIND);
        if (found !== undefined) return found.value;
      }
      node = node.parent;
      index -= 1;
    }
    return undefined;
  }

  /** Finds the best pattern that ends at or below `from` and has a last kind above `floor`. */
  #pick(
    path: string,
    from: PatternNode<T>,
    fromIndex: number,
    floor: number,
  ): PatternNode<T> | undefined {
    let node = from;
    for (let index = fromIndex;; index++) {
      if (node.reach <= floor) return undefined;
      if (this.starts[index]! > path.length) {
        const { rest } = node;
        if (node.value !== undefined && node.kind > floor) return node;
        return rest !== undefined && rest.kind > floor ? rest : undefined;
      }
      const child = this.#literalChild(path, node, index);
      if (child !== undefined && node.isFork) {
        const best = this.#pick(path, child, index + 1, floor);
        return this.#pickOther(path, node, index, best?.kind ?? floor) ?? best;
      }
      const { loneParam } = node;
      if (child !== undefined) node = child;
      else if (loneParam === undefined) {
        return this.#pickOther(path, node, index, floor);
      } else if (this.#hasText(path, index)) node = loneParam;
      else return undefined;
    }
  }

  /** Does the same below the edges of `node` that are not literal. */
  #pickOther(
    path: string,
    node: PatternNode<T>,
    index: number,
    floor: number,
  ): PatternNode<T> | undefined {
    const { param, wildcard, rest } = node;
    let best: PatternNode<T> | undefined;
    let bestKind = floor;
    if (
      (param !== undefined || wildcard !== undefined) &&
      this.#hasText(path, index)
    ) {
      if (param !== undefined) {
        best = this.#pick(path, param, index + 1, bestKind);
        bestKind = best?.kind ?? bestKind;
      }
      if (wildcard !== undefined) {
        best = this.#pick(path, wildcard, index + 1, bestKind) ?? best;
        bestKind = best?.kind ?? bestKind;
      }
    }
    return rest !== undefined && rest.kind > bestKind ? rest : best;
  }

  /** Follows a literal edge, and notes where the next segment starts. */
  #literalChild(
    path: string,
    node: PatternNode<T>,
    index: number,
  ): PatternNode<T> | undefined {
    const { literals } = node;
    if (literals === undefined) return undefined;
    const start = this.starts[index]!;
    if (start > path.length) return undefined;
    const child = literals.find(path, start);
    if (child !== undefined && index === this.#readCount) {
      this.starts[index + 1] = start + child.text.length + 1;
      this.#readCount = index + 1;
    }
    return child;
  }

  /**
   * Says whether segment `index` exists and is not empty. All segments before
   * it have been read. The start of the next segment is noted, so that nodes at
   * the same depth find it; segments that no node asks for are not read.
   */
  #hasText(path: string, index: number): boolean {
    const start = this.starts[index]!;
    if (index === this.#readCount) {
      if (start >= path.length) return false;
      const slash = path.indexOf("/", start);
      this.starts[index + 1] = (slash === -1 ? path.length : slash) + 1;
      this.#readCount = index + 1;
    }
    return this.starts[index + 1]! > start + 1;
  }
}

/** A node of the tree, at the end of the edge for one segment. */
class PatternNode<T> {
  readonly parent: PatternNode<T> | undefined;
  readonly kind: SegmentKind;
  /** The literal or param name of the segment that leads here. */
  readonly text: string;
  /** The highest last kind of all patterns that pass through this node or end here. */
  reach: number = NO_KIND;
  /** What is found for the pattern that ends here, if one does. */
  value: T | undefined = undefined;
  /** The literal edges; set by {@linkcode PatternNode.finish}. */
  literals: LiteralEdges<PatternNode<T>> | undefined = undefined;
  param: PatternNode<T> | undefined = undefined;
  wildcard: PatternNode<T> | undefined = undefined;
  rest: PatternNode<T> | undefined = undefined;
  /** Whether the node has edges that are not literal. */
  isFork = false;
  /** `param`, if it is the only edge that is not literal. */
  loneParam: PatternNode<T> | undefined = undefined;
  /** The literal children by their text, while the tree is being built. */
  #growing: Map<string, PatternNode<T>> | undefined = undefined;

  constructor({ kind, text }: Segment, parent?: PatternNode<T>) {
    this.parent = parent;
    this.kind = kind;
    this.text = text;
  }

  /** Returns the child for `segment`, and adds it if it is missing. */
  childFor(segment: Segment): PatternNode<T> {
    switch (segment.kind) {
      case SegmentKind.literal:
        return this.#literalFor(segment);
      case SegmentKind.param:
        return this.param ??= new PatternNode(segment, this);
      case SegmentKind.wildcard:
        return this.wildcard ??= new PatternNode(segment, this);
      case SegmentKind.rest:
        return this.rest ??= new PatternNode(segment, this);
    }
  }

  /** Prepares this node and those below it for searches, after the last pattern. */
  finish(): void {
    const { param, wildcard, rest } = this;
    this.isFork = (param ?? wildcard ?? rest) !== undefined;
    this.loneParam = (wildcard ?? rest) === undefined ? param : undefined;
    const children = [...this.#growing?.values() ?? []];
    this.#growing = undefined;
    if (children.length > 0) this.literals = new LiteralEdges(children);
    for (const child of children) child.finish();
    param?.finish();
    wildcard?.finish();
  }

  #literalFor(segment: Segment): PatternNode<T> {
    this.#growing ??= new Map();
    let child = this.#growing.get(segment.text);
    if (child === undefined) {
      child = new PatternNode(segment, this);
      this.#growing.set(segment.text, child);
    }
    return child;
  }
}
