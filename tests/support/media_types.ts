/** Chooses one media type for each file extension of the package mime-db. */

/** An entry of mime-db. */
export interface MediaTypeEntry {
  readonly source?: string;
  readonly extensions?: readonly string[];
}

/** The media types by name. */
export type MediaTypeDatabase = Readonly<Record<string, MediaTypeEntry>>;

const SOURCE_SCORES: Readonly<Record<string, number>> = {
  iana: 40,
  apache: 20,
  nginx: 10,
};

const KIND_SCORES: Readonly<Record<string, number>> = {
  application: 1,
  font: 2,
  audio: 2,
  video: 3,
};

/**
 * How well a type fits where several have the same extension. Registered trees
 * win over vendor's and private ones, then the better source wins, then the more
 * specific kind, then the shorter name. Other packages use the same order.
 */
function scoreOf(type: string, { source = "" }: MediaTypeEntry): number {
  if (type === "application/octet-stream") return 0;
  const [kind = "", name = ""] = type.split("/");
  const facet = /^(?:prs\.|x-|x\.|vnd\.)/.exec(name)?.[0] ?? "";
  const facetScore =
    { "prs.": 100, "x-": 200, "x.": 300, "vnd.": 400 }[facet] ?? 900;
  return facetScore + (SOURCE_SCORES[source] ?? 30) +
    (KIND_SCORES[kind] ?? 0) + (1 - type.length / 100);
}

/** Returns the source text of the generated table, sorted so that changes are easy to review. */
export function generateMediaTypes(database: MediaTypeDatabase): string {
  const best = new Map<string, [type: string, score: number]>();
  for (const [type, entry] of Object.entries(database)) {
    for (const extension of entry.extensions ?? []) {
      const score = scoreOf(type, entry);
      const [, other = -1] = best.get(extension) ?? [];
      if (score > other) best.set(extension, [type, score]);
    }
  }
  const extensionsOf = Map.groupBy(
    [...best].map(([extension, [type]]) => [extension, type] as const).sort(),
    ([, type]) => type,
  );
  const lines = [...extensionsOf]
    .map(([type, list]) => [type, list.map(([name]) => name).join(" ")])
    .sort()
    .map(([type, names]) => `  [${JSON.stringify(type)}, "${names}"],\n`);
  return `/**
 * Media types and the extensions of their files. Generated from the npm package
 * mime-db by \`deno task build:media-types\`; do not edit.
 */
// deno-fmt-ignore-file

/** Each type with its extensions, which are separated by spaces. */
export const MEDIA_TYPES: readonly (readonly [type: string, extensions: string])[] = [
${lines.join("")}];
`;
}
