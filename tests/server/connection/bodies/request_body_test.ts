/** The body of a request: ways to read it, limits, its end, and 100 Continue. */

import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import {
  type BodyReader,
  type Handler,
  ProtocolError,
} from "../../../../mod.ts";
import { testEngines } from "../../../support/engines.ts";
import { request } from "../../../support/serve.ts";

const CHUNKED = "Transfer-Encoding: chunked\r\n";

/** Reads a body as a string in one of the ways. */
const forms: Readonly<Record<string, (body: BodyReader) => Promise<string>>> = {
  text: (body) => body.text(),
  bytes: async (body) => new TextDecoder().decode(await body.bytes()),
  json: async (body) => JSON.stringify(await body.json()),
  form: async (body) => String(await body.form()),
  stream: (body) => new Response(body.stream).text(),
  "async iteration": async (body) => {
    let text = "";
    for await (const piece of body) text += new TextDecoder().decode(piece);
    return text;
  },
  views: async (body) => {
    let text = "";
    for await (const view of body.views()) {
      text += new TextDecoder().decode(view);
    }
    return text;
  },
  read: async (body) => {
    const buffer = new Uint8Array(2);
    let text = "";
    for (;;) {
      const size = await body.read(buffer);
      if (size === null) return text;
      text += new TextDecoder().decode(buffer.subarray(0, size));
    }
  },
};

for (const [form, read] of Object.entries(forms)) {
  testEngines(
    `${form} reads a body with a length and a chunked one, once`,
    async (engine) => {
      const text = form === "form" ? "a=1&b=2" : `{"a":"b"}`;
      await using server = engine.serve((app) => {
        app.post("/", async (ctx, res) => {
          const got = await read(ctx.body);
          assert(ctx.body.isUsed);
          await assertRejects(() => ctx.body.text(), TypeError, "already");
          assertThrows(() => ctx.body.stream, TypeError, "already");
          res.ok(got);
        });
      });
      using client = await server.connect();
      assertEquals((await client.ask(request("POST /", "", text))).body, text);
      const half = text.length - 3;
      const chunks = `${half.toString(16)}\r\n${text.slice(0, half)}\r\n` +
        `3\r\n${text.slice(half)}\r\n0\r\n\r\n`;
      assertEquals(
        (await client.ask(request("POST /", CHUNKED, chunks))).body,
        text,
      );
      await client.send(
        request("POST /", `Content-Length: ${text.length}\r\n`),
      );
      await client.send(text.slice(0, half));
      await client.send(text.slice(half));
      assertEquals((await client.response()).body, text);
    },
  );
}

testEngines("the body of a request without one is empty", async (engine) => {
  await using server = engine.serve((app) => {
    app.post("/", async (ctx, res) => res.ok(`[${await ctx.body.text()}]`));
  });
  using client = await server.connect();
  assertEquals((await client.ask(request("POST /"))).body, "[]");
  const zero = request("POST /", "Content-Length: 0\r\n");
  assertEquals((await client.ask(zero)).body, "[]");
});

testEngines(
  "a handler echoes 1 MiB as a stream",
  async (engine) => {
    await using server = engine.serve((app) => {
      app.post("/", (ctx, res) => res.ok(ctx.body));
      app.post("/web", (ctx, res) => res.ok(ctx.body.stream));
    });
    using client = await server.connect();
    const text = Array.from({ length: 1 << 15 }, (_, n) => {
      return n.toString(36).padStart(32, "-");
    }).join("");
    for (const path of ["/", "/web"]) {
      const sending = client.send(request(`POST ${path}`, "", text));
      assert((await client.response()).body === text);
      await sending;
    }
  },
);

testEngines(
  "trailers are available after the body, separate from the header fields",
  async (engine) => {
    await using server = engine.serve((app) => {
      app.post("/", async (ctx, res) => {
        const before = ctx.trailers.count;
        await ctx.body.text();
        const { trailers, headers } = ctx;
        res.ok(`${before} ${trailers.get("x-sum")} ${headers.get("x-sum")}`);
      });
    });
    using client = await server.connect();
    const body = "3\r\nabc\r\n0\r\nX-Sum: 3\r\n\r\n";
    const answer = await client.ask(request("POST /", CHUNKED, body));
    assertEquals(answer.body, "0 3 null");
  },
);

testEngines(
  "a body over maxBufferedBodyBytes gets 413 and closes if it is buffered, and passes if it is streamed",
  async (engine) => {
    const codes: string[] = [];
    await using server = engine.serve((app) => {
      app.post("/", async (ctx, res) => res.ok(await ctx.body.text()));
      app.post("/stream", (ctx, res) => res.ok(ctx.body));
      app.errorHook((error) => {
        if (error instanceof ProtocolError) codes.push(error.code);
      });
    }, { maxBufferedBodyBytes: 4 });
    const long = "5\r\nabcde\r\n0\r\n\r\n";
    for (
      const wire of [
        request("POST /", "", "abcde"),
        request("POST /", CHUNKED, long),
      ]
    ) {
      using client = await server.connect();
      const answer = await client.ask(wire);
      assertEquals([answer.status, answer.headers.get("connection")], [
        413,
        "close",
      ]);
      assertEquals(await client.toEnd(), "");
    }
    assertEquals(codes, ["BODY_TOO_LARGE", "BODY_TOO_LARGE"]);
    using client = await server.connect();
    assertEquals(
      (await client.ask(request("POST /", "", "abcd"))).body,
      "abcd",
    );
    const streamed = request("POST /stream", CHUNKED, long);
    assertEquals((await client.ask(streamed)).body, "abcde");
  },
);

testEngines(
  "a declared body over maxBodyBytes gets 413 before hook and handler",
  async (engine) => {
    let calls = 0;
    await using server = engine.serve((app) => {
      app.fallbackRoute(() => void calls++);
    }, { maxBodyBytes: 4 });
    using client = await server.connect();
    const fields = "Content-Length: 5\r\nExpect: 100-continue\r\n";
    assertEquals((await client.ask(request("POST /", fields))).status, 413);
    assertEquals([calls, await client.toEnd()], [0, ""]);
  },
);

const broken: readonly (readonly [string, string, string])[] = [
  ["a bad chunk size", CHUNKED, "3\r\nabc\r\nx\r\n"],
  ["a chunk without its end", CHUNKED, "3\r\nabcd"],
  ["a forbidden trailer", CHUNKED, "3\r\nabc\r\n0\r\nHost: b\r\n\r\n"],
  ["the end of the connection", "Content-Length: 9\r\n", "abc"],
  ["the end inside a chunk", CHUNKED, "9\r\nabc"],
];

for (const [what, fields, body] of broken) {
  testEngines(
    `a body with ${what} rejects with 400, and a handler that catches the error cannot keep the connection`,
    async (engine) => {
      const errors: unknown[] = [];
      await using server = engine.serve((app) => {
        app.post("/", async (ctx, res) => res.ok(await ctx.body.text()));
        app.post("/caught", async (ctx, res) => {
          await ctx.body.text().catch((error) => errors.push(error));
          res.ok("caught");
        });
        app.fallbackRoute((_, res) => res.ok("smuggled"));
      });
      for (const [path, status] of [["/", 400], ["/caught", 200]] as const) {
        using client = await server.connect();
        await client.send(request(`POST ${path}`, fields, body));
        await client.end();
        const answer = await client.response();
        assertEquals(answer.status, status);
        assertEquals(answer.headers.get("connection"), "close");
        assertEquals(await client.toEnd(), "");
      }
      assertEquals(errors.length, 1);
      assert(errors[0] instanceof ProtocolError);
    },
  );
}

const EXPECT = "Content-Length: 3\r\nExpect: 100-Continue\r\n";

const continuing: readonly (readonly [string, Handler, string])[] = [
  ["reads the body", async (ctx, res) => res.ok(await ctx.body.text()), "abc"],
  ["asks for it", async (ctx, res) => {
    res.sendContinue();
    res.sendContinue();
    res.ok(await ctx.body.text());
  }, "abc"],
  ["reads after a while", async (ctx, res) => {
    await Promise.resolve();
    res.ok(ctx.body.stream);
  }, "abc"],
];

for (const [what, handler, body] of continuing) {
  testEngines(
    `100 Continue is sent once, when a handler ${what}`,
    async (engine) => {
      await using server = engine.serve((app) => app.post("/", handler));
      using client = await server.connect();
      for (let n = 0; n < 2; n++) {
        const interim = await client.ask(request("POST /", EXPECT));
        assertEquals(interim.head, "HTTP/1.1 100 Continue\r\n");
        await client.send("abc");
        assertEquals((await client.response()).body, body);
      }
    },
  );
}

testEngines(
  "100 Continue is not sent if the body has arrived, is empty, or the client is HTTP/1.0",
  async (engine) => {
    await using server = engine.serve((app) => {
      app.post("/", async (ctx, res) => res.ok(`[${await ctx.body.text()}]`));
    });
    using client = await server.connect();
    assertEquals(
      (await client.ask(request("POST /", EXPECT, "abc"))).body,
      "[abc]",
    );
    const empty = request(
      "POST /",
      "Content-Length: 0\r\nExpect: 100-continue\r\n",
    );
    assertEquals((await client.ask(empty)).body, "[]");
    await client.send(`POST / HTTP/1.0\r\n${EXPECT}\r\n`);
    await client.send("abc");
    assertEquals((await client.response()).body, "[abc]");
  },
);

testEngines(
  "no 100 Continue is sent if a handler responds without reading, and the connection closes",
  async (engine) => {
    await using server = engine.serve((app) => {
      app.post("/", (_, res) => res.send(401));
      app.post("/no", (_, res) => res.sendExpectationFailed());
      app.fallbackRoute((_, res) => res.ok("smuggled"));
    });
    for (const [path, status] of [["/", 401], ["/no", 417]] as const) {
      using client = await server.connect();
      const answer = await client.ask(request(`POST ${path}`, EXPECT));
      assertEquals(answer.status, status);
      assertEquals(answer.headers.get("connection"), "close");
      await client.send("abc" + request("GET /"));
      assertEquals(await client.toEnd(), "");
    }
  },
);

testEngines(
  "a body that is read after its handler has returned never looks complete",
  async (engine) => {
    const late = Promise.withResolvers<unknown>();
    const bodies: BodyReader[] = [];
    await using server = engine.serve((app) => {
      app.post("/", (ctx, res) => {
        ctx.body.text().then(late.resolve, late.resolve); // not awaited
        res.ok("early");
      });
      app.post("/kept", (ctx, res) => {
        bodies.push(ctx.body);
        res.ok("early");
      });
    });
    using client = await server.connect();
    const answer = await client.ask(
      request("POST /", "Content-Length: 3\r\n", ""),
    );
    assertEquals(answer.body, "early");
    await client.send("abc");
    assertEquals((await client.ask(request("GET /"))).status, 405);
    assert(await late.promise instanceof TypeError);
    await client.ask(request("POST /kept", "", "abc"));
    await assertRejects(
      async () => await bodies[0]?.text(),
      TypeError,
      "after",
    );
  },
);

testEngines(
  "a body that is read after its exchange cannot overwrite the bytes of the next reader",
  async (engine) => {
    const kept: ReadableStream[] = [];
    const held = Promise.withResolvers<void>();
    const going = Promise.withResolvers<void>();
    await using server = engine.serve((app) => {
      app.post("/kept", (ctx, res) => {
        kept.push(ctx.body.stream);
        res.ok();
      });
      app.post("/next", async (ctx, res) => {
        let text = "";
        for await (const piece of ctx.body.views()) {
          held.resolve();
          await going.promise;
          text += new TextDecoder().decode(piece);
        }
        res.ok(text);
      });
    });
    using client = await server.connect();
    await client.ask(request("POST /kept", "", "hello"));
    await client.send(
      request("POST /next", "Content-Length: 10\r\n") + "AAAAA",
    );
    await held.promise;
    await kept[0]?.cancel();
    await client.send("BBBBB");
    // The answer on another connection shows that the bytes have arrived.
    using other = await server.connect();
    assertEquals((await other.ask(request("GET /gone"))).status, 404);
    going.resolve();
    assertEquals((await client.response()).body, "AAAAABBBBB");
  },
);
