import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import { BodySource, type StreamedBody } from "../../codec/body_source.ts";

async function drain(source: BodySource): Promise<number[][]> {
  const pieces: number[][] = [];
  for (;;) {
    const piece = await source.pull();
    if (piece === null) return pieces;
    pieces.push([...piece]);
  }
}

const BYTES = new Uint8Array([1, 2]);

async function* generate(): AsyncGenerator<Uint8Array | string> {
  yield BYTES;
  await Promise.resolve();
  yield "";
  yield "\u00e9";
}

Deno.test("BodySource yields bytes unchanged and strings as UTF-8", async () => {
  const expected = [[1, 2], [], [0xc3, 0xa9]];
  assertEquals(await drain(new BodySource(generate())), expected);
  const stream = ReadableStream.from(generate());
  assertEquals(await drain(new BodySource(stream)), expected);
});

Deno.test("BodySource refuses a value that is not a body, and a locked stream", () => {
  for (const body of [5, null, {}, [BYTES]]) {
    assertThrows(
      () => new BodySource(body as unknown as StreamedBody), // a caller without types can pass it
      TypeError,
    );
  }
  const stream = ReadableStream.from(generate());
  stream.getReader();
  assertThrows(() => new BodySource(stream), TypeError);
});

Deno.test("BodySource refuses a piece that is neither bytes nor a string", async () => {
  const pieces: unknown[] = [5];
  const body = ReadableStream.from(pieces) as ReadableStream<Uint8Array>; // as above
  await assertRejects(
    () => new BodySource(body).pull(),
    TypeError,
    "Cannot send a body piece of type number: it must be bytes or a string",
  );
});

Deno.test("BodySource.cancel() stops a stream, even while a pull is pending", async () => {
  let reason = "not canceled";
  const stream = new ReadableStream<Uint8Array>({
    cancel(): void {
      reason = "canceled";
    },
  });
  const source = new BodySource(stream);
  const pending = source.pull();
  await source.cancel();
  assertEquals([await pending, reason], [null, "canceled"]);
});

Deno.test("BodySource.cancel() runs the finally block of a generator, and drops its error", async () => {
  let hasEnded = false;
  async function* failing(): AsyncGenerator<string> {
    try {
      yield "a";
      await Promise.resolve();
    } finally {
      hasEnded = true;
      // deno-lint-ignore no-unsafe-finally -- cancel() must drop this error
      throw new Error("Cannot stop");
    }
  }
  const source = new BodySource(failing());
  await source.pull();
  await source.cancel();
  assertEquals(hasEnded, true);
});

Deno.test("BodySource rejects with what the body throws", async () => {
  const error = new Error("Cannot read");
  const stream = new ReadableStream<string>({
    pull(controller): void {
      controller.error(error);
    },
  });
  await assertRejects(
    () => new BodySource(stream).pull(),
    Error,
    "Cannot read",
  );
});
