/** `serve()` and its settings, on each engine by the setting `engine`. */

import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import { serve } from "../../fetch/mod.ts";
import type { FetchServeOptions, FetchTcpOptions } from "../../fetch/mod.ts";
import type {
  EpollServeOptions,
  ServeOptions,
  ServerOptions,
  ThreadedServeOptions,
} from "../../mod.ts";
import { DEFAULT_SERVER_OPTIONS } from "../../server/options.ts";
import { Server } from "../../server/server.ts";
import { RawClient } from "../support/raw_client.ts";
import { request } from "../support/serve.ts";

const LOCAL = { hostname: "127.0.0.1", port: 0 } as const;

/** Registers a test for each engine that this system has. */
function testServe(
  name: string,
  run: (settings: Pick<FetchServeOptions, "engine">) => Promise<void>,
): void {
  for (const engine of ["listen", "epoll"] as const) {
    Deno.test({
      name: `${name} [${engine}]`,
      ignore: engine === "epoll" && Deno.build.os !== "linux",
      fn: () => run({ engine }),
    });
  }
}

async function textOf(url: string, init?: RequestInit): Promise<string> {
  const response = await fetch(url, init);
  return await response.text();
}

testServe("serve() serves a function", async (engine) => {
  await using server = serve(
    { ...LOCAL, ...engine },
    ({ url }, info) => new Response(`${url} ${info.remoteAddr.hostname}`),
  );
  assertEquals(await textOf(`${server.url}/a`), `${server.url}/a 127.0.0.1`);
});

testServe("serve() takes the handler among the settings", async (engine) => {
  await using server = serve({
    ...LOCAL,
    ...engine,
    handler: () => new Response("inside"),
  });
  assertEquals(await textOf(server.url), "inside");
});

testServe(
  "serve() takes an object with fetch(), which keeps its `this`",
  async (engine) => {
    const module = {
      name: "module",
      fetch(): Response {
        return new Response(this.name);
      },
    };
    await using server = serve({ ...LOCAL, ...engine }, module);
    assertEquals(await textOf(server.url), "module");
  },
);

testServe(
  "serve() accepts handlers and options of the types of Deno.serve(), and returns its types",
  async (engine) => {
    const any: Deno.ServeHandler = (_, { remoteAddr }) =>
      new Response(remoteAddr.transport);
    const tcp: Deno.ServeHandler<Deno.NetAddr> = (_, { remoteAddr }) =>
      new Response(remoteAddr.hostname);
    const module = { fetch: any } satisfies Deno.ServeDefaultExport;
    const options: Deno.ServeTcpOptions = { ...LOCAL };
    await using first: Deno.HttpServer<Deno.NetAddr> = serve(
      { ...options, ...engine },
      tcp,
    );
    await using second: Deno.HttpServer = serve({
      ...options,
      ...engine,
      handler: module,
    });
    assertEquals(
      await textOf(`http://127.0.0.1:${first.addr.port}`),
      "127.0.0.1",
    );
    const { port } = second.addr as Deno.NetAddr; // the type Deno.HttpServer does not say so
    assertEquals(await textOf(`http://127.0.0.1:${port}`), "tcp");
  },
);

Deno.test("serve() takes an object with fetch() and handler, such as an application of H3, for a handler [listen]", () => {
  // The error about `port` shows that the object was read as a handler.
  const app = {
    handler: (): string => "of an event",
    fetch: (): Response => new Response(),
    port: 5,
  };
  assertThrows(() => serve(app), TypeError, "no effect beside fetch()");
});

testServe("serve() calls onListen with the address", async (engine) => {
  const addrs: Deno.NetAddr[] = [];
  await using server = serve({
    ...LOCAL,
    ...engine,
    onListen: (addr) => void addrs.push(addr),
  }, () => new Response());
  assertEquals(addrs.map(({ port }) => port), [server.port]);
});

testServe("serve() sends what onError makes of an error", async (engine) => {
  await using server = serve({
    ...LOCAL,
    ...engine,
    onError: (error) =>
      new Response(`caught ${String(error)}`, { status: 503 }),
  }, async ({ url }) => {
    if (url.endsWith("/async")) await Promise.reject(new Error("later"));
    if (url.endsWith("/none")) return undefined as unknown as Response;
    throw new Error("now");
  });
  const response = await fetch(server.url);
  assertEquals(response.status, 503);
  assertEquals(await response.text(), "caught Error: now");
  assertEquals(await textOf(`${server.url}/async`), "caught Error: later");
  assertEquals(
    await textOf(`${server.url}/none`),
    "caught TypeError: Cannot send response: the handler returned no Response but a value of type undefined",
  );
});

testServe("an onError that throws leaves a 500", async (engine) => {
  await using server = serve({
    ...LOCAL,
    ...engine,
    onError: () => {
      throw new Error("again");
    },
  }, () => {
    throw new Error("first");
  });
  const response = await fetch(server.url);
  await response.body?.cancel();
  assertEquals(response.status, 500);
});

testServe("the signal ends serving", async (engine) => {
  const controller = new AbortController();
  const server = serve(
    { ...LOCAL, ...engine, signal: controller.signal },
    () => new Response("a"),
  );
  assertEquals(await textOf(server.url), "a");
  controller.abort();
  await server.finished;
  await assertRejects(() => fetch(server.url), TypeError);
});

testServe("shutdown() lets a running request finish", async (engine) => {
  const started = Promise.withResolvers<void>();
  const go = Promise.withResolvers<void>();
  const server = serve({ ...LOCAL, ...engine }, async () => {
    started.resolve();
    await go.promise;
    return new Response("finished");
  });
  const text = textOf(server.url);
  await started.promise;
  const shutdown = server.shutdown();
  go.resolve();
  assertEquals(await text, "finished");
  await shutdown;
});

testServe("serve() listens on a Unix socket", async (engine) => {
  const folder = await Deno.makeTempDir();
  const path = `${folder}/socket`;
  {
    await using server = serve(
      { path, ...engine },
      (_, info) => new Response(info.localAddr.path),
    );
    assertEquals(server.addr, { transport: "unix", path });
    using conn = await Deno.connect({ transport: "unix", path });
    await conn.write(
      new TextEncoder().encode(
        "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
      ),
    );
    const response = await new Response(conn.readable).text();
    assertEquals(response.split("\r\n\r\n")[1], path);
  }
  await Deno.remove(folder, { recursive: true });
});

testServe(
  "the server's own options are accepted, and checked",
  async (engine) => {
    await using server = serve(
      { ...LOCAL, ...engine, maxBufferedBodyBytes: 3 },
      async (request) => new Response(await request.text()),
    );
    const response = await fetch(server.url, { method: "POST", body: "1234" });
    await response.body?.cancel();
    assertEquals(response.status, 413);
    assertThrows(
      () =>
        serve({ ...LOCAL, ...engine, idleTimeout: 0 }, () => new Response()),
      RangeError,
      "idleTimeout",
    );
  },
);

/** Settings of the server that `serve()` lacks. A setting added to the server must be added to `serve()` or here, or this does not compile. */
type Missing = Exclude<
  | keyof ServerOptions
  | keyof ServeOptions
  | keyof EpollServeOptions
  | keyof ThreadedServeOptions,
  keyof FetchTcpOptions
>;

Deno.test("serve() knows every setting of the server, and undefined for any [listen]", async () => {
  const missing: Readonly<Record<Missing, never>> = {};
  const own = {
    ...{ cert: undefined, key: undefined, signal: undefined },
    ...{ onListen: undefined, onError: undefined, engine: undefined },
    ...{ workers: undefined, module: undefined, hangTimeout: undefined },
    ...{ maxHeapBytes: undefined, libc: undefined, proxyProtocol: undefined },
  } satisfies Record<
    keyof Omit<FetchServeOptions, keyof ServerOptions>,
    undefined
  >;
  const limits = Object.fromEntries(
    Object.keys(DEFAULT_SERVER_OPTIONS).map((name) => [name, undefined]),
  );
  await using server = serve(
    { ...missing, ...limits, ...own, ...LOCAL },
    () => new Response("all"),
  );
  assertEquals(await textOf(server.url), "all");
});

testServe("serve() reads PROXY headers of load balancers", async (engine) => {
  const proxyProtocol = { trusted: ["127.0.0.1"] };
  await using server = serve(
    { ...LOCAL, ...engine, proxyProtocol },
    (_, { remoteAddr }) => Response.json(remoteAddr),
  );
  using client = await RawClient.connect(server.port);
  const header = "PROXY TCP4 192.0.2.1 192.0.2.2 1234 80\r\n";
  const { body } = await client.ask(header + request("GET /"));
  assertEquals(JSON.parse(body), {
    transport: "tcp",
    hostname: "192.0.2.1",
    port: 1234,
  });
});

testServe("uploads of more than 1 MiB can be read whole", async (engine) => {
  await using server = serve(
    { ...LOCAL, ...engine },
    async (request) => new Response(String((await request.bytes()).length)),
  );
  const body = new Uint8Array(3 * 1024 * 1024);
  assertEquals(await textOf(server.url, { method: "POST", body }), "3145728");
});

Deno.test("serve() serves HTTPS, whose requests have https URLs [listen]", async () => {
  const folder = new URL("../fixtures/", import.meta.url);
  const cert = await Deno.readTextFile(new URL("localhost.cert.pem", folder));
  const key = await Deno.readTextFile(new URL("localhost.key.pem", folder));
  await using server = serve(
    { ...LOCAL, cert, key },
    ({ url }) => new Response(url),
  );
  using client = Deno.createHttpClient({ caCerts: [cert] });
  const url = `https://localhost:${server.port}/a`;
  const response = await fetch(url, { client });
  assertEquals(await response.text(), url);
});

Deno.test("serve() refuses what it cannot do by name", () => {
  const cases: [settings: Record<string, unknown>, message: string][] = [
    [{ tcpBacklog: 5 }, "option tcpBacklog: no such option; leave it out"],
    [{ reusePort: true }, "option reusePort: no such option; set workers"],
    [{ automaticCompression: true }, "compress in the handler"],
    [{ transport: "unix" }, "path alone chooses a Unix socket"],
    [{ host: "127.0.0.1" }, "the name is hostname"],
    [{ certFile: "a.pem" }, "read the file, and pass its text as cert"],
    [{ onlisten: () => {} }, 'option "onlisten": no such option'],
    [{ engine: "fast" }, '"fast": neither "listen" nor "node" nor "epoll"'],
    [
      { engine: "fast", workers: 2 },
      '"fast": neither "listen" nor "node" nor "epoll"',
    ],
    [{ cert: "a" }, "Cannot use TLS: the option key is missing"],
    [{ key: "a" }, "Cannot use TLS: the option cert is missing"],
    [{ cert: "cert.pem", key: "key.pem" }, "read the file first"],
    [{ hostname: 5 }, 'Cannot listen on "5": the host is not a string'],
    [{ hostname: null }, "the host is not a string"],
    [{ hostname: "[::1]" }, "write the address without brackets"],
    [{ port: 70_000 }, "the port is not from 0 to 65535"],
    [{ onListen: 5 }, "onListen"],
    [{ onError: 5 }, "Cannot set option onError: not a function"],
    [{ port: "8080" }, "the port is a string; use Number(port)"],
    [{ path: "/run/app.sock" }, "option port: it has no effect here"],
    [{ port: undefined, path: "/a" }, "option hostname: it has no effect"],
    [{ hangTimeout: 5000 }, "hangTimeout: it has no effect here; set workers"],
    [{ maxHeapBytes: 2 ** 30 }, "maxHeapBytes: it has no effect here"],
    [{ module: "file:///a.ts" }, "module: it has no effect here"],
    [
      { libc: "libc.so.6" },
      'libc: it has no effect here; set engine to "epoll"',
    ],
    [
      { workers: 1, hangTimeout: 5 },
      "hangTimeout to 5: it must be a number of",
    ],
    [{ workers: 1, maxHeapBytes: 64 }, "maxHeapBytes to 64"],
    [{ workers: 5000 }, "Cannot serve with 5000 workers"],
    [{ proxyProtocol: true }, "the option trusted is missing"],
  ];
  for (const value of [8080, "127.0.0.1:8080", null]) {
    assertThrows(
      () => serve(value as unknown as FetchServeOptions, () => new Response()),
      TypeError,
      "the options are not an object such as { port: 8000 }",
    );
  }
  for (const [settings, message] of cases) {
    const options = { ...LOCAL, ...settings } as FetchServeOptions;
    assertThrows(() => serve(options, () => new Response()), Error, message);
  }
  assertThrows(
    () => serve({} as unknown as () => Response),
    TypeError,
    "Cannot serve: the handler is neither a function nor an object with fetch()",
  );
  for (const app of [Server.builder(LOCAL), Server.builder(LOCAL).build()]) {
    assertThrows(
      () => serve(LOCAL, app as unknown as () => Response),
      TypeError,
      "it is an application of this package: call its own serve()",
    );
  }
  // Other servers take settings in the same object as fetch().
  for (const setting of [{ port: 0 }, { hostname: "::1" }, { cert: "a" }]) {
    assertThrows(
      () => serve({ fetch: () => new Response(), ...setting }),
      TypeError,
      "has no effect beside fetch(); pass it first",
    );
  }
  const swapped = [() => new Response(), LOCAL] as unknown;
  assertThrows(
    () => serve(...swapped as [FetchServeOptions, () => Response]),
    TypeError,
    "the options come first",
  );
  assertThrows(
    () => serve(LOCAL, null as unknown as () => Response),
    TypeError,
    "Cannot serve",
  );
});
