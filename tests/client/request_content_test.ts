/** Bodies of the web, JSON, progress, and the short forms of a response. */

import { assert, assertEquals, assertRejects } from "@std/assert";
import {
  type BodyReader,
  Client,
  ClientError,
  Server,
  type TransferProgress,
} from "../../mod.ts";
import { head, send } from "../support/hostile_server.ts";
import { HELLO, isGone, pair } from "../support/client_exchange.ts";

interface Received {
  readonly type: string | null;
  readonly length: string | null;
  readonly coding: string | null;
  readonly bytes: Uint8Array;
}

interface Upload extends AsyncDisposable {
  readonly client: Client;
  readonly received: Received[];
}

/** A server that records what it gets, and a client of it. */
function upload(): Upload {
  const received: Received[] = [];
  const app = Server.builder("127.0.0.1:0", {
    maxBufferedBodyBytes: 10_000_000,
  });
  app.fallbackRoute(async (ctx, res) => {
    const { headers } = ctx;
    received.push({
      type: headers.get("content-type"),
      length: headers.get("content-length"),
      coding: headers.get("transfer-encoding"),
      bytes: await ctx.body.bytes(),
    });
    res.json({ count: received.length });
  });
  const handle = app.build().serve();
  const client = new Client(handle.url);
  return {
    client,
    received,
    async [Symbol.asyncDispose](): Promise<void> {
      client.close();
      await handle.shutdown();
    },
  };
}

Deno.test("a body may be a Blob, a form, parameters or a view of any type", async () => {
  await using both = upload();
  const { client, received } = both;
  const floats = new Float32Array([1, 2, 3]);
  const big = new Blob(["x".repeat(100_000)]);
  const cases = [
    [new Blob(["abc"], { type: "text/css" }), "text/css", 3],
    [new Blob(["abc"]), null, 3],
    [big, null, 100_000],
    [
      new URLSearchParams({ a: "b c" }),
      "application/x-www-form-urlencoded;charset=UTF-8",
      5,
    ],
    [new DataView(floats.buffer, 4, 4), null, 4],
    [floats.subarray(1), null, 8],
    [floats.buffer, null, 12],
  ] as const;
  for (const [body, type, length] of cases) {
    await client.post("/", { body });
    const last = received.at(-1);
    assertEquals([last?.type, last?.length, last?.coding], [
      type,
      String(length),
      null,
    ]);
    const bytes = await new Response(body).bytes();
    assertEquals(last?.bytes, bytes);
  }
});

Deno.test("a form is sent as multipart with its length", async () => {
  await using both = upload();
  const { client, received } = both;
  for (const size of [3, 100_000]) {
    const form = new FormData();
    form.set("a", "b");
    form.set("file", new File(["x".repeat(size)], "f.txt"));
    await client.post("/", { body: form });
    const last = received.at(-1);
    const headers = { "content-type": last?.type ?? "" };
    assertEquals(last?.length, String(last?.bytes.length));
    const parsed = await new Response(last?.bytes.slice(), { headers })
      .formData();
    assertEquals(parsed.get("a"), "b");
    assertEquals((parsed.get("file") as File).size, size);
  }
});

Deno.test("json sends a value, and the caller's Content-Type takes precedence", async () => {
  await using both = upload();
  const { client, received } = both;
  for (const json of [{ a: 1 }, [1], "é", 0, false, null]) {
    assertEquals(await (await client.post("/", { json })).json(), {
      count: received.length,
    });
    const last = received.at(-1);
    assertEquals(last?.type, "application/json");
    assertEquals(new TextDecoder().decode(last?.bytes), JSON.stringify(json));
  }
  const headers = { "Content-Type": "application/ld+json" };
  await client.post("/", { json: {}, headers });
  assertEquals(received.at(-1)?.type, "application/ld+json");
  for (const init of [{ json: 1, body: "a" }, { json: () => {} }]) {
    await assertRejects(() => client.post("/", init), TypeError, "Cannot send");
  }
  const circular: { self?: unknown } = {};
  circular.self = circular;
  await assertRejects(() => client.post("/", { json: circular }), TypeError);
});

Deno.test("a value that is no body is refused, with what to do instead", async () => {
  await using client = new Client("127.0.0.1:1");
  for (const body of [{}, { a: 1 }, Promise.resolve("a"), 1, true, new Map()]) {
    await assertRejects(
      () => client.post("/", { body: body as unknown as string }),
      TypeError,
      "send other objects as json",
    );
  }
});

Deno.test("a stream has the declared length, or is sent in chunks", async () => {
  await using both = upload();
  const { client, received } = both;
  const blob = new Blob(["abc"]);
  const headers = { "content-length": "3" };
  await client.post("/", { body: blob.stream(), headers });
  await client.post("/", { body: blob.stream() });
  assertEquals(
    received.map(({ length, coding }) => [length, coding]),
    [["3", null], [null, "chunked"]],
  );
});

Deno.test("onUpload reports each written piece, and the length if it is known", async () => {
  await using both = upload();
  const { client, received } = both;
  const bytes = new Uint8Array(150_000).fill(1);
  for (
    const [body, totalBytes, coding] of [
      [bytes, 150_000, null],
      [bytes.buffer, 150_000, null],
      [new Blob([bytes]), 150_000, null],
      ["x".repeat(150_000), 150_000, null],
      [new Blob([bytes]).stream(), null, "chunked"],
    ] as const
  ) {
    const reports: TransferProgress[] = [];
    const onUpload = (progress: TransferProgress): void =>
      void reports.push(progress);
    await client.post("/", { body, onUpload });
    assert(reports.length >= 3);
    assertEquals(reports.at(-1), { bytes: 150_000, totalBytes });
    const counts = reports.map(({ bytes }) => bytes);
    assertEquals(counts, counts.toSorted((a, b) => a - b));
    assertEquals(received.at(-1)?.coding, coding);
    assertEquals(received.at(-1)?.bytes.length, 150_000);
  }
});

Deno.test("an error of onUpload fails the exchange with that error itself", async () => {
  const stream = (): AsyncIterable<Uint8Array> => new Blob(["abc"]).stream();
  for (const reason of [new Error("no"), new TypeError("no"), "no"]) {
    for (const body of ["abc", new Uint8Array(200_000), stream()]) {
      await using both = pair([[head]]);
      const onUpload = (): never => {
        throw reason;
      };
      const answer = both.client.post("/", { body, onUpload, retries: 2 });
      const failure = await answer.then(() => "no failure", (error) => error);
      assertEquals(failure, reason);
      await isGone(both);
    }
  }
});

Deno.test("an error of onDownload fails the body with that error itself, and closes the connection", async () => {
  const reason = new Error("no");
  const onDownload = (): never => {
    throw reason;
  };
  const forms: ((body: BodyReader) => Promise<unknown>)[] = [
    (body) => body.text(),
    (body) => body.bytes(),
    (body) => body.read(new Uint8Array(10)),
    async (body) => {
      for await (const _ of body);
    },
    async (body) => {
      for await (const _ of body.stream);
    },
  ];
  for (const form of forms) {
    const start = "HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n";
    await using both = pair([[head, send(`${start}abc`)]]);
    const { body } = await both.client.get("/", { onDownload });
    const failure = await form(body).then(() => "none", (error) => error);
    assertEquals(failure, reason);
    await isGone(both);
  }
});

Deno.test("onDownload reports what is read, in every form", async () => {
  const chunked =
    "HTTP/1.1 200 \r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\nA: b\r\n\r\n";
  const zipped = new Uint8Array(
    await new Response(
      new Blob(["hello"]).stream().pipeThrough(new CompressionStream("gzip")),
    ).arrayBuffer(),
  );
  const gzip =
    `HTTP/1.1 200 \r\nContent-Encoding: gzip\r\nContent-Length: ${zipped.length}\r\n\r\n${
      String.fromCharCode(...zipped)
    }`;
  for (
    const [wire, text, totalBytes] of [
      [HELLO, "hello", 5],
      [chunked, "abcde", null],
      [gzip, "hello", null],
    ] as const
  ) {
    const options = { decodesContent: true };
    await using both = pair([[head, send(wire), head, send(wire)]], options);
    const reports: TransferProgress[] = [];
    const onDownload = (progress: TransferProgress): void =>
      void reports.push(progress);
    const response = await both.client.get("/", { onDownload });
    assertEquals(reports, []);
    assertEquals(await response.text(), text);
    assertEquals(reports.at(-1), { bytes: 5, totalBytes });
    if (wire === chunked) assertEquals(response.trailers.get("a"), "b");
    const closed = await both.client.get("/", { onDownload });
    closed.close();
    assertEquals(both.server.count, 1);
  }
});

Deno.test("onDownload reports nothing for a response without a body, however long it says to be", async () => {
  const wire = "HTTP/1.1 200 \r\nContent-Length: 999999999\r\n\r\n";
  await using both = pair([[head, send(wire)]]);
  const reports: TransferProgress[] = [];
  const response = await both.client.head("/", {
    onDownload: (progress) => void reports.push(progress),
  });
  assertEquals([await response.text(), reports], ["", []]);
});

Deno.test("onDownload does not lift maxBufferedBodyBytes", async () => {
  await using both = pair([[head, send(HELLO)]], { maxBufferedBodyBytes: 4 });
  const response = await both.client.get("/", { onDownload: () => {} });
  await assertRejects(
    () => response.text(),
    ClientError,
    "maxBufferedBodyBytes",
  );
});

Deno.test("a response has ok, text(), bytes() and json()", async () => {
  const answer = (status: number): string =>
    `HTTP/1.1 ${status} \r\nContent-Length: 2\r\n\r\n{}`;
  await using both = pair([
    [200, 299, 300, 404].flatMap((status) => [head, send(answer(status))]),
  ]);
  const { client } = both;
  const first = await client.get("/");
  assertEquals([first.ok, await first.text()], [true, "{}"]);
  await assertRejects(() => first.json(), TypeError, "already read");
  const second = await client.get("/");
  assertEquals([second.ok, await second.json()], [true, {}]);
  const third = await client.get("/");
  assertEquals([third.ok, (await third.bytes()).length], [false, 2]);
  const fourth = await client.get("/");
  const kept = await Array.fromAsync(fourth.body);
  assertEquals([fourth.ok, kept], [false, [new Uint8Array([0x7b, 0x7d])]]);
});
