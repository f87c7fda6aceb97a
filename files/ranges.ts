/**
 * Byte ranges of a request (RFC 9110 §14.1.2, §14.2) and the framing of a
 * response with several of them (§14.6).
 */

/** A range of bytes; its end is exclusive. */
export interface ByteRange {
  readonly start: number;
  readonly end: number;
}

/** More ranges than this are ignored, as RFC 9110 §14.2 allows. */
const MAX_RANGES = 32;

const RANGES_SPECIFIER = /^bytes=(.*)$/i;
const RANGE = /^[\t ]*(?:(\d+)-(\d*)|-(\d+))[\t ]*$/;

/**
 * Parses a `Range` field. Ranges that overlap or touch become one, so all of
 * them together are never longer than the file.
 *
 * An empty file has no first byte, but a client that asks from there wants all
 * of it. It gets the file as if without a range, which RFC 9110 §14.2 allows.
 *
 * @param size Size of the file in bytes.
 * @returns The ranges in the order of the request; an empty list if none of
 * them has a byte of the file; `null` if the field is to be ignored, because
 * there is none, it is not valid, or it has too many ranges.
 */
export function parseRanges(
  field: string | null,
  size: number,
): readonly ByteRange[] | null {
  const list = RANGES_SPECIFIER.exec(field ?? "")?.[1];
  if (list === undefined) return null;
  const specs = list.split(",", MAX_RANGES + 1);
  if (specs.length > MAX_RANGES) return null;
  const ranges: ByteRange[] = [];
  for (const spec of specs) {
    if (/^[\t ]*$/.test(spec)) continue; // lists may have empty members (§5.6.1)
    const range = parseRange(spec, size);
    if (range === null) return null;
    if (range.start === 0 && size === 0) return null;
    if (range.start < range.end) join(ranges, range);
  }
  return specs.every((spec) => spec.trim() === "") ? null : ranges;
}

/** One range; it has no bytes if it begins after the end of the file. */
function parseRange(spec: string, size: number): ByteRange | null {
  const match = RANGE.exec(spec);
  if (match === null) return null;
  const [, first, last = "", suffix] = match;
  if (first === undefined) {
    const length = Number(suffix);
    if (length === 0) return { start: size + 1, end: size };
    return { start: Math.max(0, size - length), end: size };
  }
  const start = Number(first);
  if (last === "") return { start, end: size };
  if (Number(last) < start) return null;
  return { start, end: Math.min(size, Number(last) + 1) };
}

/** Adds a range, joined with those that it overlaps or touches. */
function join(ranges: ByteRange[], range: ByteRange): void {
  let { start, end } = range;
  let place = ranges.length;
  for (let index = ranges.length - 1; index >= 0; index--) {
    const other = ranges[index]!; // the index is below the length
    if (other.end < start || other.start > end) continue;
    start = Math.min(start, other.start);
    end = Math.max(end, other.end);
    ranges.splice(index, 1);
    place = index;
  }
  ranges.splice(place, 0, { start, end });
}

/** The value of `Content-Range` for a range. */
export function contentRange({ start, end }: ByteRange, size: number): string {
  return `bytes ${start}-${end - 1}/${size}`;
}

/** A response with several ranges. */
export interface Multipart {
  readonly contentType: string;
  /** Bytes to send as they are, and ranges of the file. */
  readonly parts: readonly (Uint8Array | ByteRange)[];
  readonly length: number;
}

const encoder = new TextEncoder();

/** Frames several ranges as `multipart/byteranges` (RFC 9110 §14.6, RFC 2046 §5.1). */
export function frameRanges(
  ranges: readonly ByteRange[],
  size: number,
  contentType: string,
  boundary: string,
): Multipart {
  const parts: (Uint8Array | ByteRange)[] = [];
  let length = 0;
  const add = (text: string): void => {
    const bytes = encoder.encode(text);
    parts.push(bytes);
    length += bytes.length;
  };
  for (const [index, range] of ranges.entries()) {
    add(
      `${index === 0 ? "" : "\r\n"}--${boundary}\r\n` +
        `Content-Type: ${contentType}\r\n` +
        `Content-Range: ${contentRange(range, size)}\r\n\r\n`,
    );
    parts.push(range);
    length += range.end - range.start;
  }
  add(`\r\n--${boundary}--\r\n`);
  return {
    contentType: `multipart/byteranges; boundary=${boundary}`,
    parts,
    length,
  };
}
