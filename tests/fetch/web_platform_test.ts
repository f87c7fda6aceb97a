/**
 * Cases of the public web-platform-tests (`fetch/api/request`, `response` and
 * `headers`) that concern a received request, restated as tables. Each row names
 * the file that it restates. The request is the one of a fetch handler, and then
 * a request of the runtime's own, which shows that the row says what the platform
 * does.
 */

import { assertEquals } from "@std/assert";
import { testFetch } from "../support/fetch_adapters.ts";
import { outcome } from "./platform_cases/case.ts";
import { HEADER_CASES } from "./platform_cases/header_cases.ts";
import { REQUEST_CASES } from "./platform_cases/request_cases.ts";

const CASES = [...HEADER_CASES, ...REQUEST_CASES];

for (const { name, wire, read, expect } of CASES) {
  testFetch(`web platform: ${name}`, async (engine, { toHandler }) => {
    const errors: unknown[] = [];
    await using server = engine.serve((app) =>
      app.fallbackRoute(
        toHandler(async (request) => Response.json(await read(request))),
      ).errorHook((error) => void errors.push(error))
    );
    using client = await server.connect();
    const { body } = await client.ask(wire);
    assertEquals(errors, []);
    const bytes = Uint8Array.from(body, (unit) => unit.charCodeAt(0));
    assertEquals(JSON.parse(new TextDecoder().decode(bytes)), expect);
  });
}

/** Makes a request of the runtime's own with the same parts. */
function ownRequest(wire: string): Request {
  const end = wire.indexOf("\r\n\r\n");
  const [line = "", ...fields] = wire.slice(0, end).split("\r\n");
  const [method = "", target] = line.split(" ");
  const headers = fields.map((field): [string, string] => {
    const colon = field.indexOf(":");
    return [field.slice(0, colon), field.slice(colon + 1)];
  });
  const host = new Headers(headers).get("host");
  const init: RequestInit = { method, headers };
  if (method === "POST") {
    const bytes = Uint8Array.from(
      wire.slice(end + 4),
      (unit) => unit.charCodeAt(0),
    );
    init.body = bytes;
  }
  return new Request(`http://${host}${target}`, init);
}

Deno.test("web platform: the rows say what a request of the runtime does, where it follows the standard", async () => {
  const results: Record<string, unknown> = {};
  const expected: Record<string, unknown> = {};
  for (const { name: row, wire, read, expect, runtime = expect } of CASES) {
    const result = await outcome(() => read(ownRequest(wire)));
    results[row] = JSON.parse(JSON.stringify(result));
    expected[row] = runtime;
  }
  assertEquals(results, expected);
});
