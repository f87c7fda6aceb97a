/**
 * Section 7, R160: an encoded line end in path, query or params stays encoded
 * in everything that a handler sends from them, and a decoded one is refused
 * everywhere.
 */

import { assert, assertEquals } from "@std/assert";
import type { Handler, RequestContext } from "../mod.ts";
import { testEngines } from "./support/engines.ts";
import { request, type TestServer } from "./support/serve.ts";

const EVIL = "a%0d%0aX-Evil:%201%0d%0a%0d%0a";
const FIELDS = "Connection: upgrade, close\r\nUpgrade: echo\r\n";

/** Sends one request line, and reads everything up to the end. */
async function wholeAnswer(server: TestServer, line: string): Promise<string> {
  using client = await server.connect();
  await client.send(request(line, FIELDS));
  return await client.toEnd();
}

/** Where a handler may take a value from. */
const sources: Readonly<Record<string, Source>> = {
  path: { read: (ctx) => ctx.uri.path, isDecoded: false },
  query: { read: (ctx) => ctx.uri.query, isDecoded: false },
  param: { read: (ctx) => ctx.params.get("name"), isDecoded: false },
  decoded: { read: (ctx) => ctx.params.decoded("name"), isDecoded: true },
  searched: { read: (ctx) => ctx.query.get("q"), isDecoded: true },
};

interface Source {
  readonly read: (ctx: RequestContext) => string | null | undefined;
  /** Whether the value has line ends. */
  readonly isDecoded: boolean;
}

/** Ways to send a field with a value from the program. */
const ways: Readonly<Record<string, (value: string) => Handler>> = {
  "send()": (value) => (_, res) => res.send(302, null, { location: value }),
  "a stream": (value) => (_, res) =>
    res.ok(ReadableStream.from(["x"]), { "x-value": value }),
  "informational()": (value) => (_, res) => {
    res.informational(103, { link: value });
    res.ok();
  },
  "upgrade()": (value) => async (_, res) => {
    const conn = await res.upgrade("echo", { "x-value": value });
    conn.close();
  },
  "trailers()": (value) => (_, res) => {
    res.trailers({ "x-value": value });
    res.ok(ReadableStream.from(["x"]));
  },
};

for (const [way, respond] of Object.entries(ways)) {
  testEngines(
    `R160: an encoded line end in path, query or params never reaches a field through ${way} decoded`,
    async (engine) => {
      await using server = engine.serve((app) => {
        for (const [source, { read }] of Object.entries(sources)) {
          app.get(
            `/${source}/:name`,
            (ctx, res) => respond(read(ctx) ?? "")(ctx, res),
          );
        }
      });
      for (const [source, { isDecoded }] of Object.entries(sources)) {
        const line = `GET /${source}/${EVIL}?q=${EVIL}`;
        const answer = await wholeAnswer(server, line);
        assert(!/^x-evil/im.test(answer), answer);
        assertEquals(answer.startsWith("HTTP/1.1 500 "), isDecoded);
        assertEquals(answer.includes(EVIL), !isDecoded, answer);
      }
    },
  );
}

testEngines(
  "R160: no response of the library itself repeats path, query or params",
  async (engine) => {
    await using server = engine.serve((app) =>
      app.post("/:name", (_, res) => res.ok())
        .get(
          "/:name/decoded",
          (ctx, res) => res.ok(ctx.params.decoded("name") ?? ""),
        )
    );
    const lines = [
      ...[`GET /${EVIL}?${EVIL}`, `OPTIONS /${EVIL}`, `GET /x/y/${EVIL}`],
      ...[`PUT //${EVIL}`, `BREW /${EVIL}`, `GET /%ff${EVIL}/decoded`],
    ];
    for (const line of lines) {
      const answer = await wholeAnswer(server, line);
      assert(!/evil/i.test(answer), answer);
    }
  },
);
