/**
 * A running target: it is started on its core, polled until it accepts
 * connections, frozen while others are measured, and always killed at the end.
 */

import type { Pinning } from "./pinning.ts";
import { type Killable, ProcessTree } from "./process_tree.ts";
import type { Prepared } from "./target.ts";

const START_DEADLINE_MS = 15_000;
const POLL_MS = 50;
const MAX_OUTPUT_CHARS = 300;

/** The first port to try, and how many further ones. */
const FIRST_PORT = 20_000;
const PORTS = 10_000;

/** How to start a target. */
export interface StartOptions {
  readonly pinning: Pinning;
  readonly routes: number;
  /** The set that contains the target while it runs. */
  readonly running: Set<Killable>;
  /** A prefix of the command, such as a profiler. */
  readonly wrapper?: readonly string[];
  /** Time until the target must listen, in ms. */
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
   * Starts a target and waits until it accepts connections.
   *
   * @throws {Error} If the target ends or does not listen in time; it is killed then.
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

  /** How the target ended, with its last output; `null` while it runs. */
  get ended(): string | null {
    return this.#ended === null
      ? null
      : `it ended (${this.#ended}): ${this.#output.trim()}`;
  }

  /** Suspends the target. */
  freeze(): void {
    if (this.#ended === null) this.tree.signal("SIGSTOP");
  }

  /** Resumes the target. */
  thaw(): void {
    if (this.#ended === null) this.tree.signal("SIGCONT");
  }

  /** Kills the target and its descendants. */
  kill(): void {
    if (this.#ended === null) this.tree.signal("SIGKILL");
  }

  /** Kills the target and waits for its end. */
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
 * Finds a free port below the range of ephemeral ports. Otherwise, a connection
 * attempt before the target listens could get this port as its own local port,
 * connect to itself and take the port from the target.
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
