/** Rows R130 to R132: which requests are accepted, and their bytes on the wire. */

import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { parseOrigin } from "../../client/origin.ts";
import { prepareRequest } from "../../client/request.ts";
import {
  Agent,
  Client,
  ClientError,
  createFetch,
  type ExchangeInit,
  Headers,
} from "../../mod.ts";
import {
  body,
  head,
  HostileServer,
  send,
  type Step,
} from "../support/hostile_server.ts";
import { decodeLatin1 } from "../support/latin1.ts";
import {
  EMPTY,
  fails,
  getText,
  isGone,
  pair,
  Pieces,
} from "../support/client_exchange.ts";

/** The head of a request to `Host: a`. */
function wireOf(method: string, init: ExchangeInit = {}): string {
  const { first } = prepareRequest(
    { method, target: "/" },
    init,
    parseOrigin("a"),
  );
  const wire = decodeLatin1(first);
  return wire.slice(0, wire.indexOf("\r\n\r\n") + 4);
}

Deno.test("R130: bad methods, targets, fields and protocols are TypeErrors before connecting", async () => {
  await using both = pair([[head, send(EMPTY)]]);
  const { client, server } = both;
  const refused = async (
    method: string,
    target: string,
    init: ExchangeInit = {},
  ): Promise<void> => {
    const message = JSON.stringify([method, target, init]);
    await assertRejects(
      () => client.exchange(method, target, init),
      TypeError,
      "Cannot",
      message,
    );
    assertEquals(client.connectionCount, 0, message);
  };
  for (
    const method of [
      ...["GET / HTTP/1.1\r\nX: y", "", "G T", "GET\r\n", "G\0", "G\u0100"],
      ...["(GET)", "GET:", "\xe9", "CONNECT"],
    ]
  ) await refused(method, "/");
  for (
    const target of [
      ...["/a b", "/\r\nX: y", "x", "", "*", "/#f", "/\x7f", "/\0", "/\xe9"],
      ...["/\u0100", "/\t", "http://b/", "//b /", " /", "/<", "/\\", '/"'],
      ...["?a", "/{a}", "/`", "/%", "/x?q=100%", "/%4", "/%g0", "/a%4gb"],
    ]
  ) await refused("GET", target);
  for (const name of ["", "a b", "a:", "a\r\nb", "\xe9", "a\0"]) {
    await refused("GET", "/", { headers: [[name, "x"]] });
  }
  for (const value of ["a\r\nX: y", "a\nb", "a\rb", "a\0", "\x7f", "\u0100"]) {
    await refused("GET", "/", { headers: { a: value } });
  }
  for (const name of ["Host", "Expect", "Upgrade", "TRANSFER-ENCODING"]) {
    await refused("GET", "/", { headers: { [name]: "x" } });
  }
  for (
    const upgrade of ["", "a b", "a\r\nX: y", "a,b", "a/b/c", "/a", "\xe9"]
  ) await refused("GET", "/", { upgrade });
  assertEquals(server.count, 0);
  assertEquals(await getText(client), [204, ""]);
});

Deno.test("R130: bad hosts are TypeErrors, before anything else", () => {
  for (
    const origin of [
      ...["a\r\nX: y", "a/b", "", "a b", "a:99999", "a:x", ":80", "a:0"],
      ...["user@a", "ftp://a", "unix:", "unix:/a\0b", "http://", "::1", "a,b"],
      ...["https:a", "http://a b/", "http://a/?b", "http://a/#b"],
    ]
  ) assertThrows(() => new Client(origin), TypeError, "Cannot connect to");
  for (const origin of ["http://%ff:a@b", "http://a%3Ab:c@d", "http://%:a@b"]) {
    assertThrows(() => new Client(origin), TypeError, "Cannot use the cred");
  }
});

Deno.test("R130: bodies that contradict the request are TypeErrors", async () => {
  await using both = pair([]);
  for (
    const init of [
      { body: "x", headers: { "content-length": "2" } },
      { body: "x", headers: { "content-length": "+1" } },
      {
        body: "x",
        headers: [["content-length", "1"], ["Content-Length", "1"]],
      },
      { headers: { "content-length": "1" } },
      { body: new Pieces([]), headers: { "content-length": "1, 1" } },
      { body: new Pieces([]), headers: { "transfer-encoding": "chunked" } },
      { body: 5 },
      { body: "x", upgrade: "websocket" },
    ] as readonly ExchangeInit[]
  ) {
    await assertRejects(() => both.client.post("/", init), TypeError, "Cannot");
  }
  await assertRejects(() => both.client.trace("/", { body: "x" }), TypeError);
  assertEquals(both.server.count, 0);
});

Deno.test("R131: Host comes first and only once, without userinfo or default port", async () => {
  await using both = pair([[head, send(EMPTY)]]);
  const { port } = both.server;
  await using client = new Client(`http://127.0.0.1:${port}/`);
  const second = { headers: { host: "b" } };
  await assertRejects(() => client.get("/x", second), TypeError, '"host"');
  await client.get("/x?y=%20", { headers: { a: "b" } });
  assertEquals((await both.server.peer(0)).heads, [
    `GET /x?y=%20 HTTP/1.1\r\nhost: 127.0.0.1:${port}\r\na: b\r\n\r\n`,
  ]);
});

Deno.test("R132: a request has no framing field, a length, or is chunked", () => {
  const line = (method: string): string =>
    `${method} / HTTP/1.1\r\nhost: a\r\n`;
  for (const method of ["GET", "HEAD", "DELETE", "OPTIONS", "TRACE", "X"]) {
    assertEquals(wireOf(method), `${line(method)}\r\n`);
  }
  for (const method of ["POST", "PUT", "PATCH"]) {
    assertEquals(wireOf(method), `${line(method)}content-length: 0\r\n\r\n`);
  }
  const counted = `${line("POST")}content-length: 3\r\n\r\n`;
  assertEquals(wireOf("POST", { body: "h\xe9" }), counted);
  assertEquals(wireOf("POST", { body: new Uint8Array(3) }), counted);
  assertEquals(wireOf("POST", { body: new ArrayBuffer(3) }), counted);
  const headers = { "Content-Length": "3" };
  assertEquals(wireOf("POST", { body: new Uint8Array(3), headers }), counted);
  assertEquals(wireOf("POST", { body: new Pieces([]), headers }), counted);
  const chunked = "transfer-encoding: chunked\r\n\r\n";
  assertEquals(wireOf("PUT", { body: new Pieces([]) }), line("PUT") + chunked);
  assertEquals(wireOf("GET", { body: "x" }).includes("length: 1\r\n"), true);
});

Deno.test("R132: the client writes its own fields only when the request needs them", () => {
  const line = "POST / HTTP/1.1\r\nhost: a\r\n";
  assertEquals(
    wireOf("POST", { body: "x", expectContinue: true }),
    `${line}content-length: 1\r\nexpect: 100-continue\r\n\r\n`,
  );
  assertEquals(
    wireOf("POST", { expectContinue: true }),
    `${line}content-length: 0\r\n\r\n`,
  );
  assertEquals(
    wireOf("GET", { upgrade: "websocket" }),
    "GET / HTTP/1.1\r\nhost: a\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n",
  );
  assertEquals(
    wireOf("GET", { headers: { TE: "trailers" } }),
    "GET / HTTP/1.1\r\nhost: a\r\nconnection: te\r\nTE: trailers\r\n\r\n",
  );
  assertEquals(
    wireOf("GET", { headers: { te: "trailers", connection: "TE, close" } }),
    "GET / HTTP/1.1\r\nhost: a\r\nconnection: close, te\r\nte: trailers\r\n\r\n",
  );
  assertEquals(
    wireOf("GET", { headers: { te: "trailers" }, upgrade: "websocket" }),
    "GET / HTTP/1.1\r\nhost: a\r\nconnection: upgrade, te\r\nupgrade: websocket\r\nte: trailers\r\n\r\n",
  );
  assertEquals(
    wireOf("GET", { headers: { Connection: "x, CLOSE", "X-A": " b\t" } }),
    "GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\nX-A: b\r\n\r\n",
  );
});

/** Sends a body and returns the bytes after the head. */
async function sentBody(init: ExchangeInit, size: number): Promise<string> {
  await using both = pair([[head, body(size), send(EMPTY)]]);
  await both.client.post("/", init);
  const peer = await both.server.peer(0);
  return peer.received.slice(peer.heads[0]?.length);
}

Deno.test("R132: bodies of all kinds are framed on the wire as declared", async () => {
  const large = "x".repeat(100_000);
  assertEquals(await sentBody({ body: "h\xe9" }, 3), "h\xc3\xa9");
  assertEquals(await sentBody({ body: large }, 100_000), large);
  assertEquals(
    await sentBody({ body: new Pieces(["he", "", "\xe9"]) }, 19),
    "2\r\nhe\r\n2\r\n\xc3\xa9\r\n0\r\n\r\n",
  );
  assertEquals(
    await sentBody({ body: ReadableStream.from(["x".repeat(17)]) }, 28),
    `11\r\n${"x".repeat(17)}\r\n0\r\n\r\n`,
  );
  assertEquals(await sentBody({ body: new Pieces([]) }, 5), "0\r\n\r\n");
  const headers = { "content-length": "4" };
  const counted = { body: new Pieces(["ab", "cd"]), headers };
  assertEquals(await sentBody(counted, 4), "abcd");
});

/** Sends a body that fails, and checks that the connection closes. */
async function refusesBody(
  init: ExchangeInit,
  cause: unknown,
  script: readonly Step[] = [head],
): Promise<string> {
  await using both = pair([script]);
  const error = await assertRejects(
    () => both.client.post("/", init),
    ClientError,
  );
  assertEquals([error.phase, error.code], ["write", "BODY_FAILED"]);
  if (typeof cause === "string") {
    assert(error.cause instanceof Error && error.cause.message.includes(cause));
  } else assertEquals(error.cause, cause);
  await isGone(both);
  const peer = await both.server.peer(0);
  return peer.received.slice(peer.heads[0]?.length);
}

Deno.test("R132: a body shorter or longer than declared closes the connection", async () => {
  const headers = { "content-length": "4" };
  const short = { body: new Pieces(["ab", "c"]), headers };
  assertEquals(await refusesBody(short, "the body had 3 of 4 bytes"), "abc");
  const pieces = new Pieces(["ab", "cde"]);
  const long = { body: pieces, headers };
  const sent = await refusesBody(long, "more than the declared 4 bytes");
  assertEquals(sent, "ab");
  await pieces.cancelled;
});

Deno.test("R132: a body that fails closes the connection without a last chunk", async () => {
  const reason = new Error("no");
  async function* failing(): AsyncIterable<string> {
    yield "ab";
    await Promise.resolve();
    throw reason;
  }
  const sent = await refusesBody({ body: failing() }, reason);
  assertEquals(sent, "2\r\nab\r\n");
  const wrong = new Pieces([5 as unknown as string]);
  await refusesBody({ body: wrong }, "bytes or a string");
});

Deno.test("R132: a body that fails while the response arrives fails the response", async () => {
  const { promise, reject } = Promise.withResolvers<string>();
  const ok = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhe";
  await using both = pair([[head, send(ok)]]);
  const response = await both.client.post("/", {
    body: new Pieces(["a", promise]),
  });
  const text = response.body.text();
  reject(new Error("no"));
  await fails(text, "write", "BODY_FAILED");
  await isGone(both);
});

Deno.test("the error for a target says what to write instead", async () => {
  await using client = new Client("127.0.0.1:1");
  for (
    const [target, hint] of [
      [
        "/x?q=100%",
        '"%" at offset 8 is not followed by two hex digits; write "%25"',
      ],
      ["/a#b", 'write "%23"'],
      ["http://a/b", "createFetch() accept URLs"],
      ["a", 'it does not begin with "/"'],
      ["*", "only OPTIONS"],
      [
        "/a b",
        '" " at offset 2 must be percent-encoded; use encodeURIComponent()',
      ],
      ["/%41?\u00e9", '"\u00e9" at offset 5'],
      ["/{a}", '"{" at offset 1'],
      ["/a\\b", '"\\\\" at offset 2'],
    ] as const
  ) await assertRejects(() => client.get(target), TypeError, hint);
  for (const target of [undefined, 5, new URL("http://a/b")]) {
    await assertRejects(
      () => client.get(target as unknown as string),
      TypeError,
      `Cannot send target ${target}: it is not a string`,
    );
  }
});

/** The target and `Authorization` of a request by a client of a URL. */
async function sentBy(
  userinfo: string,
  path: string,
  target: string,
  init: ExchangeInit = {},
): Promise<[target: string | undefined, authorization: string | undefined]> {
  await using server = new HostileServer([[head, send(EMPTY)]]);
  const base = `http://${userinfo}${server.origin}${path}`;
  await using client = new Client(base);
  const method = target === "*" ? "OPTIONS" : "GET";
  const response = await client.exchange(method, target, init);
  const [first = ""] = (await server.peer(0)).heads;
  const sent = first.split(" ")[1];
  assertEquals(
    response.url,
    `http://${server.origin}${sent === "*" ? "" : sent}`,
  );
  return [sent, /^authorization: (.*)$/im.exec(first)?.[1]];
}

Deno.test("the path of a client's URL is put in front of each target", async () => {
  for (
    const [path, target, expected] of [
      ["", "/a", "/a"],
      ["/", "/a?b", "/a?b"],
      ["/api/v1", "/users", "/api/v1/users"],
      ["/api/v1/", "/users", "/api/v1/users"],
      ["/api/v1", "/", "/api/v1/"],
      ["/a b/{c}", "/d", "/a%20b/%7Bc%7D/d"],
      ["/api", "*", "*"],
    ] as const
  ) assertEquals((await sentBy("", path, target))[0], expected);
  await using client = new Client("http://a/api");
  await assertRejects(() => client.get("users"), TypeError, "Cannot send");
});

Deno.test("the user and password of a client's URL become Authorization", async () => {
  for (
    const [userinfo, decoded] of [
      ["u:p@", "u:p"],
      ["u@", "u:"],
      [":p@", ":p"],
      ["u%40h:p%3A%2F@", "u@h:p:/"],
      ["%C3%A9:%E2%82%AC@", "\xc3\xa9:\xe2\x82\xac"],
    ] as const
  ) {
    const [, authorization] = await sentBy(userinfo, "/a", "/b");
    assertEquals(authorization, `Basic ${btoa(decoded)}`);
  }
  const headers = { authorization: "Bearer x" };
  const [, own] = await sentBy("u:p@", "", "/", { headers });
  assertEquals(own, "Bearer x");
  assertEquals((await sentBy("", "", "/"))[1], undefined);
});

Deno.test("mistakes in the options of a request are TypeErrors that name the option", async () => {
  const url = "http://127.0.0.1:1";
  await using client = new Client(url);
  await using agent = new Agent();
  const fetch = createFetch();
  for (
    const [init, message] of [
      ["hello" as unknown, "pass a body as { body }"],
      [{ signal: new AbortController() }, "pass controller.signal"],
    ] as [init: { signal?: AbortSignal }, message: string][]
  ) {
    await assertRejects(() => client.post("/", init), TypeError, message);
    await assertRejects(() => agent.post(url, init), TypeError, message);
    await assertRejects(() => fetch(url, init), TypeError, message);
  }
  for (
    const [init, message] of [
      [
        { header: {} },
        '"header" of a request: no such option; the options are headers, body',
      ],
      [{ timout: 5 }, '"timout" of a request'],
      [[], "pass a body as { body }"],
      [new Map([["body", "a"]]), "pass a body as { body }"],
      [{ method: "POST" }, '"method" of a request'],
      [new Request(url), "of a request: no such option"],
      [
        { headers: "a: b" },
        "option headers of a request: not a record, pairs or Headers",
      ],
      [
        { headers: null },
        "option headers of a request: not a record, pairs or Headers",
      ],
      [{ timeout: "5" }, "option timeout of a request: not a number"],
      [{ headers: [["a"]] }, "element 0 of the list is an array of length 1"],
      [{ headers: [["a", 1]] }, 'field "a": its value is of type number'],
      [{ retries: true }, "option retries of a request: not a number"],
      [{ idempotent: 1 }, "option idempotent of a request: not a boolean"],
      [
        { expectContinue: "100-continue" },
        "option expectContinue of a request: not a boolean",
      ],
      [{ onUpload: {} }, "option onUpload of a request: not a function"],
      [{ upgrade: true }, "option upgrade of a request: not a string"],
    ] as [init: object, message: string][]
  ) {
    await assertRejects(() => client.post("/", init), TypeError, message);
    await assertRejects(() => agent.post(url, init), TypeError, message);
  }
  // The web ignores members that it does not know, so only types are checked.
  const onUpload = {} as () => void;
  await assertRejects(
    () => fetch(url, { onUpload }),
    TypeError,
    "option onUpload of a request: not a function",
  );
});

Deno.test("a repeated request is encoded the same, until its method, target or fields change", async () => {
  const headers = new Headers({ a: "1" });
  const script = Array.from({ length: 8 }, () => [head, send(EMPTY)]).flat();
  await using both = pair([script]);
  const { client, server } = both;
  for (let count = 0; count < 2; count++) await client.get("/x", { headers });
  headers.replace("a", "2");
  await client.get("/x", { headers });
  await client.get("/y", { headers });
  await client.head("/x", { headers });
  await client.get("/x");
  await client.get("/x", { headers: { a: "3" } });
  await client.post("/x", { headers });
  const { heads } = await server.peer(0);
  assertEquals(
    heads.map((text) =>
      `${/^\w+ \S+/.exec(text)?.[0]} ${/^a: (.)/m.exec(text)?.[1] ?? "-"}`
    ),
    [
      ...["GET /x 1", "GET /x 1", "GET /x 2", "GET /y 2", "HEAD /x 2"],
      ...["GET /x -", "GET /x 3", "POST /x 2"],
    ],
  );
  assertEquals(heads[0], heads[1]);
});

Deno.test("short bodies of several sizes follow their heads in one write", async () => {
  const bodies = ["a", "bb".repeat(3000), "ccc", "d".repeat(16_384), "e", "f"]
    .flatMap((text) => [text, new TextEncoder().encode(text)]);
  const received: string[] = [];
  const script = bodies.flatMap(({ length }): Step[] => [
    head,
    async (peer) => {
      received.push(await peer.readBytes(length));
    },
    send(EMPTY),
  ]);
  await using both = pair([script]);
  const { client, server } = both;
  for (const body of bodies) {
    assertEquals((await client.put("/", { body })).status, 204);
  }
  assertEquals(
    received,
    bodies.map((body) => typeof body === "string" ? body : decodeLatin1(body)),
  );
  assertEquals(server.count, 1);
});
