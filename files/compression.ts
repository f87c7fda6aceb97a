/**
 * Compresses files while they are sent, for the option `compress`. The number of
 * responses that do so at the same time is bounded.
 */

import { BROTLI, type Coding, GZIP } from "./content_coding.ts";
import { CopiedPieces, FileParts } from "./file_parts.ts";
import type { OpenFile } from "./open_file.ts";
import type { CompressionSettings } from "./options.ts";

/** The codings that are made, of those that can be found. */
export const MADE_CODINGS: readonly Coding[] = [BROTLI, GZIP];

/** Types whose content is not compressed by itself. */
const COMPRESSIBLE =
  /^(?:text\/|[^;]+\+(?:json|xml|text|yaml)\b|application\/(?:javascript|json|json5|ld\+json|manifest\+json|rtf|toml|wasm|x-sh|xml|yaml)\b|font\/(?:otf|ttf)\b|image\/(?:bmp|vnd\.microsoft\.icon|x-icon|x-ms-bmp)\b)/i;

/** Compresses for one handler. */
export class Compressor {
  #settings: CompressionSettings;
  #running = 0;

  /** Creates a compressor that does nothing yet. */
  constructor(settings: CompressionSettings) {
    this.#settings = settings;
  }

  /** Whether as many responses are compressed as may be at the same time. */
  get isBusy(): boolean {
    return this.#running >= this.#settings.maxConcurrent;
  }

  /** Whether a file is compressed for clients that accept it. */
  fits(contentType: string, sizeBytes: number): boolean {
    return sizeBytes >= this.#settings.minBytes &&
      this.#settings.maxConcurrent > 0 && COMPRESSIBLE.test(contentType);
  }

  /** Compresses bytes. */
  async compress(
    bytes: Uint8Array<ArrayBuffer>,
    coding: Coding,
  ): Promise<Uint8Array> {
    this.#running += 1;
    try {
      const stream = ReadableStream.from([bytes]).pipeThrough(
        encoderOf(coding),
      );
      return await new Response(stream).bytes();
    } finally {
      this.#running -= 1;
    }
  }

  /** Compresses pieces. They are ended at the end, after an error and when the stream is cancelled. */
  stream(parts: FileParts, coding: Coding): ReadableStream<Uint8Array> {
    this.#running += 1;
    const source = new CopiedPieces(parts, () => this.#running -= 1);
    return ReadableStream.from(source).pipeThrough(encoderOf(coding));
  }
}

/** An open file that is compressed if it is sent. */
export class CompressedFile {
  #compressor: Compressor;
  #file: OpenFile;
  #coding: Coding;

  /** Takes over a file. */
  constructor(compressor: Compressor, file: OpenFile, coding: Coding) {
    this.#compressor = compressor;
    this.#file = file;
    this.#coding = coding;
  }

  /** Begins to compress. The stream closes the file. */
  start(): ReadableStream<Uint8Array> {
    const whole = { start: 0, end: this.#file.size };
    const parts = new FileParts(this.#file, [whole]);
    return this.#compressor.stream(parts, this.#coding);
  }

  /** Closes the file, if it is not compressed. */
  close(): void {
    this.#file.close();
  }
}

function encoderOf(
  { format }: Coding,
): TransformStream<Uint8Array<ArrayBuffer>, Uint8Array<ArrayBuffer>> {
  // The type of the constructor does not know every format of the runtime.
  return new CompressionStream(format as CompressionFormat);
}
