/** Patterns for paths inside a folder: `*`, `**`, `?` and `{a,*.b}`. */

const TOKEN = /\*\*\/|\*\*|\*|\?|\{[^{}]*\}|[^*?{]+|./gs;

/**
 * Compiles a pattern. `*` and `?` match no slash, `**` matches any path. A
 * pattern without a slash is compared with the last name of the path.
 *
 * @param pattern For example `assets/**` or `*.{js,css}`.
 * @returns Whether the pattern matches a path such as `assets/app.js`.
 */
export function compileGlob(pattern: string): (path: string) => boolean {
  const source = sourceOf(pattern);
  const expression = new RegExp(
    pattern.includes("/") ? `^${source}$` : `(?:^|/)${source}$`,
    "s",
  );
  return (path) => expression.test(path);
}

/** The source of the regular expression for a pattern or a part of one. */
function sourceOf(pattern: string): string {
  return pattern.replace(TOKEN, (token) => {
    if (token === "**/") return "(?:.*/)?";
    if (token === "**") return ".*";
    if (token === "*") return "[^/]*";
    if (token === "?") return "[^/]";
    if (!/^\{.*\}$/s.test(token)) return RegExp.escape(token);
    return `(?:${token.slice(1, -1).split(",").map(sourceOf).join("|")})`;
  });
}

/** Why a pattern matches no path inside a folder, and what to write instead; `null` if it may match one. */
export function faultOfGlob(pattern: string): string | null {
  if (pattern === "") return 'it is empty; write "**" for all files';
  const write = (better: string): string => `write ${JSON.stringify(better)}`;
  if (/^(?:\.?\/)/.test(pattern)) {
    const inner = pattern.replace(/^(?:\.?\/)+/, "");
    return `paths begin with a name inside the folder, not with a slash or "./"; ${
      write(inner === "" ? "**" : inner)
    }`;
  }
  if (pattern.endsWith("/")) {
    return `it must name files; ${write(`${pattern}**`)}`;
  }
  if (/\{[^{}]*\{[^{}]*\}[^{}]*\}/.test(pattern)) {
    return "braces inside of braces are not supported";
  }
  const [odd] = /(?<=^|\/)(?:\.{0,2})(?=\/|$)/.exec(pattern) ?? [];
  return odd === undefined
    ? null
    : `no path has ${odd === "" ? "an empty name" : `the name "${odd}"`}`;
}
