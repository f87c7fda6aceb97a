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

import { type Pattern, type Segment, SegmentKind } from "./pattern.ts";

const SLASH = 0x2f; // /
/** Start value and factor of 32-bit FNV-1a. */
const HASH_SEED = 0x811c9dc5 | 0;
const HASH_FACTOR = 0x01000193;

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
  readonly #root: PatternNode<T>;
  /** Where the segments that were read so far start, and the one after them. */
  readonly #starts: Int32Array;
  /** The hashes of the segments that were read so far. */
  readonly #hashes: Int32Array;
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
    this.#root = root;
    this.#hashes = new Int32Array(depth);
    this.#starts = new Int32Array(depth + 1);
    this.#starts[0] = 1;
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
      const found = this.#pickOther(path, node, index, NO_KIND);
      if (found !== undefined) return found.value;
      node = node.parent;
      index -= 1;
    }
    return undefined;
  }

  /** Finds the best end at or below `node` whose last kind is above `floor`. */
  #pick(
    path: string,
    node: PatternNode<T>,
    index: number,
    floor: number,
  ): PatternNode<T> | undefined {
    if (node.reach <= floor) return undefined;
    const isEnd = node.value !== undefined && this.#isPathEnd(path, index);
    if (isEnd && node.kind > floor) return node;
    const child = this.#literalChild(path, node, index);
    const best = child && this.#pick(path, child, index + 1, floor);
    return this.#pickOther(path, node, index, best?.kind ?? floor) ?? best;
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

  #literalChild(
    path: string,
    node: PatternNode<T>,
    index: number,
  ): PatternNode<T> | undefined {
    const literals = node.literals;
    if (literals === undefined || !this.#read(path, index)) return undefined;
    const start = this.#starts[index] ?? 0;
    const end = (this.#starts[index + 1] ?? 0) - 1;
    return literals.find(this.#hashes[index] ?? 0, path, start, end);
  }

  /** Whether there is a segment `index` that is not empty. */
  #hasText(path: string, index: number): boolean {
    return this.#read(path, index) &&
      (this.#starts[index + 1] ?? 0) > (this.#starts[index] ?? 0) + 1;
  }

  #isPathEnd(path: string, index: number): boolean {
    return (this.#starts[index] ?? 0) > path.length;
  }

  /**
   * Notes end and hash of segment `index`, if that was not done: nodes at the
   * same depth share the work, and what no node asks for is not looked at. All
   * segments before `index` have been read.
   */
  #read(path: string, index: number): boolean {
    if (index < this.#readCount) return true;
    let at = this.#starts[index] ?? 0;
    if (at > path.length) return false;
    let hash = HASH_SEED;
    for (; at < path.length; at++) {
      const unit = path.charCodeAt(at);
      if (unit === SLASH) break;
      hash = Math.imul(hash ^ unit, HASH_FACTOR);
    }
    this.#hashes[index] = hash;
    this.#starts[index + 1] = at + 1;
    this.#readCount = index + 1;
    return true;
  }
}

/** The end of one edge: what one more segment of a pattern leads to. */
class PatternNode<T> {
  readonly parent: PatternNode<T> | undefined;
  readonly kind: SegmentKind;
  readonly text: string;
  readonly hash: number;
  /** The greatest last kind of all patterns that pass or end here. */
  reach: number = NO_KIND;
  /** What is registered for the pattern that ends here. */
  value: T | undefined = undefined;
  literals: LiteralEdges<T> | undefined = undefined;
  param: PatternNode<T> | undefined = undefined;
  wildcard: PatternNode<T> | undefined = undefined;
  rest: PatternNode<T> | undefined = undefined;

  constructor({ kind, text }: Segment, parent?: PatternNode<T>) {
    this.parent = parent;
    this.kind = kind;
    this.text = text;
    this.hash = hashText(text);
  }

  /** Gives the end of the edge for `segment`, which it makes if need be. */
  childFor(segment: Segment): PatternNode<T> {
    switch (segment.kind) {
      case SegmentKind.literal:
        return (this.literals ??= new LiteralEdges()).childFor(segment, this);
      case SegmentKind.param:
        return this.param ??= new PatternNode(segment, this);
      case SegmentKind.wildcard:
        return this.wildcard ??= new PatternNode(segment, this);
      case SegmentKind.rest:
        return this.rest ??= new PatternNode(segment, this);
    }
  }
}

/**
 * The literal edges of a node, found by hash and confirmed by their text.
 *
 * Open addressing, at most half full: what a peer sends decides where a search
 * starts, what was registered decides how soon it ends.
 *
 * perf: replaces a `Map` that is asked for cut-out text. bench/router_bench.ts,
 * paths of patterns among 300 routes: 0.55 to 0.6 times (Deno 2.9.6).
 */
class LiteralEdges<T> {
  #slots: (PatternNode<T> | undefined)[] = [undefined, undefined];
  #count = 0;

  find(
    hash: number,
    path: string,
    start: number,
    end: number,
  ): PatternNode<T> | undefined {
    const slots = this.#slots;
    const mask = slots.length - 1;
    let slot = hash & mask;
    let child = slots[slot];
    while (child !== undefined) {
      if (
        child.hash === hash && child.text.length === end - start &&
        path.startsWith(child.text, start)
      ) return child;
      slot = (slot + 1) & mask;
      child = slots[slot];
    }
    return undefined;
  }

  childFor(segment: Segment, parent: PatternNode<T>): PatternNode<T> {
    const { text } = segment;
    const known = this.find(hashText(text), text, 0, text.length);
    if (known !== undefined) return known;
    const added = new PatternNode<T>(segment, parent);
    this.#count += 1;
    if (2 * this.#count > this.#slots.length) {
      const old = this.#slots;
      this.#slots = new Array(2 * old.length).fill(undefined);
      for (const child of old) if (child !== undefined) this.#place(child);
    }
    this.#place(added);
    return added;
  }

  #place(child: PatternNode<T>): void {
    const mask = this.#slots.length - 1;
    let slot = child.hash & mask;
    while (this.#slots[slot] !== undefined) slot = (slot + 1) & mask;
    this.#slots[slot] = child;
  }
}

function hashText(text: string): number {
  let hash = HASH_SEED;
  for (let at = 0; at < text.length; at++) {
    hash = Math.imul(hash ^ text.charCodeAt(at), HASH_FACTOR);
  }
  return hash;
}
