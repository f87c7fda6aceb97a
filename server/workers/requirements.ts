/**
 * What serving from workers needs, found out before anything is bound or
 * started: the runtime answers some of it by ending the process, and the rest
 * where nobody can catch it.
 */

import type { ListenAddress } from "../address.ts";
import type { TcpAddress } from "./assignment.ts";

/**
 * The addresses, if workers can share them.
 *
 * @throws {TypeError} If one is a path: it belongs to one listener.
 */
export function requireTcp(
  addresses: readonly ListenAddress[],
): readonly TcpAddress[] {
  return addresses.map((address) => {
    if (address.transport === "tcp") return address;
    throw new TypeError(
      `Cannot share "unix:${address.path}" among workers: use serve()`,
    );
  });
}

/**
 * Whether threads can share a port here.
 *
 * @throws {Deno.errors.NotSupported} If not, or if the runtime's flag for it is missing.
 */
export function requireSharedPorts(engine: "listen" | "epoll"): void {
  if (Deno.build.os !== "linux") {
    throw new Deno.errors.NotSupported(
      `Cannot share a port among workers on ${Deno.build.os}: only Linux deals connections out; use serve()`,
    );
  }
  // `Deno.listen` with `reusePort` ends the process without the flag; another API of the flag tells of it.
  if (engine === "epoll" || "listenDatagram" in Deno) return;
  throw new Deno.errors.NotSupported(
    `Cannot share a port among workers: Deno has it behind a flag. Run with --unstable-net, or with "unstable": ["net"] in deno.json, or use engine "epoll"`,
  );
}

/**
 * The module that workers run.
 *
 * @param module What the caller wants, or the program's main module.
 * @throws {TypeError} If there is none that a worker can load.
 * @throws {Deno.errors.NotCapable} If reading it is not allowed.
 */
export function requireModule(module: string | URL | undefined): URL {
  const wanted = module ?? mainModule();
  if (!URL.canParse(String(wanted))) {
    throw new TypeError(
      `Cannot run ${JSON.stringify(wanted)} in workers: it is no URL`,
    );
  }
  const url = new URL(wanted);
  if (url.protocol !== "file:") return url;
  const { state } = Deno.permissions.requestSync({ name: "read", path: url });
  if (state !== "granted") {
    throw new Deno.errors.NotCapable(
      `Cannot run ${url.pathname} in workers: they may not read it. Run with --allow-read for the program's modules`,
    );
  }
  if (!isThere(url)) {
    throw new TypeError(
      `Cannot run ${url.pathname} in workers: there is no such file. Put the program into one, or name a module`,
    );
  }
  return url;
}

/**
 * How many workers there are.
 *
 * @param wanted An integer of at least 1, or 0 for one a core.
 * @throws {RangeError} If it is neither.
 */
export function requireCount(wanted: number): number {
  if (!Number.isSafeInteger(wanted) || wanted < 0) {
    throw new RangeError(
      `Cannot serve with ${wanted} workers: an integer of at least 0`,
    );
  }
  return wanted === 0 ? navigator.hardwareConcurrency : wanted;
}

function mainModule(): string {
  // A worker has none, whatever the types say.
  const main: string | undefined = Deno.mainModule;
  if (main !== undefined) return main;
  throw new TypeError(
    "Cannot serve from workers: this thread is one that the program has made; call serveThreaded() in its main module, or name a module",
  );
}

function isThere(url: URL): boolean {
  try {
    return Deno.statSync(url).isFile;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}
