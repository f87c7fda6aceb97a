/** Registers tests: with Deno's runner, or for `tests/programs/on_runtime.ts` on Node and Bun. */

/** A registered test. */
export interface TestCase {
  readonly name: string;
  readonly ignore: boolean;
  readonly fn: () => void | Promise<void>;
  /** Whether Deno checks that the test leaves nothing open. @default {true} */
  readonly sanitizeResources?: boolean;
}

/** The tests that were registered on a runtime without Deno's runner. */
export const registered: TestCase[] = [];

/** Registers a test. */
export function registerTest(test: TestCase): void {
  if (typeof Deno === "undefined") registered.push(test);
  else Deno.test(test);
}
