/** The framework that is built by extending the builder. */

import { assertEquals, assertMatch } from "@std/assert";
import { startExample } from "../support/program.ts";
import { RawClient } from "../support/raw_client.ts";
import { request } from "../support/serve.ts";

const UNAUTHENTICATED = `{"error":"not authenticated"}\n`;
const BASIC = `Bearer realm="example"`;
const INVALID = `${BASIC}, error="invalid_token"`;

const accesses: readonly (readonly [
  path: string,
  authorization: string,
  status: number,
  body: string,
  challenge?: string,
])[] = [
  ["/me", "", 401, UNAUTHENTICATED, BASIC],
  ["/me", "Basic YTpi", 401, UNAUTHENTICATED, BASIC],
  ["/me", "Bearer", 401, UNAUTHENTICATED, BASIC],
  ["/me", "Bearer reader-token x", 401, UNAUTHENTICATED, BASIC],
  ["/me", "Bearer Reader-Token", 401, UNAUTHENTICATED, INVALID],
  [
    "/me",
    "Bearer reader-token",
    200,
    `{"user":{"name":"reader","isAdmin":false}}\n`,
  ],
  [
    "/me",
    "bEARER admin-token",
    200,
    `{"user":{"name":"admin","isAdmin":true}}\n`,
  ],
  ["/admin", "", 401, UNAUTHENTICATED, BASIC],
  [
    "/admin",
    "Bearer reader-token",
    403,
    `{"error":"reader is not an administrator"}\n`,
  ],
  ["/admin", "Bearer admin-token", 200, "Welcome\n"],
];

Deno.test("framework admits the users that its chains accept, and passes their values on", async () => {
  await using program = await startExample("framework");
  using client = await RawClient.connect(program.port);
  for (const [path, authorization, status, body, challenge] of accesses) {
    const field = authorization === ""
      ? ""
      : `Authorization: ${authorization}\r\n`;
    const answer = await client.ask(request(`GET ${path}`, field));
    const { headers } = answer;
    assertEquals(
      [authorization, answer.status, answer.body],
      [authorization, status, body],
    );
    assertEquals(headers.get("www-authenticate"), challenge);
  }
});

Deno.test("framework continues after a handler throws", async () => {
  await using program = await startExample("framework");
  using client = await RawClient.connect(program.port);
  for (const path of ["/panic", "/silent", "/panic"]) {
    const answer = await client.ask(request(`GET ${path}`));
    assertEquals(
      [answer.status, answer.body],
      [500, `{"error":"internal error"}\n`],
    );
    assertEquals(answer.headers.get("content-type"), "application/json");
  }
  assertEquals((await client.ask(request("GET /"))).body, "Hello, World!\n");
  assertEquals((await client.ask(request("GET /nope"))).status, 404);
  const { status, headers } = await client.ask(request("POST /panic"));
  assertEquals([status, headers.get("allow")], [405, "GET, HEAD, OPTIONS"]);
  // A fault of the peer is not recovered.
  const chunked = "Transfer-Encoding: chunked\r\n";
  const wrong = await client.ask(request("POST /echo", chunked, "x\r\n"));
  assertEquals([wrong.status, wrong.headers.get("connection")], [400, "close"]);
});

const redirects: readonly (readonly [target: string, location: string])[] = [
  ["/me/", "/me"],
  ["/me///", "/me"],
  ["/a/b/?c=/d/", "/a/b?c=/d/"],
  ["/me/?", "/me?"],
  ["//", "/"],
  ["//evil.example/", "/evil.example"],
  ["///evil.example//", "/evil.example"],
  ["http://a/me/", "/me"],
  ["http://a//evil.example/", "/evil.example"],
  [`/${"/".repeat(8000)}`, "/"],
];

Deno.test("framework redirects trailing slashes, never to another server", async () => {
  await using program = await startExample("framework");
  using client = await RawClient.connect(program.port);
  for (const [target, location] of redirects) {
    const answer = await client.ask(request(`GET ${target}`));
    assertEquals(
      [target, answer.status, answer.headers.get("location")],
      [target, 308, location],
    );
  }
  const post = await client.ask(request("POST /echo/", "", "abc"));
  assertEquals([post.status, post.headers.get("location")], [308, "/echo"]);
  assertEquals(
    (await client.ask(request("POST /echo", "", "abc"))).body,
    "abc",
  );
});

Deno.test({
  name: "framework logs each request on its own line, and exits with 0",
  ignore: Deno.build.os === "windows", // a signal ends a process there
  fn: async () => {
    await using program = await startExample("framework");
    using client = await RawClient.connect(program.port);
    for (const path of ["/", "/nope", "/me", "/panic", "/me/"]) {
      await client.ask(request(`GET ${path}`));
    }
    client.close();
    program.signal("SIGTERM");
    assertEquals(await program.ended(), 0);
    assertMatch(
      program.stdout,
      /\nGET "\/" 200 \d+ms\nGET "\/nope" 404 \d+ms\nGET "\/me" 401 \d+ms\nGET "\/panic" 500 \d+ms\nGET "\/me\/" 308 \d+ms\n$/,
    );
    assertEquals(
      program.stderr,
      `GET failed: "Error: out of\\ncoffee"\n`,
    );
  },
});
