/** How each way of serving is told to go about it. */

/** How {@linkcode Server.serve} goes about it. */
export interface ServeOptions {
  /** Ends serving, as {@linkcode ServerHandle.shutdown} does. */
  readonly signal?: AbortSignal;
  /** Told the first address, when it is bound. */
  readonly onListen?: (addr: Deno.Addr) => void;
  /** Told what a hook throws or why accepting failed; at most once a second. @default {report to the console} */
  readonly onError?: (error: unknown) => void;
}

/** How {@linkcode Server.serveEpoll} goes about it. */
export interface EpollServeOptions extends ServeOptions {
  /**
   * The C library's path, for `--allow-ffi=<path>`: both have to be the same
   * text. @default {where the loader finds it}
   */
  readonly libc?: string;
}

/** How {@linkcode Server.serveThreaded} goes about it. */
export interface ThreadedServeOptions extends ServeOptions {
  /** How many workers serve. @default {the option `threadCount`} */
  readonly workers?: number;
  /** What each of them serves on, as {@linkcode Server.serve} or {@linkcode Server.serveEpoll} do. @default {"listen"} */
  readonly engine?: "listen" | "epoll";
  /** The C library's path; see {@linkcode EpollServeOptions.libc}. */
  readonly libc?: string;
  /** The module that each worker runs, and that calls `serveThreaded` there. @default {the program's main module} */
  readonly module?: string | URL;
  /** Told the first address, when all workers listen; on the program's own thread only. */
  readonly onListen?: (addr: Deno.Addr) => void;
  /** Told that a worker died, beside what a hook throws; at most once a second. @default {report to the console} */
  readonly onError?: (error: unknown) => void;
}
