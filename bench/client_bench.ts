/**
 * The client in memory: `deno bench -A bench/client_bench.ts`.
 *
 * The client encodes a request, parses the response and returns its body,
 * without a socket and without system calls. `deno task bench:client` measures
 * it on sockets, together with other clients.
 */

import { assertEquals } from "@std/assert";
import { SYSTEM_CLOCK } from "../client/clock.ts";
import { createContext, ExchangeRunner } from "../client/exchange_runner.ts";
import { resolveClientOptions } from "../client/options.ts";
import { parseBase } from "../client/origin.ts";
import type { ExchangeInit } from "../mod.ts";
import { MemoryConnector } from "./client/memory_connector.ts";

const FIELDS =
  "content-type: text/plain\r\ndate: Thu, 01 Jan 2026 00:00:00 GMT\r\n";
const HELLO =
  `HTTP/1.1 200 OK\r\n${FIELDS}content-length: 13\r\n\r\nHello, World!`;
const MORE_FIELDS = Array.from(
  { length: 12 },
  (_, at) => `x-field-${at}: ${"value ".repeat(6)}\r\n`,
).join("");
const MANY_FIELDS =
  `HTTP/1.1 200 OK\r\n${FIELDS}${MORE_FIELDS}content-length: 13\r\n\r\nHello, World!`;
const LARGE = `HTTP/1.1 200 OK\r\n${FIELDS}content-length: 130000\r\n\r\n${
  "0".repeat(130_000)
}`;
const CHUNKED =
  `HTTP/1.1 200 OK\r\n${FIELDS}transfer-encoding: chunked\r\n\r\n${
    `4000\r\n${"0".repeat(16_384)}\r\n`.repeat(8)
  }0\r\n\r\n`;

/** A client whose requests all get the same response. */
function exchanger(
  response: string,
  method: string,
  init: ExchangeInit,
): () => Promise<number> {
  const context = createContext(
    resolveClientOptions({}),
    SYSTEM_CLOCK,
    new MemoryConnector(new TextEncoder().encode(response)),
  );
  const runner = new ExchangeRunner(parseBase("127.0.0.1:8080"), context);
  return async () => {
    const { body } = await runner.exchange(method, "/user/42?page=1", init);
    return (await body.bytes()).length;
  };
}

for (
  const { name, response, method = "GET", init = {}, sizeBytes = 13 } of [
    { name: "GET, 13 bytes", response: HELLO },
    { name: "GET, 13 bytes after 15 fields", response: MANY_FIELDS },
    {
      name: "POST, 4 KB",
      response: HELLO,
      method: "POST",
      init: { body: new Uint8Array(4096) },
    },
    { name: "GET, 130 KB", response: LARGE, sizeBytes: 130_000 },
    { name: "GET, 131 KB chunked", response: CHUNKED, sizeBytes: 131_072 },
  ]
) {
  const exchange = exchanger(response, method, init);
  assertEquals(await exchange(), sizeBytes);
  Deno.bench(
    `khttp, ${name}`,
    { group: "exchange in memory", baseline: name === "GET, 13 bytes" },
    async () => void await exchange(),
  );
}
