/**
 * Accepts connections from one listener: waits while there is no room, goes on
 * after failures that pass, and closes without losing those who queue already.
 */

import { toError } from "../to_error.ts";
import type { Duplex } from "../duplex.ts";
import { closeQuietly } from "./close_quietly.ts";
import { runtimeTurn } from "./runtime_turn.ts";

/** Wait after a failed accept, in ms: it doubles from the first to the second. */
const MIN_BACKOFF_MS = 5;
const MAX_BACKOFF_MS = 1000;

/**
 * Turns of the event loop in which a closing listener still takes who queues:
 * the system resets them otherwise. Under load they never end by themselves.
 */
const MAX_CLOSING_TURNS = 20;

/** Failures that pass, but not at once: no descriptor or memory left. */
const SHORTAGE_CODES: ReadonlySet<string> = new Set([
  "EMFILE",
  "ENFILE",
  "ENOBUFS",
  "ENOMEM",
  "ECONNABORTED",
  "EPERM",
]);

/**
 * Failures of one connection, which has left the queue with them: it was reset
 * before it could be looked at, or its network is gone. Without a wait, since
 * whoever resets connections could otherwise slow down everybody else's.
 */
const PEER_CODES: ReadonlySet<string> = new Set([
  "ENOTCONN",
  "ECONNRESET",
  "EINTR",
  "EPROTO",
  "ENETDOWN",
  "ENETUNREACH",
  "EHOSTDOWN",
  "EHOSTUNREACH",
  "ENONET",
  "ENOPROTOOPT",
  "EOPNOTSUPP",
  "ETIMEDOUT",
]);

/** What connections are accepted from; those of the runtime are some. */
export interface Listener {
  /** Where it listens. */
  readonly addr: Deno.Addr;
  /** Resolves with the next connection; rejects with why there is none. */
  accept(): Promise<Duplex>;
  /** Resolves when all that has come so far was told; by default one turn of the event loop has to do. */
  settled?(): Promise<void>;
  /** Accepts no more; an accept that is under way rejects. */
  close(): void;
  /** Keeps the process alive. */
  ref(): void;
  /** Lets the process end. */
  unref(): void;
}

/** What an acceptor asks of its engine. */
export interface AcceptLoopOwner {
  /** Whether a further connection has to wait. */
  readonly isFull: boolean;
  /** Takes a connection in. */
  admit(conn: Duplex): void;
  /** Tells the setup hook of a failure; says whether accepting goes on. */
  acceptFailed(error: Error): Promise<boolean>;
}

/** One listener's loop; see the file's header. */
export class AcceptLoop {
  /** What is accepted from. */
  readonly listener: Listener;
  #owner: AcceptLoopOwner;
  #accepted = 0;
  #isClosed = false;
  #isAccepting = false;
  #wake: (() => void) | null = null;

  /** Creates an acceptor; {@linkcode AcceptLoop.run} begins to accept. */
  constructor(listener: Listener, owner: AcceptLoopOwner) {
    this.listener = listener;
    this.#owner = owner;
  }

  /**
   * Accepts until the listener closes.
   *
   * @throws {Error} A failure that does not pass.
   */
  async run(): Promise<void> {
    let backoffMs = MIN_BACKOFF_MS;
    while (!this.#isClosed) {
      if (this.#owner.isFull) {
        await this.#pause(null);
        continue;
      }
      const conn = await this.#accept();
      if (conn instanceof Error) {
        if (this.#isClosed) return;
        if (!await this.#owner.acceptFailed(conn)) return;
        const code = codeOf(conn);
        if (PEER_CODES.has(code)) continue;
        if (!SHORTAGE_CODES.has(code)) throw conn;
        await this.#pause(backoffMs);
        backoffMs = Math.min(backoffMs * 2, MAX_BACKOFF_MS);
        continue;
      }
      backoffMs = MIN_BACKOFF_MS;
      this.#accepted++;
      // Another listener may have given the last place away meanwhile.
      while (this.#owner.isFull && !this.#isClosed) await this.#pause(null);
      setNoDelay(conn);
      this.#owner.admit(conn);
    }
  }

  /** There may be room, or nothing to wait for any more. */
  wake(): void {
    this.#wake?.();
  }

  /** Closes as soon as nobody queues. */
  async closeGently(): Promise<void> {
    let seen = -1;
    for (let turn = 0; turn < MAX_CLOSING_TURNS; turn++) {
      if (this.#isClosed || !this.#isAccepting || seen === this.#accepted) {
        break;
      }
      seen = this.#accepted;
      await this.settled();
    }
    this.close();
  }

  /** Resolves when connections have got what came for them so far. */
  async settled(): Promise<void> {
    if (this.listener.settled !== undefined) await this.listener.settled();
    else await runtimeTurn();
  }

  /** Closes at once. */
  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    closeQuietly(this.listener);
    this.wake();
  }

  /** Errors are values here, so that the loop above reads in one piece. */
  async #accept(): Promise<Duplex | Error> {
    this.#isAccepting = true;
    try {
      return await this.listener.accept();
    } catch (error) {
      return toError(error);
    } finally {
      this.#isAccepting = false;
    }
  }

  /** Waits for that long, for room, or for the end. */
  async #pause(durationMs: number | null): Promise<void> {
    if (this.#isClosed) return;
    let timer: ReturnType<typeof setTimeout> | undefined;
    await new Promise<void>((resolve) => {
      this.#wake = resolve;
      if (durationMs !== null) timer = setTimeout(resolve, durationMs);
    });
    this.#wake = null;
    clearTimeout(timer);
  }
}

/** Answers are whole writes, so that waiting for more of them only delays. */
function setNoDelay(conn: Duplex): void {
  try {
    conn.setNoDelay?.(true); // only TCP has it
  } catch {
    // The peer has left already; the first read will say so.
  }
}

/** The system's name of a failure; some of the runtime's classes come without it. */
function codeOf(error: Error): string {
  if ("code" in error) return String(error.code);
  if (error instanceof Deno.errors.NotConnected) return "ENOTCONN";
  if (error instanceof Deno.errors.ConnectionReset) return "ECONNRESET";
  if (error instanceof Deno.errors.ConnectionAborted) return "ECONNABORTED";
  if (error instanceof Deno.errors.Interrupted) return "EINTR";
  return "";
}
