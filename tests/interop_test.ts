/**
 * The client with other servers, and other clients with the server: shows that
 * both sides read the protocol in the same way.
 */
// deno-lint-ignore-file no-console

import { assert, assertEquals, assertRejects } from "@std/assert";
import { Buffer } from "node:buffer";
import http from "node:http";
import { Client, ClientError, type ClientResponse } from "../mod.ts";
import { testEngines } from "./support/engines.ts";
import {
  inPieces,
  LARGE,
  LARGE_BYTES,
  type Origin,
  ORIGINS,
  sha256,
  startOurs,
} from "./support/origins.ts";

const LARGE_HASH = await sha256(LARGE);

/** A client of a site, and the number of connections that it opened. */
async function withClient(
  start: () => Promise<Origin>,
  use: (client: Client, origin: Origin) => Promise<void>,
): Promise<void> {
  await using origin = await start();
  await using client = new Client(`127.0.0.1:${origin.port}`);
  await use(client, origin);
}

async function read(response: ClientResponse): Promise<[number, string]> {
  return [response.status, await response.body.text()];
}

for (const [name, start] of Object.entries(ORIGINS)) {
  Deno.test(`Client and ${name}: GET, HEAD, 204 and 304 on one connection`, async () => {
    await withClient(start, async (client, origin) => {
      for (let round = 0; round < 5; round++) {
        assertEquals(await read(await client.get("/")), [200, "hello"]);
        const head = await client.head("/down");
        assertEquals(head.headers.contentLength, LARGE_BYTES);
        assertEquals(await read(head), [200, ""]);
        assertEquals(await read(await client.get("/none")), [204, ""]);
        const tagged = await client.get("/etag");
        const headers = { "if-none-match": tagged.headers.get("etag") ?? "" };
        assertEquals(await read(tagged), [200, "tagged"]);
        const known = await client.get("/etag", { headers });
        assertEquals(await read(known), [304, ""]);
      }
      assertEquals(origin.connectionCount, 1);
    });
  });

  Deno.test(`Client and ${name}: 10 MB down, with a length and chunked, on one connection`, async () => {
    await withClient(start, async (client, origin) => {
      const down = await client.get("/down");
      assertEquals(down.headers.contentLength, LARGE_BYTES);
      assertEquals(await sha256(await down.body.bytes()), LARGE_HASH);
      const chunked = await client.get("/chunked");
      assert(chunked.headers.chunked);
      assertEquals(await sha256(await chunked.body.bytes()), LARGE_HASH);
      assertEquals(origin.connectionCount, 1);
    });
  });

  Deno.test(`Client and ${name}: 10 MB up, with a length and chunked, on one connection`, async () => {
    await withClient(start, async (client, origin) => {
      const up = await client.post("/hash", { body: LARGE });
      assertEquals(await read(up), [200, LARGE_HASH]);
      const streamed = await client.post("/hash", { body: inPieces(LARGE) });
      assertEquals(await read(streamed), [200, LARGE_HASH]);
      const none = await client.post("/hash");
      assertEquals(await read(none), [200, await sha256(new Uint8Array(0))]);
      assertEquals(origin.connectionCount, 1);
    });
  });

  Deno.test(`Client and ${name}: 10 MB echoed while they are sent`, async () => {
    await withClient(start, async (client) => {
      const echo = await client.post("/echo", { body: inPieces(LARGE, 1000) });
      assertEquals(await sha256(await echo.body.bytes()), LARGE_HASH);
    });
  });

  Deno.test(`Client and ${name}: a body after 100 Continue`, async () => {
    await withClient(start, async (client, origin) => {
      const interim: number[] = [];
      const up = await client.post("/hash", {
        body: LARGE,
        expectContinue: true,
        onInterim: (status) => void interim.push(status),
      });
      assertEquals(await read(up), [200, LARGE_HASH]);
      assertEquals([interim, origin.connectionCount], [[100], 1]);
    });
  });
}

testEngines(
  "Client frees its connection slot when a connection is upgraded",
  async (engine) => {
    await using server = engine.serve((app) => {
      app.get("/", (_, res) => res.ok("hello"));
      app.get("/other", async (_, res) => (await res.upgrade("other")).close());
    });
    await using client = new Client(`127.0.0.1:${server.port}`, {
      maxConnections: 1,
    });
    for (let round = 0; round < 3; round++) {
      const { upgraded } = await client.get("/other", { upgrade: "other" });
      assertEquals(client.connectionCount, 0);
      upgraded?.conn.close();
      const response = await client.get("/", {
        headers: { connection: "close" },
      });
      assertEquals(await response.body.text(), "hello");
    }
  },
);

testEngines(
  "Client's timeout covers the body of a response whose head has arrived",
  async (engine) => {
    const never = Promise.withResolvers<void>();
    await using server = engine.serve((app) => {
      app.get("/", (_, res) => {
        async function* body(): AsyncGenerator<string> {
          yield "x".repeat(10_000);
          await never.promise;
        }
        res.ok(body());
      });
    });
    await using client = new Client(`127.0.0.1:${server.port}`, {
      timeout: 250,
    });
    const response = await client.get("/");
    assertEquals(response.status, 200);
    const error = await assertRejects(() => response.body.bytes(), ClientError);
    assertEquals(error.code, "DEADLINE");
    never.resolve();
  },
);

testEngines(
  "Client returns a 417 if the body was a stream, which it cannot send again",
  async (engine) => {
    await using server = engine.serve((app) => {
      app.post("/", (ctx, res) => {
        if (ctx.headers.has("expect")) return res.sendExpectationFailed();
        res.ok(ctx.body);
      });
    });
    await using client = new Client(`127.0.0.1:${server.port}`);
    const expectContinue = true;
    const bytes = await client.post("/", { body: "hello", expectContinue });
    assertEquals(await read(bytes), [200, "hello"]);
    const bodies = [inPieces(LARGE), ReadableStream.from(inPieces(LARGE))];
    for (const body of bodies) {
      const response = await client.post("/", { body, expectContinue });
      assertEquals(await read(response), [417, "Expectation Failed"]);
    }
  },
);

testEngines(
  "Client follows a redirect with characters that browsers send raw in a query",
  async (engine) => {
    await using server = engine.serve((app) => {
      app.get(
        "/",
        (_, res) => res.send(302, null, { location: "/q?a={b}`\\|" }),
      );
      app.get("/q", (ctx, res) => res.ok(ctx.uri.query));
    });
    await using client = new Client(`127.0.0.1:${server.port}`, {
      maxRedirects: 1,
    });
    const response = await client.get("/");
    assertEquals(await read(response), [200, "a=%7Bb%7D%60%5C|"]);
  },
);

testEngines(
  "fetch and our server: GET, HEAD, 204, 304 and 10 MB each way",
  async (engine) => {
    await using origin = await startOurs(engine);
    const base = `http://127.0.0.1:${origin.port}`;
    using client = Deno.createHttpClient({ poolMaxIdlePerHost: 1 });
    const get = (path: string, init: RequestInit = {}): Promise<Response> =>
      fetch(base + path, { ...init, client });
    assertEquals(await (await get("/")).text(), "hello");
    const head = await get("/down", { method: "HEAD" });
    assertEquals(head.headers.get("content-length"), String(LARGE_BYTES));
    assertEquals(await head.text(), "");
    const none = await get("/none");
    assertEquals([none.status, await none.text()], [204, ""]);
    const headers = { "if-none-match": '"one"' };
    const known = await get("/etag", { headers });
    assertEquals([known.status, await known.text()], [304, ""]);
    for (const path of ["/down", "/chunked"]) {
      assertEquals(await sha256(await (await get(path)).bytes()), LARGE_HASH);
    }
    for (const body of [LARGE, ReadableStream.from(inPieces(LARGE))]) {
      const up = await get("/hash", { method: "POST", body });
      assertEquals(await up.text(), LARGE_HASH);
    }
    const body = ReadableStream.from(inPieces(LARGE));
    const echo = await get("/echo", { method: "POST", body });
    assertEquals(await sha256(await echo.bytes()), LARGE_HASH);
  },
);

/** Sends a request with node:http; its body follows `100 Continue` if that is expected. */
async function nodeRequest(
  options: http.RequestOptions,
  body?: Uint8Array | AsyncIterable<Uint8Array>,
): Promise<
  { status: number; bytes: Uint8Array<ArrayBuffer>; hasContinued: boolean }
> {
  const { promise, resolve, reject } = Promise.withResolvers<
    http.IncomingMessage
  >();
  const request = http.request(options, resolve);
  request.on("error", reject);
  let hasContinued = false;
  if (JSON.stringify(options.headers ?? {}).includes("100-continue")) {
    const proceed = new Promise((proceed) => request.once("continue", proceed));
    request.flushHeaders();
    await proceed;
    hasContinued = true;
  }
  if (body instanceof Uint8Array || body === undefined) request.end(body);
  else {
    for await (const piece of body) {
      if (request.write(piece)) continue;
      await new Promise((resolve) => request.once("drain", resolve));
    }
    request.end();
  }
  const response = await promise;
  const pieces: Uint8Array[] = [];
  for await (const piece of response) pieces.push(piece);
  const bytes = new Uint8Array(Buffer.concat(pieces));
  return { status: response.statusCode ?? 0, bytes, hasContinued };
}

testEngines(
  "node:http and our server: GET, HEAD, 304, 100 Continue and 10 MB each way on one connection",
  async (engine) => {
    await using origin = await startOurs(engine);
    const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
    const { port } = origin;
    const to = (path: string, method = "GET", headers = {}) => ({
      ...{ host: "127.0.0.1", port, agent, path, method, headers },
    });
    const text = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);
    try {
      assertEquals(text((await nodeRequest(to("/"))).bytes), "hello");
      const head = await nodeRequest(to("/down", "HEAD"));
      assertEquals([head.status, head.bytes.length], [200, 0]);
      const headers = { "if-none-match": '"one"' };
      const known = await nodeRequest(to("/etag", "GET", headers));
      assertEquals([known.status, known.bytes.length], [304, 0]);
      for (const path of ["/down", "/chunked"]) {
        const { bytes } = await nodeRequest(to(path));
        assertEquals(await sha256(bytes), LARGE_HASH);
      }
      const length = { "content-length": LARGE_BYTES };
      const framings = [length, {}, { expect: "100-continue" }];
      for (const fields of framings) {
        const options = to("/hash", "POST", fields);
        const up = await nodeRequest(options, inPieces(LARGE));
        assertEquals(text(up.bytes), LARGE_HASH);
        assertEquals(up.hasContinued, "expect" in fields);
      }
      assertEquals(origin.connectionCount, 1);
    } finally {
      agent.destroy();
    }
  },
);

const NGINX = "/usr/sbin/nginx";
const hasNginx = await Deno.stat(NGINX).then(() => true, () => false);
if (!hasNginx) {
  console.log(`Skipped: the tests with nginx, because ${NGINX} does not exist`);
}

/** Starts nginx on a Unix socket, with its own folder for files that are PUT. */
async function startNginx(): Promise<{ origin: string } & AsyncDisposable> {
  const folder = await Deno.makeTempDir();
  await Deno.mkdir(`${folder}/files`);
  await Deno.chmod(folder, 0o755);
  await Deno.chmod(`${folder}/files`, 0o777);
  const config = `daemon off; pid ${folder}/pid; error_log ${folder}/errors;
events {}
http {
  access_log off;
  client_body_temp_path ${folder}/body; proxy_temp_path ${folder}/proxy;
  fastcgi_temp_path ${folder}/fastcgi; uwsgi_temp_path ${folder}/uwsgi;
  scgi_temp_path ${folder}/scgi;
  server {
    listen unix:${folder}/socket;
    client_max_body_size 0;
    add_header x-connection $connection;
    location = /hello { return 200 hello; }
    location = /none { return 204; }
    location /gzip/ { alias ${folder}/files/; gzip on; gzip_types *; gzip_min_length 1; }
    location / { root ${folder}/files; dav_methods PUT; }
  }
}`;
  await Deno.writeTextFile(`${folder}/conf`, config);
  const args = ["-c", `${folder}/conf`, "-e", `${folder}/errors`];
  const child = new Deno.Command(NGINX, { args, stderr: "null" }).spawn();
  const endMs = performance.now() + 10_000;
  const isUp = (): Promise<boolean> =>
    Deno.stat(`${folder}/socket`).then(() => true, () => false);
  while (!await isUp()) {
    assert(performance.now() < endMs, "nginx did not start");
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  return {
    origin: `unix:${folder}/socket`,
    async [Symbol.asyncDispose](): Promise<void> {
      child.kill("SIGTERM");
      await child.status;
      await Deno.remove(folder, { recursive: true });
    },
  };
}

Deno.test({
  name:
    "Client and nginx: GET, HEAD, 204, 304, 100 Continue and 10 MB each way on one connection",
  ignore: !hasNginx,
  fn: async () => {
    await using nginx = await startNginx();
    await using client = new Client(nginx.origin);
    const connections = new Set<string | null>();
    const seen = (response: ClientResponse): ClientResponse => {
      connections.add(response.headers.get("x-connection"));
      return response;
    };
    assertEquals(await read(seen(await client.get("/hello"))), [200, "hello"]);
    assertEquals(await read(seen(await client.get("/none"))), [204, ""]);
    const bodies = [
      { body: LARGE },
      { body: inPieces(LARGE) },
      { body: LARGE, expectContinue: true },
    ];
    for (const [index, init] of bodies.entries()) {
      const put = seen(await client.put(`/${index}`, init));
      assertEquals(await read(put), [201, ""]);
      const down = seen(await client.get(`/${index}`));
      assertEquals(await sha256(await down.body.bytes()), LARGE_HASH);
      const head = seen(await client.head(`/${index}`));
      assertEquals(head.headers.contentLength, LARGE_BYTES);
      const headers = { "if-none-match": head.headers.get("etag") ?? "" };
      assertEquals(await read(head), [200, ""]);
      const known = await client.get(`/${index}`, { headers });
      assertEquals(await read(seen(known)), [304, ""]);
    }
    const headers = { "accept-encoding": "gzip" };
    const chunked = seen(await client.get("/gzip/0", { headers }));
    assert(chunked.headers.chunked);
    const plain = chunked.body.stream.pipeThrough(
      new DecompressionStream("gzip"),
    );
    assertEquals(await sha256(await new Response(plain).bytes()), LARGE_HASH);
    assertEquals(connections.size, 1, [...connections].join());
  },
});
