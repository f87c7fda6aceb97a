/** The settings of each way of serving: names and values that are refused. */

import { assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { Server } from "../../mod.ts";
import {
  checkServeOptions,
  type ServeMethod,
} from "../../server/serve_options.ts";

const refused: readonly (readonly [
  method: ServeMethod,
  options: Readonly<Record<string, unknown>>,
  text: string,
])[] = [
  [
    "serve",
    { engine: "epoll" },
    'neither "listen" nor "node"; call serveEpoll()',
  ],
  ["serveEpoll", { engine: "node" }, '"engine": no such option; call serve()'],
  [
    "serveThreaded",
    { engine: "net" },
    'neither "listen" nor "epoll" nor "node"',
  ],
  ["serve", { workers: 2 }, "call serveThreaded()"],
  ["serve", { hangTimeout: 1000 }, "call serveThreaded()"],
  ["serveEpoll", { maxHeapBytes: 1e9 }, "call serveThreaded()"],
  ["serve", { port: 8080 }, "give the address to Server.builder()"],
  ["serve", { libc: "/lib/libc.so" }, '"libc": no such option'],
  ["serve", { toString: 1 }, '"toString": no such option'],
  ["serve", { signal: 1 }, "option signal to 1: not an AbortSignal"],
  ["serve", { onListen: {} }, "option onListen to an object: not a function"],
  ["serveEpoll", { onListening: () => {} }, '"onListening": no such option'],
  ["serveEpoll", { libc: 1 }, "option libc to 1: not a path"],
  ["serveThreaded", { engine: "eploll" }, 'option engine to "eploll": neither'],
  ["serveThreaded", { engine: true }, "option engine to true: neither"],
];

for (const value of [null, 8080, "127.0.0.1:0", () => {}, []]) {
  Deno.test(`serve() refuses ${typeof value} ${String(value)} as its options`, () => {
    const server = Server.builder("127.0.0.1:0").build();
    const { message } = assertThrows(
      () => server.serve(value as never),
      TypeError,
      "the options are not an object",
    );
    const advice = typeof value === "function" ? "./fetch" : "Server.builder()";
    assertStringIncludes(message, advice);
  });
}

for (const [method, options, text] of refused) {
  Deno.test(`${method}() refuses ${JSON.stringify(options)}`, () => {
    const server = Server.builder("127.0.0.1:0").build();
    assertThrows(() => server[method](options as never), TypeError, text);
  });
}

Deno.test("checkServeOptions() accepts every setting, and undefined for any", () => {
  const all = {
    signal: new AbortController().signal,
    onListen: () => {},
    onError: () => {},
    workers: 1,
    hangTimeout: 10_000,
    maxHeapBytes: 2 ** 30,
    engine: "epoll",
    libc: "libc.so.6",
    module: "file:///a.ts",
  } as const;
  checkServeOptions("serveThreaded", all);
  checkServeOptions("serve", { engine: "listen" });
  checkServeOptions("serve", { engine: "node" });
  const none = Object.fromEntries(
    Object.keys(all).map((name) => [name, undefined]),
  );
  assertEquals(checkServeOptions("serveThreaded", none), undefined);
});
