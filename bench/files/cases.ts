/** The cases of the file comparison, and the files that they ask for. */

const KIB = 1024;
const MIB = 1024 * KIB;

/** A request for a file. */
export interface FileCase {
  readonly name: string;
  /** Name of the file, which says its size. */
  readonly file: string;
  readonly status: 200 | 206 | 304;
  /** Bytes of the response's body. */
  readonly bodyBytes: number;
  /** The range that is asked for, in bytes; its end is inclusive. */
  readonly range?: readonly [start: number, end: number];
  /** Whether a target that sends the same bytes from memory is measured too. */
  readonly hasConstant: boolean;
}

/** Sizes of the files by name, in bytes. */
export const FILES: Readonly<Record<string, number>> = {
  "1k.bin": KIB,
  "4k.bin": 4 * KIB,
  "64k.bin": 64 * KIB,
  "1m.bin": MIB,
  "100m.bin": 100 * MIB,
};

/** Where the range begins: not at the start, and not at the start of a page. */
const RANGE_START = 50 * MIB + 123;

function whole(name: string, file: string, hasConstant = false): FileCase {
  const bodyBytes = FILES[file]!; // the cases below name existing files
  return { name, file, status: 200, bodyBytes, hasConstant };
}

/** All cases. */
export const FILE_CASES: readonly FileCase[] = [
  whole("1k", "1k.bin", true),
  whole("4k", "4k.bin", true),
  whole("64k", "64k.bin"),
  whole("1m", "1m.bin"),
  whole("100m", "100m.bin"),
  {
    name: "304",
    file: "4k.bin",
    status: 304,
    bodyBytes: 0,
    hasConstant: false,
  },
  {
    name: "range",
    file: "100m.bin",
    status: 206,
    bodyBytes: MIB,
    range: [RANGE_START, RANGE_START + MIB - 1],
    hasConstant: false,
  },
];

/** Makes the files. Their bytes repeat after 251, so that a range can be checked. */
export async function makeFiles(folder: string): Promise<void> {
  for (const [name, size] of Object.entries(FILES)) {
    const path = `${folder}/${name}`;
    await Deno.writeFile(path, contentOf(0, size));
    await Deno.utime(path, 1_700_000_000, 1_700_000_000);
  }
}

/** The bytes of every file from a position. */
export function contentOf(start: number, size: number): Uint8Array {
  const bytes = new Uint8Array(size);
  for (let at = 0; at < size; at++) bytes[at] = (start + at) % 251;
  return bytes;
}

/** The fields of the request; `etag` is the tag that the target has for the file. */
export function fieldsOf(
  { status, range }: FileCase,
  etag: string | null,
): Record<string, string> {
  if (range !== undefined) return { range: `bytes=${range.join("-")}` };
  if (status !== 304) return {};
  if (etag === null) throw new Error("it sends no entity tag");
  return { "if-none-match": etag };
}
