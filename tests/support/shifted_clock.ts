/** `Date.now()` of this process, moved forward. Everything else keeps its clock. */
export class ShiftedClock implements Disposable {
  #now: () => number = Date.now;
  #shiftMs: number;

  /** Moves the clock; disposing moves it back. */
  constructor(shiftMs: number) {
    this.#shiftMs = shiftMs;
    Date.now = () => this.#now() + this.#shiftMs;
  }

  /** Moves the clock further. */
  advance(ms: number): void {
    this.#shiftMs += ms;
  }

  [Symbol.dispose](): void {
    Date.now = this.#now;
  }
}
