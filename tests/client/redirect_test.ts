/** Redirects: off by default, limited, and without credentials for other origins (RFC 9110 §15.4). */

import { assert, assertEquals, assertRejects } from "@std/assert";
import { Client, type ExchangeInit } from "../../mod.ts";
import { body, head, HostileServer, send } from "../support/hostile_server.ts";
import {
  fails,
  HELLO,
  isGone,
  pair,
  Pieces,
} from "../support/client_exchange.ts";

function moved(location: string, status = 302): string {
  return `HTTP/1.1 ${status} \r\nLocation: ${location}\r\nContent-Length: 0\r\n\r\n`;
}

const FOLLOW = { maxRedirects: 3 };

Deno.test("a redirect is returned to the caller by default", async () => {
  await using both = pair([[head, send(moved("/b"))]]);
  const response = await both.client.get("/a");
  assertEquals([response.status, response.headers.get("location")], [
    302,
    "/b",
  ]);
  assertEquals(response.url, `http://${both.server.origin}/a`);
});

Deno.test("a Location may be a path or URL, absolute or relative; its fragment is dropped", async () => {
  for (
    const [location, target] of [
      ["/b?c", "/b?c"],
      ["b", "/x/b"],
      ["?c", "/x/a?c"],
      ["../b#f", "/b"],
      ["", "/x/a?q"],
      ["//SELF/b", "/b"],
      ["http://u:p@SELF/b#f", "/b"],
      ["/100%?q=5%&r=%zz%41", "/100%25?q=5%25&r=%25zz%41"],
      ["/caf\xc3\xa9?\xe2\x82\xac", "/caf%C3%A9?%E2%82%AC"],
      ['/\xe9 b"<>`{}|^\\', "/%C3%A9%20b%22%3C%3E%60%7B%7D|^/"],
      ['/?\xe9 b"<>`{}|^\\', "/?%C3%A9%20b%22%3C%3E%60%7B%7D|^%5C"],
    ] as const
  ) {
    await using both = pairAtSelf(location);
    const response = await both.client.get("/x/a?q");
    assertEquals(await response.body.text(), "hello", location);
    const [, second = ""] = (await both.server.peer(0)).heads;
    assertEquals(second.split(" ")[1], target, location);
    assertEquals(response.url, `http://${both.server.origin}${target}`);
    assertEquals(both.server.count, 1);
  }
});

/** A server that redirects to itself where the location says `SELF`. */
function pairAtSelf(location: string): ReturnType<typeof pair> {
  let origin = "";
  const both = pair([[
    head,
    (peer) => peer.write(moved(location.replace("SELF", origin))),
    head,
    send(HELLO),
  ]], FOLLOW);
  origin = both.server.origin;
  return both;
}

Deno.test("maxRedirects limits the number of redirects", async () => {
  const script = Array.from({ length: 4 }, () => [head, send(moved("/b"))]);
  await using both = pair([script.flat()], FOLLOW);
  await fails(both.client.get("/"), "read", "REDIRECT");
  assertEquals((await both.server.peer(0)).heads.length, 4);
  await using enough = pair([
    [...script.slice(1).flat(), head, send(HELLO)],
  ], FOLLOW);
  assertEquals((await enough.client.get("/")).status, 200);
});

/** Returns head and body of the request that follows a redirect. */
async function followed(
  method: string,
  status: number,
  init: ExchangeInit,
): Promise<string> {
  await using both = pair([
    [head, body(1), send(moved("/b", status)), head, body(0), send(HELLO)],
    [head, send(HELLO)],
  ], FOLLOW);
  const response = await both.client.exchange(method, "/a", init);
  await response.body.text();
  const peer = await both.server.peer(0);
  const [, second = ""] = peer.heads;
  const at = peer.received.indexOf(second);
  return second.replace(/^host: .*\r\n/m, "") +
    peer.received.slice(at + second.length);
}

Deno.test("303 changes the method to GET, 301 and 302 only change POST, 307 and 308 never do", async () => {
  const headers = {
    "content-type": "text/plain",
    "content-language": "en",
    "x-a": "b",
  };
  const init = { body: "x", headers };
  const get = "GET /b HTTP/1.1\r\nx-a: b\r\n\r\n";
  const same = (method: string): string =>
    `${method} /b HTTP/1.1\r\ncontent-length: 1\r\ncontent-type: text/plain\r\ncontent-language: en\r\nx-a: b\r\n\r\nx`;
  for (const status of [301, 302, 303]) {
    assertEquals(await followed("POST", status, init), get, `${status}`);
  }
  for (const status of [307, 308]) {
    assertEquals(await followed("POST", status, init), same("POST"));
  }
  assertEquals(await followed("PUT", 303, init), get);
  for (const status of [301, 302, 307, 308]) {
    assertEquals(await followed("PUT", status, init), same("PUT"));
  }
});

Deno.test("a redirected HEAD stays HEAD", async () => {
  await using both = pair([[
    head,
    send(moved("/b", 303)),
    head,
    send(HELLO.slice(0, -5)),
  ]], FOLLOW);
  const response = await both.client.head("/a");
  assertEquals(await response.body.text(), "");
  const [, second = ""] = (await both.server.peer(0)).heads;
  assert(second.startsWith("HEAD /b "));
});

Deno.test("other statuses, and redirects without a Location, are returned to the caller", async () => {
  for (
    const wire of [
      moved("/b", 300),
      moved("/b", 305),
      "HTTP/1.1 304 \r\nLocation: /b\r\n\r\n",
      moved("/b", 201),
      "HTTP/1.1 302 \r\nContent-Length: 0\r\n\r\n",
    ]
  ) {
    await using both = pair([[head, send(wire)]], FOLLOW);
    const response = await both.client.get("/");
    assertEquals(`${response.status}`, wire.slice(9, 12));
  }
});

Deno.test("credentials are not sent to another origin, nor to the first after that", async () => {
  const headers = {
    Authorization: "a",
    Cookie: "b",
    "Proxy-Authorization": "c",
    "X-Api-Key": "d",
    Accept: "e",
  };
  await using other = new HostileServer([[
    head,
    (peer) => peer.write(moved(`http://${both.server.origin}/c`)),
  ]]);
  const both = pair([
    [
      head,
      send(moved("/same")),
      head,
      send(moved(`http://${other.origin}/b`)),
      head,
      send(HELLO),
    ],
  ], FOLLOW);
  await using _both = both;
  const { client, server } = both;
  const response = await client.get("/", { headers });
  assertEquals(response.url, `http://${server.origin}/c`);
  const hasCredentials = (text = ""): boolean[] =>
    [
      "Authorization: a",
      "Cookie: b",
      "Proxy-Authorization: c",
      "X-Api-Key: d",
    ].map((line) => text.includes(`\r\n${line}\r\n`));
  const [, same, back] = (await server.peer(0)).heads;
  const [away = ""] = (await other.peer(0)).heads;
  assertEquals(hasCredentials(same), [true, true, true, true]);
  assertEquals(hasCredentials(away), [false, false, false, false]);
  assertEquals(hasCredentials(back), [false, false, false, false]);
  assert(away.startsWith(`GET /b HTTP/1.1\r\nhost: ${other.origin}\r\n`));
  assert(away.includes("Accept: e"));
  assertEquals(client.connectionCount, 2);
  client.close();
  assertEquals(client.connectionCount, 0);
  await (await other.peer(0)).ended;
});

Deno.test("crossOriginFields lists the fields that another origin gets, whatever their case", async () => {
  await using other = new HostileServer([[head, send(HELLO)]]);
  const there = moved(`http://${other.origin}/b`, 307);
  await using server = new HostileServer([[head, body(1), send(there)]]);
  await using client = new Client(server.origin, {
    maxRedirects: 1,
    crossOriginFields: ["X-Api-Key", "authorization"],
  });
  const headers = {
    "x-api-KEY": "a",
    authorization: "b",
    accept: "c",
    cookie: "d",
  };
  await (await client.put("/", { headers, body: "e" })).close();
  const [away = ""] = (await other.peer(0)).heads;
  assertEquals(
    away,
    `PUT /b HTTP/1.1\r\nhost: ${other.origin}\r\ncontent-length: 1\r\nx-api-KEY: a\r\nauthorization: b\r\n\r\n`,
  );
});

Deno.test("several Location lines are followed only if they are the same", async () => {
  const twice = (second: string): string =>
    `HTTP/1.1 302 \r\nLocation: /b\r\nlocation: ${second}\r\nContent-Length: 0\r\n\r\n`;
  await using same = pair(
    [[head, send(twice("/b")), head, send(HELLO)]],
    FOLLOW,
  );
  assertEquals(
    (await same.client.get("/a")).url,
    `http://${same.server.origin}/b`,
  );
  await using other = pair([[head, send(twice("/c"))]], FOLLOW);
  await fails(other.client.get("/a"), "read", "REDIRECT");
  await using off = pair([[head, send(twice("/c"))]]);
  assertEquals((await off.client.get("/a")).headers.get("location"), "/b, /c");
});

Deno.test("a request may set its own maxRedirects", async () => {
  await using both = pair([
    [head, send(moved("/b")), head, send(HELLO), head, send(moved("/c"))],
  ]);
  const { client } = both;
  const followed = await client.get("/a", { maxRedirects: 1 });
  assertEquals(followed.url, `http://${both.server.origin}/b`);
  assertEquals((await client.get("/a", { maxRedirects: 0 })).status, 302);
  for (const maxRedirects of [-1, 0.5, NaN]) {
    await assertRejects(
      () => client.get("/a", { maxRedirects }),
      RangeError,
      "maxRedirects",
    );
  }
});

Deno.test("a redirect that cannot be followed closes its response", async () => {
  for (
    const location of ["ftp://a/", "javascript:x", "http://a:x/", "http://"]
  ) {
    const wire =
      `HTTP/1.1 302 \r\nLocation: ${location}\r\nContent-Length: 99999\r\n\r\n`;
    await using both = pair([[head, send(wire)]], FOLLOW);
    await fails(both.client.get("/"), "read", "REDIRECT");
    await isGone(both);
  }
});

Deno.test("a redirect cannot repeat a streamed body", async () => {
  const wire = "HTTP/1.1 307 \r\nLocation: /b\r\nContent-Length: 99999\r\n\r\n";
  await using both = pair([[head, body(11), send(wire)]], FOLLOW);
  const pieces = new Pieces(["a"]);
  await fails(both.client.post("/", { body: pieces }), "write", "REDIRECT");
  await isGone(both);
});

Deno.test("a redirect to GET is followed after a streamed body", async () => {
  await using both = pair([
    [head, body(11), send(moved("/b", 303)), head, send(HELLO)],
  ], FOLLOW);
  const response = await both.client.post("/", { body: new Pieces(["a"]) });
  assertEquals(await response.body.text(), "hello");
});

Deno.test("a redirect of OPTIONS * is followed", async () => {
  await using both = pair(
    [[head, send(moved("/b")), head, send(HELLO)]],
    FOLLOW,
  );
  const response = await both.client.options("*");
  assertEquals(response.url, `http://${both.server.origin}/b`);
});

Deno.test("a redirect stays on its Unix socket", async () => {
  const folder = await Deno.makeTempDir();
  const path = `${folder}/socket`;
  {
    await using server = new HostileServer([
      [head, send(moved("/b")), head, send(HELLO)],
    ], { path });
    await using client = new Client(`unix:${path}`, FOLLOW);
    const response = await client.get("/a");
    assertEquals(await response.body.text(), "hello");
    assertEquals(server.count, 1);
  }
  await Deno.remove(folder, { recursive: true });
});

Deno.test("a redirect to a closed port fails with CONNECT_FAILED", async () => {
  const gone = new HostileServer([]);
  const { origin } = gone;
  await gone[Symbol.asyncDispose]();
  await using both = pair([[head, send(moved(`http://${origin}/`))]], FOLLOW);
  await fails(both.client.get("/"), "connect", "CONNECT_FAILED");
});

Deno.test("a redirect does not repeat the base path, nor send credentials of the URL to another origin", async () => {
  await using other = new HostileServer([[head, send(HELLO)]]);
  await using server = new HostileServer([[
    head,
    send(moved("/b")),
    head,
    send(moved(`http://${other.origin}/c`)),
  ]]);
  await using client = new Client(`http://u:p@${server.origin}/api`, FOLLOW);
  const response = await client.get("/a");
  assertEquals(response.url, `http://${other.origin}/c`);
  const field = "authorization: Basic dTpw\r\n";
  const [first = "", second = ""] = (await server.peer(0)).heads;
  const [third = ""] = (await other.peer(0)).heads;
  assert(first.startsWith("GET /api/a ") && first.includes(field));
  assert(second.startsWith("GET /b ") && second.includes(field));
  assert(third.startsWith("GET /c ") && !third.includes("authorization"));
});
