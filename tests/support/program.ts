/** A program of this package in its own process, and what it prints. */

import { withDeadline } from "./with_deadline.ts";

const root = new URL("../../", import.meta.url);

/** How long a program may take to print an expected string, in ms. */
const PRINT_DEADLINE_MS = 30_000;

/** Where and how a program runs. */
export interface ProgramOptions {
  /** Arguments of the runtime. */
  readonly args: readonly string[];
  /** The path of the runtime. @default {that of Deno} */
  readonly runtime?: string;
  /** The working directory. @default {the package's folder} */
  readonly cwd?: string;
  /** Variables of its environment besides those of this process. @default {none} */
  readonly env?: Readonly<Record<string, string>>;
  /** What it reads from its standard input. @default {nothing} */
  readonly input?: string;
  /** The most descriptors that it may open. @default {the system's limit} */
  readonly maxDescriptors?: number;
}

/** A program that runs until the test ends it. */
export class Program implements AsyncDisposable {
  /** The port that it printed. */
  readonly port: number;
  #child: Deno.ChildProcess;
  #read: Promise<unknown>;
  #output: Output;

  private constructor(
    port: number,
    child: Deno.ChildProcess,
    output: Output,
    read: Promise<unknown>,
  ) {
    this.port = port;
    this.#child = child;
    this.#output = output;
    this.#read = read;
  }

  /** Starts a program, and waits until it prints a port. */
  static async start(options: ProgramOptions): Promise<Program> {
    const [command, ...args] = commandOf(options);
    const child = new Deno.Command(command, {
      args,
      cwd: options.cwd ?? root,
      env: { NO_COLOR: "1", ...options.env },
      stdin: options.input === undefined ? "null" : "piped",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    if (options.input !== undefined) {
      await ReadableStream.from([options.input])
        .pipeThrough(new TextEncoderStream()).pipeTo(child.stdin);
    }
    const output = new Output();
    const { promise, resolve, reject } = Promise.withResolvers<number>();
    let isFound = false;
    const read = Promise.all([
      collect(child.stdout, (text) => {
        output.add("stdout", text);
        if (isFound) return; // do not search long output again
        const port = /127\.0\.0\.1:([0-9]+)/.exec(output.stdout);
        isFound = port !== null;
        if (port !== null) resolve(Number(port[1]));
      }),
      collect(child.stderr, (text) => output.add("stderr", text)),
    ]);
    const fail = (): void => reject(new Error(`No port: ${output.stderr}`));
    const timer = setTimeout(fail, PRINT_DEADLINE_MS);
    read.then(fail);
    try {
      return new Program(await promise, child, output, read);
    } catch (error) {
      kill(child);
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
    return this.#output.stdout;
  }

  /** Its standard error so far. */
  get stderr(): string {
    return this.#output.stderr;
  }

  /** Waits until it has printed a string. */
  async printed(text: string): Promise<void> {
    await this.untilOutput(() => this.stdout.includes(text));
  }

  /** Waits until its output fulfils a condition, which is checked after each piece. */
  async untilOutput(holds: () => boolean): Promise<void> {
    const wait = async (): Promise<void> => {
      while (!holds()) await this.#output.next();
    };
    const describe = (): string => `${holds}: ${this.stdout}${this.stderr}`;
    await withDeadline(wait(), PRINT_DEADLINE_MS, describe);
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
    kill(this.#child);
    await this.ended();
  }
}

function kill(child: Deno.ChildProcess): void {
  try {
    child.kill("SIGKILL");
  } catch {
    // It has ended already.
  }
}

/** The command that runs a program. */
function commandOf(
  { args, runtime = Deno.execPath(), maxDescriptors }: ProgramOptions,
): [string, ...string[]] {
  if (maxDescriptors === undefined) return [runtime, ...args];
  const script = `ulimit -n ${maxDescriptors}; exec "$0" "$@"`;
  return ["sh", "-c", script, runtime, ...args];
}

/** What a program has printed, and the next piece of it. */
class Output {
  stdout = "";
  stderr = "";
  #next: PromiseWithResolvers<void> = Promise.withResolvers();

  /** Adds a piece. */
  add(stream: "stdout" | "stderr", text: string): void {
    this[stream] += text;
    this.#next.resolve();
    this.#next = Promise.withResolvers();
  }

  /** Resolves when the next piece arrives. */
  next(): Promise<void> {
    return this.#next.promise;
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
