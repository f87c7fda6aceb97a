/**
 * Writes an access log in the Common Log Format to standard output, one line when
 * the last byte of a response has been sent:
 *
 *     host ident authuser [date] "request" status bytes
 *
 *     deno run --allow-net=127.0.0.1 examples/access_log.ts [PORT]
 *
 * A request that the server refuses, such as a malformed one, reaches no handler;
 * the refusal hook logs it.
 */
// deno-lint-ignore-file no-console

import {
  PreRoutingAction,
  type RequestContext,
  type ResponseHandle,
  Server,
} from "@khttp/khttp";
import { formatHttpDate } from "@khttp/khttp/codec";

const app = Server.builder(`127.0.0.1:${Deno.args[0] ?? 8080}`);

app.preRoutingHook((req, res) => {
  logWhenSent(req, res);
  return PreRoutingAction.proceed;
});

app.refusalHook(({ conn, requestLine, status }, res) => {
  const line = requestLine.replace(/[^\x20-\x7e]|["\\]/g, escapeChar);
  const start = `${hostOf(conn.remoteAddr)} - - [${formatDate(Date.now())}]`;
  console.log(`${start} "${line}" ${status} ${res.body.length}`);
});

// The library escapes the client's bytes that its error messages quote.
app.connectionTeardownHook((conn, error) => {
  if (error) console.error(`${hostOf(conn.remoteAddr)} ${error.message}`);
});

app.get("/", (_, res) => res.ok("Hello, World!\n"));
app.post("/echo", (ctx, res) => res.ok(ctx.body));
app.get("/numbers", (_, res) => {
  const numbers = Array.from({ length: 10_000 }, (_, n) => `${n}\n`);
  res.ok(ReadableStream.from(numbers));
});
app.get("/broken", () => {
  throw new Error("broken");
});

const handle = app.build().serve();
const stop = (): void => void handle.shutdown({ deadline: 10_000 });
Deno.addSignalListener("SIGINT", stop);
if (Deno.build.os !== "windows") Deno.addSignalListener("SIGTERM", stop);
console.log(`Listening on ${handle.url}/`);
await handle.finished;
Deno.exit();

/** Writes the line of one request, with the time of its arrival. */
function logWhenSent(req: RequestContext, res: ResponseHandle): void {
  const target = escapeBytes(req.uri.toString());
  const fields = [
    hostOf(req.conn.remoteAddr),
    "-", // the identity of RFC 1413, which is obsolete
    escapeBytes(findUser(req) ?? "-"),
    `[${formatDate(Date.now())}]`,
    `"${req.method} ${target} HTTP/1.${req.httpVersion}"`, // a method is a token
  ];
  const write = (): void => {
    // For a response that was cut off, log the bytes that were sent.
    const bytes = res.bodyBytes === 0 ? "-" : res.bodyBytes;
    console.log(`${fields.join(" ")} ${res.status ?? "-"} ${bytes}`);
  };
  res.sent.then(write, write);
}

function hostOf(addr: Deno.Addr | undefined): string {
  return addr?.transport === "tcp" ? addr.hostname : "-";
}

/** The user name in Basic credentials, which this example does not verify (RFC 7617 §2). */
function findUser(req: RequestContext): string | null {
  const authorization = req.headers.get("authorization") ?? "";
  const [, credentials = ""] = /^basic +(\S+)$/i.exec(authorization) ?? [];
  try {
    const [name = ""] = atob(credentials).split(":", 1);
    return name === "" ? null : name;
  } catch {
    return null; // not base64
  }
}

/** `10/Oct/2000:13:55:36 +0000`, from `Tue, 10 Oct 2000 13:55:36 GMT`. */
function formatDate(nowMs: number): string {
  const date = formatHttpDate(nowMs / 1000);
  const [, day, month, year, time] = date.split(" ");
  return `${day}/${month}/${year}:${time} +0000`;
}

/** Makes a client's bytes safe in a log line: those that could end the line or a field become `\xHH`. */
function escapeBytes(text: string): string {
  return text.replace(/[^\x21-\x7e]|["\\]/g, escapeChar);
}

function escapeChar(char: string): string {
  return `\\x${char.charCodeAt(0).toString(16).padStart(2, "0")}`;
}
