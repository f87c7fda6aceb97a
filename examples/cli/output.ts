/** Writes the response, and shows its progress. */

import { EXIT, Failure, messageOf } from "./failure.ts";

/** Progress is shown after this time, and then at this interval, in milliseconds. */
const SHOWN_AFTER_MS = 500;
const SHOWN_EACH_MS = 100;

const BAR_COLUMNS = 30;

/** Like `Deno.create`, but without the permission to read. */
const CREATED = { write: true, create: true, truncate: true } as const;

/** Standard output, or a file that is created by the first write. */
export class Output {
  #path: string | null;
  #target: { write(bytes: Uint8Array): Promise<number> } | null = null;

  constructor(path: string | null) {
    this.#path = path;
  }

  /** Whether the output is a terminal. */
  get isTerminal(): boolean {
    return this.#path === null && Deno.stdout.isTerminal();
  }

  /** Writes all bytes; even an empty array creates the file. */
  async write(bytes: Uint8Array): Promise<void> {
    try {
      this.#target ??= this.#path === null
        ? Deno.stdout
        : await Deno.open(this.#path, CREATED);
      let rest = bytes;
      while (rest.length > 0) {
        rest = rest.subarray(await this.#target.write(rest));
      }
    } catch (error) {
      const what = this.#path ?? "the standard output";
      const message = `Cannot write ${what}: ${messageOf(error)}`;
      throw new Failure(EXIT.CANNOT_WRITE, message);
    }
  }
}

/** A progress line on standard error, if that is a terminal. */
export class Progress {
  #sizeBytes: number | null;
  #isWanted: boolean;
  #startMs = performance.now();
  #shownMs = -Infinity;
  #received = 0;

  /** Starts to count; `sizeBytes` is the total size, if it is known. */
  constructor(sizeBytes: number | null, isWanted: boolean) {
    this.#sizeBytes = sizeBytes;
    this.#isWanted = isWanted && Deno.stderr.isTerminal();
  }

  /** Counts received bytes. */
  add(sizeBytes: number): void {
    this.#received += sizeBytes;
    if (!this.#isWanted) return;
    const nowMs = performance.now();
    if (nowMs - this.#startMs < SHOWN_AFTER_MS) return;
    if (nowMs - this.#shownMs < SHOWN_EACH_MS) return;
    this.#shownMs = nowMs;
    this.#show("");
  }

  /** Shows the final state, and ends the line. */
  end(): void {
    if (this.#shownMs > 0) this.#show("\n");
  }

  #show(lineEnd: string): void {
    const elapsedMs = performance.now() - this.#startMs;
    const text = progressText(this.#received, this.#sizeBytes, elapsedMs);
    Deno.stderr.writeSync(
      new TextEncoder().encode(`\r${text}\x1b[K${lineEnd}`),
    );
  }
}

/** Formats the progress of a transfer. */
export function progressText(
  received: number,
  sizeBytes: number | null,
  elapsedMs: number,
): string {
  const rate = `${bytesText(received * 1000 / Math.max(1, elapsedMs))}/s`;
  if (sizeBytes === null || sizeBytes === 0) {
    return `${bytesText(received)}, ${rate}`;
  }
  const part = Math.min(1, received / sizeBytes);
  const percent = `${Math.floor(part * 100)}`.padStart(3);
  const bar = "=".repeat(Math.floor(part * BAR_COLUMNS)).padEnd(BAR_COLUMNS);
  return `${percent}% [${bar}] ${bytesText(received)} of ${
    bytesText(sizeBytes)
  }, ${rate}`;
}

function bytesText(bytes: number): string {
  let amount = bytes;
  for (const unit of ["B", "KiB", "MiB", "GiB"]) {
    if (amount < 1024) return `${amount.toFixed(unit === "B" ? 0 : 1)} ${unit}`;
    amount /= 1024;
  }
  return `${amount.toFixed(1)} TiB`;
}
