/**
 * A target that runs: started on its core, awaited by asking until it answers,
 * frozen while others are measured, ended whatever happens.
 */

import type { Pinning } from "./pinning.ts";
import { type Killable, ProcessTree } from "./process_tree.ts";
import type { Prepared } from "./target.ts";

const START_DEADLINE_MS = 15_000;
const POLL_MS = 50;
const MAX_OUTPUT_CHARS = 300;

/** Where ports are looked for, and among how many. */
const FIRST_PORT = 20_000;
const PORTS = 10_000;

/** How to start a target. */
export interface StartOptions {
  readonly pinning: Pinning;
  readonly routes: number;
  /** The set that holds it from its start to its end. */
  readonly running: Set<Killable>;
  /** Words to put before the command, such as a profiler. */
  readonly wrapper?: readonly string[];
  /** How long it may take to listen, in milliseconds. */
  readonly deadlineMs?: number;
}

/** A started target. */
export class RunningTarget implements Killable {
  readonly name: string;
  readonly port: number;
  readonly tree: ProcessTree;
  /** The process that was started. */
  readonly pid: number;
  #child: Deno.ChildProcess;
  #output = "";
  #ended: string | null = null;
  #running: Set<Killable>;

  private constructor(
    name: string,
    port: number,
    child: Deno.ChildProcess,
    running: Set<Killable>,
  ) {
    running.add(this);
    this.#running = running;
    this.name = name;
    this.port = port;
    this.pid = child.pid;
    this.tree = new ProcessTree(child.pid);
    this.#child = child;
    this.#collect(child.stderr);
    child.status.then(({ code, signal }) => {
      this.#ended = signal ?? `code ${code}`;
    });
  }

  /**
   * Starts a target and waits until it takes connections.
   *
   * @throws {Error} If it ends or stays silent; it is not left running.
   */
  static async start(
    name: string,
    prepared: Prepared,
    options: StartOptions,
  ): Promise<RunningTarget> {
    const port = freePort();
    const launch = await prepared.launch(port, options.routes);
    const words = [...options.wrapper ?? [], launch.command, ...launch.args];
    const [command = "", ...args] = options.pinning.server(words);
    const child = new Deno.Command(command, {
      args,
      env: { ...launch.env },
      stdin: "null",
      stdout: "null",
      stderr: "piped",
    }).spawn();
    const target = new RunningTarget(name, port, child, options.running);
    try {
      await target.#listening(options.deadlineMs ?? START_DEADLINE_MS);
    } catch (error) {
      await target[Symbol.asyncDispose]();
      throw error;
    }
    return target;
  }

  /** How it ended, if it did, with what it said last. */
  get ended(): string | null {
    return this.#ended === null
      ? null
      : `it ended (${this.#ended}): ${this.#output.trim()}`;
  }

  /** Stops it from using any processor time. */
  freeze(): void {
    if (this.#ended === null) this.tree.signal("SIGSTOP");
  }

  /** Lets it go on. */
  thaw(): void {
    if (this.#ended === null) this.tree.signal("SIGCONT");
  }

  /** Ends it at once, with all that it started. */
  kill(): void {
    if (this.#ended === null) this.tree.signal("SIGKILL");
  }

  /** Ends it and waits until it is gone. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.kill();
    await this.#child.status;
    this.#running.delete(this);
  }

  async #listening(deadlineMs: number): Promise<void> {
    const endMs = performance.now() + deadlineMs;
    while (performance.now() < endMs) {
      if (this.ended !== null) throw new Error(this.ended);
      try {
        const { port } = this;
        (await Deno.connect({ hostname: "127.0.0.1", port })).close();
        return;
      } catch (error) {
        if (!(error instanceof Deno.errors.ConnectionRefused)) throw error;
      }
      await new Promise((resolve) => setTimeout(resolve, POLL_MS));
    }
    throw new Error(`it did not listen within ${deadlineMs} ms`);
  }

  async #collect(stream: ReadableStream<Uint8Array>): Promise<void> {
    for await (const text of stream.pipeThrough(new TextDecoderStream())) {
      this.#output = (this.#output + text).slice(-MAX_OUTPUT_CHARS);
    }
  }
}

/**
 * A port that nobody listens on now, below those that systems give to clients: a
 * connection that is tried before the target listens could come from the very
 * port, reach itself and keep the target from it.
 */
function freePort(): number {
  const first = Math.floor(Math.random() * PORTS);
  for (let n = 0; n < PORTS; n++) {
    const port = FIRST_PORT + (first + n) % PORTS;
    try {
      using _ = Deno.listen({ hostname: "127.0.0.1", port });
      return port;
    } catch (error) {
      if (!(error instanceof Deno.errors.AddrInUse)) throw error;
    }
  }
  throw new Error(`no port from ${FIRST_PORT} on is free`);
}
