/**
 * Runs one case through the listen engine's transport, on 64 connections in
 * memory. Their promises settle as those of the runtime's connections do: reads
 * in a later turn, those of all connections together; writes at once.
 */

import { Connection } from "../../server/connection/connection.ts";
import { EngineContext } from "../../server/connection/engine_context.ts";
import type { Duplex } from "../../server/duplex.ts";
import { DuplexTransport } from "../../server/engines/duplex_transport.ts";
import type { TransportOwner } from "../../server/engines/transport.ts";
import type { MachineCase } from "./cases.ts";
import { checkResponses, STILL_CLOCK } from "./machine.ts";

/** The prefix of a case's name if it runs through this transport. */
export const LISTEN_PREFIX = "listen-";

const CONNECTIONS = 64;

/** How many requests a connection gets before a new one replaces it, so that its counters stay small integers. */
const READS_PER_CONNECTION = 10_000;

/** The number of microtask turns within which all connections must have responded. */
const MAX_TURNS = 1000;

/** One connection in memory. */
class MemoryDuplex implements Duplex {
  /** Size of all responses so far. */
  sentBytes = 0;
  /** Copies of all sent bytes, if it is set. */
  sent: Uint8Array[] | null = null;
  /** Whether a read is pending. */
  isReading = false;
  #buffer: Uint8Array = new Uint8Array(0);
  #resolve: (size: number) => void = () => {};

  /** Acts as the runtime's operation that the engine reads with; see `runtime_reader.ts`. */
  read(buffer: Uint8Array): Promise<number> {
    this.isReading = true;
    this.#buffer = buffer;
    const { promise, resolve } = Promise.withResolvers<number>();
    this.#resolve = resolve;
    return promise;
  }

  write(bytes: Uint8Array): Promise<number> {
    this.sentBytes += bytes.length;
    if (this.sent !== null) this.sent.push(bytes.slice());
    return Promise.resolve(bytes.length);
  }

  close(): void {}

  /** Settles the pending read. Returns how many of the bytes it took. */
  feed(wire: Uint8Array, start: number): number {
    const buffer = this.#buffer;
    const left = wire.length - start;
    const size = Math.min(buffer.length, left);
    buffer.set(
      size === wire.length ? wire : wire.subarray(start, start + size),
    );
    this.isReading = false;
    this.#resolve(size);
    return size;
  }
}

/** One case and its connections. */
export class ListenMachine {
  #case: MachineCase;
  #context: EngineContext;
  #wire: Uint8Array;
  #duplexes: MemoryDuplex[] = [];
  #owner: TransportOwner;
  /** How many requests each connection has had. */
  #reads = 0;
  /** Size of all responses to one read. */
  #responseBytes = 0;

  private constructor(machineCase: MachineCase, context: EngineContext) {
    this.#case = machineCase;
    this.#context = context;
    const { request, pipelined } = machineCase;
    this.#wire = new TextEncoder().encode(request.repeat(pipelined));
    this.#owner = {
      hasTeardownHook: false,
      connect: (transport, options) =>
        new Connection(context, transport, options),
      transportClosed: () => {},
    };
  }

  /**
   * Creates a machine and checks the first response on each connection.
   *
   * @throws {Error} If the case expects another response.
   */
  static async create(machineCase: MachineCase): Promise<ListenMachine> {
    const app = await machineCase.application();
    const context = new EngineContext(app, STILL_CLOCK, false, () => {});
    const machine = new ListenMachine(machineCase, context);
    machine.#connect();
    for (const duplex of machine.#duplexes) duplex.sent = [];
    await machine.#readAll();
    for (const duplex of machine.#duplexes) {
      const text = await new Blob(duplex.sent as Uint8Array<ArrayBuffer>[])
        .text(); // they are copies, see `slice` in the duplex
      checkResponses(machineCase, text);
      duplex.sent = null;
      machine.#responseBytes = duplex.sentBytes;
    }
    return machine;
  }

  /** Reads the given number of times, in turns of one read per connection. */
  async run(reads: number): Promise<void> {
    for (let done = 0; done < reads; done += CONNECTIONS) {
      if (this.#reads === READS_PER_CONNECTION) this.#connect();
      await this.#readAll();
    }
    this.#check();
  }

  #connect(): void {
    this.#check();
    this.#reads = 0;
    for (const connection of this.#context.connections.members) {
      connection.fail(new Error("The connection is replaced"));
    }
    this.#duplexes = Array.from({ length: CONNECTIONS }, () => {
      const duplex = new MemoryDuplex();
      new DuplexTransport({
        context: this.#context,
        duplex,
        isUntrusted: false,
        options: {},
        owner: this.#owner,
      }).start();
      return duplex;
    });
  }

  /** Gives each connection the bytes of one read, in parts if its buffer is smaller. */
  async #readAll(): Promise<void> {
    this.#reads++;
    const wire = this.#wire;
    for (let start = 0; start < wire.length;) {
      let size = 0;
      for (const duplex of this.#duplexes) size = duplex.feed(wire, start);
      start += size;
      await this.#settled();
    }
  }

  /** Waits until all connections read again. */
  async #settled(): Promise<void> {
    for (let turn = 0; turn < MAX_TURNS; turn++) {
      await null;
      if (this.#duplexes.every((duplex) => duplex.isReading)) return;
    }
    throw new Error("Cannot continue: a connection has stopped reading");
  }

  /**
   * Checks that all connections have sent every response completely.
   *
   * @throws {Error} If too few or too many bytes were sent.
   */
  #check(): void {
    const expected = this.#reads * this.#responseBytes;
    for (const { sentBytes } of this.#duplexes) {
      if (sentBytes !== expected) {
        throw new Error(`Cannot count: ${sentBytes} of ${expected} bytes sent`);
      }
    }
  }
}
