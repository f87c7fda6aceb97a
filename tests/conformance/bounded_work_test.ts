/**
 * The work that a slow or greedy peer can cause: each byte is examined a bounded
 * number of times (R7), memory grows with bytes received only (R57), and
 * read-ahead stops at a limit and resumes (R98).
 */

import { assert, assertEquals, assertLess } from "@std/assert";
import { encodeLatin1 } from "../../codec/ascii.ts";
import { FieldScanner } from "../../codec/field_lines.ts";
import { DEFAULT_HEAD_LIMITS } from "../../codec/limits.ts";
import { RequestLineScanner } from "../../codec/request_line.ts";
import { Server } from "../../server/server.ts";
import { LISTEN, testEngine, testEngines } from "../support/engines.ts";
import { MemoryConnection } from "../support/memory_duplex.ts";
import { turn } from "../support/turns.ts";
import { withDeadline } from "../support/with_deadline.ts";

interface Scanner {
  readonly position: number;
  scan(bytes: Uint8Array, base: number, end: number): boolean;
}

/**
 * Feeds byte by byte and overwrites every byte that the scanner has passed with
 * NUL, which is invalid everywhere: a scanner that examined it again would fail.
 */
function scanSpoiled(scanner: Scanner, wire: string): void {
  const bytes = encodeLatin1(wire);
  for (let end = 1; end <= bytes.length; end++) {
    const before = scanner.position;
    assertEquals(scanner.scan(bytes, 0, end), end === bytes.length);
    assert(scanner.position >= before && scanner.position <= end);
    bytes.fill(0, 0, scanner.position);
  }
  assertEquals(scanner.position, bytes.length);
}

Deno.test("R7: a request line that arrives byte by byte is examined once", () => {
  const scanner = new RequestLineScanner(DEFAULT_HEAD_LIMITS);
  const path = "/a%20b?c".padEnd(8192, "[d]");
  scanSpoiled(scanner, `\r\nM-SEARCH ${path} HTTP/1.0\r\n`);
  assertEquals(scanner.minorVersion, 0);
});

Deno.test("R7: a field section of 16 KiB that arrives byte by byte is examined once", () => {
  const scanner = new FieldScanner({
    maxBytes: 16_384,
    maxCount: 100,
    optionNames: ["a", "b"],
    codes: ["HEAD_TOO_LARGE", "TOO_MANY_FIELDS"],
  });
  scanner.start(0);
  const line = `X-Name:  \t${"value ".repeat(25)}end\r\n`;
  const lines = line.repeat(90);
  const last = `Y: ${"y".repeat(16_384 - lines.length - 5)}\r\n`;
  scanSpoiled(scanner, `${lines}${last}\r\n`);
  assertEquals(scanner.count, 91);
});

testEngines("R57: a declared length allocates no memory", async (engine) => {
  const connections = 200;
  const declared = 1_048_576;
  const called = Promise.withResolvers<void>();
  let calls = 0;
  await using server = engine.serve((app) =>
    app.fallbackRoute(async (ctx, res) => {
      const body = ctx.body.bytes();
      if (++calls === connections) called.resolve();
      res.ok(await body);
    })
  );
  const { port } = server;
  const peers = await Promise.all(
    Array.from({ length: connections }, () => Deno.connect({ port })),
  );
  const head = encodeLatin1(
    `POST / HTTP/1.1\r\nHost: a\r\nContent-Length: ${declared}\r\n\r\nx`,
  );
  const before = Deno.memoryUsage().external;
  for (const peer of peers) await peer.write(head);
  await withDeadline(called.promise, 10_000);
  assertLess(Deno.memoryUsage().external - before, connections * 65_536);
  for (const peer of peers) {
    await peer.closeWrite();
    const answer = await new Response(peer.readable).text();
    assert(answer.startsWith("HTTP/1.1 400 "), answer);
  }
});

testEngines(
  "R56: body.bytes() reads exactly up to 1 MiB",
  async (engine) => {
    await using server = engine.wire((app) =>
      app.fallbackRoute(async (ctx, res) =>
        res.ok(String((await ctx.body.bytes()).length))
      )
    );
    for (
      const [size, status] of [[1_048_576, 200], [1_048_577, 413]] as const
    ) {
      const chunk = "x".repeat(65_536);
      const rest = "x".repeat(size - 15 * 65_536);
      const wire =
        "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n" +
        `10000\r\n${chunk}\r\n`.repeat(15) +
        `${rest.length.toString(16)}\r\n${rest}\r\n0\r\n\r\n`;
      const outcome = await server.run([encodeLatin1(wire)]);
      assertEquals(outcome.responses.map((response) => response.status), [
        status,
      ]);
    }
  },
);

testEngines(
  "R56, R112: the error response to a HEAD request with too long a body has no body",
  async (engine) => {
    await using server = engine.wire(
      (app) => app.fallbackRoute((_, res) => res.ok()),
      { maxBodyBytes: 5 },
    );
    const wire =
      "HEAD / HTTP/1.1\r\nHost: a\r\nContent-Length: 6\r\n\r\n123456";
    const { responses, rest } = await server.run([encodeLatin1(wire)], {
      methods: ["HEAD"],
      expectResponses: Infinity,
    });
    assertEquals(responses.map(({ status }) => status), [413]);
    assertEquals(rest, "");
  },
);

testEngine(
  LISTEN,
  "R98, R154: read-ahead stops at 64 KiB, and resumes when there is room",
  async () => {
    const first = Promise.withResolvers<void>();
    const log: string[] = [];
    const server = Server.builder("127.0.0.1:0")
      .fallbackRoute(async (ctx, res) => {
        log.push(ctx.uri.path);
        if (ctx.uri.path === "/0") await first.promise;
        res.ok(ctx.uri.path);
      })
      .build();
    const requests = Array.from(
      { length: 3000 },
      (_, i) => `GET /${i} HTTP/1.1\r\nHost: a\r\nX: ${"x".repeat(40)}\r\n\r\n`,
    );
    const peer = new MemoryConnection();
    const served = server.handle(peer.duplex);
    peer.send(requests.join(""));
    await turn();
    const firstBytes = requests[0]?.length ?? 0;
    assert(peer.readBytes > 50_000 && peer.readBytes <= 65_536 + firstBytes);
    assertEquals(log, ["/0"]);
    first.resolve();
    for (let n = 0; n < requests.length; n++) await peer.response();
    peer.end();
    await withDeadline(served, 10_000);
    assertEquals(log, requests.map((_, i) => `/${i}`));
  },
);

testEngines(
  "a head longer than the read-ahead is read if the limits allow it",
  async (engine) => {
    await using server = engine.wire(
      (app) => app.fallbackRoute((ctx, res) => res.ok(ctx.headers.get("x"))),
      {
        maxHeaderBytes: 200_000,
        maxRequestHeadSize: 200_000,
      },
    );
    const value = "x".repeat(150_000);
    const wire = encodeLatin1(
      `GET / HTTP/1.1\r\nHost: a\r\nX: ${value}\r\n\r\n`,
    );
    const pieces = [wire.subarray(0, 70_000), wire.subarray(70_000)];
    for (const split of [[wire], pieces]) {
      const { responses } = await server.run(split);
      assertEquals(responses.map(({ body }) => body), [value]);
    }
  },
);
