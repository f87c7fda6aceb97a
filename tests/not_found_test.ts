/** `res.notFound()`: a handler that does not find what the path names passes the request on. */

import { assertEquals } from "@std/assert";
import type { ServerBuilder } from "../mod.ts";
import { type TestEngine, testEngines } from "./support/engines.ts";
import { request } from "./support/serve.ts";

async function answersOf(
  engine: TestEngine,
  configure: (app: ServerBuilder) => void,
  lines: readonly string[],
): Promise<{ answers: unknown[]; errors: readonly unknown[] }> {
  await using server = engine.serve(configure);
  using client = await server.connect();
  const answers = [];
  for (const line of lines) {
    const { status, body } = await client.ask(request(line));
    answers.push([status, body]);
  }
  return { answers, errors: server.errors };
}

testEngines(
  "res.notFound() sends 404 in an application without a handler for it",
  async (engine) => {
    const { answers, errors } = await answersOf(engine, (app) => {
      app.get("/a", (_, res) => res.notFound());
      app.get("/b", async (_, res) => {
        await null;
        await res.notFound();
      });
    }, ["GET /a", "GET /b", "HEAD /a", "GET /c"]);
    const plain = [404, "Not Found"];
    assertEquals(answers, [plain, plain, [404, ""], plain]);
    assertEquals(errors, []);
  },
);

testEngines(
  "res.notFound() calls the handler of notFound() or fallbackRoute()",
  async (engine) => {
    const last = (name: string) =>
    async (ctx: { uri: { path: string } }, res: {
      send(status: number, body: string): void;
    }) => {
      await null;
      res.send(404, `${name} ${ctx.uri.path}`);
    };
    for (const setter of ["notFound", "fallbackRoute"] as const) {
      const { answers, errors } = await answersOf(engine, (app) => {
        app.get("/a/**", (_, res) => {
          res.headers.set("x-test", "1");
          return res.notFound();
        });
        app[setter](last(setter));
      }, ["GET /a/1", "GET /b"]);
      assertEquals(answers, [[404, `${setter} /a/1`], [404, `${setter} /b`]]);
      assertEquals(errors, []);
    }
  },
);

testEngines(
  "res.notFound() sends 404 in the last handler, however that is called",
  async (engine) => {
    let calls = 0;
    for (const setter of ["notFound", "fallbackRoute"] as const) {
      const { answers, errors } = await answersOf(engine, (app) => {
        app.get("/a", (_, res) => res.notFound());
        app[setter]((_, res) => {
          calls += 1;
          return res.notFound();
        });
      }, ["GET /a", "GET /b"]);
      assertEquals(answers, [[404, "Not Found"], [404, "Not Found"]]);
      assertEquals(errors, []);
    }
    assertEquals(calls, 4);
  },
);

testEngines(
  "res.notFound() throws after a response, and passes errors of the last handler on",
  async (engine) => {
    const { answers, errors } = await answersOf(engine, (app) => {
      app.get("/sent", (_, res) => {
        res.ok("first");
        return res.notFound();
      });
      app.get("/fails", (_, res) => res.notFound());
      app.notFound(() => {
        throw new Error("broken page");
      });
    }, ["GET /fails", "GET /sent"]);
    assertEquals(answers, [[500, "Internal Server Error"], [200, "first"]]);
    assertEquals(errors.map(String), [
      "Error: broken page",
      "TypeError: Cannot send response: one was sent already",
    ]);
  },
);
