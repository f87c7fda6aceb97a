/** The reverse proxy before our server, node:http, Deno.serve and a raw origin. */

import { assert, assertEquals, assertMatch } from "@std/assert";
import net, { type AddressInfo } from "node:net";
import { type RawData, WebSocket, WebSocketServer } from "npm:ws@8.18.3";
import { Client } from "../../mod.ts";
import {
  inPieces,
  LARGE,
  LARGE_BYTES,
  ORIGINS,
  sha256,
} from "../support/origins.ts";
import { countSockets } from "../support/process_sockets.ts";
import type { Program } from "../support/program.ts";
import { startProxy } from "../support/proxies.ts";
import { RawClient } from "../support/raw_client.ts";
import {
  eventually,
  RawUpstream,
  type Script,
} from "../support/raw_upstream.ts";
import { request } from "../support/serve.ts";

const LARGE_HASH = await sha256(LARGE);

for (const [name, start] of Object.entries(ORIGINS)) {
  Deno.test(`reverse_proxy before ${name}: GET, HEAD, 204, 304 and 10 MB each way on one connection`, async () => {
    await using origin = await start();
    await using proxy = await startProxy(origin.port);
    await using client = new Client(`127.0.0.1:${proxy.port}`);
    const get = await client.get("/");
    assertEquals([get.status, await get.body.text()], [200, "hello"]);
    const head = await client.head("/down");
    assertEquals([head.status, await head.body.text()], [200, ""]);
    assertEquals(head.headers.contentLength, LARGE_BYTES);
    const none = await client.get("/none");
    assertEquals([none.status, await none.body.text()], [204, ""]);
    assert(!none.headers.has("content-length"));
    const headers = { "if-none-match": '"one"' };
    const known = await client.get("/etag", { headers });
    assertEquals([known.status, await known.body.text()], [304, ""]);
    assertEquals(known.headers.get("etag"), '"one"');
    const down = await client.get("/down");
    assertEquals(down.headers.contentLength, LARGE_BYTES);
    assertEquals(await sha256(await down.body.bytes()), LARGE_HASH);
    const chunked = await client.get("/chunked");
    assert(chunked.headers.chunked);
    assertEquals(await sha256(await chunked.body.bytes()), LARGE_HASH);
    for (const body of [LARGE, inPieces(LARGE)]) {
      const up = await client.post("/hash", { body });
      assertEquals([up.status, await up.body.text()], [200, LARGE_HASH]);
    }
    assertEquals([client.connectionCount, origin.connectionCount], [1, 1]);
    const body = inPieces(LARGE, 1000);
    const echo = await client.post("/echo", { body });
    assertEquals(await sha256(await echo.body.bytes()), LARGE_HASH);
  });
}

/** A proxy before a raw origin, and a client of it. */
async function withRaw(
  script: Script,
  use: (
    client: RawClient,
    upstream: RawUpstream,
    proxy: Program,
  ) => Promise<void>,
  deadlineMs?: number,
): Promise<void> {
  await using upstream = new RawUpstream(script);
  await using proxy = await startProxy(upstream.port, deadlineMs);
  using client = await RawClient.connect(proxy.port);
  await use(client, upstream, proxy);
  assertEquals(upstream.faults, []);
}

/** Reads the body and answers with text. */
const ok: Script = async ({ method }, connection) => {
  await connection.readBody();
  const body = method === "HEAD" ? "" : "ok";
  await connection.send(`HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n${body}`);
};

Deno.test("reverse_proxy forwards end-to-end fields and no hop-by-hop fields", async () => {
  const response = "HTTP/1.1 200 OK\r\n" +
    "Connection: X-Hop, content-length, Set-Cookie\r\nX-Hop: 1\r\n" +
    "Keep-Alive: timeout=9\r\nProxy-Connection: x\r\nUpgrade: h2c\r\n" +
    "Proxy-Authenticate: x\r\nSet-Cookie: a=1\r\nSet-Cookie: b=2\r\n" +
    "X-Kept: \xe9\r\nContent-Length: 2\r\n\r\nok";
  await withRaw(async (_, connection) => {
    await connection.readBody();
    await connection.send(response);
  }, async (client, upstream) => {
    const fields = "Connection: X-Hop, close-not, content-length, Host,\r\n" +
      "Connection: authorization, cookie, x-forwarded-for, via\r\n" +
      "X-Hop: 1\r\nKeep-Alive: 1\r\nTE: trailers\r\nProxy-Connection: x\r\n" +
      "Proxy-Authorization: x\r\nAuthorization: y\r\nCookie: c=1\r\n" +
      "Upgrade: h2c\r\nX-Kept: \xe9\r\nVia: 1.0 before\r\n" +
      "Forwarded: for=10.0.0.1\r\nX-Forwarded-For: 10.0.0.1\r\n" +
      "Content-Length: 5\r\n";
    const answer = await client.ask(request("POST /a?b=c%20", fields, "hello"));
    const [seen] = upstream.requests;
    assert(seen !== undefined);
    assertEquals([seen.method, seen.target], ["POST", "/a?b=c%20"]);
    assertEquals(seen.body, "hello");
    const one = (name: string): string =>
      (seen.fields.get(name.toLowerCase()) ?? []).join("|");
    assertEquals(one("Host"), `127.0.0.1:${upstream.port}`);
    assertEquals([one("Authorization"), one("Cookie")], ["y", "c=1"]);
    assertEquals([one("Content-Length"), one("X-Kept")], ["5", "\xe9"]);
    assertMatch(one("Via"), /^1\.0 before, 1\.1 khttp-[0-9a-f]{8}$/);
    assertEquals(one("X-Forwarded-For"), "10.0.0.1, 127.0.0.1");
    assertEquals(
      one("Forwarded"),
      'for=10.0.0.1, for=127.0.0.1;host="a";proto=http',
    );
    const hop = "X-Hop Keep-Alive TE Proxy-Connection Proxy-Authorization " +
      "Upgrade Connection Transfer-Encoding";
    for (const name of hop.split(" ")) {
      assertEquals([name, one(name)], [name, ""]);
    }

    assertEquals([answer.status, answer.body], [200, "ok"]);
    assertEquals(answer.headers.get("set-cookie"), "a=1, b=2");
    assertEquals(answer.headers.get("x-kept"), "\xe9");
    const gone = "x-hop keep-alive proxy-connection upgrade proxy-authenticate";
    for (const name of [...gone.split(" "), "connection"]) {
      assertEquals([name, answer.headers.get(name)], [name, undefined]);
    }
  });
});

Deno.test("reverse_proxy sends no body and no coding with a request that has none", async () => {
  await withRaw(ok, async (client, upstream) => {
    for (const method of ["GET", "HEAD", "DELETE", "OPTIONS", "POST"]) {
      assertEquals((await client.ask(request(`${method} /`))).status, 200);
    }
    await client.ask(request("GET /", "Content-Length: 0\r\n"));
    await client.ask(request("GET /", "", "hello"));
    await client.ask(
      request(
        "DELETE /",
        "Transfer-Encoding: chunked\r\n",
        "1\r\nx\r\n0\r\n\r\n",
      ),
    );
    const framings = upstream.requests.map(({ method, fields, body }) =>
      [
        method,
        fields.get("content-length")?.join() ?? "",
        fields.get("transfer-encoding")?.join() ?? "",
        body,
      ].join(" ")
    );
    assertEquals(framings, [
      "GET   ",
      "HEAD   ",
      "DELETE   ",
      "OPTIONS   ",
      "POST 0  ",
      "GET   ",
      "GET 5  hello",
      "DELETE  chunked x",
    ]);
    assertEquals(upstream.connectionCount, 1);
  });
});

Deno.test("reverse_proxy requests the same target, whatever its form", async () => {
  await withRaw(ok, async (client, upstream) => {
    const targets: readonly (readonly [string, string])[] = [
      ["GET //a/../b/%2e%2e?x=%2F", "//a/../b/%2e%2e?x=%2F"],
      ["GET http://a/p?q", "/p?q"],
      ["GET http://a", "/"],
      ["GET http://a?q", "/?q"],
      ["OPTIONS *", "*"],
      ["OPTIONS http://a", "*"],
      ["OPTIONS http://a/a", "/a"],
      ["GET /[x]?a={b}`c\\|^", "/[x]?a=%7Bb%7D%60c%5C|^"],
    ];
    for (const [line, target] of targets) {
      assertEquals((await client.ask(request(line))).status, 200);
      assertEquals(upstream.requests.at(-1)?.target, target);
    }
  });
});

Deno.test("reverse_proxy answers requests itself that are not for the origin", async () => {
  await withRaw(ok, async (client, upstream, proxy) => {
    assertEquals((await client.ask(request("TRACE /"))).status, 501);
    const hops = (count: number): string => `Max-Forwards: ${count}\r\n`;
    assertEquals((await client.ask(request("OPTIONS /", hops(0)))).status, 200);
    assertEquals(upstream.requests.length, 0);
    await client.ask(request("OPTIONS /", hops(7)));
    assertEquals(upstream.requests[0]?.fields.get("max-forwards"), ["6"]);
    await client.ask(request("GET /"));
    const [via = ""] = upstream.requests.at(-1)?.fields.get("via") ?? [];
    const looped = await client.ask(request("GET /", `Via: ${via}\r\n`));
    assertEquals([looped.status, upstream.requests.length], [508, 2]);
    using tunnel = await RawClient.connect(proxy.port);
    const wire = "CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n\r\n";
    const refused = await tunnel.ask(wire);
    assertEquals([refused.status, refused.headers.get("connection")], [
      501,
      "close",
    ]);
    assertEquals(await tunnel.toEnd(), "");
  });
});

Deno.test("reverse_proxy does not let a client forge its member in Forwarded", async () => {
  await withRaw(ok, async (client, upstream) => {
    await client.ask(request("GET /", 'Forwarded: for="10.0.0.1\r\n'));
    assertEquals(upstream.requests[0]?.fields.get("forwarded"), [
      'for=127.0.0.1;host="a";proto=http',
    ]);
  });
});

Deno.test("reverse_proxy forwards interim responses and trailers", async () => {
  await withRaw(async (_, { send }) => {
    await send(
      "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\nConnection: x\r\n\r\n",
    );
    await send("HTTP/1.1 102 Processing\r\n\r\n");
    await send(
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n",
    );
    await send("3\r\nabc\r\n0\r\nX-Sum: 6\r\n\r\n");
  }, async (client) => {
    for (let round = 0; round < 2; round++) {
      const hints = await client.ask(request("GET /"));
      assertEquals([hints.status, hints.head.length], [103, 38]);
      assertEquals(hints.headers.get("link"), "</a>");
      assertEquals((await client.response()).status, 102);
      const { status, body, trailers, headers } = await client.response();
      assertEquals([status, body, trailers], [200, "abc", "X-Sum: 6\r\n"]);
      assertEquals(headers.get("trailer"), "X-Sum");
    }
  });
});

Deno.test("reverse_proxy frames a body that ends with the origin's connection, and a response of HTTP/1.0", async () => {
  await withRaw(async ({ target }, { send, close }) => {
    await send(
      `HTTP/1.${target === "/old" ? 0 : 1} 200 OK\r\n\r\nup to the end`,
    );
    close();
  }, async (client) => {
    for (const path of ["/old", "/new"]) {
      const { status, body } = await client.ask(request(`GET ${path}`));
      assertEquals([status, body], [200, "up to the end"]);
    }
  });
});

Deno.test("reverse_proxy keeps HEAD, 204, 205 and 304 without a body", async () => {
  await withRaw(async ({ target }, { send }) => {
    const status = target.slice(1);
    const body = status === "205" ? "hello" : "";
    await send(`HTTP/1.1 ${status} X\r\nContent-Length: 5\r\n\r\n${body}`);
  }, async (client, upstream) => {
    const head = await client.ask(request("HEAD /200"));
    assertEquals([head.status, head.headers.get("content-length")], [200, "5"]);
    const statuses = [[204, undefined], [205, "0"], [304, undefined]] as const;
    for (const [status, length] of statuses) {
      const answer = await client.ask(request(`GET /${status}`));
      assertEquals([answer.status, answer.body], [status, ""]);
      assertEquals(answer.headers.get("content-length"), length);
    }
    const last = await client.ask(request("HEAD /404"));
    assertEquals(last.status, 404);
    assertEquals(upstream.requests.length, 5);
  });
});

Deno.test("reverse_proxy lets the origin decide whether to request a body that waits for 100 Continue", async () => {
  await withRaw(async ({ target }, { send, readBody }) => {
    if (target === "/refused") {
      return await send("HTTP/1.1 403 No\r\nContent-Length: 0\r\n\r\n");
    }
    if (target === "/told") await send("HTTP/1.1 100 Continue\r\n\r\n");
    const body = await readBody();
    await send(
      `HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
    );
  }, async (client, upstream, proxy) => {
    const expect = "Expect: 100-continue\r\nContent-Length: 5\r\n";
    // the second origin sends no 100, so the proxy sends the body after a
    // second
    for (const path of ["/told", "/untold"]) {
      const interim = await client.ask(request(`POST ${path}`, expect));
      assertEquals([interim.status, upstream.heads.at(-1)?.target], [
        100,
        path,
      ]);
      assertEquals(upstream.heads.at(-1)?.fields.get("expect"), [
        "100-continue",
      ]);
      const { status, body } = await client.ask("hello");
      assertEquals([status, body], [200, "hello"]);
    }
    using other = await RawClient.connect(proxy.port);
    const refused = await other.ask(request("POST /refused", expect));
    assertEquals([refused.status, refused.headers.get("connection")], [
      403,
      "close",
    ]);
    assertEquals(await other.toEnd(), "");
  });
});

Deno.test("reverse_proxy: an origin that is down is a 503, and is used again when it is back", async () => {
  await using proxy = await (async () => {
    await using upstream = new RawUpstream(ok);
    const proxy = await startProxy(upstream.port);
    using client = await RawClient.connect(proxy.port);
    assertEquals((await client.ask(request("GET /"))).status, 200);
    return Object.assign(proxy, { upstreamPort: upstream.port });
  })();
  using client = await RawClient.connect(proxy.port);
  for (let round = 0; round < 3; round++) {
    const away = await client.ask(request("POST /", "", "hello"));
    assertEquals([away.status, away.body], [503, "Service Unavailable\n"]);
  }
  await using upstream = new RawUpstream(ok, proxy.upstreamPort);
  for (let round = 0; round < 3; round++) {
    const back = await client.ask(request("POST /", "", "hello"));
    assertEquals([back.status, back.body], [200, "ok"]);
  }
  assertEquals(upstream.requests.length, 3);
});

/** Invalid or incomplete responses of an origin. */
const broken: readonly (readonly [string, string])[] = [
  ["nothing", ""],
  ["another protocol", "SSH-2.0-x\r\n"],
  ["half a head", "HTTP/1.1 200 OK\r\nContent-Le"],
  [
    "two framings",
    "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\nok",
  ],
  [
    "two lengths",
    "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nok",
  ],
  [
    "two equal lengths",
    "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\nok",
  ],
  [
    "a list of equal lengths",
    "HTTP/1.1 200 OK\r\nContent-Length: 2, 2\r\n\r\nok",
  ],
  [
    "two equal media types",
    "HTTP/1.1 200 OK\r\nContent-Type: a/b\r\nContent-Type: a/b\r\nContent-Length: 2\r\n\r\nok",
  ],
  [
    "a cookie after the body",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\nSet-Cookie: a=1\r\n\r\n",
  ],
  ["status 600", "HTTP/1.1 600 X\r\nContent-Length: 2\r\n\r\nok"],
  ["status 999", "HTTP/1.1 999 X\r\nContent-Length: 2\r\n\r\nok"],
  [
    "a folded line",
    "HTTP/1.1 200 OK\r\nX: a\r\n b\r\nContent-Length: 2\r\n\r\nok",
  ],
  ["a bare LF", "HTTP/1.1 200 OK\nContent-Length: 2\r\n\r\nok"],
  [
    "a coding",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
  ],
  [
    "a 101 without an offer",
    "HTTP/1.1 101 X\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n",
  ],
  [
    "a small body that is cut",
    "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nok",
  ],
  [
    "a bad chunk",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nokXX",
  ],
];

Deno.test("reverse_proxy: an origin that sends an invalid response is a 502", async () => {
  let answer = "";
  await withRaw(async (_, { readBody, send, close }) => {
    await readBody();
    await send(answer);
    close();
  }, async (client) => {
    for (const [what, text] of broken) {
      answer = text;
      const { status, body } = await client.ask(request("POST /", "", "hello"));
      assertEquals([what, status, body], [what, 502, "Bad Gateway\n"]);
    }
  });
});

Deno.test("reverse_proxy cuts off a response that the origin cuts off", async () => {
  await withRaw(async ({ target }, { send, close }) => {
    const framing = target === "/length"
      ? "Content-Length: 100000\r\n\r\n"
      : "Transfer-Encoding: chunked\r\n\r\n9999\r\n";
    await send(`HTTP/1.1 200 OK\r\n${framing}${"x".repeat(20_000)}`);
    close();
  }, async (_client, _upstream, proxy) => {
    for (const path of ["/length", "/chunked"]) {
      using client = await RawClient.connect(proxy.port);
      await client.send(request(`GET ${path}`));
      assertMatch(await client.head(), /^HTTP\/1\.1 200 /);
      const rest = await client.toEnd();
      assert(rest.includes("xxx") && !rest.endsWith("0\r\n\r\n"));
    }
  });
});

Deno.test("reverse_proxy: an origin that is too slow is a 504", async () => {
  await withRaw(async ({ target }, { send, readSome }) => {
    if (target === "/begun") await send("HTTP/1.1 200 OK\r\nX: ");
    await readSome(); // until the proxy gives up
  }, async (client, upstream) => {
    for (const path of ["/", "/begun"]) {
      const { status, body } = await client.ask(request(`GET ${path}`));
      assertEquals([status, body], [504, "Gateway Timeout\n"]);
    }
    await eventually(() => upstream.openCount === 0);
  }, 300);
});

Deno.test("reverse_proxy blames the client for an invalid request body", async () => {
  await withRaw(
    async (_, { readBody }) => void await readBody(),
    async (client, upstream) => {
      const wire = request(
        "POST /",
        "Transfer-Encoding: chunked\r\n",
        "5\r\nhelloXX",
      );
      const { status, headers } = await client.ask(wire);
      assertEquals([status, headers.get("connection")], [400, "close"]);
      assertEquals(await client.toEnd(), "");
      await eventually(() => upstream.openCount === 0);
      assertEquals(upstream.requests.length, 0);
    },
  );
});

Deno.test("reverse_proxy disconnects from the origin when the client disconnects", async () => {
  await withRaw(async ({ target }, { send, readBody, readSome }) => {
    if (target === "/up") return void await readBody();
    if (target === "/hints") {
      await send("HTTP/1.1 103 Early Hints\r\n\r\n");
      return void await readSome();
    }
    await send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
    for (;;) await send(`1000\r\n${"x".repeat(4096)}\r\n`);
  }, async (down, upstream, proxy) => {
    await down.send(request("GET /down"));
    await down.head();
    assertEquals(upstream.openCount, 1);
    down.close();
    await eventually(() => upstream.openCount === 0);

    using up = await RawClient.connect(proxy.port);
    await up.send(request("POST /up", "Content-Length: 100000\r\n", "x"));
    await eventually(() => upstream.openCount === 1);
    up.close();
    await eventually(() => upstream.openCount === 0);

    // Nothing is written while the origin waits, so only a reset shows that the
    // client is gone.
    const waits = net.connect(proxy.port, "127.0.0.1");
    waits.write(request("GET /hints"));
    await eventually(() => upstream.openCount === 1);
    await new Promise((resolve) => waits.once("data", resolve));
    waits.resetAndDestroy();
    await eventually(() => upstream.openCount === 0);
    const isWhole = upstream.requests.some(({ target }) => target === "/up");
    assert(!isWhole);
  });
});

Deno.test("reverse_proxy cancels the request of a client that resets, closes or ends its direction before the response", async () => {
  await withRaw(async (_, { readSome }) => {
    await readSome(); // until the proxy gives up
  }, async (_client, upstream, proxy) => {
    for (const end of ["resetAndDestroy", "destroy", "end"] as const) {
      const client = net.connect(proxy.port, "127.0.0.1");
      client.write(request("GET /"));
      await eventually(() => upstream.openCount === 1);
      client[end]();
      await eventually(() => upstream.openCount === 0);
    }
  });
});

Deno.test("reverse_proxy waits for an origin whose client reads slowly", async () => {
  let sent = 0;
  await withRaw(async (_, { send }) => {
    await send("HTTP/1.1 200 OK\r\nContent-Length: 67108864\r\n\r\n");
    for (let piece = 0; piece < 1024; piece++) {
      await send("x".repeat(65_536));
      sent += 65_536;
    }
  }, async (client) => {
    await client.send(request("GET /"));
    await client.head();
    let before = -1;
    while (before !== sent) { // it stops, because the client does not read
      before = sent;
      await new Promise((resolve) => setTimeout(resolve, 250));
    }
    assert(sent < 32 * 1024 * 1024, `${sent} bytes are on their way`);
  });
});

function once(socket: WebSocket, event: string): Promise<unknown> {
  return new Promise((resolve, reject) => {
    socket.once(event, resolve);
    if (event !== "error") socket.once("error", reject);
  });
}

Deno.test("reverse_proxy tunnels a WebSocket, with pieces of 1 MB, its end and its subprotocol", async () => {
  const server = new WebSocketServer({ host: "127.0.0.1", port: 0 });
  await new Promise((resolve) => server.once("listening", resolve));
  const closed = Promise.withResolvers<unknown>();
  server.on("connection", (socket: WebSocket) => {
    socket.send("welcome"); // comes with the 101, perhaps
    socket.on("message", (data: RawData, isBinary: boolean) => {
      socket.send(data, { binary: isBinary });
    });
    socket.once("close", closed.resolve);
  });
  const { port } = server.address() as AddressInfo; // it listens on TCP
  try {
    await using proxy = await startProxy(port);
    const url = `ws://127.0.0.1:${proxy.port}/echo?x=1`;
    const socket = new WebSocket(url, ["chat"]);
    const welcome = once(socket, "message");
    await once(socket, "open");
    assertEquals([String(await welcome), socket.protocol], ["welcome", "chat"]);
    const piece = LARGE.subarray(0, 1024 * 1024);
    for (let round = 0; round < 4; round++) {
      socket.send(piece);
      const back = await once(socket, "message") as Uint8Array;
      assertEquals(await sha256(new Uint8Array(back)), await sha256(piece));
    }
    socket.close(4000);
    assertEquals(await once(socket, "close"), 4000);
    assertEquals(await closed.promise, 4000);
  } finally {
    await new Promise((resolve) => server.close(resolve));
  }
});

Deno.test("reverse_proxy closes both ends of a tunnel, and forwards a refusal", async () => {
  const UPGRADE = "Connection: upgrade\r\nUpgrade: websocket\r\n";
  await withRaw(async ({ target, fields }, { send, readSome, close }) => {
    assertEquals(fields.get("upgrade"), ["websocket"]);
    assertEquals(fields.get("connection"), ["upgrade"]);
    if (target === "/refused") {
      return await send("HTTP/1.1 403 No\r\nContent-Length: 2\r\n\r\nno");
    }
    await send(`HTTP/1.1 101 X\r\n${UPGRADE}X-Kept: 1\r\n\r\nfirst`);
    assertEquals(await readSome(), "bytes");
    if (target === "/origin") return close();
    assertEquals(await readSome(), "");
    close();
  }, async (client, upstream, proxy) => {
    const refused = await client.ask(request("GET /refused", UPGRADE));
    assertEquals([refused.status, refused.body], [403, "no"]);
    for (const path of ["/origin", "/client"]) {
      using tunnel = await RawClient.connect(proxy.port);
      await tunnel.send(request(`GET ${path}`, UPGRADE) + "bytes");
      const head = await tunnel.head();
      assertMatch(head, /^HTTP\/1\.1 101 .*X-Kept: 1\r\n/s);
      assertEquals(await tunnel.take(5), "first");
      if (path === "/client") await tunnel.end();
      assertEquals(await tunnel.toEnd(), "");
    }
    await eventually(() => upstream.openCount <= 1); // the one that is kept
    // Tunnels take no slots of the pool: this opens more of them than a pool
    // has slots.
    for (let round = 0; round < 70; round++) {
      using tunnel = await RawClient.connect(proxy.port);
      await tunnel.send(request("GET /origin", UPGRADE) + "bytes");
      assertMatch(await tunnel.head(), / 101 /);
      assertEquals(await tunnel.toEnd(), "first");
    }
  });
});

Deno.test({
  name: "reverse_proxy closes idle tunnels",
  ignore: Deno.build.os !== "linux", // only there a process shows its sockets
  fn: async () => {
    const upgrade = "Connection: upgrade\r\nUpgrade: websocket\r\n";
    const ended = Promise.withResolvers<void>();
    await using upstream = new RawUpstream(async (_, { send, readSome }) => {
      await send(`HTTP/1.1 101 X\r\n${upgrade}\r\n`);
      for (;;) {
        const bytes = await readSome();
        if (bytes === "") break;
        await send(bytes);
      }
      await ended.promise; // does not end its own direction
    });
    await using proxy = await startProxy(upstream.port, 20_000, 1000);
    const before = countSockets(proxy.pid);
    const clients: RawClient[] = [];
    try {
      for (let index = 0; index < 20; index++) {
        const client = await RawClient.connect(proxy.port);
        clients.push(client);
        await client.send(request("GET /", upgrade));
        assertMatch(await client.head(), / 101 /);
        // Half of them end one direction, which the origin does not answer.
        if (index % 2 === 0) await client.end();
      }
      using busy = await RawClient.connect(proxy.port);
      await busy.send(request("GET /", upgrade));
      await busy.head();
      for (let round = 0; round < 10; round++) {
        await busy.send("x");
        assertEquals(await busy.take(1), "x");
        await new Promise((resolve) => setTimeout(resolve, 250));
      }
      await eventually(() => countSockets(proxy.pid) === before + 2);
    } finally {
      ended.resolve();
      for (const client of clients) client.close();
    }
  },
});
