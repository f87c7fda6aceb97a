/**
 * Shows the progress of a run on the terminal in one line that is overwritten.
 * If the output is not a terminal, only headings and notes are printed.
 */

const ENCODER = new TextEncoder();
const CLEAR_LINE = "\r\x1b[2K";

/** Counts steps and estimates the remaining time, assuming that all take equally long. */
export class Progress {
  #total: number;
  #done = -1;
  #heading = "";
  #startMs: number = performance.now();
  #isTerminal: boolean = Deno.stderr.isTerminal();

  /** @param total The largest possible number of steps. */
  constructor(total: number) {
    this.#total = total;
  }

  /** Begins a part of the run. */
  heading(text: string): void {
    this.#heading = text;
    if (this.#isTerminal) return;
    const share = Math.floor(Math.max(0, this.#done + 1) / this.#total * 100);
    this.#write(`${text} (${share} % done, ${this.#left()})\n`);
  }

  /** Begins the next step. */
  step(text: string): void {
    this.#done++;
    if (!this.#isTerminal) return;
    const counted = `[${this.#done + 1}/${this.#total}]`;
    this.#write(
      `${CLEAR_LINE}${counted} ${this.#heading}: ${text} (${this.#left()})`,
    );
  }

  /** Removes steps that will not happen. */
  skip(steps: number): void {
    this.#total -= steps;
  }

  /** Prints a line that is not overwritten. */
  note(text: string): void {
    this.#write(`${this.#isTerminal ? CLEAR_LINE : ""}${text}\n`);
  }

  #left(): string {
    if (this.#done < 1) return "remaining time unknown";
    const elapsedMs = performance.now() - this.#startMs;
    const leftMs = elapsedMs / this.#done * (this.#total - this.#done);
    const seconds = Math.max(0, Math.round(leftMs / 1000));
    const rest = String(seconds % 60).padStart(2, "0");
    return `${Math.floor(seconds / 60)}:${rest} left`;
  }

  #write(text: string): void {
    Deno.stderr.writeSync(ENCODER.encode(text));
  }
}
