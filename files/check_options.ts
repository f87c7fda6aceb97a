/**
 * Checks names and types of the options of `serveDir` and `serveFile`. Programs
 * without types would otherwise get files served with settings that they did not
 * ask for. `options.ts` checks what a value has to be beyond its type.
 */

import { Headers } from "../codec/headers.ts";
import { isOptions, shown } from "../codec/shown.ts";
import { faultOfGlob } from "./glob.ts";

/** Whether a value is right, and what it has to be. */
type Check = readonly [isRight: (value: unknown) => boolean, wanted: string];

type Checks = Readonly<Record<string, Check>>;

const isBoolean = (value: unknown): boolean => typeof value === "boolean";

const isFunction = (value: unknown): boolean => typeof value === "function";

const BOOLEAN: Check = [isBoolean, "true or false"];

const NUMBER: Check = [(value) => typeof value === "number", "a number"];

const FILE_CHECKS: Checks = {
  cacheControl: [
    (value) =>
      typeof value === "string" || isFunction(value) || isOptions(value),
    "a string, an object with values by pattern, or a function",
  ],
  etag: [
    (value) => value === "weak" || value === "strong" || value === false,
    '"weak", "strong" or false',
  ],
  precompressed: BOOLEAN,
  compress: [
    (value) => isBoolean(value) || isOptions(value),
    "true, false, or an object such as { minBytes: 1024 }",
  ],
  cache: [
    (value) => value === false || isOptions(value),
    "false, or an object such as { maxBytes: 16_777_216 }",
  ],
  download: [
    (value) => isBoolean(value) || isFunction(value),
    "true, false, or a function that returns the name",
  ],
  mediaTypes: [isOptions, 'an object such as { md: "text/markdown" }'],
  headers: [ // `Headers` checks the fields
    (value) => typeof value === "object" && value !== null,
    'an object such as { "x-frame-options": "DENY" }',
  ],
};

const FOLDER_CHECKS: Checks = {
  ...FILE_CHECKS,
  prefix: [
    (value) => typeof value === "string",
    'a path, such as "/assets"',
  ],
  index: [
    (value) =>
      Array.isArray(value) && value.every((name) => typeof name === "string"),
    'an array of names, such as ["index.html"]',
  ],
  listing: BOOLEAN,
  spa: [
    (value) => typeof value === "string",
    'a path inside the folder, such as "index.html"',
  ],
  dotfiles: BOOLEAN,
};

/** The options of options, which `options.ts` resolves. */
const NESTED_CHECKS: Readonly<Record<string, Checks>> = {
  cache: { maxBytes: NUMBER, checkEveryMs: NUMBER },
  compress: { minBytes: NUMBER, maxConcurrent: NUMBER },
};

/**
 * Checks the options of a handler.
 *
 * @throws {TypeError} If there is no such option, or a value has the wrong type.
 */
export function checkFileOptions(
  call: "serveDir" | "serveFile",
  options: object,
): void {
  if (!isOptions(options)) {
    throw new TypeError(
      `Cannot call ${call}() with options ${shown(options)}: not an object`,
    );
  }
  checkAll(
    call,
    "",
    options,
    call === "serveDir" ? FOLDER_CHECKS : FILE_CHECKS,
  );
  for (const [name, value] of Object.entries(options)) {
    const checks = NESTED_CHECKS[name];
    if (checks === undefined || !isOptions(value)) continue;
    checkAll(call, `${name}.`, value, checks);
  }
}

/**
 * Fields that depend on the file, and the option that changes them. A second one
 * in a response would contradict the first.
 */
const OWN_FIELDS: ReadonlyMap<string, string> = new Map([
  ["content-type", "use mediaTypes"],
  ["cache-control", "use cacheControl"],
  ["content-disposition", "use download"],
  ["etag", "use etag"],
  ...[
    "accept-ranges",
    "content-encoding",
    "content-length",
    "content-range",
    "last-modified",
    "transfer-encoding",
  ].map((name) => [name, "it depends on the file"] as const),
]);

/** @throws {TypeError} If one of the fields is one that the handler sets itself. */
export function checkExtraFields(headers: Headers): void {
  for (const [name, advice] of OWN_FIELDS) {
    if (!headers.has(name)) continue;
    throw new TypeError(`Cannot set field "${name}" by headers: ${advice}`);
  }
}

/** @throws {TypeError} If no path can match a pattern of `cacheControl`, or its value is not valid for the field. */
export function checkRule(pattern: string, value: unknown): void {
  const fault = faultOfGlob(pattern);
  const key = `cacheControl[${JSON.stringify(pattern)}]`;
  if (fault !== null) throw new TypeError(`Cannot set ${key}: ${fault}`);
  if (typeof value !== "string") {
    throw new TypeError(
      `Cannot set ${key} to ${shown(value)}: it must be a string`,
    );
  }
  new Headers({ "cache-control": value }); // throws if it is not valid
}

/** @throws {TypeError} If a name is not an extension, or a value is not a media type. */
export function checkMediaTypes(types: Readonly<Record<string, string>>): void {
  for (const [extension, type] of Object.entries(types)) {
    if (!/^\.?[^./*]+$/s.test(extension)) {
      throw new TypeError(
        `Cannot set mediaTypes[${
          JSON.stringify(extension)
        }]: it must be the part of a name after its last dot, such as "md"`,
      );
    }
    if (/^[\w!#$&^.+-]+\/[\w!#$&^.+-]+[\t ]*(?:;|$)/.test(type)) {
      new Headers({ "content-type": type }); // throws if it is not valid
      continue;
    }
    throw new TypeError(
      `Cannot set mediaTypes.${extension} to ${
        shown(type)
      }: it must be a media type, such as "text/markdown"`,
    );
  }
}

/** Checks what a function of an option returns. Nothing is the same as `null`. */
export function checkResult(
  option: "cacheControl" | "download",
  call: (path: string) => string | null,
): (path: string) => string | null {
  return (path) => {
    const value: unknown = call(path);
    if (typeof value === "string") return value;
    if (value === null || value === undefined) return null;
    const what = value instanceof Promise ? "a promise" : shown(value);
    throw new TypeError(
      `Cannot use ${option}: the function returned ${what}, not a string or null`,
    );
  };
}

function checkAll(
  call: "serveDir" | "serveFile",
  prefix: string,
  options: object,
  checks: Checks,
): void {
  for (const [name, value] of Object.entries(options)) {
    const check = Object.hasOwn(checks, name) ? checks[name] : undefined;
    if (check === undefined) {
      const isOfFolders = call === "serveFile" && prefix === "" &&
        Object.hasOwn(FOLDER_CHECKS, name);
      throw new TypeError(
        `Cannot call ${call}() with ${JSON.stringify(prefix + name)}: ` +
          `no such option${isOfFolders ? "; serveDir() has it" : ""}`,
      );
    }
    if (value === undefined || check[0](value)) continue;
    throw new TypeError(
      `Cannot set ${prefix}${name} to ${shown(value)}: it must be ${check[1]}`,
    );
  }
}

/**
 * Checks the path of a file or a folder.
 *
 * @throws {TypeError} If it is empty, a URL, or not a string, or has a null byte.
 */
export function checkServedPath(
  what: "file" | "folder",
  path: unknown,
): void {
  const why = reasonAgainst(path);
  if (why === null) return;
  const example = what === "file" ? '"public/icon.svg"' : '"public"';
  throw new TypeError(
    `Cannot serve ${what}: the path ${why}; it must be a string, such as ${example}`,
  );
}

function reasonAgainst(path: unknown): string | null {
  if (
    path instanceof URL ||
    typeof path === "string" && /^file:\/\//i.test(path)
  ) {
    return "is a URL, which fileURLToPath() of node:url converts";
  }
  if (typeof path !== "string") return `is ${shown(path)}`;
  if (path === "") return "is empty";
  return path.includes("\0") ? "has a null byte" : null;
}
