/**
 * Files as bodies of responses (RFC 9110 §8.6, RFC 9112 §6.2): their bytes, their
 * length, and that they are closed however the response ends.
 */

import { assert, assertEquals, assertThrows } from "@std/assert";
import { FileBody, type Handler, type ResponseHandle, Server } from "../mod.ts";
import { EPOLL, LISTEN, testEngine, testEngines } from "./support/engines.ts";
import {
  numberedBytes,
  TestFolder,
  WatchedFile,
} from "./support/file_source.ts";
import { decodeLatin1 } from "./support/latin1.ts";
import { request } from "./support/serve.ts";
import { SWEEPS_MS } from "./support/timed_peer.ts";
import { until } from "./support/turns.ts";

const KIB = 1024;
const MIB = 1024 * KIB;
const GIB = 1024 * MIB;

/** More than the buffers of a connection in the system hold. */
const LARGE_BYTES = 32 * MIB;

/** Sizes around those at which the way of sending changes. */
const sizes = [
  ...[0, 1, 2048, 4096, 24 * KIB - 1, 24 * KIB, 24 * KIB + 1, 60 * KIB],
  ...[
    60 * KIB - 1,
    60 * KIB + 1,
    64 * KIB - 1,
    64 * KIB,
    64 * KIB + 1,
    128 * KIB,
    256 * KIB + 1,
  ],
  ...[1 * MIB, 3 * MIB + 7],
];

testEngines(
  "files of all sizes arrive, one after the other on one connection",
  async (engine) => {
    using folder = new TestFolder();
    const path = folder.write("a", numberedBytes(4 * MIB));
    await using server = engine.serve((app) => {
      app.get("/:size/:kind", (ctx, res) => {
        const end = Number(ctx.params.get("size"));
        const kind = ctx.params.get("kind");
        if (kind === "path") return res.sendFile(path, { end });
        if (kind === "open") return res.sendFile(Deno.openSync(path), { end });
        const source = new WatchedFile(path, kind === "hidden");
        res.ok(new FileBody(source, { start: 0, end }));
      });
    });
    const expected = numberedBytes(4 * MIB);
    for (const size of sizes) {
      for (const kind of ["path", "open", "source", "hidden"]) {
        const response = await fetch(
          new URL(`/${size}/${kind}`, server.handle.url),
        );
        const bytes = await response.bytes();
        assertEquals(response.headers.get("content-length"), `${size}`);
        assertEquals(bytes, expected.subarray(0, size), `${size} ${kind}`);
      }
    }
  },
);

testEngines(
  "a range is sent with the given status and fields",
  async (engine) => {
    using folder = new TestFolder();
    const bytes = numberedBytes(200_000);
    const path = folder.write("a", bytes);
    const ranges = [[0, 1], [199_999, 200_000], [5, 5], [7, 150_007], [
      100,
      60_000,
    ]];
    await using server = engine.serve((app) => {
      app.get("/:start/:end", ({ params }, res) => {
        const start = Number(params.get("start"));
        const end = Number(params.get("end"));
        const headers = { "content-type": "text/x" };
        res.sendFile(new URL(`file://${path}`), {
          start,
          end,
          status: 206,
          headers,
        });
      });
    });
    using client = await server.connect();
    for (const [start, end] of ranges) {
      const response = await client.ask(request(`GET /${start}/${end}`));
      assertEquals(response.status, 206);
      assertEquals(response.headers.get("content-type"), "text/x");
      assert(response.body === decodeLatin1(bytes.subarray(start, end)));
    }
  },
);

testEngines(
  "a range of a file that is longer than 4 GiB is sent",
  async (engine) => {
    using folder = new TestFolder();
    const path = folder.write("a", new Uint8Array(0));
    const mark = numberedBytes(100_000);
    using file = Deno.openSync(path, { write: true });
    for (const at of [2 * GIB, 4 * GIB, 5 * GIB]) {
      file.seekSync(at - 50_000, Deno.SeekMode.Start);
      file.writeSync(mark);
    }
    await using server = engine.serve((app) => {
      app.get("/:at/:size", ({ params }, res) => {
        const start = Number(params.get("at")) - 50_000;
        const end = start + Number(params.get("size"));
        res.sendFile(path, { start, end, status: 206 });
      });
    });
    using client = await server.connect();
    for (const at of [2 * GIB, 4 * GIB, 5 * GIB]) {
      for (const size of [100, 100_000]) {
        const { body } = await client.ask(request(`GET /${at}/${size}`));
        assert(
          body === decodeLatin1(mark.subarray(0, size)),
          `${size} at ${at}`,
        );
      }
    }
    assertEquals(
      (await client.ask(request(`HEAD /${50_000}/${5 * GIB}`))).headers.get(
        "content-length",
      ),
      `${5 * GIB}`,
    );
  },
);

testEngines(
  "responses without content have the length of the file, and close it",
  async (engine) => {
    using folder = new TestFolder();
    const path = folder.write("a", numberedBytes(300_000));
    const opened: WatchedFile[] = [];
    await using server = engine.serve((app) => {
      app.get("/:status", (ctx, res) => {
        const source = new WatchedFile(path);
        opened.push(source);
        const body = new FileBody(source, { start: 1, end: 300_000 });
        res.send(Number(ctx.params.get("status")), body);
      });
    });
    using client = await server.connect();
    const head = await client.ask(request("HEAD /200"));
    assertEquals(head.headers.get("content-length"), `${299_999}`);
    const unchanged = await client.ask(request("GET /304"));
    assertEquals(unchanged.headers.get("content-length"), undefined);
    assertEquals((await client.ask(request("GET /204"))).status, 204);
    assertEquals(opened.map((file) => [file.closes, file.readBytes]), [[1, 0], [
      1,
      0,
    ], [1, 0]]);
  },
);

testEngines(
  "pipelined requests after a file are answered after it",
  async (engine) => {
    using folder = new TestFolder();
    const bytes = numberedBytes(300_000);
    const path = folder.write("a", bytes);
    await using server = engine.serve((app) => {
      app.get("/file/:size", ({ params }, res) => {
        res.sendFile(path, { end: Number(params.get("size")) });
      });
      app.get("/text", (_, res) => res.ok("text"));
    });
    using client = await server.connect();
    const paths = [
      "/text",
      "/text",
      `/file/300000`,
      "/text",
      "/file/100",
      "/file/70000",
      "/file/0",
      "/text",
    ];
    await client.send(paths.map((target) => request(`GET ${target}`)).join(""));
    for (const target of paths) {
      const { body } = await client.response();
      const size = Number(/\d+$/.exec(target)?.[0]);
      const expected = target === "/text"
        ? "text"
        : decodeLatin1(bytes.subarray(0, size));
      assert(body === expected, target);
    }
  },
);

testEngines(
  "an HTTP/1.0 client gets the length, and the end of the connection",
  async (engine) => {
    using folder = new TestFolder();
    const path = folder.write("a", numberedBytes(100_000));
    await using server = engine.serve((app) => {
      app.get("/", (_, res) => res.sendFile(path));
    });
    using client = await server.connect();
    await client.send("GET / HTTP/1.0\r\n\r\n");
    const text = await client.toEnd();
    assert(/\r\ncontent-length: 100000\r\n/.test(text), text.slice(0, 200));
    assertEquals(
      text.split("\r\n\r\n", 1)[0]!.length + 4 + 100_000,
      text.length,
    );
  },
);

testEngines(
  "a file is sent in chunks if the application asks for them",
  async (engine) => {
    using folder = new TestFolder();
    const bytes = numberedBytes(100_000);
    const path = folder.write("a", bytes);
    await using server = engine.serve((app) => {
      app.get("/", (_, res) => {
        res.sendFile(path, { headers: { "transfer-encoding": "chunked" } });
      });
    });
    using client = await server.connect();
    const { headers, body } = await client.ask(request("GET /"));
    assertEquals(headers.get("transfer-encoding"), "chunked");
    assert(body === decodeLatin1(bytes));
  },
);

testEngines(
  "sendFile() refuses unknown options, and closes an open file then",
  async (engine) => {
    using folder = new TestFolder();
    const path = folder.write("a", numberedBytes(10));
    const file = Deno.openSync(path);
    const seen: string[] = [];
    const attempt = (send: () => void): void => {
      const error = assertThrows(send);
      seen.push(String(error));
    };
    await using server = engine.serve((app) => {
      app.get("/", (_, res) => {
        const wrong: object = { begin: 1 };
        attempt(() => res.sendFile(path, wrong));
        attempt(() => res.sendFile(file, wrong));
        attempt(() => res.sendFile(path, null as unknown as object)); // a wrong program
        attempt(() => res.sendFile(path, { start: "1" as unknown as number }));
        attempt(() => res.sendFile(undefined as unknown as string));
        res.ok("refused");
      });
    });
    using client = await server.connect();
    assertEquals((await client.ask(request("GET /"))).body, "refused");
    assertEquals(seen, [
      ...Array(2).fill(
        'TypeError: Cannot send file with option "begin": there are status, headers, start, end',
      ),
      "TypeError: Cannot send file with options null: they must be an object, such as { start: 0, end: 100 }",
      `RangeError: Cannot send bytes "1" to 10 of file ${
        JSON.stringify(path)
      }: it has 10, and the range must be integers with start <= end`,
      "TypeError: Cannot send undefined as a file: it must be a path, a file: URL or a Deno.FsFile",
    ]);
    assertThrows(() => file.statSync(), Deno.errors.BadResource);
  },
);

/** What the application sees of a response with a file. */
interface Seen {
  readonly source: WatchedFile;
  /** `"resolved"`, or the error of `res.sent`. */
  sent: string;
  /** `res.bodyBytes` at the end. */
  bodyBytes: number;
  readonly errors: unknown[];
  /** Bytes of the body so far. */
  sentBytes(): number;
}

/** Sends a body of a file on `/`, answers everything else, and keeps what the application sees. */
function fileApp(
  path: string,
  end: number,
  hidesFd: boolean,
  send: (body: FileBody, res: ResponseHandle) => void | Promise<void> = (
    body,
    res,
  ) => res.ok(body),
): { readonly seen: Seen; readonly handler: Handler } {
  const source = new WatchedFile(path, hidesFd);
  const seen: Seen = {
    ...{ source, sent: "", bodyBytes: -1, errors: [] },
    sentBytes: () => 0,
  };
  const handler: Handler = (ctx, res) => {
    if (ctx.uri.path !== "/") return res.ok("text");
    seen.sentBytes = () => res.bodyBytes;
    res.sent.then(
      () => seen.sent = "resolved",
      (error) => seen.sent = String(error),
    )
      .finally(() => seen.bodyBytes = res.bodyBytes);
    return send(new FileBody(source, { start: 0, end }), res);
  };
  return { seen, handler };
}

for (const hidesFd of [false, true]) {
  const suffix = hidesFd ? ", read" : "";

  testEngines(
    `a file that becomes shorter cuts the connection${suffix}`,
    async (engine) => {
      using folder = new TestFolder();
      const path = folder.write("a", numberedBytes(300_000));
      const { seen, handler } = fileApp(path, 300_001, hidesFd);
      await using server = engine.serve((app) => {
        app.fallbackRoute(handler);
        app.errorHook((error) => void seen.errors.push(error));
      });
      using client = await server.connect();
      await client.send(request("GET /"));
      const text = await client.toEnd();
      assert(/\r\ncontent-length: 300001\r\n/.test(text));
      assert(
        text.endsWith(decodeLatin1(numberedBytes(300_000)).slice(-100)),
        "all bytes of the file",
      );
      assertEquals([seen.source.closes, seen.errors.map(String)], [1, [
        "RangeError: Cannot send file: it ends at byte 300000, before byte 300001, the end of what was declared",
      ]]);
      assert(seen.sent.startsWith("RangeError"), seen.sent);
      assertEquals(seen.bodyBytes, 300_000);
    },
  );

  testEngines(
    `a file that becomes longer is sent up to the declared end${suffix}`,
    async (engine) => {
      using folder = new TestFolder();
      const path = folder.write("a", numberedBytes(600_000));
      const { seen, handler } = fileApp(path, 300_000, hidesFd);
      await using server = engine.serve((app) =>
        void app.fallbackRoute(handler)
      );
      using client = await server.connect();
      const { body } = await client.ask(request("GET /"));
      assert(body === decodeLatin1(numberedBytes(300_000)));
      assertEquals((await client.ask(request("GET /text"))).body, "text");
      await until(() => seen.sent !== "");
      assertEquals(seen, { ...seen, sent: "resolved", bodyBytes: 300_000 });
      assertEquals(seen.source.closes, 1);
    },
  );

  testEngines(
    `a client that leaves in the middle frees the file${suffix}`,
    async (engine) => {
      using folder = new TestFolder();
      const path = folder.write("a", numberedBytes(LARGE_BYTES));
      const { seen, handler } = fileApp(path, LARGE_BYTES, hidesFd);
      await using server = engine.serve((app) =>
        void app.fallbackRoute(handler)
      );
      const client = await server.connect();
      await client.send(request("GET /"));
      await client.take(100_000);
      assertEquals(seen.source.closes, 0);
      client.close();
      await until(() => seen.sent !== "");
      assertEquals(seen.source.closes, 1);
      assert(seen.sent !== "resolved");
      assert(
        seen.bodyBytes > 0 && seen.bodyBytes < LARGE_BYTES,
        `${seen.bodyBytes}`,
      );
    },
  );

  testEngines(
    `a client that reads late gets the whole file, of which little is read early${suffix}`,
    async (engine) => {
      using folder = new TestFolder();
      const bytes = numberedBytes(LARGE_BYTES);
      const path = folder.write("a", bytes);
      const { seen, handler } = fileApp(path, LARGE_BYTES, hidesFd);
      await using server = engine.serve((app) =>
        void app.fallbackRoute(handler)
      );
      using conn = await Deno.connect({
        hostname: "127.0.0.1",
        port: server.port,
      });
      await conn.write(new TextEncoder().encode(request("GET /")));
      await until(() =>
        seen.source.readBytes > 0 || !hidesFd && engine === EPOLL
      );
      using other = await server.connect();
      for (let n = 0; n < 100; n++) await other.ask(request("GET /text"));
      assert(
        seen.source.readBytes < LARGE_BYTES / 2,
        `${seen.source.readBytes}`,
      );
      const buffer = new Uint8Array(256 * KIB);
      let position = -1;
      let count = 0;
      while (position < LARGE_BYTES) {
        const size = await conn.read(buffer);
        assert(size !== null);
        let start = 0;
        if (position < 0) { // the head
          start = decodeLatin1(buffer.subarray(0, size)).indexOf("\r\n\r\n") +
            4;
          position = 0;
        }
        const piece = buffer.subarray(start, size);
        if (count++ % 16 === 0) {
          assertEquals(
            piece,
            bytes.subarray(position, position + piece.length),
          );
        }
        position += piece.length;
      }
      assertEquals(position, LARGE_BYTES);
      await until(() => seen.sent !== "");
      assertEquals([seen.sent, seen.source.closes], ["resolved", 1]);
    },
  );

  testEngines(
    `a client that stops reading is cut off by writeTimeout${suffix}`,
    async (engine) => {
      using folder = new TestFolder();
      const path = folder.write("a", numberedBytes(LARGE_BYTES));
      const { seen, handler } = fileApp(path, LARGE_BYTES, hidesFd);
      const peer = engine.timed(handler, { writeTimeout: 5000 });
      const release = peer.holdWrites();
      peer.send(request("GET /"));
      for (let before = -1; before < seen.sentBytes();) {
        before = seen.sentBytes();
        for (let n = 0; n < 20; n++) await peer.settle(); // the kernel buffers some
      }
      await peer.pass(5000, SWEEPS_MS);
      await peer.ended;
      release();
      assert(seen.sent.includes("writeTimeout"), seen.sent);
      assertEquals(seen.source.closes, 1);
    },
  );
}

testEngines(
  "a small file that has become shorter gets 500, and the connection stays open",
  async (engine) => {
    using folder = new TestFolder();
    const path = folder.write("a", numberedBytes(1000));
    const { seen, handler } = fileApp(path, 1001, false);
    await using server = engine.serve((app) => {
      app.fallbackRoute(handler);
      app.errorHook((error) => void seen.errors.push(error));
    });
    using client = await server.connect();
    assertEquals((await client.ask(request("GET /"))).status, 500);
    assertEquals((await client.ask(request("GET /text"))).body, "text");
    assertEquals([seen.source.closes, seen.errors.length], [1, 1]);
  },
);

testEngines(
  "a failing read cuts the connection, and is reported",
  async (engine) => {
    using folder = new TestFolder();
    const path = folder.write("a", numberedBytes(LARGE_BYTES));
    const { seen, handler } = fileApp(path, LARGE_BYTES, true);
    await using server = engine.serve((app) => {
      app.fallbackRoute(handler);
      app.errorHook((error) => void seen.errors.push(error));
    });
    using client = await server.connect();
    await client.send(request("GET /"));
    await client.take(1000);
    seen.source.failure = new Error("disk on fire");
    await client.toEnd();
    assertEquals(seen.errors.map(String), ["Error: disk on fire"]);
    assertEquals([seen.sent, seen.source.closes], ["Error: disk on fire", 1]);
  },
);

testEngines("a file that is not sent is closed", async (engine) => {
  using folder = new TestFolder();
  const path = folder.write("a", numberedBytes(100_000));
  const ways: Record<string, (body: FileBody, res: ResponseHandle) => void> = {
    "an answer before": (body, res) => {
      res.ok("first");
      res.ok(body);
    },
    "a status that is none": (body, res) => res.send(99, body),
    "an interim status": (body, res) => res.send(103, body),
    "a field that is not valid": (body, res) => res.ok(body, { "a b": "c" }),
    "another length": (body, res) => res.ok(body, { "content-length": "7" }),
  };
  for (const [name, send] of Object.entries(ways)) {
    const { seen, handler } = fileApp(path, 100_000, false, send);
    await using server = engine.serve((app) => {
      app.fallbackRoute(handler);
      app.errorHook((error) => void seen.errors.push(error));
    });
    using client = await server.connect();
    await client.ask(request("GET /"));
    assertEquals([seen.source.closes, seen.errors.length], [1, 1], name);
  }
});

testEngines(
  "a file for a request that was answered already is closed",
  async (engine) => {
    using folder = new TestFolder();
    const path = folder.write("a", numberedBytes(100_000));
    const source = new WatchedFile(path);
    const { promise, resolve } = Promise.withResolvers<void>();
    await using server = engine.serve((app) => {
      app.get("/", (_, res) => {
        promise.then(() => res.ok(new FileBody(source, { start: 0, end: 10 })));
      });
      app.errorHook(() => {});
    });
    using client = await server.connect();
    assertEquals((await client.ask(request("GET /"))).status, 500);
    resolve();
    await until(() => source.closes > 0);
    assertEquals(source.closes, 1);
  },
);

testEngines(
  "an answer on a connection that has failed closes the file",
  async (engine) => {
    using folder = new TestFolder();
    const path = folder.write("a", numberedBytes(300_000));
    for (const end of [10, 300_000]) {
      const { promise: hasFailed, resolve: fail } = Promise.withResolvers<
        void
      >();
      let isRunning = false;
      const send = async (
        body: FileBody,
        res: ResponseHandle,
      ): Promise<void> => {
        isRunning = true;
        await hasFailed;
        res.ok(body);
      };
      const { seen, handler } = fileApp(path, end, false, send);
      const peer = engine.timed(handler);
      peer.send(request("GET /"));
      await until(() => isRunning);
      peer.reset(new Error("left"));
      await peer.ended;
      fail();
      await until(() => seen.source.closes > 0);
      assertEquals(seen.source.closes, 1);
      assert(seen.sent !== "resolved");
    }
  },
);

testEngines(
  "a file whose reads block the thread is read in the background",
  async (engine) => {
    using folder = new TestFolder();
    const bytes = numberedBytes(600_000);
    const path = folder.write("a", bytes);
    const { seen, handler } = fileApp(path, bytes.length, true);
    const peer = engine.timed(handler);
    const { source } = seen;
    source.onBlock = () => peer.clock.advance(10);
    peer.send(request("GET /"));
    const { body } = await peer.response();
    assert(body === decodeLatin1(bytes));
    assert(
      source.reads.sync <= 2 && source.reads.async >= 8,
      JSON.stringify(source.reads),
    );
    source.onBlock = () => {};
    peer.send(request("GET /text"));
    assertEquals((await peer.response()).body, "text");
    peer.end();
    await peer.finish();
    assertEquals([seen.sent, source.closes], ["resolved", 1]);
  },
);

testEngines(
  "a file with slow reads blocks the thread only a few times",
  async (engine) => {
    using folder = new TestFolder();
    const bytes = numberedBytes(4 * MIB);
    const path = folder.write("a", bytes);
    for (const isSlowOnce of [false, true]) {
      const { seen, handler } = fileApp(path, bytes.length, true);
      const peer = engine.timed(handler);
      const { source } = seen;
      source.onBlock = () => {
        if (!isSlowOnce || source.reads.sync === 2) peer.clock.advance(10);
      };
      peer.send(request("GET /"));
      assertEquals((await peer.response()).body.length, bytes.length);
      peer.end();
      await peer.finish();
      const { sync, async } = source.reads;
      if (isSlowOnce) assert(sync > async && async >= 17, `${sync}, ${async}`);
      else assert(sync <= 4 && async > 50, `${sync}, ${async}`);
    }
  },
);

testEngines(
  "a read in the background that fails, or whose client leaves, frees the file",
  async (engine) => {
    using folder = new TestFolder();
    const path = folder.write("a", numberedBytes(LARGE_BYTES));
    for (const fails of [true, false]) {
      const { seen, handler } = fileApp(path, LARGE_BYTES, true);
      const peer = engine.timed(handler, {}, { error: () => {} });
      const { source } = seen;
      source.onBlock = () => peer.clock.advance(10);
      peer.send(request("GET /"));
      await peer.take(200_000);
      if (fails) source.failure = new Error("no disk");
      else peer.reset(new Error("left"));
      await until(() => seen.sent !== "" && source.closes > 0);
      if (fails) {
        peer.end();
        await peer.finish();
      }
      await peer.ended;
      assertEquals(source.closes, 1);
      if (fails) assertEquals(seen.sent, "Error: no disk");
      source.onBlock = () => {};
    }
  },
);

testEngine(EPOLL, "a large file is sent without being read", async (engine) => {
  using folder = new TestFolder();
  const path = folder.write("a", numberedBytes(300_000));
  const { seen, handler } = fileApp(path, 300_000, false);
  await using server = engine.serve((app) => void app.fallbackRoute(handler));
  using client = await server.connect();
  const { body } = await client.ask(request("GET /"));
  assertEquals([body.length, seen.source.readBytes], [300_000, 0]);
});

testEngine(LISTEN, "a large file is sent over TLS", async () => {
  using folder = new TestFolder();
  const bytes = numberedBytes(3 * MIB);
  const path = folder.write("a", bytes);
  const fixtures = new URL("./fixtures/", import.meta.url);
  const cert = Deno.readTextFileSync(new URL("localhost.cert.pem", fixtures));
  const key = Deno.readTextFileSync(new URL("localhost.key.pem", fixtures));
  const app = Server.builder("127.0.0.1:0").tls({ cert, key });
  app.get("/", (_, res) => res.sendFile(path));
  await using handle = app.build().serve();
  using trusting = Deno.createHttpClient({ caCerts: [cert] });
  const { port } = handle.addr as Deno.NetAddr; // a TCP address was given
  const response = await fetch(`https://localhost:${port}/`, {
    client: trusting,
  });
  assertEquals(await response.bytes(), bytes);
});
