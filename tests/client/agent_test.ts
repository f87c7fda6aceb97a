/** An agent: origins by URL, their own options, limits with eviction, and closing. */

import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import {
  Agent,
  type AgentOptionsInit,
  Client,
  ClientError,
} from "../../client/mod.ts";
import { PreRoutingAction, Server, type ServerHandle } from "../../mod.ts";
import {
  body,
  head,
  HostileServer,
  send,
  type Step,
} from "../support/hostile_server.ts";
import { EMPTY, fails, HELLO } from "../support/client_exchange.ts";
import { until as untilSo } from "../support/turns.ts";

const fixtures = new URL("../fixtures/", import.meta.url);
const cert = await Deno.readTextFile(new URL("localhost.cert.pem", fixtures));
const key = await Deno.readTextFile(new URL("localhost.key.pem", fixtures));

function moved(location: string): string {
  return `HTTP/1.1 302 \r\nLocation: ${location}\r\nContent-Length: 0\r\n\r\n`;
}

function serve(isSecure = false): ServerHandle {
  const app = Server.builder("127.0.0.1:0");
  if (isSecure) app.tls({ cert, key });
  app.get("/**", (ctx, res) => res.ok(`${ctx.headers.get("host")} ${ctx.uri}`));
  return app.build().serve();
}

Deno.test("an agent sends requests to the origins of absolute URLs, and keeps their connections", async () => {
  await using plain = serve();
  await using secure = serve(true);
  await using agent = new Agent({ caCerts: [cert] });
  for (let round = 0; round < 2; round++) {
    for (
      const [scheme, { port }] of [["http", plain], ["https", secure]] as const
    ) {
      const host = `localhost:${port}`;
      const response = await agent.get(`${scheme}://${host}/a?b=c#d`);
      assertEquals(await response.text(), `${host} /a?b=c`);
      assertEquals(response.url, `${scheme}://${host}/a?b=c`);
    }
  }
  assertEquals([agent.originCount, agent.connectionCount], [2, 2]);
  agent.close();
  assertEquals(agent.connectionCount, 0);
});

Deno.test("an agent has the methods of a client", async () => {
  const sent: string[] = [];
  const app = Server.builder("127.0.0.1:0").preRoutingHook((ctx, res) => {
    sent.push(ctx.method);
    res.send(200);
    return PreRoutingAction.drop;
  });
  await using handle = app.build().serve();
  await using agent = new Agent();
  // deno-fmt-ignore
  const names = ["get", "head", "post", "put", "patch", "delete", "options", "trace"] as const;
  for (const name of names) {
    await using client = new Client(handle.url);
    assertEquals((await client[name]("/")).status, 200);
    assertEquals((await agent[name](handle.url)).status, 200);
  }
  const upper = names.map((name) => name.toUpperCase());
  assertEquals(sent, upper.flatMap((method) => [method, method]));
});

Deno.test("a URL is sent in its normal form, a stray percent sign as %25", async () => {
  await using handle = serve();
  await using agent = new Agent();
  const host = `127.0.0.1:${handle.port}`;
  for (
    const [path, target] of [
      ["", "/"],
      ["/a/../b", "/b"],
      ["/é?ü", "/%C3%A9?%C3%BC"],
      ["/x?q=100%", "/x?q=100%25"],
      ["/%zz%41", "/%25zz%41"],
      ["?a b", "/?a%20b"],
    ] as const
  ) {
    const response = await agent.get(new URL(`http://${host}${path}`));
    assertEquals(await response.text(), `${host} ${target}`);
  }
});

Deno.test("a URL that is not absolute, or has another scheme, is refused", async () => {
  await using agent = new Agent();
  for (
    const [url, text] of [
      ["/a", "it is not an absolute URL"],
      ["", "it is not an absolute URL"],
      ["127.0.0.1:80", "it is not an absolute URL"],
      ["localhost:80", "its scheme is localhost:"],
      ["ftp://a/", "its scheme is ftp:"],
      ["http://", "it is not an absolute URL"],
    ] as const
  ) await assertRejects(() => agent.get(url), TypeError, text);
});

Deno.test("user and password of a URL are sent to its origin only", async () => {
  await using other = new HostileServer([[head, send(HELLO)]]);
  await using server = new HostileServer([
    [head, send(moved(`http://${other.origin}/b`)), head, send(HELLO)],
  ]);
  await using agent = new Agent({ maxRedirects: 1 });
  const url = `http://u:p%20w@${server.origin}/a`;
  const response = await agent.get(url);
  assertEquals(response.url, `http://${other.origin}/b`);
  await agent.get(url, { headers: { authorization: "own" } });
  const { heads } = await server.peer(0);
  assert(heads[0]?.includes("\r\nauthorization: Basic dTpwIHc=\r\n"));
  assert(heads[1]?.includes("\r\nauthorization: own\r\n"));
  assert(!(await other.peer(0)).heads[0]?.includes("authorization"));
  await assertRejects(
    () => agent.get("http://a%ff@b/"),
    TypeError,
    "credentials",
  );
});

Deno.test("an origin may have options of its own", async () => {
  await using secure = serve(true);
  await using plain = new HostileServer([[
    head,
    send(EMPTY),
    head,
    send(EMPTY),
  ]]);
  const url = `https://localhost:${secure.port}`;
  await using agent = new Agent({
    maxBufferedBodyBytes: 3,
    origins: { [url]: { caCerts: [cert], maxBufferedBodyBytes: undefined } },
  });
  assertEquals((await (await agent.get(url)).text()).length > 3, true);
  assertEquals((await agent.get(`http://${plain.origin}/`)).status, 204);
  await using without = new Agent();
  await fails(without.get(url), "connect", "CONNECT_FAILED");
});

Deno.test("an origin may be a Unix socket, to which only its own redirects lead", async () => {
  const folder = await Deno.makeTempDir();
  const socketPath = `${folder}/socket`;
  {
    await using socket = new HostileServer([
      [head, send(moved("/b")), head, send(HELLO)],
    ], { path: socketPath });
    await using outside = new HostileServer([
      [head, send(moved("http://docker/secret"))],
    ]);
    await using agent = new Agent({
      maxRedirects: 1,
      origins: { "http://docker": { socketPath } },
    });
    const response = await agent.get("http://docker/a");
    assertEquals(response.url, "http://docker/b");
    const { heads } = await socket.peer(0);
    assert(heads[0]?.startsWith("GET /a HTTP/1.1\r\nhost: docker\r\n"));
    const error = await assertRejects(
      () => agent.get(`http://${outside.origin}/`),
      ClientError,
      "Unix socket",
    );
    assertEquals(error.code, "REDIRECT");
    assertEquals(heads.length, 2);
  }
  await Deno.remove(folder, { recursive: true });
});

Deno.test("options of an agent are checked when it is created", () => {
  for (
    const [options, text] of [
      [{ maxOrigins: 0 }, "maxOrigins"],
      [{ maxTotalConnections: 1.5 }, "maxTotalConnections"],
      [{ maxTotalConnections: "1" }, "maxTotalConnections"],
      [{ socketPath: "/a" }, "in the option origins"],
      [{ unknown: 1 }, '"unknown": no such option'],
      [{ origins: { "a:80": {} } }, "is not an origin"],
      [{ origins: { "http://a/b": {} } }, "is not an origin"],
      [{ origins: { "http://u:secret@a": {} } }, "is not an origin"],
      [{ origins: { "http://a": { retries: 1 } } }, "set it for the agent"],
      [{ origins: { "https://a": { socketPath: "/a" } } }, "without TLS"],
      [{ origins: { "http://a": { headTimeout: -1 } } }, "headTimeout"],
    ] as const
  ) {
    const error = assertThrows(
      () => new Agent(options as unknown as AgentOptionsInit),
      Error,
      text,
    ) as Error;
    assert(!error.message.includes("secret"));
  }
});

/** Servers that answer every request. */
function servers(count: number): HostileServer[] {
  const script: Step[] = Array.from({ length: 10 }, () => [head, send(HELLO)])
    .flat();
  return Array.from(
    { length: count },
    () => new HostileServer(Array(30).fill(script)),
  );
}

async function closeAll(list: readonly HostileServer[]): Promise<void> {
  for (const server of list) await server[Symbol.asyncDispose]();
}

Deno.test("maxOrigins forgets the origin that was not used for the longest time", async () => {
  const list = servers(4);
  {
    await using agent = new Agent({ maxOrigins: 2 });
    const get = async (index: number): Promise<void> => {
      const response = await agent.get(`http://${list[index]?.origin}/`);
      assertEquals(await response.text(), "hello");
    };
    for (const index of [0, 1, 0, 2, 0, 3, 0]) {
      await get(index);
      assert(agent.originCount <= 2);
      assert(agent.connectionCount <= 2);
    }
    // The first was always used before the others, so its connection stayed open.
    assertEquals(list.map(({ count }) => count), [1, 1, 1, 1]);
    await get(1);
    assertEquals(list[1]?.count, 2);
  }
  await closeAll(list);
});

Deno.test("an origin that is in use is not forgotten", async () => {
  const long = `HTTP/1.1 200 OK\r\nContent-Length: 30000\r\n\r\n${
    "x".repeat(20_000)
  }`;
  await using slow = new HostileServer([[head, send(long)]]);
  const list = servers(2);
  {
    await using agent = new Agent({ maxOrigins: 1 });
    const response = await agent.get(`http://${slow.origin}/`);
    for (const { origin } of list) {
      assertEquals(
        await (await agent.get(`http://${origin}/`)).text(),
        "hello",
      );
    }
    assertEquals(agent.originCount, 2);
    await slow.peers[0]?.write("x".repeat(10_000));
    assertEquals((await response.bytes()).length, 30_000);
    await (await agent.get(`http://${list[0]?.origin}/`)).text();
    assertEquals(agent.originCount, 1);
  }
  await closeAll(list);
});

Deno.test("maxTotalConnections closes an idle connection for another origin", async () => {
  const list = servers(3);
  {
    await using agent = new Agent({ maxTotalConnections: 2 });
    for (let round = 0; round < 2; round++) {
      for (const { origin } of list) {
        assertEquals(
          await (await agent.get(`http://${origin}/`)).text(),
          "hello",
        );
        assert(agent.connectionCount <= 2);
      }
    }
  }
  await closeAll(list);
});

Deno.test("maxTotalConnections makes exchanges wait until a connection is idle", async () => {
  const list = servers(3);
  {
    await using agent = new Agent({ maxTotalConnections: 2 });
    let most = 0;
    const texts = await Promise.all(
      Array.from({ length: 24 }, async (_, index) => {
        const response = await agent.get(`http://${list[index % 3]?.origin}/`);
        most = Math.max(most, agent.connectionCount);
        return await response.text();
      }),
    );
    assertEquals(texts, Array(24).fill("hello"));
    const open = list.reduce((sum, { peers }) => sum + peers.length, 0);
    assert(open >= 3);
  }
  await closeAll(list);
});

Deno.test("a signal and close() end the wait for a connection", async () => {
  await using slow = new HostileServer([[head]]);
  const list = servers(1);
  {
    await using agent = new Agent({ maxTotalConnections: 1 });
    const first = agent.get(`http://${slow.origin}/`);
    const failed = fails(first, "read", "CLIENT_CLOSED");
    await untilSo(() => slow.peers[0]?.heads.length === 1);
    const controller = new AbortController();
    const { signal } = controller;
    const url = `http://${list[0]?.origin}/`;
    const aborted = agent.get(url, { signal }).catch((error) => error);
    const closed = fails(agent.get(url), "connect", "CLIENT_CLOSED");
    await new Promise((resolve) => setTimeout(resolve, 0));
    controller.abort("no");
    assertEquals(await aborted, "no");
    agent.close();
    await Promise.all([failed, closed]);
    assertEquals(agent.connectionCount, 0);
    await fails(agent.get(url), "connect", "CLIENT_CLOSED");
  }
  await closeAll(list);
});

Deno.test("a connection that fails is given back", async () => {
  const gone = new HostileServer([]);
  const { origin } = gone;
  await gone[Symbol.asyncDispose]();
  const list = servers(1);
  {
    await using agent = new Agent({ maxTotalConnections: 1 });
    for (let count = 0; count < 3; count++) {
      await fails(agent.get(`http://${origin}/`), "connect", "CONNECT_FAILED");
    }
    const url = `http://${list[0]?.origin}/`;
    assertEquals(await (await agent.get(url)).text(), "hello");
  }
  await closeAll(list);
});

Deno.test("an agent follows redirects, sends forms and repeats requests", async () => {
  await using other = new HostileServer([
    [
      head,
      body(3),
      send("HTTP/1.1 503 \r\nContent-Length: 0\r\n\r\n"),
      head,
      body(3),
      send(HELLO),
    ],
  ]);
  const away =
    `HTTP/1.1 307 \r\nLocation: http://${other.origin}/b\r\nContent-Length: 0\r\n\r\n`;
  await using server = new HostileServer([[head, body(3), send(away)]]);
  await using agent = new Agent({ maxRedirects: 1, retries: 1, retryDelay: 0 });
  const form = new URLSearchParams("a=b");
  const response = await agent.put(`http://${server.origin}/`, { body: form });
  assertEquals(await response.text(), "hello");
  const { heads } = await other.peer(0);
  assertEquals(heads.length, 2);
  assertEquals(heads[0], heads[1]);
});
