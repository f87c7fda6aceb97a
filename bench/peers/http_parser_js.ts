/**
 * http-parser-js, driven as Node drives a replacement for its own parser: one
 * parser for all messages of a connection, and four callbacks. It creates a
 * string for every line, name and value.
 */

import { Buffer } from "node:buffer";
import { HTTPParser } from "npm:http-parser-js@0.5.10";
import type { HeadFixture } from "../fixtures.ts";
import type { HeadContender, ParsedHead, Reading } from "./message.ts";

/** Return values of Node's own callback, for a response to HEAD and otherwise. */
const SKIP_BODY = 1;
const READ_BODY = 0;

/** The parser as Node uses it; the package's types describe the callbacks of Node 0.12. */
interface ModernParser {
  [HTTPParser.kOnHeadersComplete]: HeadersComplete;
  [HTTPParser.kOnBody]: (piece: Uint8Array) => void;
  [HTTPParser.kOnMessageComplete]: () => void;
  execute(piece: Buffer): number | Error;
}

type HeadersComplete = (
  major: number,
  minor: number,
  fields: string[],
  method: number,
  target: string,
  statusCode: number,
  reason: string,
) => number;

/** A parser with the parts of its last message. */
export class HttpParserJs {
  /** The number of the method, or the status code of a response. */
  number = 0;
  /** The target, or the reason phrase. */
  firstText = "";
  /** Names and values alternately. */
  fields: readonly string[] = [];
  /** Complete messages. */
  messages = 0;
  /** Called for each piece of a body. */
  onBody: (piece: Uint8Array) => void = () => {};
  #parser: ModernParser;
  #isResponse: boolean;

  /** Creates a parser; one for responses assumes that they have no body. */
  constructor(type: "REQUEST" | "RESPONSE") {
    // Versions of Node since 0.12 identify themselves by reading this.
    void HTTPParser.kOnExecute;
    this.#isResponse = type === "RESPONSE";
    // one object has both types
    this.#parser = new HTTPParser(HTTPParser[type]) as unknown as ModernParser;
    this.#parser[HTTPParser.kOnHeadersComplete] = this.#isResponse
      ? this.#takeResponse
      : this.#takeRequest;
    this.#parser[HTTPParser.kOnBody] = (piece: Uint8Array): void =>
      this.onBody(piece);
    this.#parser[HTTPParser.kOnMessageComplete] = (): void => {
      this.messages++;
    };
  }

  /** The bytes as the type that the parser needs, without a copy. */
  static view(bytes: Uint8Array<ArrayBuffer>): Buffer {
    return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  }

  /**
   * Parses a piece.
   *
   * @throws {Error} If the parser rejects it.
   */
  execute(piece: Buffer): void {
    const result = this.#parser.execute(piece);
    if (typeof result !== "number") throw result;
  }

  /** The last request's method, or the last response's code. */
  get method(): string {
    if (this.#isResponse) return String(this.number);
    return HTTPParser.methods[this.number]!; // the parser indexed the same list
  }

  /** The last request's target without its query, or the reason phrase. */
  get path(): string {
    const query = this.firstText.indexOf("?");
    return query === -1 ? this.firstText : this.firstText.slice(0, query);
  }

  /** Looks up a field by its name in lower case. */
  get(lowerName: string): string | null {
    const { fields } = this;
    for (let i = 0; i < fields.length; i += 2) {
      // names and values come in pairs
      const name = fields[i]!;
      if (
        name.length === lowerName.length && name.toLowerCase() === lowerName
      ) return fields[i + 1]!;
    }
    return null;
  }

  #takeRequest: HeadersComplete = (_major, _minor, fields, method, target) => {
    this.fields = fields;
    this.number = method;
    this.firstText = target;
    return READ_BODY;
  };

  #takeResponse: HeadersComplete = (_, _minor, fields, ...rest) => {
    const [, , statusCode, reason] = rest;
    this.fields = fields;
    this.number = statusCode;
    this.firstText = reason;
    return SKIP_BODY;
  };

  /** Returns the parts of the last message. */
  found(): ParsedHead {
    const { fields } = this;
    return {
      startLine: [this.method, this.firstText],
      fields: Array.from(
        { length: fields.length / 2 },
        // names and values come in pairs
        (_, i) => [fields[2 * i]!, fields[2 * i + 1]!] as const,
      ),
    };
  }
}

/** A contender with its own parser. */
export function httpParserJsContender(
  type: "REQUEST" | "RESPONSE",
  { bytes, asked }: HeadFixture,
): HeadContender {
  const parser = new HttpParserJs(type);
  const view = HttpParserJs.view(bytes);
  return {
    name: "http-parser-js",
    parse: () => parser.execute(view),
    found: () => parser.found(),
    read(): Reading {
      parser.execute(view);
      return [
        parser.method,
        parser.path,
        parser.get(asked[0]),
        parser.get(asked[1]),
      ];
    },
  };
}
