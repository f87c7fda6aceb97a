/**
 * Checks the requirements of serving from workers, before anything is bound or
 * started. Without these checks, the runtime would end the process, or throw in
 * a worker where the caller cannot catch it.
 */

import {
  type EngineName,
  requireDeno,
  unsupported,
} from "../engines/runtime.ts";
import {
  addressText,
  type ListenAddress,
  type TcpAddress,
} from "../address.ts";
import { shown } from "../../codec/shown.ts";
import { heapLimitBytes, isFile, mainModule, systemName } from "./threads.ts";

/**
 * Returns the addresses if workers can share them.
 *
 * @throws {TypeError} If one is a path, which only one listener can bind, or an inherited socket.
 */
export function requireTcp(
  addresses: readonly ListenAddress[],
): readonly TcpAddress[] {
  return addresses.map((address) => {
    if (address.transport === "tcp") return address;
    const isForEpoll = address.transport === "fd" &&
      typeof Deno !== "undefined";
    const instead = isForEpoll ? "serveEpoll()" : "serve()";
    throw new TypeError(
      `Cannot share ${
        JSON.stringify(addressText(address))
      } among workers: use ${instead}`,
    );
  });
}

/**
 * Checks that threads can share a port.
 *
 * @throws {Error} If the system or the runtime cannot do it, or the runtime's flag is missing.
 */
export function requireSharedPorts(engine: EngineName): void {
  const what = "share a port among workers";
  if (engine !== "node") {
    requireDeno(`${what} on engine "${engine}"`, 'use engine "node"');
  } else if (typeof Deno !== "undefined") {
    // Deno's `node:net` never sets `SO_REUSEPORT`.
    throw unsupported(
      `Cannot ${what} on engine "node" of Deno: use engine "listen" or "epoll"`,
    );
  }
  const system = systemName();
  if (system !== "linux") {
    throw unsupported(
      `Cannot ${what} on ${system}: only Linux spreads connections over them; use serve()`,
    );
  }
  // Without the flag, `Deno.listen` with `reusePort` ends the process. So this
  // checks for another API that exists only with the flag.
  if (engine !== "listen" || "listenDatagram" in Deno) return;
  throw unsupported(
    `Cannot ${what}: Deno requires a flag for this. Run with --unstable-net, or with "unstable": ["net"] in deno.json, or use engine "epoll"`,
  );
}

/**
 * Returns the module that workers run.
 *
 * @param module The caller's choice; by default the program's main module.
 * @throws {TypeError} If a worker could not load it.
 * @throws {Deno.errors.NotCapable} If reading it, or this library, is not permitted.
 */
export function requireModule(module: string | URL | undefined): URL {
  const wanted = module ?? mainModule();
  if (!URL.canParse(String(wanted))) {
    throw new TypeError(
      `Cannot run ${
        JSON.stringify(String(wanted))
      } in workers: it is not a URL; pass new URL("./app.ts", import.meta.url)`,
    );
  }
  const url = new URL(wanted);
  requireReadable(url, url);
  // A worker loads every module again, and this library is one of them.
  requireReadable(new URL(import.meta.url), url);
  if (url.protocol !== "file:") return url;
  if (!isFile(url)) {
    throw new TypeError(
      `Cannot run ${url.pathname} in workers: there is no such file. Put the program into one, or name a module`,
    );
  }
  return url;
}

/** The shortest `hangTimeout`, in ms: on a busy machine, a thread may wait as long for a core. */
const MIN_HANG_TIMEOUT_MS = 100;
const DEFAULT_HANG_TIMEOUT_MS = 10_000;

/**
 * Returns for how long a worker may block its event loop, in ms.
 *
 * @throws {RangeError} If it is neither a number of at least 100 nor `Infinity`.
 */
export function requireHangTimeout(
  wanted: number = DEFAULT_HANG_TIMEOUT_MS,
): number {
  if (typeof wanted === "number" && wanted >= MIN_HANG_TIMEOUT_MS) {
    return wanted;
  }
  throw new RangeError(
    `Cannot set option hangTimeout to ${
      shown(wanted)
    }: it must be a number of at least ${MIN_HANG_TIMEOUT_MS}, in ms, or Infinity`,
  );
}

/** The smallest heap that a program can start with, in bytes. */
const MIN_HEAP_BYTES = 32 * 1024 * 1024;

/**
 * Returns the limit for the heap of a worker, in bytes. In Deno and Node.js, each
 * worker gets one: a worker without it that reaches Deno's own limit ends the process.
 *
 * @returns `null` in Bun, which has no limit.
 * @throws {RangeError} If it is not an integer of at least 32 MiB.
 * @throws {Error} If it is given and the runtime is Bun.
 */
export function requireHeap(wanted: number | undefined): number | null {
  const runtimeLimitBytes = heapLimitBytes();
  if (runtimeLimitBytes === Infinity) {
    if (wanted === undefined) return null;
    throw unsupported(
      "Cannot set option maxHeapBytes on Bun: its workers have no such limit; leave it out",
    );
  }
  if (wanted === undefined) return runtimeLimitBytes;
  if (Number.isSafeInteger(wanted) && wanted >= MIN_HEAP_BYTES) return wanted;
  throw new RangeError(
    `Cannot set option maxHeapBytes to ${
      shown(wanted)
    }: it must be an integer of at least ${MIN_HEAP_BYTES}, in bytes`,
  );
}

/** Checks that workers can load a file of the program that starts with `module`. */
function requireReadable(file: URL, module: URL): void {
  if (file.protocol !== "file:" || typeof Deno === "undefined") return;
  const { state } = Deno.permissions.requestSync({ name: "read", path: file });
  if (state === "granted") return;
  const reason = file === module ? "it" : file.pathname;
  throw new Deno.errors.NotCapable(
    `Cannot run ${module.pathname} in workers: they may not read ${reason}. Run with --allow-read for all of the program's modules`,
  );
}
