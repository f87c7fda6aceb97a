/**
 * The refusal hook: it sees each request that no handler and no other hook sees,
 * and may add fields and replace the body. Hooks of one kind run in their order.
 */

import { assert, assertEquals, assertNotEquals } from "@std/assert";
import {
  ConnectionSetupAction,
  PreRoutingAction,
  type Refusal,
} from "../mod.ts";
import { testEngines } from "./support/engines.ts";
import { request } from "./support/serve.ts";
import { until } from "./support/turns.ts";

const LONG = "x".repeat(300);

const refused: readonly (readonly [
  wire: string,
  code: string,
  status: number,
  method: string | null,
  target: string | null,
])[] = [
  [
    request("POST /up?a=b", "Content-Length: 101\r\n"),
    ...["BODY_TOO_LARGE", 413, "POST", "/up?a=b"] as const,
  ],
  [request("GET /\x01"), "INVALID_TARGET", 400, "GET", "/\x01"],
  [
    request(`GET /${LONG}`),
    ...["TARGET_TOO_LONG", 414, "GET", `/${LONG}`] as const,
  ],
  [
    request("GET /a", `X: ${LONG.repeat(3)}\r\n`),
    ...["HEAD_TOO_LARGE", 431, "GET", "/a"] as const,
  ],
  [`\r\nGET /b HTTP/1.1\r\n\r\n`, "MISSING_HOST", 400, "GET", "/b"],
  ["\x16\x03\x01\r\n\r\n", "INVALID_METHOD", 400, null, null],
  ["GET /c HTTP/2.0\r\n\r\n", "UNSUPPORTED_VERSION", 505, "GET", "/c"],
];

testEngines(
  "the refusal hook gets what is known of each refused request",
  async (engine) => {
    const seen: Refusal[] = [];
    const others: string[] = [];
    await using server = engine.serve((app) => {
      app.preRoutingHook(() => {
        others.push("pre-routing");
        return PreRoutingAction.proceed;
      });
      app.refusalHook((refusal, res) => {
        assertEquals(res.body.length > 0, true);
        seen.push(refusal);
        res.headers.set("x-code", refusal.code);
        res.headers.set("content-length", "1"); // the server's own counts
        res.body = refusal.status === 413 ? new Uint8Array(2) : "é";
      });
    }, { maxBodyBytes: 100, maxTargetBytes: 200, maxHeaderBytes: 500 });
    for (const [wire, code, status, method, target] of refused) {
      using client = await server.connect();
      await client.send(wire);
      const answer = await client.response();
      assertEquals([answer.status, answer.headers.get("x-code")], [
        status,
        code,
      ]);
      assertEquals(answer.headers.get("content-length"), "2");
      assertEquals(answer.headers.get("connection"), "close");
      const refusal = seen.pop();
      assert(refusal !== undefined);
      assertEquals([refusal.method, refusal.target], [method, target]);
      assertEquals([refusal.code, refusal.status], [code, status]);
      assertEquals([refusal.error.code, refusal.error.offset], [
        code,
        refusal.offset,
      ]);
      assert(refusal.conn.remoteAddr !== undefined);
    }
    assertEquals([seen, others, server.errors], [[], [], []]);
  },
);

testEngines(
  "the refusal hook gets heads that end early or take too long",
  async (engine) => {
    const seen: string[] = [];
    await using server = engine.serve((app) => {
      app.refusalHook(({ code, requestLine }, res) => {
        seen.push(`${code} ${requestLine}`);
        res.body = "replaced";
      });
    }, { headerTimeout: 20 });
    using slow = await server.connect();
    await slow.send("GET /slow HTTP/1.1\r\nHos");
    assertEquals((await slow.response()).body, "replaced");
    using ended = await server.connect();
    await ended.send("GET /en");
    await ended.end();
    assertEquals((await ended.response()).status, 400);
    assertEquals(seen, [
      "HEAD_TIMEOUT GET /slow HTTP/1.1",
      "TRUNCATED_HEAD GET /en",
    ]);
  },
);

testEngines(
  "R112: a refused HEAD gets the fields of a refused GET, but no length and no body",
  async (engine) => {
    for (
      const body of [null, "replaced", "ersetzt für ihn", new Uint8Array(5)]
    ) {
      await using server = engine.serve((app) => {
        if (body === null) return;
        app.refusalHook((_, res) => void (res.body = body));
      }, { headerTimeout: 20 });
      const answerTo = async (
        wire: string,
        isEnded: boolean,
      ): Promise<string[]> => {
        using client = await server.connect();
        await client.send(wire);
        if (isEnded) await client.end();
        const [head = "", ...rest] = (await client.toEnd()).split("\r\n\r\n");
        return [head.replace(/^date:.*\r\n/m, ""), rest.join("")];
      };
      for (
        const [rest, isEnded] of [
          ["/% HTTP/1.1\r\nHost: a\r\n\r\n", false],
          ["/ HTTP/1.1\r\n\r\n", false],
          ["/ HTTP/1.1\r\nHos", true],
          ["/ HTTP/1.1\r\nHos", false], // and no more within `headerTimeout`
        ] as const
      ) {
        const [head, content] = await answerTo(`GET ${rest}`, isEnded);
        assertNotEquals(content, "");
        const expected = head?.replace(/^content-length:.*\r\n/m, "");
        assertNotEquals(expected, head);
        const answer = await answerTo(`\r\nHEAD ${rest}`, isEnded);
        assertEquals(answer, [expected, ""]);
      }
    }
  },
);

testEngines(
  "a refusal hook that throws is reported, and the refusal is sent",
  async (engine) => {
    const thrown = new Error("hook");
    await using server = engine.serve((app) => {
      app.refusalHook(() => {
        throw thrown;
      });
      app.refusalHook((_, res) => void res.headers.set("x-second", "1"));
      // deno-lint-ignore require-await -- it may return a promise by mistake
      app.refusalHook(async () => {
        throw thrown;
      });
    });
    using client = await server.connect();
    await client.send("GET / HTTP/1.1\r\n\r\n");
    const { status, body, headers } = await client.response();
    assertEquals([status, body, headers.get("x-second")], [
      400,
      "Bad Request",
      "1",
    ]);
    await until(() => server.errors.length > 0);
    assertEquals(server.errors[0], thrown);
  },
);

testEngines(
  "hooks of one kind run in the order of their registration",
  async (engine) => {
    const calls: string[] = [];
    const note = (call: string): void => void calls.push(call);
    await using server = engine.serve((app) => {
      for (const n of [1, 2]) {
        app.connectionSetupHook((accepted) => {
          note(`setup ${n}`);
          assert(accepted.ok);
          return ConnectionSetupAction.proceed(accepted.conn);
        });
        app.preRoutingHook(async (req, res) => {
          await null;
          note(`pre-routing ${n}`);
          res.headers.add("x-n", `${n}`);
          const drops = req.uri.path === "/drop" && n === 1;
          if (drops) res.send(403);
          return drops ? PreRoutingAction.drop : PreRoutingAction.proceed;
        });
        app.errorHook(async (_, __, res) => {
          await null;
          note(`error ${n}`);
          res.send(500, `answer ${n}`);
        });
        app.connectionTeardownHook(() => {
          note(`teardown ${n}`);
          throw new Error("reported");
        });
      }
      app.get("/", () => {
        throw new Error("failure");
      });
    });
    using client = await server.connect();
    const answer = await client.ask(request("GET /"));
    assertEquals([answer.body, answer.headers.get("x-n")], [
      "answer 1",
      "1, 2",
    ]);
    assertEquals((await client.ask(request("GET /drop"))).status, 403);
    await client.end();
    await client.toEnd();
    await until(() => calls.length === 9);
    assertEquals(calls, [
      ...["setup 1", "setup 2", "pre-routing 1", "pre-routing 2"],
      ...["error 1", "error 2", "pre-routing 1", "teardown 1", "teardown 2"],
    ]);
  },
);
