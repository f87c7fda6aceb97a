/**
 * Sends the request, follows redirects, and writes the response. `Client` does
 * the exchange, except for requests that it refuses and details that it does
 * not show; those use the example's own connection. Redirects are followed
 * here, so that each response can be shown.
 */
// deno-lint-ignore-file no-console

import { Client, Headers, Status } from "@khttp/khttp";
import type { ClientArguments } from "./arguments.ts";
import { bytesOf, fromByteString } from "./byte_string.ts";
import { EXIT, Failure, messageOf, usage } from "./failure.ts";
import { Output, Progress } from "./output.ts";
import {
  headLines,
  makeRequest,
  parseDestination,
  type Request,
} from "./request.ts";
import { exchangeOnWire, type Timing } from "./wire.ts";

const MAX_REDIRECTS = 50;

/** Fields that are not sent to another origin (RFC 9110 §15.4). */
const OF_ORIGIN = ["authorization", "cookie", "proxy-authorization", "host"];

/** Fields that describe a body. */
const OF_BODY = ["content-type", "content-encoding", "expect"];

/** A response, read by `Client` or from the wire. */
interface Answer {
  readonly head: Head;
  readonly body: AsyncIterable<Uint8Array>;
  trailers(): Headers;
  readonly timing: Timing | null;
  close(): void;
}

interface Head {
  readonly status: number;
  readonly reason: string;
  readonly minorVersion: number;
  readonly headers: Headers;
}

/** Runs the client's command line. */
export async function runClient(args: ClientArguments): Promise<void> {
  await new Run(args, await readCertificates(args.caPath)).run();
}

async function readCertificates(path: string | null): Promise<string[]> {
  if (path === null) return [];
  try {
    return [await Deno.readTextFile(path)];
  } catch (error) {
    throw usage(`Cannot read certificates: ${messageOf(error)}`);
  }
}

class Run {
  #args: ClientArguments;
  #caCerts: readonly string[];
  #output: Output;
  /** One client for each origin, since a redirect often stays with its origin. */
  #clients: Map<string, Client> = new Map();

  constructor(args: ClientArguments, caCerts: readonly string[]) {
    this.#args = args;
    this.#caCerts = caCerts;
    this.#output = new Output(args.outputPath);
  }

  async run(): Promise<void> {
    let request = await makeRequest(this.#args);
    for (let redirects = 0;; redirects++) {
      const answer = await this.#exchange(request);
      await this.#showHead(answer.head);
      const next = this.#args.followsRedirects
        ? redirected(request, answer.head)
        : null;
      if (next === null) return await this.#finish(answer);
      if (redirects === MAX_REDIRECTS) {
        throw new Failure(
          EXIT.TOO_MANY_REDIRECTS,
          `Cannot follow redirect: more than ${MAX_REDIRECTS}`,
        );
      }
      this.#showTiming(answer.timing);
      answer.close();
      request = next;
    }
  }

  async #finish(answer: Answer): Promise<void> {
    const { isRaw, failsOnError } = this.#args;
    const { status, headers } = answer.head;
    if (failsOnError && status >= 400) {
      throw new Failure(EXIT.HTTP_ERROR, `The server responded with ${status}`);
    }
    const sizeBytes = headers.chunked ? null : headers.contentLength;
    const progress = new Progress(sizeBytes, !this.#output.isTerminal);
    try {
      for await (const piece of answer.body) {
        if (!isRaw) await this.#output.write(piece);
        progress.add(piece.length);
      }
    } finally {
      progress.end();
    }
    await this.#output.write(new Uint8Array(0)); // creates the file even if the body is empty
    this.#showVerbose("<", fieldLines(answer.trailers()));
    this.#showTiming(answer.timing);
    for (const client of this.#clients.values()) client.close();
  }

  async #exchange(request: Request): Promise<Answer> {
    const isSecure = request.to.isSecure;
    if (isSecure && this.#args.unixPath !== null) {
      throw usage("Cannot use --unix with https: Unix sockets are clear text");
    }
    return this.#needsWire(request)
      ? await this.#onWire(request)
      : await this.#byClient(request);
  }

  /** Whether `Client` refuses the request, does not show the wanted details, or would write other fields. */
  #needsWire({ to, headers, stallMs }: Request): boolean {
    const { isRaw, showsTiming, isInsecure, minorVersion, unixPath } =
      this.#args;
    const connection = headers.get("connection");
    const expect = headers.get("expect");
    return isRaw || showsTiming || minorVersion === 0 || stallMs > 0 ||
      (isInsecure && to.isSecure) || headers.has("host") ||
      headers.has("upgrade") ||
      (unixPath !== null && to.authority !== "localhost") ||
      (connection !== null && connection !== "close") ||
      (expect !== null && expect !== "100-continue");
  }

  async #byClient(request: Request): Promise<Answer> {
    const { body, isChunked } = request;
    const headers = new Headers(request.headers);
    const expectContinue = headers.remove("expect");
    const isStream = body !== null && (body.bytes === null || isChunked);
    if (isStream && !isChunked) {
      headers.add("content-length", String(body.sizeBytes));
    }
    this.#showVerbose(">", headLines(request));
    const response = await this.#clientOf(request).exchange(
      request.method,
      request.to.target,
      {
        headers,
        body: isStream ? body.pieces() : body?.bytes ?? null,
        expectContinue,
        onInterim: (status, headers) => {
          const { reason } = Status.of(status);
          const head = { status, reason, minorVersion: 1, headers };
          this.#showVerbose("<", linesOf(head));
        },
      },
    );
    return {
      head: { ...pick(response), minorVersion: response.httpVersion },
      body: response.body,
      trailers: () => response.trailers,
      timing: null,
      close: () => response.close(),
    };
  }

  #clientOf({ to }: Request): Client {
    const { unixPath } = this.#args;
    const origin = unixPath === null ? to.origin : `unix:${unixPath}`;
    let client = this.#clients.get(origin);
    if (client === undefined) {
      // No deadlines here; the user can set --max-time.
      client = new Client(origin, {
        caCerts: this.#caCerts,
        headTimeout: Infinity,
        bodyTimeout: Infinity,
      });
      this.#clients.set(origin, client);
    }
    return client;
  }

  async #onWire(request: Request): Promise<Answer> {
    return await exchangeOnWire(request, {
      unixPath: this.#args.unixPath,
      caCerts: this.#caCerts,
      isInsecure: this.#args.isInsecure,
      onRequest: (lines) => this.#showVerbose(">", lines),
      onInterim: (head) => this.#showVerbose("<", linesOf(head)),
      onBytes: async (bytes) => {
        if (this.#args.isRaw) await this.#output.write(bytes);
      },
    });
  }

  async #showHead(head: Head): Promise<void> {
    const lines = linesOf(head);
    this.#showVerbose("<", lines);
    if (!this.#args.showsHead || this.#args.isRaw) return;
    const text = lines.map((line) => `${line}\r\n`).join("");
    await this.#output.write(bytesOf(text));
  }

  #showVerbose(mark: string, lines: readonly string[]): void {
    if (!this.#args.isVerbose) return;
    for (const line of lines) {
      console.error(`${mark} ${fromByteString(line)}`.trimEnd());
    }
  }

  #showTiming(timing: Timing | null): void {
    if (!this.#args.showsTiming || timing === null) return;
    const marks = [...timing].toSorted(([, a], [, b]) => a - b);
    const first = marks[0]?.[1] ?? 0;
    let beforeMs = first;
    for (const [phase, endMs] of marks.slice(1)) {
      console.error(`* ${phase.padEnd(8)}${milliseconds(endMs - beforeMs)}`);
      beforeMs = endMs;
    }
    console.error(`* total   ${milliseconds(beforeMs - first)}`);
  }
}

function milliseconds(durationMs: number): string {
  return `${durationMs.toFixed(1).padStart(9)} ms`;
}

function pick({ status, reason, headers }: Omit<Head, "minorVersion">): Omit<
  Head,
  "minorVersion"
> {
  return { status, reason, headers };
}

/** The lines of a head, with the empty line at the end. */
function linesOf({ minorVersion, status, reason, headers }: Head): string[] {
  const line = `HTTP/1.${minorVersion} ${status} ${reason}`;
  return [line, ...fieldLines(headers), ""];
}

function fieldLines(headers: Headers): string[] {
  return [...headers].map(([name, value]) => `${name}: ${value}`);
}

/** The request that follows a redirect, or `null` if the response is not a redirect. */
function redirected(request: Request, head: Head): Request | null {
  const { status } = head;
  const field = head.headers.get("location");
  const isRedirect = [301, 302, 303, 307, 308].includes(status);
  if (!isRedirect || field === null) return null;
  const location = fromByteString(field);
  const { method, to, body } = request;
  const from = to.origin + to.target;
  if (!URL.canParse(location, from)) {
    const message = `Cannot follow redirect to ${JSON.stringify(location)}`;
    throw new Failure(EXIT.BAD_URL, message);
  }
  const next = parseDestination(new URL(location, from).href);
  const headers = new Headers(request.headers);
  if (next.origin !== to.origin) {
    for (const name of OF_ORIGIN) headers.remove(name);
  }
  const becomesGet = (status === 303 && method !== "HEAD") ||
    (status < 303 && method === "POST");
  if (becomesGet) {
    for (const name of OF_BODY) headers.remove(name);
    const plain = { method: "GET", body: null, isChunked: false };
    return { ...request, ...plain, to: next, headers };
  }
  if (body === null || body.canRepeat) return { ...request, to: next, headers };
  throw new Failure(
    EXIT.CANNOT_READ,
    "Cannot follow redirect: the body came from a pipe and cannot be sent again",
  );
}
