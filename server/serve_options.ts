/** The settings of each way of serving. */

/** Settings of {@linkcode Server.serve}. */
export interface ServeOptions {
  /** Ends serving when it is aborted, as {@linkcode ServerHandle.shutdown} does. */
  readonly signal?: AbortSignal;
  /** Called with the first address when all addresses are bound. */
  readonly onListen?: (addr: Deno.Addr) => void;
  /** Called with what a hook throws and with failures of accept, at most once a second. @default {prints to the console} */
  readonly onError?: (error: unknown) => void;
}

/** Settings of {@linkcode Server.serveEpoll}. */
export interface EpollServeOptions extends ServeOptions {
  /**
   * The C library's path. With `--allow-ffi=<path>`, both must be the same
   * string. @default {the loader finds the library}
   */
  readonly libc?: string;
}

/** Settings of {@linkcode Server.serveThreaded}. */
export interface ThreadedServeOptions extends ServeOptions {
  /** How many workers serve. @default {the option `threadCount`} */
  readonly workers?: number;
  /** The engine of the workers: that of {@linkcode Server.serve} or of {@linkcode Server.serveEpoll}. @default {"listen"} */
  readonly engine?: "listen" | "epoll";
  /** The C library's path; see {@linkcode EpollServeOptions.libc}. */
  readonly libc?: string;
  /** The module that each worker runs, and that calls `serveThreaded` there. @default {the program's main module} */
  readonly module?: string | URL;
  /** Called with the first address when all workers listen; only on the program's own thread. */
  readonly onListen?: (addr: Deno.Addr) => void;
  /** Called also when a worker dies; otherwise as {@linkcode ServeOptions.onError}. @default {prints to the console} */
  readonly onError?: (error: unknown) => void;
}
