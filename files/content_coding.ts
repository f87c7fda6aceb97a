/**
 * Chooses between a file and its precompressed siblings by `Accept-Encoding`
 * (RFC 9110 §12.4.2, §12.5.3).
 */

/** A content coding, and the end of the name of a file that has it. */
export interface Coding {
  readonly name: "br" | "zstd" | "gzip";
  readonly extension: string;
  /** The runtime's name for it in `CompressionStream`, if it has one. */
  readonly format?: "brotli" | "gzip";
}

/** RFC 7932. */
export const BROTLI: Coding = {
  name: "br",
  extension: ".br",
  format: "brotli",
};

/** RFC 9110 §8.4.1.3. */
export const GZIP: Coding = { name: "gzip", extension: ".gz", format: "gzip" };

/** The codings that are looked for; of two that the client likes equally, the first is sent. */
export const CODINGS: readonly Coding[] = [
  BROTLI,
  { name: "zstd", extension: ".zst" },
  GZIP,
];

const MEMBER =
  /^[\t ]*([!#$%&'*+.^_`|~0-9a-z-]+)[\t ]*(?:;[\t ]*q=(0(?:\.\d{0,3})?|1(?:\.0{0,3})?)[\t ]*)?$/i;

/** Less than any quality that can be sent, for `identity` that is not mentioned. */
const UNMENTIONED = 0.0001;

/**
 * Orders the codings that a client accepts.
 *
 * @param field The value of `Accept-Encoding`, or `null` if there is none: the
 * client then said nothing about codings, and gets the file as it is.
 * @returns Codings from best to worst; `null` stands for the file as it is, and
 * is absent if the client refuses it.
 */
export function acceptedCodings(
  field: string | null,
): readonly (Coding | null)[] {
  if (field === null) return [null];
  const qualities = new Map<string, number>();
  for (const member of field.split(",")) {
    const match = MEMBER.exec(member);
    if (match === null) continue;
    const name = (match[1] ?? "").toLowerCase().replace(/^x-gzip$/, "gzip");
    qualities.set(name, Number(match[2] ?? 1));
  }
  const any = qualities.get("*");
  const qualityOf = (coding: Coding | null): number =>
    coding === null
      ? qualities.get("identity") ?? (any === 0 ? 0 : UNMENTIONED)
      : qualities.get(coding.name) ?? any ?? 0;
  return [...CODINGS, null]
    .filter((coding) => qualityOf(coding) > 0)
    .sort((a, b) => qualityOf(b) - qualityOf(a));
}
