/**
 * A connection without a network: scripted pieces in, everything that the
 * server does out; and responses as a client reads them. `_wire.ts` runs it.
 */

import { decodeLatin1 } from "../../codec/ascii.ts";
import type { Duplex } from "../../server/duplex.ts";

/** One response as it stood on the wire. */
export interface WireResponse {
  readonly status: number;
  readonly reason: string;
  /** Lower-case names; lines of one name joined with `, `. */
  readonly headers: ReadonlyMap<string, string>;
  /** The payload, without chunk framing. */
  readonly body: string;
}

/** What came of one connection. */
export interface WireOutcome {
  /** All that the server wrote, one code unit an octet. */
  readonly output: string;
  /** The responses in it, interim ones included. */
  readonly responses: readonly WireResponse[];
  /** What stands behind the last complete response. */
  readonly rest: string;
  /** Whether the server ended its direction before the peer ended its own. */
  readonly closedByServer: boolean;
  /** What the teardown hook was told. */
  readonly teardownError: Error | undefined;
  /** What handlers wrote down. */
  readonly log: readonly unknown[];
}

/** How a scripted peer behaves. */
export interface WireOptions {
  /**
   * Final responses after which the peer ends its direction; `Infinity` for a
   * peer that waits for the server to end first. @default {1}
   */
  readonly expectResponses?: number;
  /** Whether the peer ends its direction right behind the last piece. @default {false} */
  readonly endsAfterPieces?: boolean;
  /** Methods of the requests, where one is HEAD. @default {[]} */
  readonly methods?: readonly string[];
  /** Most bytes that one write takes, in memory. @default {Infinity} */
  readonly maxWriteBytes?: number;
  /** After how long the test fails, in ms. @default {5000} */
  readonly deadlineMs?: number;
}

/** Rejects if the promise does not settle in time; leaves no timer behind. */
export async function withDeadline<T>(
  promise: Promise<T>,
  deadlineMs: number,
  describe: () => string = () => "",
): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(
      () => reject(new Error(`Not done in ${deadlineMs} ms: ${describe()}`)),
      deadlineMs,
    );
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** The peer's end of a connection in memory. */
export class MemoryDuplex implements Duplex {
  /** What the server wrote. */
  output = "";
  /** What handlers wrote down. */
  readonly log: unknown[] = [];
  /** What the teardown hook was told. */
  teardownError: Error | undefined;
  /** Whether the server ended its direction before the peer did. */
  closedByServer = false;
  isClosed = false;
  /** Octets that the server has taken. */
  takenBytes = 0;
  #pieces: Uint8Array[];
  #options: WireOptions;
  #over = Promise.withResolvers<null>();
  #isOver = false;
  #isWriteClosed = false;

  /** Delivers `pieces`, one a read. */
  constructor(pieces: readonly Uint8Array[], options: WireOptions = {}) {
    this.#pieces = [...pieces].reverse();
    this.#options = options;
  }

  async read(buffer: Uint8Array): Promise<number | null> {
    if (this.isClosed) throw new Deno.errors.BadResource("closed");
    const piece = this.#pieces.pop();
    if (piece === undefined) {
      if (this.#options.endsAfterPieces === true) this.end();
      return await this.#over.promise;
    }
    const size = Math.min(piece.length, buffer.length);
    buffer.set(piece.subarray(0, size));
    this.takenBytes += size;
    if (size < piece.length) this.#pieces.push(piece.subarray(size));
    return size;
  }

  // deno-lint-ignore require-await -- what it throws has to be a rejection
  async write(bytes: Uint8Array): Promise<number> {
    if (this.isClosed || this.#isWriteClosed) {
      throw new Deno.errors.BrokenPipe("closed");
    }
    const { maxWriteBytes = Infinity, expectResponses = 1, methods } =
      this.#options;
    const size = Math.min(bytes.length, maxWriteBytes);
    this.output += decodeLatin1(bytes, 0, size);
    if (expectResponses !== Infinity) {
      const { responses } = parseResponses(this.output, methods);
      const finals = responses.filter(({ status }) => status >= 200);
      if (finals.length >= expectResponses) this.end();
    }
    return size;
  }

  closeWrite(): Promise<void> {
    this.#isWriteClosed = true;
    this.#closedBy();
    return Promise.resolve();
  }

  close(): void {
    if (this.isClosed) throw new Deno.errors.BadResource("closed twice");
    this.isClosed = true;
    this.#closedBy();
  }

  /** The peer ends its direction. */
  end(): void {
    this.#isOver = true;
    this.#over.resolve(null);
  }

  #closedBy(): void {
    if (!this.#isOver) this.closedByServer = true;
    this.end();
  }
}

/**
 * Parses a row of responses by the rules that a client follows (RFC 9112 §6.3).
 *
 * @param methods Methods of the requests in order; GET where there is none.
 * @param isClosed Whether nothing more will come.
 */
export function parseResponses(
  output: string,
  methods: readonly string[] = [],
  isClosed = false,
): { responses: WireResponse[]; rest: string } {
  const responses: WireResponse[] = [];
  let rest = output;
  let finals = 0;
  for (;;) {
    const end = rest.indexOf("\r\n\r\n");
    if (end === -1) return { responses, rest };
    const [statusLine = "", ...lines] = rest.slice(0, end).split("\r\n");
    const match = /^HTTP\/1\.1 ([1-5][0-9]{2}) ([\t -~\x80-\xff]*)$/
      .exec(statusLine);
    if (match === null) return { responses, rest };
    const [, code = "", reason = ""] = match;
    const status = Number(code);
    const headers = new Map<string, string>();
    for (const line of lines) {
      const [, name, value] = /^([^\s:]+): ?(.*)$/.exec(line) ?? [];
      if (name === undefined || value === undefined) return { responses, rest };
      const lower = name.toLowerCase();
      const before = headers.get(lower);
      headers.set(lower, before === undefined ? value : `${before}, ${value}`);
    }
    const isBare = status < 200 || status === 204 || status === 304 ||
      methods[finals] === "HEAD";
    const body = isBare
      ? { text: "", size: 0 }
      : readBody(rest.slice(end + 4), headers, isClosed);
    if (body === null) return { responses, rest };
    if (status >= 200) finals++;
    responses.push({ status, reason, headers, body: body.text });
    rest = rest.slice(end + 4 + body.size);
  }
}

function readBody(
  text: string,
  headers: ReadonlyMap<string, string>,
  isClosed: boolean,
): { text: string; size: number } | null {
  if (headers.get("transfer-encoding") === "chunked") return readChunks(text);
  const length = headers.get("content-length");
  if (length === undefined) {
    return isClosed ? { text, size: text.length } : null;
  }
  const size = Number(length);
  return text.length < size ? null : { text: text.slice(0, size), size };
}

function readChunks(text: string): { text: string; size: number } | null {
  let payload = "";
  let at = 0;
  for (;;) {
    const [line, digits = ""] = /^([0-9a-f]+)\r\n/i.exec(text.slice(at)) ?? [];
    if (line === undefined) return null;
    at += line.length;
    const size = parseInt(digits, 16);
    if (size === 0) {
      const end = text.startsWith("\r\n", at)
        ? at - 2
        : text.indexOf("\r\n\r\n", at);
      return end < 0 ? null : { text: payload, size: end + 4 };
    }
    if (text.slice(at + size, at + size + 2) !== "\r\n") return null;
    payload += text.slice(at, at + size);
    at += size + 2;
  }
}
