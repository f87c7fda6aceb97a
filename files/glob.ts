/** Patterns for paths inside a folder: `*`, `**`, `?` and `{a,b}`. */

const TOKEN = /\*\*\/|\*\*|\*|\?|\{[^{}]*\}|[^*?{]+|./gs;

/**
 * Compiles a pattern. `*` and `?` match no slash, `**` matches any path. A
 * pattern without a slash is compared with the last name of the path.
 *
 * @param pattern For example `assets/**` or `*.{js,css}`.
 * @returns Whether the pattern matches a path such as `assets/app.js`.
 */
export function compileGlob(pattern: string): (path: string) => boolean {
  const source = pattern.replace(TOKEN, (token) => {
    if (token === "**/") return "(?:.*/)?";
    if (token === "**") return ".*";
    if (token === "*") return "[^/]*";
    if (token === "?") return "[^/]";
    if (!/^\{.*\}$/s.test(token)) return RegExp.escape(token);
    return `(?:${token.slice(1, -1).split(",").map(RegExp.escape).join("|")})`;
  });
  const expression = new RegExp(
    pattern.includes("/") ? `^${source}$` : `(?:^|/)${source}$`,
    "s",
  );
  return (path) => expression.test(path);
}
