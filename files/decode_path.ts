/**
 * Turns the path of a request into the names of a file, and refuses everything
 * that a file system could take for something else. Each name is decoded once.
 * The names that this returns are the names that `root_folder.ts` opens.
 */

import { Status } from "../codec/status.ts";
import { nameOfSegment } from "./byte_names.ts";

/** What decides whether a name is allowed. */
export interface NameRules {
  /** Whether names for which {@linkcode isHidden} is true are allowed. */
  readonly allowDotfiles: boolean;
  /** Whether the names must also be safe on Windows. */
  readonly isWindows: boolean;
}

/** The names along a path, and whether the path ends with a slash. */
export interface DecodedPath {
  readonly names: readonly string[];
  readonly isFolder: boolean;
}

/** Characters that separate or end names, on any system. */
const SEPARATOR = /[/\\\0]/;

/**
 * Names that Windows does not store as they are: reserved characters (`:` begins
 * a stream), device names, a dot or space at the end, and short names such as
 * `GIT~1`, which can stand for a name that begins with a dot.
 */
const NOT_A_WINDOWS_NAME =
  // deno-lint-ignore no-control-regex
  /[<>:"|?*\x01-\x1f]|[. ]$|~\d|^(?:con|prn|aux|nul|com\d|lpt\d|conin\$|conout\$)(?:\.|$)/i;

/**
 * Decodes the names along a path.
 *
 * @param path A path as it was sent, which begins with `/`.
 * @param skipped How many segments at the beginning are not part of the name.
 * @returns The names; 400 if a `%` is not followed by two hex digits, or a name has
 * a separator or NUL; 404 if a name is empty, `.`, `..` or not allowed.
 */
export function decodePath(
  path: string,
  skipped: number,
  rules: NameRules,
): DecodedPath | Status {
  const segments = path.split("/").slice(1 + skipped);
  const isFolder = segments.at(-1) === "";
  if (isFolder) segments.pop();
  const names: string[] = [];
  let isMissing = false;
  for (const segment of segments) {
    const name = nameOfSegment(segment);
    if (name === null || SEPARATOR.test(name)) return Status.BAD_REQUEST;
    isMissing ||= !isAllowed(name, names.length === 0, rules);
    names.push(name);
  }
  return isMissing ? Status.NOT_FOUND : { names, isFolder };
}

function isAllowed(name: string, isFirst: boolean, rules: NameRules): boolean {
  if (name === "" || name === "." || name === "..") return false;
  if (rules.isWindows && !isWindowsName(name)) return false;
  return rules.allowDotfiles || !isHidden(name, isFirst);
}

/**
 * Whether a file of this name is served only with the option `dotfiles`: the
 * name begins with a dot, and is not `.well-known` (RFC 8615).
 *
 * @param isFirst Whether it is the first name of the path inside the folder.
 */
export function isHidden(name: string, isFirst: boolean): boolean {
  return name.startsWith(".") && !(isFirst && name === ".well-known");
}

function isWindowsName(name: string): boolean {
  return name.isWellFormed() && !NOT_A_WINDOWS_NAME.test(name);
}
