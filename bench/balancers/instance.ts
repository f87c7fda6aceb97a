/** One instance of the server behind a balancer, in its own process. */

/** How to start an {@linkcode Instance}. */
export interface InstanceOptions {
  readonly port: number;
  readonly engine: "listen" | "epoll" | "node";
  /** Workers of the instance; 0 serves on its own thread. */
  readonly workers: number;
  /** The delay of its shutdown, in ms. */
  readonly delayMs: number;
  /** Its `idleTimeout`, in ms. @default {the server's own} */
  readonly idleMs?: number;
}

/** A process of `bench/targets/restartable.ts`. */
export class Instance {
  #options: InstanceOptions;
  #child: Deno.ChildProcess | null = null;

  /** Creates an instance that does not run. */
  constructor(options: InstanceOptions) {
    this.#options = options;
  }

  /** Starts the process; resolves when it listens. */
  async start(): Promise<void> {
    const { port, engine, workers, delayMs, idleMs } = this.#options;
    const path = new URL("../targets/restartable.ts", import.meta.url).pathname;
    const settings = [port, engine, workers, delayMs, idleMs ?? []].flat();
    const child = new Deno.Command(Deno.execPath(), {
      args: ["run", "-A", "--unstable-net", path, ...settings.map(String)],
      stdin: "null",
      stdout: "piped",
      stderr: "inherit",
    }).spawn();
    this.#child = child;
    const reader = child.stdout.getReader();
    const { done } = await reader.read(); // its one line
    await reader.cancel();
    if (done) throw new Error(`the instance on port ${port} did not listen`);
  }

  /** Sends SIGTERM; resolves when the process has ended. */
  async stop(): Promise<void> {
    const child = this.#child;
    this.#child = null;
    if (child === null) return;
    child.kill("SIGTERM");
    const { code } = await child.status;
    if (code !== 0) throw new Error(`the instance ended with code ${code}`);
  }

  /** Kills the process, if it runs. */
  async [Symbol.asyncDispose](): Promise<void> {
    const child = this.#child;
    this.#child = null;
    if (child === null) return;
    child.kill("SIGKILL");
    await child.status;
  }
}
