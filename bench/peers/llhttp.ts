/**
 * llhttp in WebAssembly as undici ships and drives it: one parser for all
 * messages of a connection, bytes copied into the module's memory, a callback for
 * each name, value and piece of body. undici's callbacks create a `Buffer` each;
 * these only record offsets.
 */

import moduleBytes from "npm:undici@8.12.4/lib/llhttp/llhttp_simd-wasm.js";
import { decodeLatin1, equalsIgnoringCase } from "../../codec/ascii.ts";
import type { HeadFixture } from "../fixtures.ts";
import type { HeadContender, ParsedHead, Reading } from "./message.ts";

/** llhttp's constant for requests. */
export const LLHTTP_REQUEST = 1;
/** llhttp's constant for responses. */
export const LLHTTP_RESPONSE = 2;

/** The callback's return value for a message without a body, as undici uses it for HEAD. */
const SKIP_BODY = 1;

const MAX_FIELDS = 100;

/** The module's exports that are used here. */
interface LlhttpExports {
  readonly memory: WebAssembly.Memory;
  malloc(size: number): number;
  llhttp_alloc(type: number): number;
  llhttp_execute(parser: number, at: number, size: number): number;
  llhttp_get_method(parser: number): number;
  llhttp_method_name(method: number): number;
}

/** One llhttp parser with its own module instance and memory. */
export class Llhttp {
  /** The module's memory from the start of the input. */
  readonly input: Uint8Array;
  /** Start and end of the name and of the value of each field, as offsets into the input. */
  readonly spans: Int32Array = new Int32Array(MAX_FIELDS * 4);
  /** The number of fields of the last message. */
  count = 0;
  /** Status of the last response; 0 for requests. */
  statusCode = 0;
  /** Complete messages. */
  messages = 0;
  /** Called for each piece of a body with offsets into the input. */
  onBody: (start: number, end: number) => void = () => {};
  #exports: LlhttpExports;
  #parser: number;
  #at: number;
  #firstStart = 0;
  #firstEnd = 0;
  #headAnswer: number;
  #methods: string[] = [];

  /**
   * Creates a parser.
   *
   * @param type {@linkcode LLHTTP_REQUEST} or {@linkcode LLHTTP_RESPONSE}; the
   * latter assumes that responses have no body, like those to HEAD.
   * @param inputBytes The largest input, in bytes.
   */
  constructor(type: number, inputBytes: number) {
    this.#headAnswer = type === LLHTTP_RESPONSE ? SKIP_BODY : 0;
    const module = new WebAssembly.Module(
      moduleBytes as unknown as Uint8Array<ArrayBuffer>, // a Buffer
    );
    const { exports } = new WebAssembly.Instance(module, this.#imports());
    this.#exports = exports as unknown as LlhttpExports; // as undici calls them
    this.#parser = this.#exports.llhttp_alloc(type);
    this.#at = this.#exports.malloc(inputBytes);
    const { memory } = this.#exports;
    this.input = new Uint8Array(memory.buffer, this.#at, inputBytes);
  }

  /**
   * Parses the input.
   *
   * @param offset Start within the input.
   * @throws {Error} If llhttp rejects it.
   */
  execute(sizeBytes: number, offset = 0): void {
    const code = this.#exports.llhttp_execute(
      this.#parser,
      this.#at + offset,
      sizeBytes,
    );
    if (code !== 0) throw new Error(`Cannot parse: llhttp says ${code}`);
  }

  /** The last request's method, or the last response's code. */
  get method(): string {
    if (this.statusCode !== 0) return String(this.statusCode);
    const number = this.#exports.llhttp_get_method(this.#parser);
    return this.#methods[number] ??= this.#readName(number);
  }

  /** The last request's target, or the last response's reason phrase. */
  get firstText(): string {
    return decodeLatin1(this.input, this.#firstStart, this.#firstEnd);
  }

  /** The last request's target without its query, or the reason phrase. */
  get path(): string {
    let end = this.#firstStart;
    while (end < this.#firstEnd && this.input[end] !== 0x3f) end++;
    return decodeLatin1(this.input, this.#firstStart, end);
  }

  /** Looks up a field by its name in lower case, as our own lists do. */
  get(lowerName: string): string | null {
    const { spans, input } = this;
    for (let entry = 0; entry < this.count * 4; entry += 4) {
      // each field has four offsets, here and below
      const [start, end] = [spans[entry]!, spans[entry + 1]!];
      if (equalsIgnoringCase(input, start, end, lowerName)) {
        return decodeLatin1(input, spans[entry + 2]!, spans[entry + 3]!);
      }
    }
    return null;
  }

  /** Returns the parts of the last message. */
  found(): ParsedHead {
    const fields = Array.from({ length: this.count }, (_, index) => {
      const [start, end, from, to] = this.spans.subarray(index * 4);
      return [
        decodeLatin1(this.input, start!, end!), // each field has four offsets
        decodeLatin1(this.input, from!, to!), // as above
      ] as const;
    });
    return { startLine: [this.method, this.firstText], fields };
  }

  #imports(): WebAssembly.Imports {
    const note = (place: number, at: number, size: number): number => {
      const entry = this.count * 4 + place;
      this.spans[entry] = at - this.#at;
      this.spans[entry + 1] = at - this.#at + size;
      return 0;
    };
    const noteFirst = (_: number, at: number, size: number): number => {
      this.#firstStart = at - this.#at;
      this.#firstEnd = at - this.#at + size;
      return 0;
    };
    return {
      env: {
        wasm_on_message_begin: (): number => this.count = 0,
        wasm_on_url: noteFirst,
        wasm_on_status: noteFirst,
        wasm_on_header_field: (_: number, at: number, size: number): number =>
          note(0, at, size),
        wasm_on_header_value: (_: number, at: number, size: number): number => {
          note(2, at, size);
          this.count++;
          return 0;
        },
        wasm_on_headers_complete: (_: number, status: number): number => {
          this.statusCode = status;
          return this.#headAnswer;
        },
        wasm_on_body: (_: number, at: number, size: number): number => {
          this.onBody(at - this.#at, at - this.#at + size);
          return 0;
        },
        wasm_on_message_complete: (): number => {
          this.messages++;
          return 0;
        },
      },
    };
  }

  #readName(method: number): string {
    const start = this.#exports.llhttp_method_name(method);
    const bytes = new Uint8Array(this.#exports.memory.buffer);
    return decodeLatin1(bytes, start, bytes.indexOf(0, start));
  }
}

/**
 * A contender with its own parser.
 *
 * @param copies Whether the head must be copied into the module's memory first,
 * as undici does, or is already there.
 */
export function llhttpContender(
  type: number,
  { bytes, asked }: HeadFixture,
  copies: boolean,
): HeadContender {
  const parser = new Llhttp(type, 4096);
  parser.input.set(bytes);
  const parse = (): void => {
    if (copies) parser.input.set(bytes);
    parser.execute(bytes.length);
  };
  return {
    name: copies ? "llhttp, copied" : "llhttp, in place",
    parse,
    found: () => parser.found(),
    read(): Reading {
      parse();
      return [
        parser.method,
        parser.path,
        parser.get(asked[0]),
        parser.get(asked[1]),
      ];
    },
  };
}
