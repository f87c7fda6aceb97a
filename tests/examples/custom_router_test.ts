/** The example that routes by one switch. */

import { assertEquals } from "@std/assert";
import { startExample } from "../support/program.ts";
import { RawClient } from "../support/raw_client.ts";
import { request } from "../support/serve.ts";

const HELP = "GET or PUT /greeting, POST /echo, GET /user/:id\n";
const GREETING = "GET, HEAD, OPTIONS, PUT";

/** In their order: some depend on those before. */
const rows: readonly (readonly [
  wire: string,
  status: number,
  body: string,
  allow?: string,
])[] = [
  [request("GET /"), 200, HELP],
  [request("HEAD /"), 200, ""],
  [request("GET http://a/"), 200, HELP],
  [request("GET /greeting"), 200, "Hello, World!\n"],
  [request("PUT /greeting", "", "Hej"), 204, ""],
  [request("GET /greeting?x=1"), 200, "Hej"],
  [request("HEAD /greeting"), 200, ""],
  [request("POST /echo", "", "abc"), 200, "abc"],
  [request("GET /user/42"), 200, "user 42\n"],
  [request("HEAD /user/42"), 200, ""],
  [request("OPTIONS *"), 200, ""],
  [request("OPTIONS /greeting"), 204, "", GREETING],
  [request("OPTIONS /user/42"), 204, "", "GET, HEAD, OPTIONS"],
  [request("DELETE /greeting"), 405, "Method not allowed\n", GREETING],
  [
    request("POST /user/42"),
    405,
    "Method not allowed\n",
    "GET, HEAD, OPTIONS",
  ],
  [request("BREW /"), 405, "Method not allowed\n", "GET, HEAD, OPTIONS"],
  [request("GET /user/x"), 404, "Path not found\n"],
  [request("GET /user/42/"), 404, "Path not found\n"],
  [request("GET /greeting/"), 404, "Path not found\n"],
  [request("OPTIONS /nope"), 404, "Path not found\n"],
];

Deno.test("custom_router answers every case of its switch, and requests that match none", async () => {
  await using program = await startExample("custom_router");
  using client = await RawClient.connect(program.port);
  for (const [wire, status, body, allow] of rows) {
    const answer = await client.ask(wire);
    assertEquals(
      [wire, answer.status, answer.body, answer.headers.get("allow")],
      [wire, status, body, allow],
    );
  }
  const connect = "CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n\r\n";
  assertEquals((await client.ask(connect)).status, 404);
  assertEquals(await client.toEnd(), "");
});
