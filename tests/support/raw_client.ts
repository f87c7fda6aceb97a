/**
 * A client that sends exactly the bytes of a test and reads each response by
 * its framing, never by "one read". It is strict: anything that is not an
 * HTTP/1.1 response throws. Strings hold one character for each byte.
 */

import { connectTcp } from "./connect_tcp.ts";
import { decodeLatin1, encodeLatin1 } from "./latin1.ts";
import { writeAll } from "./write_all.ts";

/** How long a client may live before its connection is cut, in ms. */
const DEADLINE_MS = 20_000;

/** One response as it was on the wire. */
export interface RawResponse {
  readonly status: number;
  /** Status line and field lines with their CRLFs, without the empty line. */
  readonly head: string;
  /** Field values by name in lower case; repeated ones joined by `, `. */
  readonly headers: ReadonlyMap<string, string>;
  /** The payload; chunks are joined. */
  readonly body: string;
  /** The payloads of the chunks; empty if the body was not chunked. */
  readonly chunks: readonly string[];
  /** The trailer lines. */
  readonly trailers: string;
}

/** Reads responses from any source of bytes. */
export class ResponseReader {
  #read: () => Promise<Uint8Array | null>;
  #rest = "";

  constructor(read: () => Promise<Uint8Array | null>) {
    this.#read = read;
  }

  /** Reads one response; `isHead` if the request was HEAD. */
  async response(isHead = false): Promise<RawResponse> {
    const head = await this.head();
    const status = Number(/^HTTP\/1\.1 ([0-9]{3}) /.exec(head)?.[1]);
    if (!status) {
      throw new TypeError(`Not a status line: ${JSON.stringify(head)}`);
    }
    const headers = parseFields(head);
    const response = { status, head, headers, body: "", chunks: [] };
    const isBare = isHead || status < 200 || status === 204 || status === 304;
    if (isBare) return { ...response, trailers: "" };
    if (headers.get("transfer-encoding") === "chunked") {
      return { ...response, ...await this.#chunked() };
    }
    const length = headers.get("content-length");
    const body = length === undefined
      ? await this.toEnd()
      : await this.take(Number(length));
    return { ...response, body, trailers: "" };
  }

  /** Reads a head, and nothing after it. */
  async head(): Promise<string> {
    const head = await this.#until("\r\n\r\n");
    return head + "\r\n";
  }

  /** Reads `size` bytes. */
  async take(size: number): Promise<string> {
    while (this.#rest.length < size) await this.#fill();
    const taken = this.#rest.slice(0, size);
    this.#rest = this.#rest.slice(size);
    return taken;
  }

  /** Reads one chunk; `""` is the last one, whose trailer section remains unread. */
  async chunk(): Promise<string> {
    const line = await this.#until("\r\n");
    if (!/^[0-9a-f]+$/i.test(line)) throw new TypeError(`Not a chunk: ${line}`);
    const size = parseInt(line, 16);
    if (size === 0) return "";
    const data = await this.take(size + 2);
    if (!data.endsWith("\r\n")) throw new TypeError("No CRLF after a chunk");
    return data.slice(0, -2);
  }

  /** Reads everything up to the end of the connection. */
  async toEnd(): Promise<string> {
    for (;;) {
      const bytes = await this.#read();
      if (bytes === null) break;
      this.#rest += decodeLatin1(bytes);
    }
    const all = this.#rest;
    this.#rest = "";
    return all;
  }

  async #chunked(): Promise<
    Pick<RawResponse, "body" | "chunks" | "trailers">
  > {
    const chunks: string[] = [];
    for (;;) {
      const chunk = await this.chunk();
      if (chunk === "") break;
      chunks.push(chunk);
    }
    let trailers = "";
    for (;;) {
      const line = await this.#until("\r\n");
      if (line === "") break;
      trailers += `${line}\r\n`;
    }
    return { body: chunks.join(""), chunks, trailers };
  }

  async #until(mark: string): Promise<string> {
    for (;;) {
      const at = this.#rest.indexOf(mark);
      if (at !== -1) {
        const found = this.#rest.slice(0, at);
        this.#rest = this.#rest.slice(at + mark.length);
        return found;
      }
      await this.#fill();
    }
  }

  async #fill(): Promise<void> {
    const bytes = await this.#read();
    if (bytes === null) {
      throw new TypeError(
        `Connection ended inside a response: ${JSON.stringify(this.#rest)}`,
      );
    }
    this.#rest += decodeLatin1(bytes);
  }
}

/** A TCP connection to a server on 127.0.0.1. */
export class RawClient extends ResponseReader implements Disposable {
  #conn: Deno.Conn;
  #timer: ReturnType<typeof setTimeout>;
  #isClosed = false;

  private constructor(conn: Deno.Conn) {
    const buffer = new Uint8Array(65_536);
    super(async () => {
      const size = await conn.read(buffer);
      return size === null ? null : buffer.slice(0, size);
    });
    this.#conn = conn;
    this.#timer = setTimeout(() => this.close(), DEADLINE_MS);
  }

  /** Connects. */
  static async connect(port: number): Promise<RawClient> {
    return new RawClient(await connectTcp(port));
  }

  /** Connects through TLS to a server whose certificate is `cert`. */
  static async connectTls(port: number, cert: string): Promise<RawClient> {
    return new RawClient(
      await Deno.connectTls({ hostname: "localhost", port, caCerts: [cert] }),
    );
  }

  /** Sends a string, one byte for each character. */
  async send(text: string): Promise<void> {
    await writeAll(this.#conn, encodeLatin1(text));
  }

  /** Sends a string and reads one response. */
  async ask(text: string): Promise<RawResponse> {
    await this.send(text);
    return await this.response(text.startsWith("HEAD "));
  }

  /** Ends the client's direction. */
  async end(): Promise<void> {
    await this.#conn.closeWrite();
  }

  /** Closes the connection. */
  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    clearTimeout(this.#timer);
    this.#conn.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }
}

function parseFields(head: string): Map<string, string> {
  const fields = new Map<string, string>();
  for (const line of head.split("\r\n").slice(1, -1)) {
    const match = /^([^:\s]+): (.*)$/.exec(line);
    if (match === null) throw new TypeError(`Not a field line: ${line}`);
    const [, name = "", value = ""] = match;
    const before = fields.get(name.toLowerCase());
    fields.set(
      name.toLowerCase(),
      before === undefined ? value : `${before}, ${value}`,
    );
  }
  return fields;
}
