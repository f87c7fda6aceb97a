/** HTTP proxies: requests that they forward, tunnels, credentials, the environment, and proxies that fail. */

import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { Server as ProxyChain } from "npm:proxy-chain@3.0.1";
import { Client, ClientError, proxyFromEnvironment } from "../../client/mod.ts";
import { Server, type ServerHandle } from "../../mod.ts";
import {
  close,
  head,
  HostileServer,
  send,
  sendEach,
  type Step,
} from "../support/hostile_server.ts";
import { fails, HELLO } from "../support/client_exchange.ts";
import { elapse, TimedClient } from "../support/timed_client.ts";

const fixtures = new URL("../fixtures/", import.meta.url);
const cert = await Deno.readTextFile(new URL("localhost.cert.pem", fixtures));
const key = await Deno.readTextFile(new URL("localhost.key.pem", fixtures));

/** A proxy by another author that asks for `user:pass word`. */
interface Proxy extends AsyncDisposable {
  readonly port: number;
  /** The requests, as whether they were forwarded, and the host that they are for. */
  readonly seen: [isForwarded: boolean, host: string][];
}

async function startProxy(secure: boolean): Promise<Proxy> {
  const seen: [boolean, string][] = [];
  const server = new ProxyChain(
    {
      port: 0,
      host: "127.0.0.1",
      ...secure ? { serverType: "https", httpsOptions: { cert, key } } : {},
      prepareRequestFunction: ({ username, password, isHttp, hostname }) => {
        seen.push([isHttp, hostname]);
        const isKnown = username === "user" && password === "pass word";
        return { requestAuthentication: !isKnown };
      },
    } as ConstructorParameters<typeof ProxyChain>[0],
  );
  await server.listen();
  return {
    port: server.port,
    seen,
    [Symbol.asyncDispose]: () => server.close(true),
  };
}

function origin(isSecure: boolean): ServerHandle {
  const app = Server.builder("127.0.0.1:0");
  if (isSecure) app.tls({ cert, key });
  app.post("/echo", (ctx, res) => res.ok(ctx.body));
  app.get("/", (ctx, res) =>
    res.json({
      host: ctx.headers.get("host"),
      credentials: ctx.headers.get("proxy-authorization"),
    }));
  return app.build().serve();
}

for (const secureProxy of [false, true]) {
  for (const isSecure of [false, true]) {
    const scheme = isSecure ? "https" : "http";
    const proxyScheme = secureProxy ? "https" : "http";
    Deno.test({
      name: `an ${scheme} origin is reached through an ${proxyScheme} proxy`,
      // The proxy keeps sockets of its own for a while.
      sanitizeResources: false,
      sanitizeOps: false,
      fn: async () => {
        await using handle = origin(isSecure);
        await using server = await startProxy(secureProxy);
        const host = `localhost:${handle.port}`;
        const proxy =
          `${proxyScheme}://user:pass%20word@localhost:${server.port}`;
        const options = { proxy, caCerts: [cert] };
        await using client = new Client(`${scheme}://${host}`, options);
        const response = await client.get("/");
        assertEquals(response.url, `${scheme}://${host}/`);
        assertEquals(await response.json(), { host, credentials: null });
        const body = new Uint8Array(300_000).map((_, at) => at & 0xff);
        const echo = await client.post("/echo", {
          body: ReadableStream.from([body]),
        });
        assertEquals(await echo.bytes(), body);
        assertEquals(client.connectionCount, 1);
        const count = isSecure ? 1 : 2; // a tunnel serves both requests
        assertEquals(server.seen, Array(count).fill([!isSecure, "localhost"]));
        client.close();
      },
    });
  }
}

Deno.test("a proxy that forwards gets the absolute target and its credentials, on one connection", async () => {
  await using server = new HostileServer([
    [head, send(HELLO), head, send(HELLO), head, send(HELLO)],
  ]);
  const proxy = `user:p%3Aw@${server.origin}`;
  await using client = new Client("http://Example.com/base", { proxy });
  const response = await client.get("/a?b");
  assertEquals(response.url, "http://example.com/base/a?b");
  assertEquals(await response.text(), "hello");
  await (await client.options("*")).text();
  await (await client.get("/", { headers: { "proxy-authorization": "own" } }))
    .text();
  const { heads } = await server.peer(0);
  const credentials = "proxy-authorization: Basic dXNlcjpwOnc=\r\n";
  assertEquals(heads, [
    `GET http://example.com/base/a?b HTTP/1.1\r\nhost: example.com\r\n${credentials}\r\n`,
    `OPTIONS http://example.com HTTP/1.1\r\nhost: example.com\r\n${credentials}\r\n`,
    "GET http://example.com/base/ HTTP/1.1\r\nhost: example.com\r\nproxy-authorization: own\r\n\r\n",
  ]);
  await assertRejects(
    () => client.get("/", { upgrade: "websocket" }),
    TypeError,
    "through a proxy",
  );
});

Deno.test("a tunnel is asked for with host and port, and the credentials stay with the proxy", async () => {
  const established: Step = send("HTTP/1.1 200 OK\r\nA: b\r\n\r\n");
  await using server = new HostileServer([
    [head, established, close],
    [head, send("HTTP/1.1 103 Early\r\n\r\nHTTP/1.1 200\x20\r\n\r\n"), close],
  ]);
  for (
    const [base, target] of [
      ["https://example.com", "example.com:443"],
      ["https://[::1]:8443", "[::1]:8443"],
    ] as const
  ) {
    const proxy = new URL(`http://u:p@${server.origin}`);
    await using client = new Client(base, { proxy });
    const error = await assertRejects(() => client.get("/"), ClientError);
    assertEquals([error.phase, error.code], ["connect", "CONNECT_FAILED"]);
    assert(error.message.includes(base), error.message);
    assertEquals(client.connectionCount, 0);
    const peer = await server.peer(server.count - 1);
    assertEquals(
      peer.heads[0],
      `CONNECT ${target} HTTP/1.1\r\nhost: ${target}\r\nproxy-authorization: Basic dTpw\r\n\r\n`,
    );
  }
});

Deno.test("a proxy that refuses, breaks the protocol or closes gives an error that names it", async () => {
  const long = `HTTP/1.1 200 OK\r\nA: ${"b".repeat(20_000)}\r\n\r\n`;
  for (
    const [script, code, text] of [
      [
        [send("HTTP/1.1 403 No\r\n\r\n")],
        "PROXY_REFUSED",
        'it answered 403 "No"',
      ],
      [
        [send("HTTP/1.1 407 \r\n\r\n")],
        "PROXY_REFUSED",
        "http://user:password@host",
      ],
      [
        [send("HTTP/1.1 502 \r\nContent-Length: 9\r\n\r\n")],
        "PROXY_REFUSED",
        "502",
      ],
      [[send("HTTP/1.1 302 \r\nLocation: /\r\n\r\n")], "PROXY_REFUSED", "302"],
      [[send("nonsense\r\n\r\n")], "PROXY_REFUSED", "Cannot parse"],
      [[send("HTTP/1.1 200 OK\r\n\r\nmore")], "PROXY_REFUSED", "more than"],
      [[send("HTTP/1.1 101 \r\n\r\n".repeat(9))], "PROXY_REFUSED", "too long"],
      [[send(long)], "PROXY_REFUSED", "maxHeaderBytes"],
      [[send("\r\n".repeat(40_000))], "PROXY_REFUSED", ""],
      [[close], "CONNECT_FAILED", "it closed the connection"],
      [
        [send("HTTP/1.1 2"), close],
        "CONNECT_FAILED",
        "it closed the connection",
      ],
    ] as const
  ) {
    await using server = new HostileServer([[head, ...script]]);
    const options = { proxy: server.origin };
    await using client = new Client("https://a.example", options);
    const error = await assertRejects(() => client.get("/"), ClientError);
    assertEquals([error.phase, error.code, error.retryable], [
      "connect",
      code,
      true,
    ]);
    const { message } = error;
    assert(message.includes("https://a.example"), message);
    assert(message.includes(`the proxy http://${server.origin}`), message);
    assert(message.includes(text), message);
    assertEquals(client.connectionCount, 0);
    await (await server.peer(0)).ended;
  }
});

Deno.test("a proxy's response may arrive byte by byte", async () => {
  await using server = new HostileServer([
    [head, sendEach("HTTP/1.1 100 \r\n\r\nHTTP/1.1 404 No\r\nA: b\r\n\r\n")],
  ]);
  await using client = new Client("https://a", { proxy: server.origin });
  const error = await assertRejects(() => client.get("/"), ClientError);
  assert(error.message.includes("it answered 404"), error.message);
});

Deno.test("a proxy that is silent is limited by connectTimeout, a tunnel by tlsTimeout", async () => {
  const established = send("HTTP/1.1 200 \r\n\r\n");
  for (
    const [script, option] of [
      [[head], "connectTimeout"],
      [[head, established], "tlsTimeout"],
    ] as const
  ) {
    await using server = new HostileServer([script]);
    const options = { proxy: server.origin };
    await using client = new TimedClient("https://a", options);
    const failure = assertRejects(() => client.get("/"), ClientError, option);
    await elapse(client.clock, failure, 100);
    assertEquals(client.connectionCount, 0);
    await (await server.peer(0)).ended;
  }
});

Deno.test("an error while connecting to the proxy names the proxy", async () => {
  const gone = new HostileServer([]);
  const { origin } = gone;
  await gone[Symbol.asyncDispose]();
  for (const scheme of ["http", "https"]) {
    await using client = new Client(`${scheme}://a.example`, { proxy: origin });
    const error = await assertRejects(
      () => client.get("/"),
      ClientError,
      `Cannot connect to the proxy http://${origin}: `,
    );
    assertEquals(error.code, "CONNECT_FAILED");
  }
});

Deno.test("a signal ends the wait for a tunnel", async () => {
  await using server = new HostileServer([[head]]);
  await using client = new Client("https://a", { proxy: server.origin });
  const controller = new AbortController();
  const { signal } = controller;
  const reason = client.get("/", { signal }).catch((error) => error);
  await server.peer(0);
  controller.abort("no");
  assertEquals(await reason, "no");
  await (await server.peer(0)).ended;
});

Deno.test("a refused proxy is not asked again by retries", async () => {
  await using server = new HostileServer([
    [head, send("HTTP/1.1 407 \r\n\r\n")],
  ]);
  const options = { proxy: server.origin, retries: 3, retryDelay: 0 };
  await using client = new Client("https://a", options);
  await fails(client.get("/"), "connect", "PROXY_REFUSED");
  assertEquals(server.count, 1);
});

Deno.test("redirects use the proxy of their own origin, and the proxy's credentials do not follow", async () => {
  await using direct = new HostileServer([[head, send(HELLO)]]);
  const moved =
    `HTTP/1.1 302 \r\nLocation: http://${direct.origin}/b\r\nContent-Length: 0\r\n\r\n`;
  await using server = new HostileServer([[head, send(moved)]]);
  const proxy = (url: URL): string | null =>
    url.origin === "http://a.example" ? `http://u:p@${server.origin}` : null;
  await using client = new Client("http://a.example", {
    proxy,
    maxRedirects: 1,
  });
  assertEquals(await (await client.get("/")).text(), "hello");
  assertEquals((await direct.peer(0)).heads, [
    `GET /b HTTP/1.1\r\nhost: ${direct.origin}\r\n\r\n`,
  ]);
});

Deno.test("a proxy that is no URL of an HTTP proxy is refused, without its password", () => {
  for (
    const [proxy, text] of [
      ["socks5://u:secret@a:1", "SOCKS is not supported"],
      ["ftp://u:secret@a", "ftp:"],
      ["http://u:secret@a/path", "a path"],
      ["http://u:secret@a?q", "a query"],
      ["http://", "not a URL"],
      ["", "not a URL"],
      [1, "not a URL"],
      [{}, "not a URL"],
    ] as const
  ) {
    const error = assertThrows(
      () => new Client("a", { proxy: proxy as string }),
      TypeError,
      text,
    ) as Error;
    assert(!error.message.includes("secret"), error.message);
  }
  assertThrows(
    () => new Client("a", { proxy: () => "socks4://a" }),
    TypeError,
    "SOCKS",
  );
});

/** Runs with environment variables, and removes them afterwards. */
function withVariables<T>(variables: Record<string, string>, run: () => T): T {
  const names = ["http_proxy", "https_proxy", "all_proxy", "no_proxy"];
  const all = [
    ...names,
    ...names.map((name) => name.toUpperCase()),
    "REQUEST_METHOD",
  ];
  const before = all.map((name) => [name, Deno.env.get(name)] as const);
  try {
    for (const name of all) Deno.env.delete(name);
    for (const [name, value] of Object.entries(variables)) {
      Deno.env.set(name, value);
    }
    return run();
  } finally {
    for (const [name, value] of before) {
      if (value === undefined) Deno.env.delete(name);
      else Deno.env.set(name, value);
    }
  }
}

function chosen(variables: Record<string, string>, url: string): string | null {
  return withVariables(variables, () => proxyFromEnvironment())(new URL(url));
}

Deno.test("proxyFromEnvironment() chooses by scheme, and prefers names in lower case", () => {
  const both = { HTTP_PROXY: "http://a", HTTPS_PROXY: "http://b" };
  assertEquals(chosen(both, "http://x"), "http://a");
  assertEquals(chosen(both, "https://x"), "http://b");
  assertEquals(
    chosen({ ...both, http_proxy: "http://c" }, "http://x"),
    "http://c",
  );
  assertEquals(chosen({ ALL_PROXY: "http://d" }, "https://x"), "http://d");
  assertEquals(
    chosen({ ...both, all_proxy: "http://d" }, "https://x"),
    "http://b",
  );
  assertEquals(chosen({}, "http://x"), null);
  assertEquals(chosen({ HTTP_PROXY: "" }, "http://x"), null);
  const cgi = { ...both, REQUEST_METHOD: "GET" };
  assertEquals([chosen(cgi, "http://x"), chosen(cgi, "https://x")], [
    null,
    "http://b",
  ]);
});

Deno.test("NO_PROXY lists hosts, ports, ranges of addresses, or all", () => {
  for (
    const [list, url, isDirect] of [
      ["a.example", "http://a.example", true],
      ["a.example", "http://A.EXAMPLE/", true],
      ["A.example", "http://b.a.example", true],
      [".a.example", "http://b.a.example", true],
      ["*.a.example", "http://b.a.example", true],
      [".a.example", "http://a.example", true],
      ["a.example", "http://ba.example", false],
      ["a.example", "http://a.example.org", false],
      ["a.example:8080", "http://a.example:8080", true],
      ["a.example:8080", "http://a.example", false],
      ["a.example:443", "https://a.example", true],
      ["x, a.example y", "http://a.example", true],
      ["*", "http://a.example", true],
      ["127.0.0.1", "http://127.0.0.1:99", true],
      ["10.0.0.0/8", "http://10.9.8.7", true],
      ["10.0.0.0/8", "http://11.9.8.7", false],
      ["10.128.0.0/9", "http://10.127.0.1", false],
      ["0.0.0.0/0", "http://1.2.3.4", true],
      ["10.0.0.0/33", "http://10.0.0.0", false],
      ["10.0.0.0/8", "http://a.example", false],
      ["[::1]", "http://[::1]", true],
      ["::1", "http://[::1]:80", true],
      ["[::1]:81", "http://[::1]", false],
      ["fd00::/8", "http://[fd12:3456::1]", true],
      ["fd00::/8", "http://[fe00::1]", false],
      ["::ffff:0:0/96", "http://[::1]", false],
      ["", "http://a.example", false],
      [",, ,", "http://a.example", false],
    ] as const
  ) {
    const found = chosen({ ALL_PROXY: "http://p", NO_PROXY: list }, url);
    assertEquals(found === null, isDirect, `${list} ${url}`);
  }
});
