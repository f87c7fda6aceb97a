/** The command line program in its own process, and servers that follow a script. */

import { once } from "node:events";
import { type AddressInfo, createServer, type Server } from "node:net";
import { Program } from "./program.ts";
import { decodeLatin1, encodeLatin1 } from "./latin1.ts";
import { writeAll } from "./write_all.ts";

const root = new URL("../../", import.meta.url);
const fixtures = new URL("tests/fixtures/", root);

/** How long the program may run, in ms. */
const DEADLINE_MS = 30_000;

/** The certificate of the TLS servers, for `localhost` and 127.0.0.1. */
export const CERTIFICATE_PATH = "tests/fixtures/localhost.cert.pem";

/** How a run ended; strings hold one character for each byte. */
export interface Outcome {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs the program with network permission only, plus `flags`. */
export async function run(
  args: readonly string[],
  { flags = [], input }: {
    readonly flags?: readonly string[];
    readonly input?: string;
  } = {},
): Promise<Outcome> {
  const child = new Deno.Command(Deno.execPath(), {
    args: [
      "run",
      "--quiet",
      "--no-prompt",
      "--allow-net",
      ...flags,
      "examples/cli.ts",
      ...args,
    ],
    cwd: root,
    env: { NO_COLOR: "1" },
    stdin: input === undefined ? "null" : "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const timer = setTimeout(() => child.kill("SIGKILL"), DEADLINE_MS);
  try {
    if (input !== undefined) {
      await ReadableStream.from([encodeLatin1(input)]).pipeTo(child.stdin)
        .catch(() => {}); // the program may end before it has read everything
    }
    const { code, stdout, stderr } = await child.output();
    return { code, stdout: decodeLatin1(stdout), stderr: decodeLatin1(stderr) };
  } finally {
    clearTimeout(timer);
  }
}

/** Starts a server command on a free port. */
export function startServer(...args: string[]): Promise<Program> {
  return Program.start({
    args: [
      "run",
      "--quiet",
      "--no-prompt",
      "--allow-net=127.0.0.1",
      "examples/cli.ts",
      "server",
      ...args,
      "-p",
      "0",
    ],
  });
}

/** What a scripted server does with a connection after the request. */
export type Step =
  | string
  | ((conn: Deno.Conn) => Promise<void>)
  /** Sent as soon as a head arrived, before its body. */
  | { readonly early: string };

/** Where it listens. */
export type Place = "tcp" | "tls" | { readonly path: string };

/** Plays one step for each connection, repeating the last one, then closes the connection. */
export class ScriptedServer implements AsyncDisposable {
  /** The requests as they arrived. */
  readonly requests: string[] = [];
  #listener: Deno.Listener;
  #steps: readonly Step[];
  #running: Promise<void>;

  constructor(steps: readonly Step[], place: Place = "tcp") {
    this.#listener = listenAt(place);
    this.#steps = steps;
    this.#running = this.#run();
  }

  /** The port that it listens on. */
  get port(): number {
    return (this.#listener.addr as Deno.NetAddr).port; // a TCP listener
  }

  async #run(): Promise<void> {
    for (let count = 0;; count++) {
      let conn: Deno.Conn;
      try {
        conn = await this.#listener.accept();
      } catch {
        return; // closed
      }
      const step = this.#steps[Math.min(count, this.#steps.length - 1)] ?? "";
      try {
        await this.#play(conn, step);
      } catch {
        // The program closed the connection; its exit code tells the test why.
      }
      conn.close();
    }
  }

  async #play(conn: Deno.Conn, step: Step): Promise<void> {
    if (typeof step === "object") {
      this.requests.push(await readRequest(conn, false));
      return await writeText(conn, step.early);
    }
    this.requests.push(await readRequest(conn));
    if (typeof step !== "string") return await step(conn);
    await writeText(conn, step);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#listener.close();
    await this.#running;
  }
}

/** Answers the first bytes with a string, then resets the connection. */
export class ResettingServer implements AsyncDisposable {
  #server: Server;

  private constructor(server: Server) {
    this.#server = server;
  }

  static async start(text: string): Promise<ResettingServer> {
    const server = createServer((socket) => {
      socket.on("error", () => {}); // the test checks the reaction of the program
      socket.once("data", () => {
        if (text === "") socket.resetAndDestroy();
        else socket.write(text, () => socket.resetAndDestroy());
      });
    });
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    return new ResettingServer(server);
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port; // it listens
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.close();
    await once(this.#server, "close");
  }
}

/** Writes a string, one byte for each character. */
export async function writeText(conn: Deno.Conn, text: string): Promise<void> {
  await writeAll(conn, encodeLatin1(text));
}

/** Reads a request to the end of its body; answers an expectation with 100. */
async function readRequest(conn: Deno.Conn, hasBody = true): Promise<string> {
  const buffer = new Uint8Array(65_536);
  let text = "";
  let hasContinued = false;
  while (hasBody ? !isComplete(text) : !text.includes("\r\n\r\n")) {
    if (/expect: 100-continue[^]*\r\n\r\n$/i.test(text) && !hasContinued) {
      hasContinued = true;
      await writeText(conn, "HTTP/1.1 100 Continue\r\n\r\n");
    }
    const size = await conn.read(buffer);
    if (size === null) break;
    text += decodeLatin1(buffer.subarray(0, size));
  }
  return text;
}

function isComplete(text: string): boolean {
  const [head = "", ...rest] = text.split("\r\n\r\n");
  if (rest.length === 0) return false;
  const body = rest.join("\r\n\r\n");
  if (/transfer-encoding/i.test(head)) return body.endsWith("0\r\n\r\n");
  const length = /content-length: ([0-9]+)/i.exec(head)?.[1] ?? "0";
  return body.length >= Number(length);
}

function listenAt(place: Place): Deno.Listener {
  if (place === "tcp") return Deno.listen({ hostname: "127.0.0.1", port: 0 });
  if (place !== "tls") return Deno.listen({ ...place, transport: "unix" });
  const read = (name: string): string =>
    Deno.readTextFileSync(new URL(name, fixtures));
  return Deno.listenTls({
    hostname: "0.0.0.0",
    port: 0,
    cert: read("localhost.cert.pem"),
    key: read("localhost.key.pem"),
  });
}
