/** A program of this package in a process of its own, and what it prints. */

const root = new URL("../../", import.meta.url);

/** How long a program may take to print an expected string, in ms. */
const PRINT_DEADLINE_MS = 30_000;

/** Where and how a program runs. */
export interface ProgramOptions {
  /** Arguments of `deno`. */
  readonly args: readonly string[];
  /** The working directory. @default {the package's folder} */
  readonly cwd?: string;
  /** What it reads from its standard input. @default {nothing} */
  readonly input?: string;
}

/** A program that runs until the test ends it. */
export class Program implements AsyncDisposable {
  /** The port that it printed. */
  readonly port: number;
  #child: Deno.ChildProcess;
  #texts: { stdout: string; stderr: string };
  #read: Promise<unknown>;

  private constructor(
    port: number,
    child: Deno.ChildProcess,
    texts: { stdout: string; stderr: string },
    read: Promise<unknown>,
  ) {
    this.port = port;
    this.#child = child;
    this.#texts = texts;
    this.#read = read;
  }

  /** Starts a program, and waits until it prints a port. */
  static async start(options: ProgramOptions): Promise<Program> {
    const child = new Deno.Command(Deno.execPath(), {
      args: [...options.args],
      cwd: options.cwd ?? root,
      env: { NO_COLOR: "1" },
      stdin: options.input === undefined ? "null" : "piped",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    if (options.input !== undefined) {
      await ReadableStream.from([options.input])
        .pipeThrough(new TextEncoderStream()).pipeTo(child.stdin);
    }
    const texts = { stdout: "", stderr: "" };
    const { promise, resolve, reject } = Promise.withResolvers<number>();
    let isFound = false;
    const read = Promise.all([
      collect(child.stdout, (text) => {
        texts.stdout += text;
        if (isFound) return; // do not search long output again
        const port = /127\.0\.0\.1:([0-9]+)/.exec(texts.stdout);
        isFound = port !== null;
        if (port !== null) resolve(Number(port[1]));
      }),
      collect(child.stderr, (text) => texts.stderr += text),
    ]);
    const fail = (): void => reject(new Error(`No port: ${texts.stderr}`));
    const timer = setTimeout(fail, PRINT_DEADLINE_MS);
    read.then(fail);
    try {
      return new Program(await promise, child, texts, read);
    } catch (error) {
      child.kill("SIGKILL");
      await child.status;
      throw error;
    } finally {
      clearTimeout(timer);
    }
  }

  /** The process id. */
  get pid(): number {
    return this.#child.pid;
  }

  /** Its standard output so far. */
  get stdout(): string {
    return this.#texts.stdout;
  }

  /** Its standard error so far. */
  get stderr(): string {
    return this.#texts.stderr;
  }

  /** Waits until it has printed a string. */
  async printed(text: string): Promise<void> {
    const endMs = performance.now() + PRINT_DEADLINE_MS;
    while (!this.stdout.includes(text)) {
      const isLate = performance.now() > endMs;
      if (isLate) throw new Error(`Not printed: ${JSON.stringify(text)}`);
      await new Promise((resolve) => setTimeout(resolve));
    }
  }

  /** Sends it a signal. */
  signal(signal: Deno.Signal): void {
    this.#child.kill(signal);
  }

  /** Waits for its end and returns its exit code. */
  async ended(): Promise<number> {
    const { code } = await this.#child.status;
    await this.#read;
    return code;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    try {
      this.#child.kill("SIGKILL");
    } catch {
      // It has ended already.
    }
    await this.ended();
  }
}

/** Starts an example on a free port, with the permissions that its header names. */
export function startExample(
  name: string,
  ...args: string[]
): Promise<Program> {
  const flags = ["--no-prompt", "--allow-net=127.0.0.1:0"];
  return Program.start({
    args: ["run", ...flags, `examples/${name}.ts`, "0", ...args],
  });
}

async function collect(
  stream: ReadableStream<Uint8Array<ArrayBuffer>>,
  take: (text: string) => void,
): Promise<void> {
  for await (const text of stream.pipeThrough(new TextDecoderStream())) {
    take(text);
  }
}
