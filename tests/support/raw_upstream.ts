/**
 * An origin that uses no HTTP library. It records the bytes that it received,
 * as strings with one byte per character, and sends the bytes of a script. It
 * accepts only unambiguous requests, and records all others as faults.
 */

import { assert } from "@std/assert";
import { decodeLatin1, encodeLatin1 } from "./latin1.ts";
import { writeAll } from "./write_all.ts";

/** How long {@linkcode eventually} waits, in ms. */
const DEADLINE_MS = 15_000;

/** Waits for a condition that depends on other processes. */
export async function eventually(holds: () => boolean): Promise<void> {
  const endMs = performance.now() + DEADLINE_MS;
  while (!holds()) {
    assert(performance.now() < endMs, `Condition does not hold: ${holds}`);
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
}

/** A request as it was on the wire. */
export interface RawRequest {
  readonly method: string;
  readonly target: string;
  /** Request line and field lines, with CRLFs, without the empty line. */
  readonly head: string;
  /** One value per line, by lower-case name. */
  readonly fields: ReadonlyMap<string, readonly string[]>;
  /** The payload, once it was read. */
  body: string;
  /** The number of its connection, from 1. */
  readonly connection: number;
}

/** What a script can do with its connection. */
export interface UpstreamConnection {
  /** Sends a string, one byte per character. */
  send(text: string): Promise<void>;
  /** Reads the request's body to its end; if the script does not, it is read after the script. */
  readBody(): Promise<string>;
  /** Reads the bytes that arrive next; `""` at the end. */
  readSome(): Promise<string>;
  /** Closes the connection. */
  close(): void;
}

/** Answers a request whose head was read. */
export type Script = (
  request: RawRequest,
  connection: UpstreamConnection,
) => Promise<void> | void;

/** An origin on 127.0.0.1; see the file's header. */
export class RawUpstream implements AsyncDisposable {
  /** Requests that were read to their end, in order. */
  readonly requests: RawRequest[] = [];
  /** Heads that were read, also of requests that are incomplete. */
  readonly heads: RawRequest[] = [];
  /** Why bytes were not accepted as a request. */
  readonly faults: string[] = [];
  /** Connections so far, and those that are open. */
  connectionCount = 0;
  openCount = 0;
  /** Answers each request. */
  script: Script;
  #listener: Deno.TcpListener;
  #conns: Set<Deno.Conn> = new Set();
  #running: Promise<void>[] = [];

  /** Listens on a free port, or on a given one. */
  constructor(script: Script, port = 0) {
    this.script = script;
    this.#listener = Deno.listen({ hostname: "127.0.0.1", port });
    this.#running.push(this.#accept());
  }

  /** The port that it listens on. */
  get port(): number {
    return this.#listener.addr.port;
  }

  /** Closes listener and connections. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#listener.close();
    for (const conn of [...this.#conns]) this.#close(conn);
    await Promise.all(this.#running);
  }

  async #accept(): Promise<void> {
    try {
      for await (const conn of this.#listener) {
        this.#conns.add(conn);
        this.openCount++;
        this.#running.push(this.#serve(conn, ++this.connectionCount));
      }
    } catch (error) {
      if (!(error instanceof Deno.errors.BadResource)) throw error; // it was closed
    }
  }

  async #serve(conn: Deno.Conn, number: number): Promise<void> {
    const reader = new RequestReader(conn, number);
    try {
      for (;;) {
        const request = await reader.head();
        if (request === null) break;
        this.heads.push(request);
        let body: Promise<string> | null = null;
        const readBody = (): Promise<string> =>
          body ??= reader.body(request).then((text) => {
            this.requests.push(request);
            return request.body = text;
          });
        await this.script(request, {
          send: (text) => writeAll(conn, encodeLatin1(text)),
          readBody,
          readSome: () => reader.some(),
          close: () => this.#close(conn),
        });
        if (!this.#conns.has(conn)) break;
        await readBody();
      }
    } catch (error) {
      if (error instanceof SyntaxError) this.faults.push(error.message);
      // Otherwise the peer or the script closed the connection, which tests do on purpose.
    } finally {
      this.#close(conn);
    }
  }

  #close(conn: Deno.Conn): void {
    if (!this.#conns.delete(conn)) return;
    this.openCount--;
    conn.close();
  }
}

/** The connection ended inside a request. */
class CutError extends Error {}

/** Reads requests strictly by RFC 9112. */
class RequestReader {
  #conn: Deno.Conn;
  #number: number;
  #rest = "";
  #buffer = new Uint8Array(65_536);

  constructor(conn: Deno.Conn, number: number) {
    this.#conn = conn;
    this.#number = number;
  }

  async some(): Promise<string> {
    if (this.#rest === "" && !await this.#fill()) return "";
    const taken = this.#rest;
    this.#rest = "";
    return taken;
  }

  async head(): Promise<RawRequest | null> {
    if (this.#rest === "" && !await this.#fill()) return null;
    const head = await this.#until("\r\n\r\n") + "\r\n";
    const [line = "", ...lines] = head.split("\r\n").slice(0, -1);
    const start = /^([!-~]+) ([!-~]+) HTTP\/1\.1$/.exec(line);
    if (start === null) throw new SyntaxError(`Request line: ${line}`);
    const fields = new Map<string, string[]>();
    for (const text of lines) {
      const match = /^([!#-'*+.^-`|~\w-]+): ([\t\x20-\x7e\x80-\xff]*)$/.exec(
        text,
      );
      if (match === null) throw new SyntaxError(`Field line: ${text}`);
      const [, name = "", value = ""] = match;
      const lower = name.toLowerCase();
      fields.set(lower, [...fields.get(lower) ?? [], value]);
    }
    const [, method = "", target = ""] = start;
    const count = (name: string): number => fields.get(name)?.length ?? 0;
    const framing = count("content-length") + count("transfer-encoding");
    if (count("host") !== 1 || framing > 1) {
      throw new SyntaxError(`Two ways to read it: ${head}`);
    }
    return { method, target, head, fields, body: "", connection: this.#number };
  }

  async body({ fields }: RawRequest): Promise<string> {
    const [coding] = fields.get("transfer-encoding") ?? [];
    if (coding === undefined) {
      const [length = "0"] = fields.get("content-length") ?? [];
      if (!/^[0-9]+$/.test(length)) throw new SyntaxError(`Length: ${length}`);
      return await this.#take(Number(length));
    }
    if (coding !== "chunked") throw new SyntaxError(`Coding: ${coding}`);
    let body = "";
    for (;;) {
      const size = await this.#until("\r\n");
      if (!/^[0-9a-f]+$/i.test(size)) throw new SyntaxError(`Chunk: ${size}`);
      const data = await this.#take(parseInt(size, 16) + 2);
      if (!data.endsWith("\r\n")) throw new SyntaxError(`Chunk end: ${data}`);
      if (data.length === 2) return body;
      body += data.slice(0, -2);
    }
  }

  async #take(size: number): Promise<string> {
    while (this.#rest.length < size) await this.#more();
    const taken = this.#rest.slice(0, size);
    this.#rest = this.#rest.slice(size);
    return taken;
  }

  async #until(mark: string): Promise<string> {
    for (;;) {
      const at = this.#rest.indexOf(mark);
      if (at !== -1) {
        const found = this.#rest.slice(0, at);
        this.#rest = this.#rest.slice(at + mark.length);
        return found;
      }
      await this.#more();
    }
  }

  async #more(): Promise<void> {
    if (!await this.#fill()) throw new CutError();
  }

  async #fill(): Promise<boolean> {
    const size = await this.#conn.read(this.#buffer);
    if (size === null) return false;
    this.#rest += decodeLatin1(this.#buffer.subarray(0, size));
    return true;
  }
}
