/**
 * What differs between the threads of Deno, Node and Bun: their start, their
 * limits, and the module that a program begins with.
 */

import type { Worker } from "node:worker_threads";

const BYTES_PER_MIB = 1024 * 1024;

/** What happens to a thread that is told to end while it blocks its event loop. */
export const WHAT_HANGING_THREADS_DO: string = typeof Deno === "undefined"
  ? "it is replaced"
  : "it is replaced, but its thread runs until the loop or the process ends";

/** Why a worker has died, if its heap has reached the limit. */
export const HEAP_LIMIT_REACHED =
  "its heap has reached the limit (maxHeapBytes)";

/** Settings of {@linkcode startThread}. */
export interface ThreadInit {
  readonly name: string;
  /** What the thread finds in `workerData`. */
  readonly data: object;
  /** The limit for its heap, in bytes; `null` if the runtime has none. */
  readonly maxHeapBytes: number | null;
}

/** Starts a thread that runs a module, with the arguments of the program. */
export function startThread(
  module: URL,
  { name, data, maxHeapBytes }: ThreadInit,
): Worker {
  const { Worker } = process.getBuiltinModule("node:worker_threads");
  const limits = maxHeapBytes === null ? {} : {
    resourceLimits: { maxOldGenerationSizeMb: maxHeapBytes / BYTES_PER_MIB },
  };
  const argv = process.argv.slice(2); // only Deno's workers inherit them
  return new Worker(module, { name, argv, workerData: data, ...limits });
}

/** Ends this thread. */
export function exitThread(code: number): void {
  if (typeof Deno === "undefined") process.exit(code);
  Deno.exit(code);
}

/** Returns the present limit of this thread's heap, in bytes; `Infinity` if the runtime has none. */
export function heapLimitBytes(): number {
  if ("Bun" in globalThis) return Infinity;
  const v8 = process.getBuiltinModule("node:v8");
  return v8.getHeapStatistics().heap_size_limit;
}

/** Returns the name of the system, such as `linux`. */
export function systemName(): string {
  return typeof Deno === "undefined" ? process.platform : Deno.build.os;
}

/**
 * Returns the URL of the module that the program begins with.
 *
 * @throws {TypeError} If the program is not in a file, or this thread was started by the program.
 */
export function mainModule(): string {
  // In a worker it is undefined, although its type is string.
  const main: string | undefined = typeof Deno === "undefined"
    ? nodeMain()
    : Deno.mainModule;
  if (main !== undefined) return main;
  throw new TypeError(
    "Cannot serve from workers: this thread was started by the program itself; call serveThreaded() in its main module, or name a module",
  );
}

/** Whether a URL leads to an existing file. */
export function isFile(url: URL): boolean {
  const fs = process.getBuiltinModule("node:fs");
  return fs.statSync(url, { throwIfNoEntry: false })?.isFile() === true;
}

function nodeMain(): string | undefined {
  const { isMainThread } = process.getBuiltinModule("node:worker_threads");
  if (!isMainThread) return undefined;
  const [, path] = process.argv;
  if (path === undefined) {
    throw new TypeError(
      "Cannot serve from workers: the program is in no file; put it into one, or name a module",
    );
  }
  const { createRequire } = process.getBuiltinModule("node:module");
  const { pathToFileURL } = process.getBuiltinModule("node:url");
  // The command line may name a folder, or a file without its extension.
  return pathToFileURL(createRequire(path).resolve(path)).href;
}
