/**
 * Two reverse proxies in a chain in front of an origin that records requests:
 * no bytes of a client reach the origin as a hidden request, and no bytes of
 * the origin reach a client as another client's response (RFC 9112 §11.1,
 * §11.2).
 */

import { assert, assertEquals } from "@std/assert";
import type { Program } from "./support/program.ts";
import { startProxy } from "./support/proxies.ts";
import { RawClient } from "./support/raw_client.ts";
import { RawUpstream, type Script } from "./support/raw_upstream.ts";

/** What a client sends. */
interface Wire {
  readonly name: string;
  readonly wire: string;
  /** Status codes of the responses. */
  readonly statuses: readonly number[];
  /** The requests that the origin may see, as method, target and body; if the wire has a fault, at most the first of them in part. */
  readonly sees: readonly string[];
}

const GET = "GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n";
const HOST = "Host: a\r\n";
const POST = `POST /first HTTP/1.1\r\n${HOST}`;
const CHUNKED = `${POST}Transfer-Encoding: chunked\r\n\r\n`;

/** A wire that gets one error status; nothing after it is read. */
function refused(name: string, wire: string, status = 400): Wire {
  return { name, wire: wire + GET, statuses: [status], sees: [] };
}

/** A wire that is valid and forwarded once. */
function forwarded(name: string, wire: string, ...sees: string[]): Wire {
  return { name, wire, statuses: sees.map(() => 200), sees };
}

/** Two lengths, or none that is valid. */
const lengths: readonly Wire[] = [
  refused(
    "CL.TE",
    `${POST}Content-Length: 6\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nG`,
  ),
  refused(
    "TE.CL",
    `${POST}Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n5c\r\n${GET}0\r\n\r\n`,
  ),
  refused(
    "CL.0 with TE",
    `${POST}Content-Length: 0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
  ),
  refused(
    "CL with an unknown TE",
    `${POST}Content-Length: 5\r\nTransfer-Encoding: x\r\n\r\nhello`,
  ),
  refused("two CL", `${POST}Content-Length: 0\r\nContent-Length: 37\r\n\r\n`),
  refused(
    "two equal CL",
    `${POST}Content-Length: 0\r\nContent-Length: 0\r\n\r\n`,
  ),
  refused("two CL in one", `${POST}Content-Length: 0, 37\r\n\r\n`),
  refused("CL with a sign", `${POST}Content-Length: +0\r\n\r\n`),
  refused("a negative CL", `${POST}Content-Length: -37\r\n\r\n`),
  refused("CL in hexadecimal", `${POST}Content-Length: 0x0\r\n\r\n`),
  refused("an empty CL", `${POST}Content-Length:\r\n\r\n`),
  refused(
    "CL beyond 2^64",
    `${POST}Content-Length: 18446744073709551616\r\n\r\n`,
  ),
  refused("CL after a space", `${POST}Content-Length : 37\r\n\r\n`),
  refused("CL after a tab", `${POST}Content-Length\t: 37\r\n\r\n`),
  refused("CL with NUL", `${POST}Content-Length: 0\0\r\n\r\n`),
  forwarded(
    "CL with zeros",
    `${POST}Content-Length: 005\r\n\r\nhello`,
    "POST /first hello",
  ),
];

/** Codings that some parsers read as chunked and others do not. */
const codings: readonly Wire[] = [
  ["a coding in front", "gzip, chunked", 501],
  ["a coding after it", "chunked, gzip", 400],
  ["identity", "identity", 400],
  ["chunked twice", "chunked, chunked", 400],
  ["xchunked", "xchunked", 400],
  ["a comma in front", ",chunked", 400],
  ["a comma after it", "chunked,", 400],
  ["a parameter", "chunked;q=1", 400],
  ["quotes", '"chunked"', 400],
  ["a vertical tab", "\x0bchunked", 400],
  ["a no-break space", "\xa0chunked", 400],
  ["a Kelvin sign", "chun\xe2\x84\xaaed", 400],
  ["nothing", "", 400],
].map(([name, value, status]) =>
  refused(
    `TE.TE: ${name}`,
    `${POST}Transfer-Encoding: ${value}\r\n\r\n0\r\n\r\n`,
    Number(status),
  )
);

const codingLines: readonly Wire[] = [
  refused(
    "TE.TE: two lines",
    `${POST}Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n`,
  ),
  refused(
    "TE.TE: a space before the colon",
    `${POST}Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n`,
  ),
  refused(
    "TE.TE: a folded line",
    `${POST}Transfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n`,
  ),
  refused(
    "TE.TE: after a bare LF",
    `${POST}X: y\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
  ),
  refused(
    "TE.TE: after a bare CR",
    `${POST}X: y\rTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
  ),
  refused(
    "TE in HTTP/1.0",
    "POST /first HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
  ),
  refused(
    "TE in HTTP/1.0 with keep-alive",
    "POST /first HTTP/1.0\r\nHost: a\r\nConnection: keep-alive\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
  ),
  forwarded(
    "cHuNkEd",
    `${POST}Transfer-Encoding: cHuNkEd\r\n\r\n5\r\nhello\r\n0\r\n\r\n`,
    "POST /first hello",
  ),
  forwarded(
    "an underscore is not a hyphen",
    `${POST}Transfer_Encoding: chunked\r\nContent-Length: 5\r\n\r\nhello`,
    "POST /first hello",
  ),
];

/** Invalid chunks; the head may have been forwarded already, so the request is either cut or rejected. */
const chunks: readonly Wire[] = [
  ["no size", "\r\n0\r\n\r\n"],
  ["a sign", "+5\r\nhello\r\n0\r\n\r\n"],
  ["0x", "0x5\r\nhello\r\n0\r\n\r\n"],
  ["an underscore", "5_0\r\nhello\r\n0\r\n\r\n"],
  ["a space in front", " 5\r\nhello\r\n0\r\n\r\n"],
  ["a space after it", "5 \r\nhello\r\n0\r\n\r\n"],
  ["a size of 2^64 + 5", "10000000000000005\r\nhello\r\n0\r\n\r\n"],
  ["a size of 2^64 - 1", "FFFFFFFFFFFFFFFF\r\nhello\r\n0\r\n\r\n"],
  ["a bare LF after the size", "5\nhello\r\n0\r\n\r\n"],
  ["a bare CR after the size", "5\rhello\r\n0\r\n\r\n"],
  ["a bare LF in an extension", "5;a\nhello\r\n0\r\n\r\n"],
  ["a bare CR in an extension", "5;a\rb\r\nhello\r\n0\r\n\r\n"],
  ["an extension without a name", "5;\r\nhello\r\n0\r\n\r\n"],
  ["an open quotation", '5;a="\r\nhello\r\n0\r\n\r\n'],
  ["an extension of 2 KiB", `5;${"a".repeat(2048)}\r\nhello\r\n0\r\n\r\n`],
  ["no end of data", "5\r\nhello0\r\n\r\n"],
  ["another end of data", "5\r\nhelloXX0\r\n\r\n"],
  ["a bare LF after data", "5\r\nhello\n0\r\n\r\n"],
  ["a last chunk with bare LFs", "5\r\nhello\r\n0\n\n"],
  ["a last chunk with one CR too many", "0\r\r\n\r\n"],
  ["a trailer that frames", "0\r\nContent-Length: 37\r\n\r\n"],
  ["a trailer that chunks", "0\r\nTransfer-Encoding: chunked\r\n\r\n"],
  ["a trailer that routes", "0\r\nHost: b\r\n\r\n"],
  ["a trailer that authorises", "0\r\nAuthorization: x\r\n\r\n"],
  ["a folded trailer", "0\r\nX: a\r\n b\r\n\r\n"],
  ["a trailer with a space before its colon", "0\r\nX : a\r\n\r\n"],
  ["a trailer after a bare LF", "0\r\nX: a\nY: b\r\n\r\n"],
].map(([name, body]) => refused(`chunks: ${name}`, CHUNKED + body));

const bodies: readonly Wire[] = [
  forwarded(
    "an extension is dropped",
    `${CHUNKED}5;a="x;\\"y"\r\nhello\r\n0;z\r\n\r\n`,
    "POST /first hello",
  ),
  forwarded(
    "a trailer is dropped",
    `${CHUNKED}5\r\nhello\r\n0\r\nX: y\r\n\r\n`,
    "POST /first hello",
  ),
  forwarded(
    "data that looks like the end",
    `${CHUNKED}c\r\n\r\n0\r\n\r\nhello\r\n0\r\n\r\n`,
    "POST /first \r\n0\r\n\r\nhello",
  ),
  ...["GET", "HEAD", "DELETE", "OPTIONS"].map((method) =>
    forwarded(
      `a body of ${method} is not a request`,
      `${method} /first HTTP/1.1\r\n${HOST}Content-Length: ${GET.length}\r\n\r\n${GET}`,
      `${method} /first ${GET}`,
    )
  ),
  forwarded(
    "a chunked body of GET is not a request",
    `GET /first HTTP/1.1\r\n${HOST}Transfer-Encoding: chunked\r\n\r\n${
      GET.length.toString(16)
    }\r\n${GET}\r\n0\r\n\r\n`,
    `GET /first ${GET}`,
  ),
  forwarded(
    "bytes after a request without a body are a request",
    `${POST}\r\n${GET}`,
    "POST /first ",
    "GET /smuggled ",
  ),
  forwarded(
    "pipelined",
    `${POST}Content-Length: 3\r\n\r\nabc${GET}${POST}\r\n`,
    "POST /first abc",
    "GET /smuggled ",
    "POST /first ",
  ),
  forwarded(
    "after Connection: close",
    `GET /first HTTP/1.1\r\n${HOST}Connection: close\r\n\r\n${GET}`,
    "GET /first ",
  ),
  forwarded(
    "HTTP/1.0",
    `GET /first HTTP/1.0\r\nConnection: keep-alive\r\n\r\n${GET}`,
    "GET /first ",
  ),
  forwarded(
    "an Upgrade offer that is declined",
    `GET /first HTTP/1.1\r\n${HOST}Connection: upgrade\r\nUpgrade: h2c\r\n\r\n${GET}`,
    "GET /first ",
    "GET /smuggled ",
  ),
  forwarded(
    "Connection names the framing",
    `${POST}Connection: content-length, host\r\nContent-Length: 5\r\n\r\nhello`,
    "POST /first hello",
  ),
  forwarded(
    "Connection names Transfer-Encoding",
    `${POST}Connection: transfer-encoding\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n`,
    "POST /first hello",
  ),
  {
    name: "a length that is not met",
    wire: `${POST}Content-Length: 100\r\n\r\n${GET}`,
    statuses: [400],
    sees: [],
  },
  {
    name: "chunks that end too early",
    wire: `${CHUNKED}${GET.length.toString(16)}\r\n${GET}`,
    statuses: [400],
    sees: [],
  },
  refused(
    "an offer with a body",
    `${POST}Connection: upgrade\r\nUpgrade: websocket\r\nContent-Length: 5\r\n\r\nhello`,
  ),
  refused(
    "an offer with chunks",
    `${POST}Connection: upgrade\r\nUpgrade: websocket\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
  ),
];

/** Heads that two parsers may end at different places. */
const heads: readonly Wire[] = [
  refused("a request line of HTTP/0.9", "GET /first\r\n"),
  refused(
    "a bare LF after the request line",
    `GET /first HTTP/1.1\n${HOST}\r\n`,
  ),
  refused(
    "a bare CR after the request line",
    `GET /first HTTP/1.1\r${HOST}\r\n`,
  ),
  refused("a bare LF as empty line", `GET /first HTTP/1.1\r\n${HOST}\n`),
  refused("a bare CR as empty line", `GET /first HTTP/1.1\r\n${HOST}\r`),
  refused("a folded line", `GET /first HTTP/1.1\r\n${HOST}X: a\r\n b\r\n\r\n`),
  refused(
    "a line that begins with a space",
    `GET /first HTTP/1.1\r\n X: a\r\n${HOST}\r\n`,
  ),
  refused("a name without a value", `GET /first HTTP/1.1\r\n${HOST}X\r\n\r\n`),
  refused("no name", `GET /first HTTP/1.1\r\n${HOST}: x\r\n\r\n`),
  refused(
    "a request in a target",
    `GET /first HTTP/1.1 HTTP/1.1\r\n${HOST}\r\n`,
  ),
  refused("two Hosts", `GET /first HTTP/1.1\r\n${HOST}Host: b\r\n\r\n`),
  refused("no Host", "GET /first HTTP/1.1\r\n\r\n"),
  refused(
    "an absolute target of another Host",
    `GET http://b/first HTTP/1.1\r\n${HOST}\r\n`,
  ),
  refused(
    "an absolute target with userinfo",
    `GET http://a@b/first HTTP/1.1\r\nHost: b\r\n\r\n`,
  ),
  refused("HTTP/2.0", `GET /first HTTP/2.0\r\n${HOST}\r\n`, 505),
  refused("an HTTP/2 preface", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505),
  refused("CONNECT", "CONNECT a:80 HTTP/1.1\r\nHost: a:80\r\n\r\n", 501),
  refused(
    "another expectation",
    `${POST}Expect: x\r\nContent-Length: 5\r\n\r\nhello`,
    417,
  ),
  forwarded(
    "an absolute target",
    `GET http://a/first HTTP/1.1\r\n${HOST}\r\n`,
    "GET /first ",
  ),
  {
    name: "TRACE",
    wire: `TRACE /first HTTP/1.1\r\n${HOST}\r\n${GET}`,
    statuses: [501, 200],
    sees: ["GET /smuggled "],
  },
];

const wires: readonly Wire[] = [
  ...[...lengths, ...codings, ...codingLines, ...chunks, ...bodies, ...heads],
];

/** A chain of two proxies. */
interface Row extends AsyncDisposable {
  readonly upstream: RawUpstream;
  readonly port: number;
}

async function startRow(script: Script): Promise<Row> {
  await using stack = new AsyncDisposableStack();
  const upstream = stack.use(new RawUpstream(script));
  const inner: Program = stack.use(await startProxy(upstream.port));
  const outer: Program = stack.use(await startProxy(inner.port));
  const owned = stack.move();
  return {
    upstream,
    port: outer.port,
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

/** An origin that answers with the request that it saw, so that each response names its request. */
const tell: Script = async ({ method, target }, { readBody, send }) => {
  const text = `${method} ${target} ${await readBody()}`;
  const body = method === "HEAD" ? "" : text;
  await send(
    `HTTP/1.1 200 OK\r\nContent-Length: ${text.length}\r\n\r\n${body}`,
  );
};

function isHead(sees: string | undefined): boolean {
  return sees?.startsWith("HEAD ") === true;
}

/** Sends a wire, ends the client's direction, and reads all responses. */
async function answersTo(port: number, wire: Wire): Promise<string[]> {
  using client = await RawClient.connect(port);
  await client.send(wire.wire);
  await client.end();
  const answers: string[] = [];
  for (const [index, status] of wire.statuses.entries()) {
    const sees = wire.sees.at(index - wire.statuses.length);
    const answer = await client.response(isHead(sees) && status === 200);
    answers.push(
      `${answer.status}${answer.status === 200 ? ` ${answer.body}` : ""}`,
    );
  }
  const rest = await client.toEnd();
  return rest === "" ? answers : [...answers, rest];
}

/** Checks the responses. */
function expected({ statuses, sees }: Wire): string[] {
  const left = [...sees];
  return statuses.map((status) => {
    if (status !== 200) return String(status);
    const [own = ""] = left.splice(0, 1);
    return isHead(own) ? "200 " : `200 ${own}`;
  });
}

async function probe(row: Row, path: string): Promise<void> {
  using client = await RawClient.connect(row.port);
  const answer = await client.ask(`GET ${path} HTTP/1.1\r\nHost: a\r\n\r\n`);
  assertEquals([answer.status, answer.body], [200, `GET ${path} `]);
}

function seen(upstream: RawUpstream): string[] {
  return upstream.requests.splice(0).map(({ method, target, body }) =>
    `${method} ${target} ${body}`
  );
}

Deno.test(`two proxies: ${wires.length} wires smuggle no request to the origin and no response to another client`, async () => {
  assert(wires.length >= 40);
  await using row = await startRow(tell);
  const { upstream } = row;
  for (const [index, wire] of wires.entries()) {
    assertEquals([wire.name, ...await answersTo(row.port, wire)], [
      wire.name,
      ...expected(wire),
    ]);
    // The probe reuses the idle connections of both proxies; it must get its own response.
    for (const path of [`/probe/${index}`, `/again/${index}`]) {
      await probe(row, path);
    }
    const probes = [`GET /probe/${index} `, `GET /again/${index} `];
    assertEquals([wire.name, ...seen(upstream)], [
      wire.name,
      ...wire.sees,
      ...probes,
    ]);
    assertEquals([wire.name, ...upstream.faults], [wire.name]);
  }
});

Deno.test("two proxies: each wire has the same outcome when sent byte by byte", async () => {
  await using row = await startRow(tell);
  for (const wire of wires) {
    if (wire.wire.length > 300) continue;
    using client = await RawClient.connect(row.port);
    try {
      for (const byte of wire.wire) await client.send(byte);
      await client.end();
    } catch (error) {
      // A proxy that rejects a request does not read the rest.
      assert(wire.statuses.some((status) => status !== 200), String(error));
    }
    await client.toEnd().catch(() => ""); // as above
  }
  await probe(row, "/probe");
  const all = wires.filter(({ wire }) => wire.length <= 300);
  const sees = all.flatMap((wire) => [...wire.sees]);
  assertEquals(seen(row.upstream), [...sees, "GET /probe "]);
  assertEquals(row.upstream.faults, []);
});

Deno.test("two proxies: many concurrent clients, every second one with a wire that is rejected", async () => {
  await using row = await startRow(tell);
  const bad = wires.filter(({ sees }) => sees.length === 0);
  await Promise.all(bad.map(async (wire, index) => {
    const path = `/client/${index}`;
    using client = await RawClient.connect(row.port);
    for (let round = 0; round < 5; round++) {
      const [answers] = await Promise.all([
        answersTo(row.port, wire),
        client.ask(`GET ${path}/${round} HTTP/1.1\r\nHost: a\r\n\r\n`).then(
          ({ body }) => assertEquals(body, `GET ${path}/${round} `),
        ),
      ]);
      assertEquals([wire.name, ...answers], [wire.name, ...expected(wire)]);
    }
  }));
  const paths = seen(row.upstream);
  assertEquals(paths.length, bad.length * 5);
  assert(paths.every((path) => path.startsWith("GET /client/")));
});

const POISON = "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\npoison";

/** Invalid responses of the origin. */
const poisons:
  readonly (readonly [name: string, answer: string, status: number])[] = [
    [
      "a response after the response",
      `HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok${POISON}`,
      200,
    ],
    [
      "one after chunks",
      `HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n${POISON}`,
      200,
    ],
    ["one after a 204", `HTTP/1.1 204 X\r\n\r\n${POISON}`, 204],
    [
      "one after a 304",
      `HTTP/1.1 304 X\r\nContent-Length: 6\r\n\r\n${POISON}`,
      304,
    ],
    [
      "a 204 with a body",
      `HTTP/1.1 204 X\r\nContent-Length: 6\r\n\r\npoison`,
      204,
    ],
    [
      "TE and CL",
      `HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n${POISON}`,
      502,
    ],
    [
      "two lengths",
      `HTTP/1.1 200 OK\r\nContent-Length: 0\r\nContent-Length: 2\r\n\r\n${POISON}`,
      502,
    ],
    [
      "a list of lengths",
      `HTTP/1.1 200 OK\r\nContent-Length: 0, 0\r\n\r\n${POISON}`,
      502,
    ],
    [
      "a coding in front",
      `HTTP/1.1 200 OK\r\nTransfer-Encoding: x, chunked\r\n\r\n0\r\n\r\n${POISON}`,
      502,
    ],
    [
      "TE in HTTP/1.0",
      `HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n${POISON}`,
      502,
    ],
    [
      "a bare LF",
      `HTTP/1.1 200 OK\r\nX: y\nContent-Length: 0\r\n\r\n${POISON}`,
      502,
    ],
    [
      "a bare CR",
      `HTTP/1.1 200 OK\r\nX: y\rContent-Length: 0\r\n\r\n${POISON}`,
      502,
    ],
    [
      "a folded line",
      `HTTP/1.1 200 OK\r\nX: y\r\n Content-Length: 0\r\n\r\n${POISON}`,
      502,
    ],
    [
      "a space before a colon",
      `HTTP/1.1 200 OK\r\nContent-Length : 0\r\n\r\n${POISON}`,
      502,
    ],
    [
      "a bad chunk",
      `HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0x0\r\n\r\n${POISON}`,
      502,
    ],
    [
      "a trailer that frames",
      `HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nContent-Length: 2\r\n\r\n${POISON}`,
      502,
    ],
    [
      "a 101 without an offer",
      `HTTP/1.1 101 X\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n${POISON}`,
      502,
    ],
    [
      "nine interim responses",
      "HTTP/1.1 102 X\r\n\r\n".repeat(9) + POISON,
      502,
    ],
  ];

Deno.test(`two proxies: ${poisons.length} responses of the origin reach no other client`, async () => {
  let poison = "";
  await using row = await startRow(async (request, connection) => {
    if (request.target !== "/poison") return await tell(request, connection);
    await connection.readBody();
    await connection.send(poison);
  });
  for (const [name, answer, status] of poisons) {
    poison = answer;
    await probe(row, "/before"); // so that the next request reuses idle connections
    using client = await RawClient.connect(row.port);
    await client.send("GET /poison HTTP/1.1\r\nHost: a\r\n\r\n");
    let got = await client.response();
    while (got.status < 200) got = await client.response();
    const body = status === 200 ? "ok" : status === 502 ? "Bad Gateway\n" : "";
    assertEquals([name, got.status, got.body], [name, status, body]);
    for (const path of ["/after", "/later"]) await probe(row, path);
    const own = await client.ask("GET /own HTTP/1.1\r\nHost: a\r\n\r\n");
    assertEquals([name, own.body], [name, "GET /own "]);
  }
  assertEquals(row.upstream.faults, []);
});
