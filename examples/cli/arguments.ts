/** The command line: its usage texts, its options, and the checks of their values. */

import { Headers } from "@khttp/khttp";
import { parseArgs, type ParseArgsOptionsConfig } from "node:util";
import { toByteString } from "./byte_string.ts";
import { messageOf, usage } from "./failure.ts";

/** The output of `--help` for the client. */
export const CLIENT_USAGE = `Usage: cli.ts [METHOD] URL [OPTION]…

URL is host[:port][/path] or begins with http:// or https://. METHOD is GET,
POST with -d, or HEAD with -I, unless it is given.

  -H, --header 'K: V'   add a field; 'K:' removes a default one, 'K;' sends it empty
  -d, --data DATA       send a body; @FILE sends a file, - what is piped in
      --json            set content-type and accept to JSON
      --stall MS        wait before the request's body, or if it has none
                        before the empty line that ends its head
  -L, --location        follow redirects, up to 50
  -f, --fail            end with 22 and no body if the status is 400 or above
  -i, --include         put the response's head before its body
  -I, --head            request only the head, and show it
  -o, --output FILE     write to a file instead of the terminal
      --raw             write the response's bytes as received
  -v, --verbose         show heads on the standard error, > sent and < received
      --timing          show how long each phase took
      --max-time S      give up after that many seconds
      --http1.0         send the request as HTTP/1.0
      --unix PATH       connect to a Unix socket
      --cacert FILE     trust the certificates in a PEM file too
  -k, --insecure        trust any certificate

Exit codes: 0 done, 1 unknown scheme, 2 usage, 3 bad URL, 6 name not resolved,
7 not connected, 8 weird reply, 18 part of the body is missing, 22 status of 400
or above (-f), 23 cannot write, 26 cannot read the body, 28 timeout, 35 TLS
failed, 47 too many redirects, 52 empty reply, 55 cannot send, 56 cannot
receive, 60 bad certificate.
`;

/** The output of `--help` for the servers. */
export const SERVER_USAGE =
  `Usage: cli.ts server echo|sleep|status|drip [OPTION]…

  echo     POST, PUT and PATCH of any path: sends the body back as it arrives
  sleep    GET /sleep/MS: answers after that time; /sleep takes 3 seconds
  status   GET /status/CODE: answers with that status, 200 to 599
  drip     GET /drip?bytes=10&delay=100: one byte at a time, delay in ms

  -b, --bind ADDRESS           address to listen on (127.0.0.1)
  -p, --port PORT              port to listen on; 0 finds a free one (8080)
  -t, --thread-count N         threads that serve (1); more than 1 need Linux
                               and --allow-read --allow-ffi
      --tcp-read-timeout MS    longest wait for the client to send
      --tcp-write-timeout MS   longest wait for the client to receive
      --tcp-nodelay            send small pieces without delay
  -v, --verbose                show connections and requests

SIGINT and SIGTERM let running responses finish for 10 seconds; a second one cuts
them off.
`;

/** The longest delay of a timer, in milliseconds. */
const MAX_TIMER_MS = 2_147_483_647;

const MAX_THREAD_COUNT = 1024;

const TOKEN = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;

/** The request on the command line; files are not read yet. */
export interface ClientArguments {
  readonly method: string;
  readonly url: string;
  /** Fields given with `-H`, in order. */
  readonly headers: Headers;
  /** Default fields that `-H 'K:'` removes, in lower case. */
  readonly dropped: readonly string[];
  /** Values of `-d`, in order. */
  readonly data: readonly string[];
  readonly isJson: boolean;
  readonly stallMs: number;
  readonly followsRedirects: boolean;
  readonly failsOnError: boolean;
  readonly showsHead: boolean;
  readonly outputPath: string | null;
  readonly isRaw: boolean;
  readonly isVerbose: boolean;
  readonly showsTiming: boolean;
  readonly maxTimeMs: number | null;
  readonly minorVersion: 0 | 1;
  readonly unixPath: string | null;
  readonly caPath: string | null;
  readonly isInsecure: boolean;
}

/** The name of a server command. */
export type ServerKind = "echo" | "sleep" | "status" | "drip";

/** The server on the command line. */
export interface ServerArguments {
  readonly kind: ServerKind;
  readonly hostname: string;
  readonly port: number;
  readonly threadCount: number;
  readonly readTimeoutMs: number | null;
  readonly writeTimeoutMs: number | null;
  readonly hasNoDelay: boolean;
  readonly isVerbose: boolean;
}

const CLIENT_OPTIONS = {
  header: { type: "string", short: "H", multiple: true, default: [] },
  data: { type: "string", short: "d", multiple: true, default: [] },
  json: { type: "boolean", default: false },
  stall: { type: "string" },
  location: { type: "boolean", short: "L", default: false },
  fail: { type: "boolean", short: "f", default: false },
  include: { type: "boolean", short: "i", default: false },
  head: { type: "boolean", short: "I", default: false },
  output: { type: "string", short: "o" },
  raw: { type: "boolean", default: false },
  verbose: { type: "boolean", short: "v", default: false },
  timing: { type: "boolean", default: false },
  "max-time": { type: "string" },
  "http1.0": { type: "boolean", default: false },
  unix: { type: "string" },
  cacert: { type: "string" },
  insecure: { type: "boolean", short: "k", default: false },
  help: { type: "boolean", short: "h", default: false },
} as const satisfies ParseArgsOptionsConfig;

const SERVER_OPTIONS = {
  bind: { type: "string", short: "b", default: "127.0.0.1" },
  port: { type: "string", short: "p", default: "8080" },
  "thread-count": { type: "string", short: "t", default: "1" },
  "tcp-read-timeout": { type: "string" },
  "tcp-write-timeout": { type: "string" },
  "tcp-nodelay": { type: "boolean", default: false },
  verbose: { type: "boolean", short: "v", default: false },
  help: { type: "boolean", short: "h", default: false },
} as const satisfies ParseArgsOptionsConfig;

/** Parses the client's command line. */
export function parseClientArguments(
  args: readonly string[],
): ClientArguments | "help" {
  const { values, positionals } = orUsage(() =>
    parseArgs({
      args: [...args],
      options: CLIENT_OPTIONS,
      allowPositionals: true,
    })
  );
  if (values.help) return "help";
  const [first, second] = positionals;
  if (first === undefined) throw usage("Cannot send: the URL is missing");
  if (positionals.length > 2) {
    throw usage(
      `Cannot send: ${JSON.stringify(positionals[2])} is one argument too many`,
    );
  }
  const hasData = values.data.length > 0;
  if (values.head && hasData) {
    throw usage("Cannot use -I with -d: a request for a head has no body");
  }
  const standard = values.head ? "HEAD" : hasData ? "POST" : "GET";
  const method = second === undefined ? standard : readMethod(first);
  if (values.head && method !== "HEAD") {
    throw usage(`Cannot use -I with ${method}`);
  }
  return {
    method,
    url: second ?? first,
    ...readFields(values.header),
    data: values.data,
    isJson: values.json,
    stallMs: readMs("--stall", values.stall) ?? 0,
    followsRedirects: values.location,
    failsOnError: values.fail,
    showsHead: values.include || values.head,
    outputPath: values.output === "-" ? null : values.output ?? null,
    isRaw: values.raw,
    isVerbose: values.verbose,
    showsTiming: values.timing,
    maxTimeMs: readSeconds("--max-time", values["max-time"]),
    minorVersion: values["http1.0"] ? 0 : 1,
    unixPath: values.unix ?? null,
    caPath: values.cacert ?? null,
    isInsecure: values.insecure,
  };
}

/** Parses a server's command line. */
export function parseServerArguments(
  args: readonly string[],
): ServerArguments | "help" {
  const { values, positionals } = orUsage(() =>
    parseArgs({
      args: [...args],
      options: SERVER_OPTIONS,
      allowPositionals: true,
    })
  );
  if (values.help) return "help";
  const [kind, more] = positionals;
  if (!isServerKind(kind) || more !== undefined) {
    throw usage("Cannot serve: name one of echo, sleep, status and drip");
  }
  return {
    kind,
    hostname: values.bind.replace(/^\[|\]$/g, ""),
    port: readInteger("-p", values.port, 0, 65_535),
    threadCount: readInteger(
      "-t",
      values["thread-count"],
      1,
      MAX_THREAD_COUNT,
    ),
    readTimeoutMs: readMs("--tcp-read-timeout", values["tcp-read-timeout"]),
    writeTimeoutMs: readMs("--tcp-write-timeout", values["tcp-write-timeout"]),
    hasNoDelay: values["tcp-nodelay"],
    isVerbose: values.verbose,
  };
}

/** Runs `run` and turns its errors into usage errors. */
export function orUsage<T>(run: () => T): T {
  try {
    return run();
  } catch (error) {
    throw usage(messageOf(error));
  }
}

function isServerKind(kind: string | undefined): kind is ServerKind {
  return ["echo", "sleep", "status", "drip"].some((known) => known === kind);
}

/** Converts a method to upper case, so that it can be typed in any case. */
function readMethod(text: string): string {
  const method = text.toUpperCase();
  if (method === "CONNECT") {
    throw usage("Cannot send CONNECT: tunnels are not supported");
  }
  if (TOKEN.test(method)) return method;
  throw usage(`Cannot send method ${JSON.stringify(text)}: it is not a token`);
}

function readFields(
  lines: readonly string[],
): { headers: Headers; dropped: readonly string[] } {
  const headers = new Headers();
  const dropped: string[] = [];
  for (const line of lines) {
    const match = /^([^:;]+)(?::(.*)|;\s*)$/s.exec(line);
    if (match === null) {
      throw usage(`Cannot send field ${JSON.stringify(line)}: it has no colon`);
    }
    const [, name = "", value] = match;
    if (value?.trim() === "") dropped.push(name.toLowerCase());
    else orUsage(() => headers.add(name.trim(), toByteString(value ?? "")));
  }
  return { headers, dropped };
}

function readInteger(
  option: string,
  text: string,
  minimum: number,
  maximum: number,
): number {
  const number = /^[0-9]+$/.test(text) ? Number(text) : NaN;
  if (number >= minimum && number <= maximum) return number;
  throw usage(
    `Cannot use ${option} ${
      JSON.stringify(text)
    }: it must be an integer from ${minimum} to ${maximum}`,
  );
}

function readMs(option: string, text: string | undefined): number | null {
  if (text === undefined) return null;
  return readInteger(option, text, 1, MAX_TIMER_MS);
}

function readSeconds(option: string, text: string | undefined): number | null {
  if (text === undefined) return null;
  const isNumber = /^(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)$/.test(text);
  const durationMs = isNumber ? Math.ceil(Number(text) * 1000) : 0;
  if (durationMs > 0 && durationMs <= MAX_TIMER_MS) return durationMs;
  throw usage(
    `Cannot use ${option} ${
      JSON.stringify(text)
    }: it must be a number of seconds above 0`,
  );
}
