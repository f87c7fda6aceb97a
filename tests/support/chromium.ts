/** Chromium without a window, driven through its debugging protocol. */

import { withDeadline } from "./with_deadline.ts";

/** How long the browser may take for one step, in ms. */
const STEP_DEADLINE_MS = 30_000;

/** Time between two looks at a page, in ms. */
const LOOK_MS = 50;

const NAMES = ["chromium", "chromium-browser", "google-chrome"];

/** Finds a browser in the folders of programs, or `null`. */
export function findChromium(): string | null {
  const folders = (Deno.env.get("PATH") ?? "").split(":");
  for (const path of folders.flatMap((f) => NAMES.map((n) => `${f}/${n}`))) {
    try {
      if (Deno.statSync(path).isFile) return path;
    } catch {
      // It is not in this folder.
    }
  }
  return null;
}

interface Reply {
  readonly id?: number;
  readonly result?: Record<string, unknown>;
  readonly error?: { readonly message: string };
}

/** A browser with its own profile, which is deleted at the end. */
export class Chromium implements AsyncDisposable {
  #child: Deno.ChildProcess;
  #profile: string;
  #socket: WebSocket;
  #errors: Promise<unknown>;
  #lastId = 0;
  #waiting: Map<number, PromiseWithResolvers<Record<string, unknown>>> =
    new Map();

  private constructor(
    child: Deno.ChildProcess,
    profile: string,
    socket: WebSocket,
    errors: Promise<unknown>,
  ) {
    this.#child = child;
    this.#profile = profile;
    this.#socket = socket;
    this.#errors = errors;
    socket.onmessage = ({ data }): void => this.#receive(JSON.parse(data));
  }

  /** Starts the browser at `path`. */
  static async start(path: string): Promise<Chromium> {
    const profile = await Deno.makeTempDir();
    const flags = ["--headless", "--no-sandbox", "--disable-gpu"];
    const quiet = ["--disable-quic", "--no-first-run", "--disable-sync"];
    const child = new Deno.Command(path, {
      args: [
        ...flags,
        ...quiet,
        "--disable-background-networking",
        "--disable-component-update",
        "--remote-debugging-port=0",
        `--user-data-dir=${profile}`,
        "about:blank",
      ],
      stdin: "null",
      stdout: "null",
      stderr: "piped",
    }).spawn();
    const found = Promise.withResolvers<string>();
    const errors = readLines(child.stderr, (line) => {
      const url = /^DevTools listening on (ws:.*)$/.exec(line)?.[1];
      if (url !== undefined) found.resolve(url);
    });
    const url = await withDeadline(found.promise, STEP_DEADLINE_MS);
    const socket = new WebSocket(url);
    await withDeadline(
      new Promise((resolve) => socket.onopen = resolve),
      STEP_DEADLINE_MS,
    );
    return new Chromium(child, profile, socket, errors);
  }

  /** Opens a page; the result evaluates an expression in it. */
  async open(url: string): Promise<(expression: string) => Promise<unknown>> {
    const { targetId } = await this.#call("Target.createTarget", { url });
    const { sessionId } = await this.#call("Target.attachToTarget", {
      targetId,
      flatten: true,
    });
    return async (expression) => {
      const reply = await this.#call(
        "Runtime.evaluate",
        { expression, returnByValue: true, awaitPromise: true },
        String(sessionId),
      );
      return (reply["result"] as { value?: unknown }).value; // the protocol says so
    };
  }

  #call(
    method: string,
    params: Record<string, unknown>,
    sessionId?: string,
  ): Promise<Record<string, unknown>> {
    const id = ++this.#lastId;
    const waiting = Promise.withResolvers<Record<string, unknown>>();
    this.#waiting.set(id, waiting);
    this.#socket.send(JSON.stringify({ id, method, params, sessionId }));
    return withDeadline(waiting.promise, STEP_DEADLINE_MS, () => method);
  }

  #receive({ id = 0, result = {}, error }: Reply): void {
    const waiting = this.#waiting.get(id);
    this.#waiting.delete(id);
    if (error === undefined) waiting?.resolve(result);
    else waiting?.reject(new Error(error.message));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const closed = new Promise((resolve) => this.#socket.onclose = resolve);
    this.#child.kill("SIGKILL");
    await this.#child.status;
    await this.#errors;
    await closed;
    await Deno.remove(this.#profile, { recursive: true });
  }
}

/** Looks at a page until a condition holds there. */
export async function untilTrue(
  evaluate: (expression: string) => Promise<unknown>,
  expression: string,
): Promise<void> {
  const endMs = Date.now() + STEP_DEADLINE_MS;
  while (await evaluate(expression) !== true) {
    if (Date.now() > endMs) throw new Error(`Not so: ${expression}`);
    await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
  }
}

async function readLines(
  stream: ReadableStream<Uint8Array<ArrayBuffer>>,
  take: (line: string) => void,
): Promise<void> {
  let rest = "";
  for await (const text of stream.pipeThrough(new TextDecoderStream())) {
    const lines = (rest + text).split("\n");
    rest = lines.pop() ?? "";
    lines.forEach(take);
  }
}
