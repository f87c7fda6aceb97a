/** The URLs of requests that are repeated: each request has its own, even if the URL of an earlier one was kept. */

import { assertEquals } from "@std/assert";
import { toHandler } from "../../fetch/handler.ts";
import { testEngines } from "../support/engines.ts";

/** Often enough that the scanner has started and that URLs are kept. */
const ROUNDS = 8;

/** Field lines of requests, and the host in their URL. */
const FIELDS: readonly (readonly [lines: string, host: string])[] = [
  ["Host: a\r\n", "a"],
  ["Host: b\r\n", "b"],
  ["hOST: a\r\n", "a"],
  ["Host: a \r\nX-A: b\r\n", "a"],
  ["Host: ab\r\n", "ab"],
  ["Host: a:8080\r\n", "a:8080"],
  ["X-A: b\r\nHost: a\r\n", "a"],
  [`X-A: ${"b".repeat(300)}\r\nHost: b\r\n`, "b"],
];

const TARGETS = [
  "/",
  "/b",
  "/user/42",
  "/user/43",
  "/one/edit?page",
  "/two/edit?page", // differs only where no byte is part of the hash
  `/${"long".repeat(60)}`,
];

testEngines(
  "request.url is that of each request, however often another was repeated",
  async (engine) => {
    await using server = engine.serve((app) =>
      app.fallbackRoute(toHandler(({ url }) => new Response(url)))
    );
    using client = await server.connect();
    const seen: string[] = [];
    const expected: string[] = [];
    for (let round = 0; round < ROUNDS; round++) {
      for (const target of TARGETS) {
        for (const [lines, host] of FIELDS) {
          // Twice in every other round, so that it is kept.
          for (let time = 0; time <= round % 2; time++) {
            const { body } = await client.ask(
              `GET ${target} HTTP/1.1\r\n${lines}\r\n`,
            );
            seen.push(body);
            expected.push(`http://${host}${target}`);
          }
        }
      }
    }
    assertEquals(seen, expected);
  },
);

testEngines(
  "request.url of requests without a host has the server's address, however often they are repeated",
  async (engine) => {
    await using server = engine.serve((app) =>
      app.fallbackRoute(toHandler(({ url }) => new Response(url)))
    );
    const { port } = server;
    const heads = [
      "GET /user/42 HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",
      "GET /user/42 HTTP/1.0\r\n\r\n",
    ];
    for (let round = 0; round < ROUNDS; round++) {
      for (const head of heads) {
        using client = await server.connect();
        const { body } = await client.ask(head);
        assertEquals(body, `http://127.0.0.1:${port}/user/42`);
      }
    }
  },
);

testEngines(
  "requests in one read each have their own request.url",
  async (engine) => {
    await using server = engine.serve((app) =>
      app.fallbackRoute(toHandler(({ url }) => new Response(url)))
    );
    using client = await server.connect();
    for (let round = 0; round < ROUNDS; round++) {
      const wires = TARGETS.flatMap((target) => [
        `GET ${target} HTTP/1.1\r\nHost: a\r\n\r\n`,
        `GET ${target} HTTP/1.1\r\nHost: b\r\n\r\n`,
      ]);
      await client.send(wires.join(""));
      for (const target of TARGETS) {
        for (const host of ["a", "b"]) {
          assertEquals(
            (await client.response()).body,
            `http://${host}${target}`,
          );
        }
      }
    }
  },
);
