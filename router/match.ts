/*
 * Precedence and matching over segments, for the patterns of one method that
 * are not all literal (those are found by their whole text before this file is
 * asked). Spelling is pattern.ts, captured text is params.ts.
 *
 * How the search works. Patterns form a tree with one edge a segment. Among
 * the patterns that match a path, the one with the most leading literals wins,
 * so `find` follows literal edges as deep as they go and asks, on the way
 * back, each node for the patterns whose first non-literal segment is there:
 * the first answer is the best. Below such an edge leading literals no longer
 * count: the kind of the last segment decides, then the first segment that
 * differs. Walking the edges by rank (literal, param, `*`, `**`) meets
 * candidates in the order of the second rule, so a later one replaces an
 * earlier one only if its last kind is greater, and a subtree without a greater
 * last kind (`reach`) is not entered. No node is entered twice for a path: the
 * work is bounded by the octets of the path plus the nodes of the tree,
 * whatever the path.
 */

import { LiteralEdges } from "./literal_edges.ts";
import { type Pattern, type Segment, SegmentKind } from "./pattern.ts";

// Segments that were noted stand in `starts`: `!` there says nothing else.

const SLASH = 0x2f; // /

/** Below every {@linkcode SegmentKind}: any candidate is better than none. */
const NO_KIND = -1;

/**
 * Finds the best of many patterns for a path, without visiting them all.
 *
 * Immutable as seen from outside: {@linkcode PatternTree.find} notes the
 * segments of the path at hand in memory of the tree and keeps no text.
 *
 * @typeParam T What stands for a pattern; an object, so that none is a miss.
 */
export class PatternTree<T extends object> {
  /**
   * Where the segments of the latest path start, and the one after them: as
   * many as {@linkcode PatternTree.find} had to read, those of the winner's
   * params and the ones after these included.
   */
  readonly starts: Int32Array;
  readonly #root: PatternNode<T>;
  /** How many segments of the path at hand were read. */
  #readCount = 0;

  /**
   * Grows the tree.
   *
   * @param patterns Patterns with at least one segment that is not literal,
   * each with what {@linkcode PatternTree.find} gives for it. Of two with the
   * same shape, param names apart, the later replaces the earlier.
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
   * @param path The raw path; one that does not start with `/` has no match.
   * @returns What was registered with the winner, or `undefined`.
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

  /** Finds the best end at or below `from` whose last kind is above `floor`. */
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

  /** Does the same for the edges of `node` that are not literal. */
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

  /** Follows a literal edge, and notes where the segment ends. */
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
   * Whether there is a segment `index` that is not empty. All segments before
   * it have been read. Where it ends is noted, so that nodes at the same depth
   * share the work; what no node asks for is not looked at.
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

/** The end of one edge: what one more segment of a pattern leads to. */
class PatternNode<T> {
  readonly parent: PatternNode<T> | undefined;
  readonly kind: SegmentKind;
  /** The segment that leads here. */
  readonly text: string;
  /** The greatest last kind of all patterns that pass or end here. */
  reach: number = NO_KIND;
  /** What is registered for the pattern that ends here. */
  value: T | undefined = undefined;
  /** The literal edges, once the node is finished. */
  literals: LiteralEdges<PatternNode<T>> | undefined = undefined;
  param: PatternNode<T> | undefined = undefined;
  wildcard: PatternNode<T> | undefined = undefined;
  rest: PatternNode<T> | undefined = undefined;
  /** Whether there are edges that are not literal. */
  isFork = false;
  /** `param`, if that is the only edge of those. */
  loneParam: PatternNode<T> | undefined = undefined;
  /** The ends of the literal edges by their text, until the node is finished. */
  #growing: Map<string, PatternNode<T>> | undefined = undefined;

  constructor({ kind, text }: Segment, parent?: PatternNode<T>) {
    this.parent = parent;
    this.kind = kind;
    this.text = text;
  }

  /** Gives the end of the edge for `segment`, which it makes if need be. */
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

  /** Makes what a search needs, here and below, when all patterns are there. */
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
