/** Every TypeScript file of the package as text, and what the text imports. */

const root = new URL("../../", import.meta.url);

/** Source text by path, relative to the package. */
export type Sources = ReadonlyMap<string, string>;

/** Reads all TypeScript files of the package, or of one folder of it. */
export async function readSources(folder = ""): Promise<Map<string, string>> {
  const sources = new Map<string, string>();
  for await (const entry of Deno.readDir(new URL(folder || ".", root))) {
    const path = folder + entry.name;
    if (/^\.|^node_modules$|^coverage$/.test(entry.name)) continue;
    if (entry.isDirectory) {
      const inner = await readSources(`${path}/`);
      for (const [name, text] of inner) sources.set(name, text);
    } else if (path.endsWith(".ts")) {
      sources.set(path, await Deno.readTextFile(new URL(path, root)));
    }
  }
  return sources;
}

/**
 * Returns the source without comments and without the text of templates; the
 * code inside `${…}` stays.
 *
 * @param keepStrings Whether other strings stay; otherwise they become empty.
 */
export function stripped(source: string, keepStrings: boolean): string {
  const token =
    /\/\*[\s\S]*?\*\/|\/\/.*|(["'])(?:\\.|(?!\1)[^\\\n])*\1|`(?:\\[\s\S]|[^`\\])*`|(?<=[=(,:!&|?{};\n]\s*)\/(?![*/])(?:\\.|\[(?:\\.|[^\]\\\n])*\]|[^/\\[\n])+\/\w*/g;
  return source.replace(token, (text) => {
    if (text.startsWith("`")) {
      return `(${(text.match(/\$\{[^`]*?\}/g) ?? []).join(" ").slice(1)})`;
    }
    if (/^["']/.test(text)) return keepStrings ? text : '""';
    return "";
  });
}

/** Returns the specifiers that a source imports or re-exports, types included. */
export function importsOf(source: string): string[] {
  const specifier =
    /\b(?:import|export)\b[^;"']*?\bfrom\s*["']([^"']+)|\bimport\s*\(?\s*["']([^"']+)/g;
  return [...stripped(source, true).matchAll(specifier)]
    .map((match) => match[1] ?? match[2] ?? "");
}

/** Returns the path that a relative specifier names; `undefined` if it is not relative. */
export function resolve(from: string, specifier: string): string | undefined {
  if (!/^\.{0,2}\//.test(specifier)) return undefined;
  return new URL(specifier, `file:///${from}`).pathname.slice(1);
}
