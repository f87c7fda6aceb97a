/**
 * Invalid and valid bodies for handlers that do not read them or ignore the
 * error: bytes after a fault are never read as a request (R3, R67 to R80, R102),
 * bytes after a valid body always are (R66, R77).
 */

import { assert, assertEquals } from "@std/assert";
import { encodeLatin1 } from "../codec/ascii.ts";
import type { Handler } from "../server/hooks.ts";
import type { ConformanceCase } from "./support/conformance_case.ts";
import { chunkedCases } from "./conformance/chunked_cases.ts";
import { trailerCases } from "./conformance/trailer_cases.ts";
import { type TestEngine, testEngines } from "./support/engines.ts";
import { everySplit, seededSplits } from "./support/splits.ts";
import { runEach, type Wire } from "./support/wire.ts";

const FOLLOWING = "GET /following HTTP/1.1\r\nHost: a\r\n\r\n";

const HANDLERS: Readonly<Record<string, Handler>> = {
  "answers synchronously": (_, res) => res.ok("ok"),
  "answers later": async (_, res) => {
    await Promise.resolve();
    res.ok("ok");
  },
  "reads one piece": async (ctx, res) => {
    for await (const piece of ctx.body) {
      assert(piece.length > 0);
      break;
    }
    res.ok("ok");
  },
  "swallows the error": async (ctx, res) => {
    await ctx.body.bytes().catch(() => {});
    res.ok("ok");
  },
};

/** Servers with one handler, one for each set of options. */
class Servers implements AsyncDisposable {
  readonly engine: TestEngine;
  #handler: Handler;
  #wires: Map<string, Wire> = new Map();

  constructor(engine: TestEngine, handler: Handler) {
    this.engine = engine;
    this.#handler = handler;
  }

  /** The server for a case. */
  for({ options = {} }: ConformanceCase): Wire {
    const key = JSON.stringify(options);
    let wire = this.#wires.get(key);
    if (wire === undefined) {
      wire = this.engine.wire((app, logOf) =>
        app.fallbackRoute((ctx, res) => {
          logOf(ctx.conn).push(ctx.uri.path);
          return this.#handler(ctx, res);
        }), options);
      this.#wires.set(key, wire);
    }
    return wire;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const wire of this.#wires.values()) await wire[Symbol.asyncDispose]();
  }
}

/** Number of two-part splits for a long input, and for every input where each run needs a socket. */
const SEEDED_CUTS = 10;

function* deliveries(
  { name }: TestEngine,
  bytes: Uint8Array,
): Generator<Uint8Array[]> {
  if (name === "listen" && bytes.length < 512) yield* everySplit(bytes);
  else yield* seededSplits(bytes, SEEDED_CUTS, bytes.length);
}

async function checkBroken(
  servers: Servers,
  testCase: ConformanceCase,
): Promise<void> {
  const isCut = testCase.ending === "ended by peer";
  const wire = testCase.wire + (isCut ? "" : FOLLOWING);
  const options = { expectResponses: Infinity, endsAfterPieces: isCut };
  const pieces = deliveries(servers.engine, encodeLatin1(wire));
  await runEach(servers.for(testCase), pieces, options, (outcome, pieces) => {
    const message = `${testCase.name} in ${pieces.length} pieces`;
    assertEquals(outcome.log, ["/"], message);
    assert(outcome.responses.length <= 1, message);
    assertEquals(outcome.rest, "", message);
    if (!isCut) assert(outcome.closedByServer, message);
  });
}

async function checkWhole(
  servers: Servers,
  testCase: ConformanceCase,
): Promise<void> {
  const pieces = deliveries(
    servers.engine,
    encodeLatin1(testCase.wire + FOLLOWING),
  );
  await runEach(
    servers.for(testCase),
    pieces,
    { expectResponses: 2 },
    (outcome, pieces) => {
      const message = `${testCase.name} in ${pieces.length} pieces`;
      assertEquals(outcome.log, ["/", "/following"], message);
      assertEquals(outcome.responses.map(({ status }) => status), [200, 200]);
      assertEquals(outcome.rest, "", message);
    },
  );
}

const cases = [...chunkedCases, ...trailerCases];

for (const [name, handler] of Object.entries(HANDLERS)) {
  testEngines(
    `R67 to R80, R102: an invalid body closes the connection of a handler that ${name}`,
    async (engine) => {
      await using servers = new Servers(engine, handler);
      for (const testCase of cases) {
        if (testCase.ending !== "keeps") {
          await checkBroken(servers, testCase);
        }
      }
    },
  );

  testEngines(
    `R66, R77: a valid body keeps the connection of a handler that ${name}`,
    async (engine) => {
      await using servers = new Servers(engine, handler);
      for (const testCase of cases) {
        if (testCase.ending === "keeps") {
          await checkWhole(servers, testCase);
        }
      }
    },
  );
}
