import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { Buffer } from "node:buffer";
import { toText } from "@std/streams";
import { decodeLatin1, encodeLatin1 } from "../../codec/ascii.ts";
import { type BodyFeed, BodyReader } from "../../codec/body_reader.ts";
import { ProtocolError } from "../../codec/errors.ts";

/** Yields the pieces in one buffer that each pull overwrites, as a connection may. */
class Feed implements BodyFeed {
  isCanceled = false;
  pulls = 0;
  readonly remainingBytes: number;
  #pieces: string[];
  #buffer = new Uint8Array(4096);
  #error: Error | null;

  constructor(
    pieces: readonly string[],
    remainingBytes = -1,
    error: Error | null = null,
  ) {
    this.#pieces = [...pieces].reverse();
    this.remainingBytes = remainingBytes;
    this.#error = error;
  }

  async pull(): Promise<Uint8Array | null> {
    await Promise.resolve();
    this.pulls++;
    this.#buffer.fill(0x3f);
    const piece = this.#pieces.pop();
    if (piece === undefined) {
      if (this.#error !== null) throw this.#error;
      return null;
    }
    this.#buffer.set(encodeLatin1(piece));
    return this.#buffer.subarray(0, piece.length);
  }

  cancel(): void {
    this.isCanceled = true;
  }
}

function reader(
  pieces: readonly string[],
  maxBufferedBytes = 1000,
): BodyReader {
  return new BodyReader(new Feed(pieces), maxBufferedBytes);
}

const PIECES = ['{"a":', "", ' "\xc3\xa9"', "}"];

Deno.test("BodyReader reads the whole body in each form", async () => {
  const text = PIECES.join("");
  assertEquals(await reader(PIECES).bytes(), encodeLatin1(text));
  assertEquals(await reader(PIECES).text(), '{"a": "\u00e9"}');
  assertEquals(await reader(PIECES).json(), { a: "\u00e9" });
  assertEquals([...await reader(["a=1&b", "=%20+"]).form()], [
    ["a", "1"],
    ["b", "  "],
  ]);
  assertEquals(await reader([]).text(), "");
  assertEquals(await reader(["\xff"]).text(), "\ufffd");
  await assertRejects(() => reader(["{"]).json(), SyntaxError);
});

Deno.test("BodyReader reads a body larger than its first buffer", async () => {
  const pieces = Array.from(
    { length: 30 },
    (_, i) => String(i % 10).repeat(999),
  );
  assertEquals(await reader(pieces, 30 * 999).text(), pieces.join(""));
});

Deno.test("BodyReader R56: buffers exactly up to the limit", async () => {
  assertEquals(await reader(["abc", "de"], 5).text(), "abcde");
  const feed = new Feed(["abc", "def", "ghi"]);
  const error = await assertRejects(
    () => new BodyReader(feed, 5).text(),
    ProtocolError,
    "longer than 5 bytes (maxBufferedBodyBytes)",
  );
  assertEquals([error.code, error.status], ["BODY_TOO_LARGE", 413]);
  assertEquals([feed.isCanceled, feed.pulls], [true, 2]);
});

Deno.test("BodyReader R56: pulls nothing of a body whose declared length is too large", async () => {
  const feed = new Feed(["abcdef"], 6);
  await assertRejects(() => new BodyReader(feed, 5).bytes(), ProtocolError);
  assertEquals([feed.isCanceled, feed.pulls], [true, 0]);
});

Deno.test("BodyReader.stream yields pieces that later reads do not change", async () => {
  assertEquals(await toText(reader(["ab", "cd"]).stream), "abcd");
  const pieces = await Array.fromAsync(reader(["ab", "cd"]).stream);
  assertEquals(pieces.map((piece) => decodeLatin1(piece, 0, 2)), ["ab", "cd"]);
});

Deno.test("BodyReader.stream pulls only when it is read, and cancels its feed", async () => {
  const feed = new Feed(["ab", "cd"]);
  const stream = new BodyReader(feed, 0).stream.getReader();
  assertEquals(feed.pulls, 0);
  await stream.read();
  assertEquals(feed.pulls, 1);
  await stream.cancel();
  assertEquals(feed.isCanceled, true);
});

Deno.test("BodyReader.read() fills a small buffer piece by piece", async () => {
  const body = reader(["abc", "", "d"]);
  const buffer = new Uint8Array(2);
  let text = "";
  for (;;) {
    const size = await body.read(buffer);
    if (size === null) break;
    assert(size > 0);
    text += `${decodeLatin1(buffer, 0, size)}|`;
  }
  assertEquals(text, "ab|c|d|");
  assertEquals(await body.read(buffer), null);
});

Deno.test("BodyReader iterates over the pieces, and cancels on a break", async () => {
  let text = "";
  for await (const piece of reader(["ab", "cd"])) {
    text += decodeLatin1(piece, 0, piece.length);
  }
  assertEquals(text, "abcd");
  const feed = new Feed(["ab", "cd"]);
  for await (const piece of new BodyReader(feed, 0)) {
    assertEquals(piece.length, 2);
    break;
  }
  assertEquals([feed.isCanceled, feed.pulls], [true, 1]);
});

Deno.test("BodyReader gives pieces that stay valid, and views that the next pull overwrites", async () => {
  const kept = await Array.fromAsync(reader(["ab", "cd"]));
  assertEquals(kept.map((piece) => decodeLatin1(piece, 0, piece.length)), [
    "ab",
    "cd",
  ]);
  const views = await Array.fromAsync(reader(["ab", "cd"]).views());
  assertEquals(views.map((view) => decodeLatin1(view, 0, view.length)), [
    "??",
    "??",
  ]);
});

Deno.test("BodyReader copies a Node Buffer, whose slice() is a view", async () => {
  const buffer = Buffer.from("ab");
  const pieces = [buffer];
  const feed: BodyFeed = {
    remainingBytes: -1,
    pull: () => pieces.pop() ?? null,
    cancel: () => {},
  };
  const [piece] = await Array.fromAsync(new BodyReader(feed, 0).stream);
  buffer.fill(0x3f);
  assertEquals(piece, encodeLatin1("ab"));
});

Deno.test("BodyReader.views() cancels on a break, and is used once", async () => {
  const feed = new Feed(["ab", "cd"]);
  const body = new BodyReader(feed, 0);
  for await (const view of body.views()) {
    assertEquals(view.length, 2);
    break;
  }
  assertEquals([feed.isCanceled, feed.pulls], [true, 1]);
  assertThrows(() => body.views(), TypeError, "already read with views");
});

Deno.test("BodyReader can be used once, in one form", async () => {
  const body = reader(["a"]);
  assertEquals(body.isUsed, false);
  await body.text();
  assertEquals(body.isUsed, true);
  await assertRejects(
    () => body.json(),
    TypeError,
    "Cannot read body with json: it was already read with text",
  );
  await assertRejects(() => body.read(new Uint8Array(1)), TypeError);
  assertThrows(() => body.stream, TypeError);
  assertThrows(() => body[Symbol.asyncIterator](), TypeError);
});

Deno.test("BodyReader R75: rejects with what its feed throws, in each form", async () => {
  const failing = (): BodyReader =>
    new BodyReader(
      new Feed(["a"], -1, new ProtocolError("TRUNCATED_BODY", "Cannot", 1)),
      9,
    );
  await assertRejects(() => failing().text(), ProtocolError);
  await assertRejects(() => toText(failing().stream), ProtocolError);
  await assertRejects(() => Array.fromAsync(failing()), ProtocolError);
  const body = failing();
  assertEquals(await body.read(new Uint8Array(9)), 1);
  await assertRejects(() => body.read(new Uint8Array(9)), ProtocolError);
});

const UPLOAD = [
  "--b",
  'Content-Disposition: form-data; name="title"',
  "",
  "caf\xc3\xa9",
  "--b",
  'Content-Disposition: form-data; name="photo"; filename="a.png"',
  "Content-Type: image/png",
  "",
  "\x89PNG",
  "--b--",
  "",
].join("\r\n");

/** Reads a form whose message has this type. */
function form(
  pieces: readonly string[],
  type: string | null,
  maxBufferedBytes = 1000,
): Promise<URLSearchParams | FormData> {
  const message = { headers: { get: (): string | null => type } };
  return new BodyReader(new Feed(pieces), maxBufferedBytes, message).form();
}

Deno.test("BodyReader.form() gives a multipart form as FormData", async () => {
  for (const type of ["multipart/form-data", "Multipart/Form-Data "]) {
    const pieces = [UPLOAD.slice(0, 50), UPLOAD.slice(50)];
    const fields = await form(pieces, `${type}; boundary=b`);
    assert(fields instanceof FormData);
    assertEquals(fields.get("title"), "caf\u00e9");
    const photo = fields.get("photo");
    assert(photo instanceof File);
    assertEquals([photo.name, photo.type], ["a.png", "image/png"]);
    assertEquals(await photo.bytes(), encodeLatin1("\x89PNG"));
  }
});

Deno.test("BodyReader.form() parses every other type as a URL-encoded form", async () => {
  for (const type of [null, "text/plain", "multipart/form-dataset", "a/b"]) {
    const fields = await form(["a=1"], type);
    assert(fields instanceof URLSearchParams);
    assertEquals(fields.get("a"), "1");
  }
});

Deno.test("BodyReader.form() rejects an invalid multipart form, and one that is too large", async () => {
  const type = "multipart/form-data; boundary=b";
  const cut = [60, 70, 100, -3, -4, -6].map((at) => UPLOAD.slice(0, at));
  for (const body of ["", "a=1", ...cut]) {
    await assertRejects(() => form([body], type), SyntaxError, "Cannot parse");
  }
  const empty = new FormData();
  assertEquals([...await form(["--b--\r\n"], type)], [...empty]);
  assertEquals([...await form([UPLOAD.slice(0, -2)], type)].length, 2);
  await assertRejects(() => form([UPLOAD], "multipart/form-data"), SyntaxError);
  await assertRejects(() => form([UPLOAD], type, 100), ProtocolError);
});
