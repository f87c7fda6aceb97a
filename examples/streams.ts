/**
 * Bodies that are transformed while they stream: each piece of the request body is
 * sent as a piece of the response before the next one is read. Memory does not grow
 * with the body's length, and backpressure slows down a client that reads slowly.
 *
 *     deno run --allow-net=127.0.0.1 examples/streams.ts [PORT]
 *     curl -NT FILE -X POST http://127.0.0.1:8080/rot13
 */
// deno-lint-ignore-file no-console

import { Server } from "@khttp/khttp";

const INDEX = `POST a body of any length; it comes back while it is sent:

/echo   as it is
/upper  with a to z in upper case, and on the server's terminal too
/rot13  with its letters moved by 13 places
/gzip   as a gzip file
`;

/** The client's bytes, labelled so that no browser renders them as a page. */
const BYTES = { "content-type": "application/octet-stream" } as const;
const GZIP = { "content-type": "application/gzip" } as const;

const app = Server.builder(`127.0.0.1:${Deno.args[0] ?? 8080}`);

app.get("/", (_, res) => res.ok(INDEX));

app.post("/echo", (ctx, res) => res.ok(ctx.body, BYTES));

app.post("/upper", (ctx, res) => {
  res.ok(teeToTerminal(translate(ctx.body.views(), upperCase)), BYTES);
});

app.post(
  "/rot13",
  (ctx, res) => res.ok(translate(ctx.body.views(), rot13), BYTES),
);

// Web streams work too, and propagate the client's backpressure.
app.post("/gzip", (ctx, res) => {
  const gzip = new CompressionStream("gzip");
  res.ok(ctx.body.stream.pipeThrough(gzip), GZIP);
});

type Pieces = AsyncIterable<Uint8Array>;

/** Replaces each byte. UTF-8 characters beyond ASCII contain no ASCII bytes, so they stay unchanged. */
async function* translate(
  pieces: Pieces,
  byteFor: (byte: number) => number,
): AsyncGenerator<Uint8Array> {
  for await (const piece of pieces) yield piece.map(byteFor);
}

function upperCase(byte: number): number {
  return byte >= 0x61 && byte <= 0x7a ? byte - 0x20 : byte; // a to z
}

function rot13(byte: number): number {
  const letter = (byte | 0x20) - 0x61; // 0 to 25 for a letter of either case
  if (letter < 0 || letter > 25) return byte;
  return letter < 13 ? byte + 13 : byte - 13;
}

/** All requests share this writer: it writes their pieces one after the other, and a slow terminal slows all of them down. */
const terminal = Deno.stdout.writable.getWriter();

/** Copies the pieces to the terminal, without control characters: a client could send escape sequences. */
async function* teeToTerminal(pieces: Pieces): AsyncGenerator<Uint8Array> {
  for await (const piece of pieces) {
    await terminal.write(piece.map(printable));
    yield piece;
  }
}

function printable(byte: number): number {
  const isSpace = byte === 0x09 || byte === 0x0a; // tab, line feed
  return isSpace || (byte >= 0x20 && byte <= 0x7e) ? byte : 0x2e; // a full stop
}

const handle = app.build().serve();
const stop = (): void => void handle.shutdown({ deadline: 10_000 });
Deno.addSignalListener("SIGINT", stop);
if (Deno.build.os !== "windows") Deno.addSignalListener("SIGTERM", stop);
console.log(`Listening on ${handle.url}/`);
await handle.finished;
Deno.exit();
