/**
 * Replaces `@std/assert` if its registry does not answer: the same names and
 * signatures over `node:util`, as far as the tests use them.
 *
 * Equality is Node's strict equality. It is never laxer than the original, and
 * stricter in four cases: 0 and -0 differ, an object without a prototype
 * differs from a plain one, errors are compared by message too, and maps are
 * equal only if keys that are objects are the same objects.
 */
import { inspect, isDeepStrictEqual } from "node:util";

// deno-lint-ignore no-explicit-any -- the original's type, which takes any class
type ErrorClass<E> = new (...args: any[]) => E;
// deno-lint-ignore no-explicit-any -- as above, abstract classes included
type AnyClass<T> = abstract new (...args: any[]) => T;

/** The error of a failing assertion. */
export class AssertionError extends Error {
  override name = "AssertionError";
}

function raise(what: string, msg?: string): never {
  throw new AssertionError(msg ? `${what}: ${msg}` : what);
}

const show = (value: unknown): string =>
  inspect(value, { depth: 8, maxArrayLength: 64, maxStringLength: 4096 });

function difference(actual: unknown, expected: unknown): string {
  let where = "";
  if (actual instanceof Uint8Array && expected instanceof Uint8Array) {
    const index = actual.findIndex((byte, i) => byte !== expected[i]);
    where = ` (first difference at ${index < 0 ? actual.length : index})`;
  }
  return `Values are not equal${where}\n    actual:   ${
    show(actual)
  }\n    expected: ${show(expected)}\n`;
}

export function assert(expr: unknown, msg = ""): asserts expr {
  if (!expr) throw new AssertionError(msg);
}

export function assertFalse(expr: unknown, msg = ""): asserts expr is false {
  if (expr) throw new AssertionError(msg);
}

export function assertEquals<T>(actual: T, expected: T, msg?: string): void {
  if (isDeepStrictEqual(actual, expected)) return;
  raise(difference(actual, expected), msg);
}

export function assertNotEquals<T>(actual: T, expected: T, msg?: string): void {
  if (!isDeepStrictEqual(actual, expected)) return;
  raise(`Expected actual to differ from expected: ${show(actual)}`, msg);
}

export function assertStrictEquals<T>(
  actual: unknown,
  expected: T,
  msg?: string,
): asserts actual is T {
  if (Object.is(actual, expected)) return;
  raise(difference(actual, expected), msg);
}

export function assertNotStrictEquals<T>(
  actual: T,
  expected: T,
  msg?: string,
): void {
  if (!Object.is(actual, expected)) return;
  raise(`Expected actual not to be expected: ${show(actual)}`, msg);
}

export function assertExists<T>(
  actual: T,
  msg?: string,
): asserts actual is NonNullable<T> {
  if (actual !== undefined && actual !== null) return;
  raise(`Expected actual to be neither null nor undefined: ${actual}`, msg);
}

export function assertStringIncludes(
  actual: string,
  expected: string,
  msg?: string,
): void {
  if (actual.includes(expected)) return;
  raise(`Expected ${show(actual)} to contain ${show(expected)}`, msg);
}

export function assertMatch(
  actual: string,
  expected: RegExp,
  msg?: string,
): void {
  if (expected.test(actual)) return;
  raise(`Expected ${show(actual)} to match ${expected}`, msg);
}

export function assertInstanceOf<T>(
  actual: unknown,
  expectedType: AnyClass<T>,
  msg = "",
): asserts actual is T {
  if (actual instanceof expectedType) return;
  raise(`Expected an instance of ${expectedType.name}: ${show(actual)}`, msg);
}

export function assertGreater<T>(actual: T, expected: T, msg?: string): void {
  if (actual > expected) return;
  raise(`Expected ${show(actual)} > ${show(expected)}`, msg);
}

export function assertGreaterOrEqual<T>(
  actual: T,
  expected: T,
  msg?: string,
): void {
  if (actual >= expected) return;
  raise(`Expected ${show(actual)} >= ${show(expected)}`, msg);
}

export function assertLess<T>(actual: T, expected: T, msg?: string): void {
  if (actual < expected) return;
  raise(`Expected ${show(actual)} < ${show(expected)}`, msg);
}

export function assertLessOrEqual<T>(
  actual: T,
  expected: T,
  msg?: string,
): void {
  if (actual <= expected) return;
  raise(`Expected ${show(actual)} <= ${show(expected)}`, msg);
}

export function assertAlmostEquals(
  actual: number,
  expected: number,
  tolerance?: number,
  msg?: string,
): void {
  if (Object.is(actual, expected)) return;
  // The original's default: a ten-millionth of the expected value.
  const most = tolerance ??
    (Number.isFinite(expected) ? Math.abs(expected * 1e-7) : 1e-7);
  if (Math.abs(expected - actual) <= most) return;
  raise(`Expected ${actual} to be within ${most} of ${expected}`, msg);
}

export function fail(msg?: string): never {
  raise("Failed assertion", msg);
}

export function unreachable(msg?: string): never {
  raise("Unreachable", msg);
}

function checkError<E extends Error>(
  error: unknown,
  expected: ErrorClass<E> | string | undefined,
  includes: string | undefined,
  msg: string | undefined,
): void {
  if (expected === undefined || typeof expected === "string") return;
  if (!(error instanceof Error)) raise("A non-Error object was thrown", msg);
  assertInstanceOf(error, expected, msg);
  if (includes) assertStringIncludes(error.message, includes, msg);
}

export function assertThrows(fn: () => unknown, msg?: string): unknown;
export function assertThrows<E extends Error = Error>(
  fn: () => unknown,
  ErrorClass: ErrorClass<E>,
  msgIncludes?: string,
  msg?: string,
): E;
export function assertThrows<E extends Error>(
  fn: () => unknown,
  expected?: ErrorClass<E> | string,
  includes?: string,
  msg?: string,
): unknown {
  const note = typeof expected === "string" ? expected : msg;
  try {
    fn();
  } catch (error) {
    checkError(error, expected, includes, note);
    return error;
  }
  raise("Expected function to throw", note);
}

export function assertRejects(
  fn: () => PromiseLike<unknown>,
  msg?: string,
): Promise<unknown>;
export function assertRejects<E extends Error = Error>(
  fn: () => PromiseLike<unknown>,
  ErrorClass: ErrorClass<E>,
  msgIncludes?: string,
  msg?: string,
): Promise<E>;
export async function assertRejects<E extends Error>(
  fn: () => PromiseLike<unknown>,
  expected?: ErrorClass<E> | string,
  includes?: string,
  msg?: string,
): Promise<unknown> {
  const note = typeof expected === "string" ? expected : msg;
  let promise: PromiseLike<unknown> | undefined;
  try {
    promise = fn();
    await promise;
  } catch (error) {
    // A throw before a promise exists is not a rejection.
    if (promise === undefined) raise("Function throws when expected to reject");
    checkError(error, expected, includes, note);
    return error;
  }
  raise("Expected function to reject", note);
}
