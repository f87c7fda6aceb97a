/**
 * The responses that every target of the load comparison sends. Plain
 * JavaScript, so that Deno, Node and Bun can load the same file. Each target
 * decides how it routes and sends.
 */
// deno-lint-ignore-file explicit-function-return-type -- plain JavaScript has no types

import process from "node:process";

/** The body of `GET /` and of `GET /headers`. */
export const HELLO = "Hello, World!";

/** Size of the pieces of a chunked answer, in bytes. */
export const PIECE_BYTES = 16_384;

/** @type {readonly (readonly [name: string, value: string])[]} The field lines that `GET /headers` adds. */
export const LONG_FIELDS = Array.from(
  { length: 50 },
  (_, index) => [`x-field-${index}`, `value of field ${index}`],
);

/**
 * Reads a number from the command line, such as 8080 from `--port 8080`.
 *
 * @param {string} name
 * @param {number} standard
 * @returns {number}
 */
export function numberArgument(name, standard) {
  const index = process.argv.indexOf(`--${name}`);
  return index === -1 ? standard : Number(process.argv[index + 1]);
}

/** @type {Map<number, Uint8Array<ArrayBuffer>>} */
const bodies = new Map();

/**
 * Returns a body of the given size; each size is created once.
 *
 * @param {number} size
 * @returns {Uint8Array<ArrayBuffer>}
 */
export function bytesOf(size) {
  let bytes = bodies.get(size);
  if (bytes === undefined) {
    bodies.set(size, bytes = new Uint8Array(size).fill(97));
  }
  return bytes;
}

/**
 * Generates a body of the given size in pieces, as a program that computes it would.
 *
 * @param {number} size
 * @returns {AsyncGenerator<Uint8Array<ArrayBuffer>>}
 */
export async function* piecesOf(size) {
  for (let rest = size; rest > 0; rest -= PIECE_BYTES) {
    yield bytesOf(Math.min(rest, PIECE_BYTES));
  }
}

/**
 * Parses a size in bytes from a route parameter; `null` if it is not a number.
 *
 * @param {string | undefined} text
 * @returns {number | null}
 */
export function parseSize(text) {
  return text !== undefined && /^[0-9]{1,10}$/.test(text) ? Number(text) : null;
}

/**
 * The sum of a list of numbers.
 *
 * @param {number[]} values
 * @returns {number}
 */
export function sumOf(values) {
  let sum = 0;
  for (const value of values) sum += value;
  return sum;
}
