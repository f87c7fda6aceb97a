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
import { type Wire, wires } from "./two_proxies_cases.ts";

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
  return await readAnswers(client, wire);
}

/**
 * Reads all responses, and then ends the client's direction. The proxies would
 * drop the requests of a client that ends it earlier.
 */
async function readAnswers(client: RawClient, wire: Wire): Promise<string[]> {
  if (wire.sees.length === 0) await client.end();
  const answers: string[] = [];
  for (const [index, status] of wire.statuses.entries()) {
    const sees = wire.sees.at(index - wire.statuses.length);
    const answer = await client.response(isHead(sees) && status === 200);
    answers.push(
      `${answer.status}${answer.status === 200 ? ` ${answer.body}` : ""}`,
    );
  }
  if (wire.sees.length > 0) await client.end();
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
      await readAnswers(client, wire);
    } catch (error) {
      // A proxy that rejects a request may close before all of it was sent.
      assert(wire.statuses.some((status) => status !== 200), String(error));
    }
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
