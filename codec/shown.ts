/** How error messages show the values that a program has passed. */

/** How many characters of a string are shown. */
const MAX_LENGTH = 64;

/** Returns a value as an error message shows it. A string is quoted, so that `"1"` does not look like a number. */
export function shown(value: unknown): string {
  if (typeof value === "string") {
    return JSON.stringify(value.slice(0, MAX_LENGTH));
  }
  if (typeof value === "function") return "a function";
  if (Array.isArray(value)) return "an array";
  return typeof value === "object" && value !== null
    ? "an object"
    : String(value);
}

/** Returns the name of a value's type, for messages about a value of the wrong type. */
export function typeName(value: unknown): string {
  return value === null ? "null" : typeof value;
}

/** Whether a value is an object that can have options. An array is not: passing one is a mistake. */
export function isOptions(value: unknown): value is object {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
