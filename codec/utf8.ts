/** Decodes bytes as UTF-8. */

/**
 * Longest run that the runtime's decoder of Node buffers gets, in bytes. From
 * about this length on, `TextDecoder` is as fast.
 */
const MAX_SHORT_BYTES = 256;

/** The first byte of a byte order mark, which only `TextDecoder` drops. */
const MARK_START = 0xef;

/** The runtime's decoder of Node buffers. It accepts any `Uint8Array` as `this`. */
type Utf8Slice = (this: Uint8Array, start: number, end: number) => string;

/** How many runs are decoded before that decoder is loaded, for the reason that `ascii.ts` gives. */
const RUNS_BEFORE_LOAD = 1000;

const decoder = new TextDecoder();

let runs = 0;
let utf8Slice: Utf8Slice = decodeView;

/**
 * Decodes bytes as UTF-8, as a `TextDecoder` does: malformed sequences become
 * U+FFFD, and a byte order mark at the start is dropped.
 *
 * perf: for 26 bytes of ASCII, 0.6 times the time of `TextDecoder`
 * (bench/fetch_bench.ts, Deno 2.9).
 */
export function decodeUtf8(
  bytes: Uint8Array,
  start: number,
  end: number,
): string {
  return end - start <= MAX_SHORT_BYTES && bytes[start] !== MARK_START
    ? utf8Slice.call(bytes, start, end)
    : decoder.decode(bytes.subarray(start, end));
}

/** Decodes without the runtime's decoder, and loads it when it is worth its cost. */
function decodeView(this: Uint8Array, start: number, end: number): string {
  if (++runs === RUNS_BEFORE_LOAD) loadDecoder();
  return decoder.decode(this.subarray(start, end));
}

/** Replaces {@linkcode decodeView}, if the runtime has a faster decoder. */
function loadDecoder(): void {
  const { Buffer } = globalThis as {
    Buffer?: { prototype: { utf8Slice?: Utf8Slice } };
  };
  utf8Slice = Buffer?.prototype.utf8Slice ?? decodeView;
}
