/** The transport of duplexes that an application made, and that may break the contract. */

import {
  assert,
  assertEquals,
  assertInstanceOf,
  assertNotStrictEquals,
  assertStrictEquals,
  assertStringIncludes,
} from "@std/assert";
import {
  ConnectionSetupAction,
  type Duplex,
  Server,
  type ServerOptions,
} from "../../../mod.ts";
import { SLOT_BYTES } from "../../../server/connection/receive_slots.ts";
import { withDeadline } from "../../support/with_deadline.ts";
import { MemoryConnection } from "../../support/memory_duplex.ts";
import { decodeLatin1, encodeLatin1 } from "../../support/latin1.ts";
import { RawClient } from "../../support/raw_client.ts";
import { request } from "../../support/serve.ts";
import { turn } from "../../support/turns.ts";

const DEADLINE_MS = 5000;

/** A duplex that returns one piece for each read, then the end; a test may replace its methods. */
function scripted(
  pieces: readonly string[],
  rest: Partial<Duplex> = {},
  end: Promise<null> = Promise.resolve(null),
): Duplex & { written: string; readonly buffers: Uint8Array[] } {
  const left = [...pieces];
  const buffers: Uint8Array[] = [];
  const duplex = {
    written: "",
    buffers,
    read: (buffer: Uint8Array): Promise<number | null> => {
      buffers.push(buffer);
      const piece = left.shift();
      if (piece === undefined) return end;
      buffer.set(encodeLatin1(piece));
      return Promise.resolve(piece.length);
    },
    write: (bytes: Uint8Array): Promise<number> => {
      duplex.written += decodeLatin1(bytes);
      return Promise.resolve(bytes.length);
    },
    closeWrite: () => Promise.resolve(),
    close: () => {},
    ...rest,
  };
  return duplex;
}

/** A duplex that sends requests until its server scans heads, which it sees when the buffer is a slot. */
function busyUntilScanned(): ReturnType<typeof scripted> {
  const wire = request("GET /");
  const duplex = scripted([], {
    read: (buffer) => {
      duplex.buffers.push(buffer);
      const isSlot = buffer.buffer.byteLength > SLOT_BYTES;
      if (isSlot) return Promise.resolve(null);
      buffer.set(encodeLatin1(wire));
      return Promise.resolve(wire.length);
    },
  });
  return duplex;
}

/** Serves `hello` until the connection ends; returns what the teardown hook got. */
async function serve(
  duplex: Duplex,
  options: Partial<ServerOptions> = {},
): Promise<Error | undefined> {
  let failure: Error | undefined;
  const server = Server.builder("127.0.0.1:0", options)
    .get("/", (_, res) => res.ok("hello"))
    .connectionTeardownHook((_, error) => void (failure = error))
    .build();
  await withDeadline(server.handle(duplex), DEADLINE_MS, () => "serving");
  return failure;
}

Deno.test("repeated responses are whole however little a write takes", async () => {
  const one = scripted([request("GET /")]);
  await serve(one);
  const answer = one.written.replace(/date: .*\r\n/, "");
  assert(answer.endsWith("\r\n\r\nhello"), answer);
  for (const most of [1, 7, 60, 1000]) {
    const requests = request("GET /");
    const pieces = [...new Array(5).fill(requests), requests.repeat(3)];
    const duplex = scripted(pieces, {
      write: (bytes) => {
        const size = Math.min(most, bytes.length);
        duplex.written += decodeLatin1(bytes.slice(0, size));
        return Promise.resolve(size);
      },
    });
    assertEquals(await serve(duplex), undefined);
    const written = duplex.written.replaceAll(/date: .*\r\n/g, "");
    assertEquals(written, answer.repeat(8), `${most} bytes a write`);
  }
});

Deno.test("a duplex that throws where it should reject ends only its connection", async () => {
  const broken = new Error("broken");
  const thrower = (): never => {
    throw broken;
  };
  assertEquals(await serve(scripted([], { read: thrower })), broken);
  const pieces = [request("GET /"), request("GET /")];
  assertEquals(await serve(scripted(pieces, { write: thrower })), broken);
  const rejecter = () => Promise.reject(broken);
  assertEquals(await serve(scripted([], { read: rejecter })), broken);
  assertEquals(await serve(scripted(pieces, { write: rejecter })), broken);
});

Deno.test("a duplex whose closeWrite() throws or returns nothing is still closed", async () => {
  const broken = new Error("broken");
  const closers: Duplex["closeWrite"][] = [
    () => {
      throw broken;
    },
    () => undefined as never, // possible without types
    () => Promise.reject(broken),
    undefined,
  ];
  for (const closeWrite of closers) {
    const wire = request("GET /", "Connection: close\r\n");
    const duplex = scripted([wire], { closeWrite: closeWrite! });
    assertEquals(await serve(duplex), undefined);
    assert(duplex.written.endsWith("\r\n\r\nhello"), duplex.written);
  }
});

Deno.test("a duplex that returns an impossible size ends only its connection", async () => {
  const wrong = [-1, 0.5, NaN, Infinity, undefined as never]; // the last one is possible without types
  for (const size of [SLOT_BYTES + 1, ...wrong]) {
    const duplex = scripted([], { read: () => Promise.resolve(size) });
    const failure = await serve(duplex);
    assertInstanceOf(failure, RangeError);
    assertStringIncludes(failure.message, `${SLOT_BYTES} bytes gave ${size}`);
    assertEquals(duplex.written, "");
  }
  for (const size of [1000, ...wrong]) {
    const write = () => Promise.resolve(size);
    const failure = await serve(scripted([request("GET /")], { write }));
    assertInstanceOf(failure, RangeError);
    assertStringIncludes(failure.message, `bytes gave ${size}`);
  }
});

Deno.test("a duplex that keeps returning 0 is closed by its deadline", async () => {
  const nothing = () => Promise.resolve(0);
  const options = { headerTimeout: 50, writeTimeout: 50, lingerTimeout: 50 };
  await serve(scripted([], { read: nothing }), options);
  const stuck = scripted([request("GET /")], { write: nothing });
  assertInstanceOf(await serve(stuck, options), DOMException);
  await turn(); // its last wait
});

Deno.test("a close() may return a promise that rejects, or throw", async () => {
  const broken = new Error("broken");
  const closers: Duplex["close"][] = [
    () => Promise.reject(broken),
    () => {
      throw broken;
    },
  ];
  for (const close of closers) {
    const duplex = scripted([request("GET /")], { close });
    assertEquals(await serve(duplex), undefined);
    assert(duplex.written.endsWith("\r\n\r\nhello"), duplex.written);
    await turn();
  }
});

Deno.test("a setup hook that proceeds without a duplex loses only that connection", async () => {
  const errors: unknown[] = [];
  const server = Server.builder("127.0.0.1:0")
    .get("/", (_, res) => res.ok("hello"))
    .connectionSetupHook((accepted) => {
      assert(accepted.ok);
      return ConnectionSetupAction.proceed(
        errors.length === 0 ? undefined as never : accepted.conn, // possible without types
      );
    })
    .build();
  await using handle = server.serve({
    onError: (error) => void errors.push(error),
  });
  const { port } = handle.addr as Deno.NetAddr; // a TCP address was given
  using lost = await RawClient.connect(port);
  assertEquals(await lost.toEnd(), "");
  assertEquals(errors.length, 1);
  using client = await RawClient.connect(port);
  assertEquals((await client.ask(request("GET /"))).body, "hello");
});

Deno.test("a head that is longer than what may be buffered during a request is read to its end", async () => {
  const long = "x".repeat(100_000);
  const stays = Promise.withResolvers<void>();
  const server = Server.builder("127.0.0.1:0", {
    maxRequestHeadSize: 200_000,
    maxHeaderBytes: 200_000,
    headerTimeout: 60_000,
  })
    .get("/", (ctx, res) => res.ok(`${ctx.headers.get("x-long")?.length}`))
    .get("/first", async (_, res) => {
      await stays.promise;
      res.ok("first");
    })
    .build();
  const connection = new MemoryConnection();
  const serving = server.handle(connection.duplex);
  connection.send(request("GET /first"));
  connection.send(request("GET /", `X-Long: ${long}\r\n`));
  for (let n = 0; n < 50; n++) await turn();
  stays.resolve();
  const answers = [await connection.response(), await connection.response()];
  assertEquals(answers.map(({ body }) => body), ["first", `${long.length}`]);
  connection.end();
  await withDeadline(serving, DEADLINE_MS, () => "serving");
});

Deno.test("a connection that needs a larger buffer frees its slot for another one", async () => {
  const server = Server.builder("127.0.0.1:0")
    .get("/", (_, res) => res.ok("hello"))
    .build();
  const filler = `GET / HTTP/1.1\r\nHost: a\r\nX-Long: ${
    "x".repeat(SLOT_BYTES)
  }`;
  await server.handle(busyUntilScanned());
  const stays = Promise.withResolvers<null>();
  const first = scripted([filler.slice(0, SLOT_BYTES)], {}, stays.promise);
  const serving = server.handle(first);
  while (first.buffers.length < 2) await Promise.resolve();
  const [small, larger] = first.buffers as [Uint8Array, Uint8Array];
  assertEquals([small.length, larger.length], [SLOT_BYTES, 4 * SLOT_BYTES]);
  assertNotStrictEquals(small.buffer, larger.buffer);
  const other = scripted([]);
  await server.handle(other);
  assertEquals(other.buffers[0]?.buffer, small.buffer);
  assertEquals(other.buffers[0]?.byteOffset, small.byteOffset);
  stays.resolve(null);
  await withDeadline(serving, DEADLINE_MS, () => "serving");
});

Deno.test("a connection that began before heads are scanned moves to a slot", async () => {
  const duplex = busyUntilScanned();
  assertStrictEquals(await serve(duplex), undefined);
  assert(duplex.buffers.length > 2, `${duplex.buffers.length}`);
  const small = duplex.buffers.filter(({ length }) => length === SLOT_BYTES);
  assertEquals(small.length, duplex.buffers.length);
  const answers = duplex.written.split("hello").length - 1;
  assertEquals(answers, duplex.buffers.length - 1);
});
