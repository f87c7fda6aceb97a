/**
 * Runs one case through the connection machine in memory. It compares the first
 * response with the expected one before anything is measured, and checks after
 * the measurement that no response was missing.
 */

import type { Application } from "../../server/hooks.ts";
import type { Clock } from "../../server/connection/connections.ts";
import { EngineContext } from "../../server/connection/engine_context.ts";
import type { MachineCase } from "./cases.ts";
import { MemoryTransport } from "./memory_transport.ts";

/** How many reads one connection gets before a new one replaces it, so that its counters stay small integers. */
const READS_PER_CONNECTION = 10_000;

/** How many reads one loop makes; see {@linkcode Machine.run}. */
const READS_PER_BATCH = 20;

/** The number of microtask turns within which an asynchronous handler must have responded. */
const MAX_TURNS = 100;

/** A clock that does not advance, so that there is no sweep and no new date during a measurement. */
export const STILL_CLOCK: Clock = {
  monotonicMs: () => 0,
  epochMs: () => 784_111_777_000, // Sun, 06 Nov 1994 08:49:37 GMT
  every: () => () => {},
  after: () => () => {},
};

/**
 * Checks the responses to one read.
 *
 * @throws {Error} If the case expects others.
 */
export function checkResponses(
  { name, status, body, pipelined }: MachineCase,
  text: string,
): void {
  const responses = text.split(`HTTP/1.1 ${status} `).slice(1);
  const isRight = responses.length === pipelined &&
    responses.every((response) => response.endsWith(`\r\n\r\n${body}`));
  if (!isRight) throw new Error(`Cannot use case "${name}": got ${text}`);
}

/** One case and its connection. */
export class Machine {
  #case: MachineCase;
  #context: EngineContext;
  #transport: MemoryTransport;
  #sizeBytes: number;
  /** How many reads this connection has had. */
  #reads = 0;
  /** Size of all responses to one read. */
  #responseBytes = 0;

  private constructor(machineCase: MachineCase, app: Application) {
    this.#case = machineCase;
    this.#context = new EngineContext(app, STILL_CLOCK, false, () => {});
    this.#context.startScanning();
    this.#transport = new MemoryTransport(this.#context);
    const wire = machineCase.request.repeat(machineCase.pipelined);
    const { bytes, start } = this.#context.window;
    this.#sizeBytes =
      new TextEncoder().encodeInto(wire, bytes.subarray(start)).written;
    if (this.#sizeBytes !== wire.length) {
      throw new RangeError("Cannot receive the requests: they fill the window");
    }
  }

  /**
   * Creates a machine and checks its first response.
   *
   * @param app The application that serves the case instead of its own.
   * @throws {Error} If the case expects another response.
   */
  static async create(
    machineCase: MachineCase,
    app?: Application,
  ): Promise<Machine> {
    const machine = new Machine(
      machineCase,
      app ?? await machineCase.application(),
    );
    const transport = machine.#transport;
    const sent: Uint8Array[] = [];
    transport.sent = sent;
    machine.read();
    for (let turn = 0; turn < MAX_TURNS; turn++) await null;
    transport.sent = null;
    machine.#responseBytes = transport.sentBytes;
    const text = await new Blob(sent as Uint8Array<ArrayBuffer>[]).text(); // they are copies, see `slice` in the transport
    checkResponses(machineCase, text);
    return machine;
  }

  /** Receives the requests of one read; synchronous handlers have responded when it returns. */
  read(): void {
    if (this.#reads === READS_PER_CONNECTION) this.#reconnect();
    this.#reads++;
    this.#transport.receive(this.#sizeBytes);
  }

  /** Receives the requests of one read and waits for the response of an asynchronous handler. */
  async readAndWait(): Promise<void> {
    this.read();
    const expected = this.#reads * this.#responseBytes;
    const transport = this.#transport;
    // The handler's promise settles after it has responded. In a server, it does before the next read.
    for (
      let turn = 0;
      transport.sentBytes < expected || !transport.connection.isIdle;
      turn++
    ) {
      if (turn === MAX_TURNS) {
        throw new Error("Cannot continue: the connection sent no response");
      }
      await null;
    }
  }

  /**
   * Reads the given number of times.
   *
   * V8 would replace one long loop with optimised code while it runs, and
   * inline other functions than in an engine. So this runs several short loops.
   */
  async run(reads: number): Promise<void> {
    let left = reads;
    while (left > 0) {
      const count = Math.min(left, READS_PER_BATCH);
      if (this.#case.isAsync) await this.#readAndWaitOften(count);
      else this.#readOften(count);
      left -= count;
    }
    this.check();
  }

  #readOften(count: number): void {
    for (let read = 0; read < count; read++) this.read();
  }

  async #readAndWaitOften(count: number): Promise<void> {
    for (let read = 0; read < count; read++) await this.readAndWait();
  }

  /**
   * Checks that this connection has sent every response completely.
   *
   * @throws {Error} If too few or too many bytes were sent.
   */
  check(): void {
    const { sentBytes } = this.#transport;
    const expected = this.#reads * this.#responseBytes;
    if (sentBytes !== expected) {
      throw new Error(`Cannot count: ${sentBytes} of ${expected} bytes sent`);
    }
  }

  #reconnect(): void {
    this.check();
    this.#transport.connection.fail();
    this.#transport = new MemoryTransport(this.#context);
    this.#reads = 0;
  }
}
