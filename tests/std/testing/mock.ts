/**
 * Replaces `@std/testing/mock` if its registry does not answer: the same names
 * and signatures, as far as the tests use them.
 */
import { assertEquals, AssertionError } from "../assert.ts";

// deno-lint-ignore no-explicit-any -- the original's bound for functions
type Any = any;

/** One call of a spy, recorded after it returned or threw. */
export interface SpyCall<
  Self = Any,
  Args extends unknown[] = Any[],
  Ret = Any,
> {
  args: Args;
  returned?: Ret;
  error?: Error;
  self?: Self;
}

/** A function that records its calls. */
export interface Spy<Self = Any, Args extends unknown[] = Any[], Ret = Any> {
  (this: Self, ...args: Args): Ret;
  original: (this: Self, ...args: Args) => Ret;
  calls: SpyCall<Self, Args, Ret>[];
  restored: boolean;
  restore(): void;
  [Symbol.dispose](): void;
}

function record(original: (...args: Any[]) => Any, restore: () => void): Spy {
  const calls: SpyCall[] = [];
  const spied = function (this: Any, ...args: Any[]): Any {
    const call: SpyCall = { args };
    if (this !== undefined) call.self = this;
    calls.push(call);
    try {
      return call.returned = original.apply(this, args);
    } catch (error) {
      call.error = error as Error; // the original's type for a thrown value
      throw error;
    }
  };
  const result: Spy = Object.assign(spied, {
    original,
    calls,
    restored: false,
    restore: (): void => {
      restore();
      result.restored = true;
    },
    [Symbol.dispose]: (): void => {
      if (!result.restored) result.restore();
    },
  });
  return result;
}

function replace(self: Any, property: PropertyKey, func: Any): Spy {
  const before = Object.getOwnPropertyDescriptor(self, property);
  const result = record(func, () => {
    if (before) Object.defineProperty(self, property, before);
    else delete self[property];
  });
  Object.defineProperty(self, property, {
    value: result,
    configurable: true,
    writable: true,
    enumerable: before?.enumerable ?? false,
  });
  return result;
}

export function spy<Self, Args extends unknown[], Ret = undefined>(
  func?: (this: Self, ...args: Args) => Ret,
): Spy<Self, Args, Ret>;
export function spy<Self, Prop extends keyof Self>(
  self: Self,
  property: Prop,
): Spy<Self>;
export function spy(target?: Any, property?: PropertyKey): Spy {
  if (property !== undefined) {
    return replace(target, property, target[property]);
  }
  return record(target ?? (() => {}), () => {
    throw new Error("Cannot restore: function is not a method");
  });
}

export function stub<Self, Prop extends keyof Self>(
  self: Self,
  property: Prop,
  func: Self[Prop] extends (...args: infer Args) => infer Ret
    ? (this: Self, ...args: Args) => Ret
    : never = (() => {}) as never, // a stub returns undefined by default
): Spy<Self> {
  return replace(self, property, func);
}

export function returnsNext<Ret>(values: Iterable<Ret>): () => Ret {
  const iterator = values[Symbol.iterator]();
  return (): Ret => {
    const { value, done } = iterator.next();
    if (done) throw new Error("Not expected to be called more often");
    return value;
  };
}

export function assertSpyCalls(spy: Spy, expectedCalls: number): void {
  if (spy.calls.length === expectedCalls) return;
  throw new AssertionError(
    `Expected ${expectedCalls} calls, found ${spy.calls.length}`,
  );
}

export function assertSpyCall(
  spy: Spy,
  callIndex: number,
  expected?: SpyCall,
): void {
  const call = spy.calls[callIndex];
  if (!call) throw new AssertionError(`Expected a call ${callIndex}`);
  for (const key of ["args", "self", "returned"] as const) {
    if (expected && key in expected) assertEquals(call[key], expected[key]);
  }
}
