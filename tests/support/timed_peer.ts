/**
 * One connection of an engine whose clock only the test moves.
 * `timed_connection.ts` makes it in memory for the default engine,
 * `timed_socket.ts` over a socket for the epoll engine.
 */

import { ProtocolError } from "../../mod.ts";
import type { Hooks } from "../../server/hooks.ts";
import type { FakeClock } from "./fake_clock.ts";
import type { ResponseReader } from "./raw_client.ts";

/** More than any sweep over connections can be late, in ms, with any options. */
export const SWEEPS_MS = 600;

/** The hooks that a test may set; the harness needs setup and teardown itself. */
export type TimedHooks = Partial<Pick<Hooks, "preRouting" | "error">>;

/** See the file's header. */
export interface TimedPeer extends ResponseReader {
  readonly clock: FakeClock;
  /** The error that the teardown hook got. */
  readonly error: Error | undefined;
  /** The same as a code or a name. */
  readonly errorCode: string | undefined;
  /** How often the server closed the connection. */
  readonly closeCount: number;
  /** Number of bytes that the server has written so far. */
  readonly writtenBytes: number;
  /** Settles when the connection has ended. */
  readonly ended: Promise<void>;
  /** Receives nothing more until the returned function is called; the kernel may still buffer some bytes. */
  holdWrites(): () => void;
  /** Sends a string to the server, one byte for each character. */
  send(text: string): void;
  /** Ends the client's direction. */
  end(): void;
  /** Resets the connection; in memory the server gets `error`, over a socket the system's error. */
  reset(error: Error): void;
  /** Waits for everything that needs no action of the peer. */
  settle(): Promise<void>;
  /** Advances the clock by `durationMs` and checks that nothing happens, then by `lateMs`. */
  pass(durationMs: number, lateMs?: number): Promise<void>;
  /** Reads to the end, checks that no timer runs, and returns what it read. */
  finish(): Promise<string>;
}

/** Gives the code of a protocol error, the name of any other. */
export function codeOf(error: Error | undefined): string | undefined {
  return error instanceof ProtocolError ? error.code : error?.name;
}
