/*
 * Pattern syntax of other routers. Most of it would be legal literal text here
 * and would silently match nothing, so pattern.ts refuses it, with the advice
 * from this file. The syntax of this router is checked in pattern.ts.
 */

/** A piece of foreign syntax, and what to write instead. */
interface ForeignSyntax {
  /** Matches a whole segment that uses the syntax. */
  readonly form: RegExp;
  /** What is wrong with the segment, and what to do; `$1` is the form's first group. */
  readonly advice: string;
}

const CHECK_PARAM =
  'a param is a whole segment without conditions; write ":$1" and check the value in the handler';

/**
 * The first form that matches a segment determines the advice.
 *
 * Parentheses, brackets, a dollar sign and a colon after a letter or digit are
 * legal in paths (`/Main_(river)`, `/$metadata`, `/items:batch`), so only their
 * use as syntax is refused.
 */
const FOREIGN: readonly ForeignSyntax[] = [
  {
    form: /^:(\w+)\?$/, // Express 4, Hono
    advice:
      'a param cannot be optional; register one route with ":$1" and one without',
  },
  {
    form: /^:(\w+)(?:\(.*\))?[*+]$/, // path-to-regexp, URLPattern
    advice:
      'a param cannot repeat; write "**" as the last segment for any number of segments',
  },
  { form: /^:(\w+)[({<\[:.].*$/, advice: CHECK_PARAM },
  {
    form: /^:(?!\w*$)/, // "/:from-:to", "/:user-id"
    advice:
      'a param name has only letters, digits and "_"; to capture several values in one segment, capture the segment and split the value in the handler',
  },
  {
    form: /^\*\*.+$/,
    advice: '"**" is a whole segment and has no name; write "**"',
  },
  {
    form: /^\*:?\w+$/, // Express 5, Gin
    advice:
      'a wildcard has no name; write "**" for any number of segments, or ":name" for one',
  },
  {
    form: /^[^*({]*\*[^*({]*$/, // a glob: "*.png", "a*"
    advice:
      '"*" is a whole segment; write ":name" and check the value in the handler',
  },
  {
    form: /^\{\**:?(\w+).*\}$/, // URI templates, Spring, Go, ASP.NET
    advice: 'braces are no syntax here; write ":$1" for a param',
  },
  {
    form: /^<(?:\w+:)?(\w+).*>$/, // Flask, Rocket
    advice: 'angle brackets are no syntax here; write ":$1" for a param',
  },
  {
    form: /^\[{1,2}\.{3}.*\]$/, // Next.js
    advice:
      'brackets are no syntax here; write "**" as the last segment for any number of segments',
  },
  {
    form: /^\[(\w+)\]$/,
    advice: 'brackets are no syntax here; write ":$1" for a param',
  },
  {
    form:
      /[\\^*{}<>]|\([^)]*[|?+\[][^)]*\)|[\])][+?]|\.[+]\)?$|\[[^\]]*\w-\w[^\]]*\]/,
    advice:
      "regular expressions, globs and groups are no syntax here; write a literal, a whole-segment param or a wildcard, and check the value in the handler",
  },
  {
    form: /^(?:.*[^\w:])?:(\w+).*$/, // "@:user", "(:id)"
    advice: CHECK_PARAM,
  },
];

/**
 * Finds pattern syntax of other routers in a segment.
 *
 * @param segment One segment of a pattern, as it was written.
 * @returns What to do instead, or `undefined` if there is no foreign syntax.
 */
export function findForeignSyntax(segment: string): string | undefined {
  if (segment === "*" || segment === "**" || /^:\w*$/.test(segment)) {
    return undefined;
  }
  for (const { form, advice } of FOREIGN) {
    const match = form.exec(segment);
    if (match !== null) return advice.replace("$1", match[1] ?? "name");
  }
  return undefined;
}
