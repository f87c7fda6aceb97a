/**
 * Reads responses from the bytes of a connection, with just enough HTTP to find
 * the end of each. The comparison has its own reader, so that the measured code
 * does not check itself.
 */

/** A complete response. */
export interface RawResponse {
  readonly status: number;
  /** Field lines, names in lower case. */
  readonly fields: readonly (readonly [name: string, value: string])[];
  /** The body without chunk framing; empty unless bodies are kept. */
  readonly body: Uint8Array;
}

type State = "head" | "length" | "chunk-size" | "chunk-end" | "trailers";

const LF = 0x0a;
const MAX_LINES_BYTES = 1 << 16;

/** Takes bytes in any split and reports each complete response. */
export class RawResponseReader {
  #state: State = "head";
  #lines = "";
  #rest = 0;
  #isChunked = false;
  #status = 0;
  #fields: [string, string][] = [];
  #body: Uint8Array[] = [];
  #keepsBodies: boolean;
  #onResponse: (response: RawResponse) => void;

  constructor(
    onResponse: (response: RawResponse) => void,
    options: { readonly keepsBodies: boolean },
  ) {
    this.#onResponse = onResponse;
    this.#keepsBodies = options.keepsBodies;
  }

  /** Takes received bytes; they are not kept. */
  push(bytes: Uint8Array): void {
    let at = 0;
    while (at < bytes.length) {
      at = this.#state === "length"
        ? this.#takeBody(bytes, at)
        : this.#takeLine(bytes, at);
    }
  }

  #takeBody(bytes: Uint8Array, at: number): number {
    const end = Math.min(bytes.length, at + this.#rest);
    if (this.#keepsBodies) this.#body.push(bytes.slice(at, end));
    this.#rest -= end - at;
    if (this.#rest === 0) {
      if (this.#isChunked) this.#state = "chunk-end";
      else this.#finish();
    }
    return end;
  }

  /** Reads up to the next LF, and returns the line once it is complete. */
  #takeLine(bytes: Uint8Array, at: number): number {
    const lf = bytes.indexOf(LF, at);
    const end = lf === -1 ? bytes.length : lf + 1;
    for (let i = at; i < end; i++) {
      this.#lines += String.fromCharCode(bytes[i]!); // i < bytes.length
    }
    if (this.#lines.length > MAX_LINES_BYTES) {
      throw new Error("Cannot read the response: its head is too long");
    }
    if (lf === -1) return end;
    if (this.#state === "head") {
      if (this.#lines.endsWith("\r\n\r\n")) this.#takeHead(this.#lines);
    } else {
      const line = this.#lines.slice(0, -2);
      this.#lines = "";
      this.#takeChunkLine(line);
    }
    return end;
  }

  #takeHead(text: string): void {
    this.#lines = "";
    const [first = "", ...lines] = text.slice(0, -4).split("\r\n");
    const match = /^HTTP\/1\.1 ([1-5][0-9]{2})( |$)/.exec(first);
    if (match === null) throw new Error(`Cannot read a response in "${first}"`);
    this.#status = Number(match[1]);
    this.#fields = lines.map((line) => {
      const colon = line.indexOf(":");
      return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()];
    });
    const field = (wanted: string): string | undefined =>
      this.#fields.find(([name]) => name === wanted)?.[1];
    this.#isChunked = field("transfer-encoding")?.toLowerCase() === "chunked";
    if (this.#isChunked) this.#state = "chunk-size";
    else this.#expect(Number(field("content-length") ?? NaN));
  }

  #expect(bytes: number): void {
    if (!Number.isSafeInteger(bytes)) {
      throw new Error("Cannot find the response's end: it declares no length");
    }
    this.#rest = bytes;
    this.#state = "length";
    if (bytes === 0) this.#finish();
  }

  #takeChunkLine(line: string): void {
    if (this.#state === "chunk-end") this.#state = "chunk-size";
    else if (this.#state === "trailers") {
      if (line === "") this.#finish();
    } else {
      const size = /^[0-9a-f]{1,8}/i.exec(line)?.[0];
      if (size === undefined) {
        throw new Error(`Cannot read a chunk size in "${line}"`);
      }
      this.#rest = parseInt(size, 16);
      this.#state = this.#rest === 0 ? "trailers" : "length";
    }
  }

  #finish(): void {
    this.#state = "head";
    const body = new Uint8Array(
      this.#body.reduce((sum, piece) => sum + piece.length, 0),
    );
    let at = 0;
    for (const piece of this.#body) {
      body.set(piece, at);
      at += piece.length;
    }
    this.#body = [];
    this.#onResponse({ status: this.#status, fields: this.#fields, body });
  }
}
