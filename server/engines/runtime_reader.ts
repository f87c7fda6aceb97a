/**
 * Reads from the runtime's own connections without their method `read()`. That
 * method awaits an operation of the runtime, and adds an async function, a
 * promise and an entry in a set to each read. This module calls the operation
 * directly. The operation is not public: it is found by its name, and the
 * connection's number by the description of a symbol. If either is missing, the
 * transport calls `read()`.
 *
 * perf: 1,580 instructions less a request (bench/machine_count.ts, listen-hello,
 * Deno 2.9).
 */

import type { Duplex } from "../duplex.ts";

/** Resolves with the number of bytes that were read into the buffer; 0 at the end of the stream. */
type ReadOperation = (id: number, buffer: Uint8Array) => Promise<number>;

/** The description of the symbol under which a connection has its number. */
const ID_DESCRIPTION = "Deno.internal.rid";

/** What {@linkcode RuntimeReader.read} resolves with at the end of the stream. */
export const END_SIZE = 0;

/** One connection's reads; see the file's header. */
export class RuntimeReader {
  #id: number;

  private constructor(id: number) {
    this.#id = id;
  }

  /** Creates a reader, or returns `null` if the duplex is not a connection of the runtime, or its `read()` was replaced. */
  static maybeOf(duplex: Duplex): RuntimeReader | null {
    if (READ_OPERATION === null || Object.hasOwn(duplex, "read")) return null;
    const key = Object.getOwnPropertySymbols(duplex)
      .find(({ description }) => description === ID_DESCRIPTION);
    if (key === undefined) return null;
    const id = (duplex as Duplex & Record<symbol, unknown>)[key];
    return typeof id === "number" ? new RuntimeReader(id) : null;
  }

  /** Reads into a buffer that is not empty; resolves with {@linkcode END_SIZE} at the end of the stream. */
  read(buffer: Uint8Array): Promise<number> {
    return READ_OPERATION!(this.#id, buffer); // a reader exists only if there is one
  }

  /** Reads as {@linkcode RuntimeReader.read}, and calls back; with `null` at the end of the stream. */
  readThen(
    buffer: Uint8Array,
    onRead: (size: number | null) => void,
    onFailed: (error: unknown) => void,
  ): void {
    this.read(buffer)
      .then((size) => onRead(size === END_SIZE ? null : size), onFailed);
  }
}

/** Returns the runtime's operation, or `null` if it is not where it is expected. */
function maybeFindOperation(): ReadOperation | null {
  if (typeof Deno === "undefined") return null;
  const { internal } = Deno as unknown as { internal?: symbol }; // not in the public types, like what follows
  if (internal === undefined) return null;
  const parts = (Deno as unknown as Record<symbol, unknown>)[internal];
  const { core } = (parts ?? {}) as { core?: { read?: unknown } };
  return typeof core?.read === "function" ? core.read as ReadOperation : null;
}

const READ_OPERATION: ReadOperation | null = maybeFindOperation();
