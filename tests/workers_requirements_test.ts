/** The requirements of serving from workers: a missing one throws before anything is bound or started. */

import {
  assertEquals,
  assertInstanceOf,
  assertMatch,
  assertStringIncludes,
  assertThrows,
} from "@std/assert";
import { fileURLToPath } from "node:url";
import { Server, type ThreadedServeOptions } from "../mod.ts";
import { isDeno, PLATFORMS } from "./support/workers.ts";

const root = new URL("../", import.meta.url);
const module = new URL("workers/module.ts", import.meta.url);
const ignore = Deno.build.os !== "linux";

/** Runs a program that prints why serving was refused; returns its output. */
async function refusal(
  flags: readonly string[],
  ...args: string[]
): Promise<string> {
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "--no-prompt", ...flags, "tests/workers/refused.ts", ...args],
    cwd: root,
    env: { NO_COLOR: "1" },
  }).output();
  const decoder = new TextDecoder();
  assertEquals([code, decoder.decode(stderr)], [0, ""]);
  return decoder.decode(stdout);
}

/** Flags with too few permissions, and the advice in the error. */
const refused: readonly {
  readonly name: string;
  readonly flags: readonly string[];
  readonly engine: string;
  readonly error: string;
  readonly remedies: readonly string[];
}[] = [
  {
    name: "the runtime's flag for shared ports",
    flags: ["--allow-net", "--allow-read"],
    engine: "listen",
    error: "NotSupported",
    remedies: ["--unstable-net", `"unstable": ["net"]`, `engine "epoll"`],
  },
  {
    name: "the permission to read the program",
    flags: ["--unstable-net", "--allow-net"],
    engine: "listen",
    error: "NotCapable",
    remedies: ["--allow-read"],
  },
  {
    name: "the permission to read the library",
    flags: ["--allow-net", "--allow-ffi", "--allow-read=tests/workers"],
    engine: "epoll",
    error: "NotCapable",
    remedies: ["server/workers/", "--allow-read for all"],
  },
  {
    name: "the permission for the port that the system chooses",
    flags: ["--unstable-net", "--allow-net=127.0.0.1:0", "--allow-read"],
    engine: "listen",
    error: "NotCapable",
    remedies: ["--allow-net=127.0.0.1\n"],
  },
  {
    name: "the permission to listen",
    flags: ["--allow-net=127.0.0.2:0", "--allow-ffi", "--allow-read"],
    engine: "epoll",
    error: "NotCapable",
    remedies: ["--allow-net=127.0.0.1:0"],
  },
  {
    name: "the permission to call the C library",
    flags: ["--allow-net", "--allow-read"],
    engine: "epoll",
    error: "NotCapable",
    remedies: ["--allow-ffi"],
  },
];

for (const { name, flags, engine, error, remedies } of refused) {
  Deno.test({
    name: `serveThreaded() throws without ${name} [${engine}]`,
    ignore,
    fn: async () => {
      const text = await refusal(flags, engine);
      assertEquals(text.slice(0, text.indexOf(":")), error);
      for (const remedy of remedies) assertStringIncludes(text, remedy);
    },
  });
}

Deno.test({
  name: "serveThreaded() finds the runtime's flag in a configuration file",
  ignore,
  fn: async () => {
    const folder = await Deno.makeTempDir();
    try {
      const path = `${folder}/deno.json`;
      await Deno.writeTextFile(path, `{ "unstable": ["net"] }`);
      const flags = [`--config=${path}`, "--allow-net", "--allow-read"];
      // This requirement is met, so the next one is checked.
      assertStringIncludes(
        await refusal(flags, "listen", "unix:/tmp/x"),
        "TypeError",
      );
      using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
      const { port } = listener.addr;
      const text = await refusal(flags, "listen", `127.0.0.1:${port}`);
      assertStringIncludes(text, "AddrInUse");
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  },
});

/** Runtimes, and the engines that they do not have for workers. */
const absent: readonly {
  readonly name: string;
  runtime(): Promise<string>;
  readonly flags: readonly string[];
  readonly engine: string;
  readonly text: string;
}[] = [
  {
    name: "Deno",
    runtime: () => Promise.resolve(Deno.execPath()),
    flags: ["run", "-A", "--unstable-net"],
    engine: "node",
    text:
      'NotSupported: Cannot share a port among workers on engine "node" of Deno: use engine "listen" or "epoll"',
  },
  ...PLATFORMS.filter((platform) => !isDeno(platform)).flatMap((platform) =>
    ["listen", "epoll"].map((engine) => ({
      ...{ ...platform, engine },
      text:
        `Error: Cannot share a port among workers on engine "${engine}" on ${
          platform.name === "bun" ? "Bun" : "Node.js"
        }: only Deno can do this; use engine "node"`,
    }))
  ),
];

for (const { name, runtime, flags, engine, text } of absent) {
  Deno.test({
    name:
      `serveThreaded() names the engine of another runtime: ${engine} [${name}]`,
    ignore,
    fn: async () => {
      const { stdout } = await new Deno.Command(await runtime(), {
        args: [...flags, "tests/workers/refused.ts", engine],
        cwd: root,
      }).output();
      assertEquals(new TextDecoder().decode(stdout).trim(), text);
    },
  });
}

for (const platform of PLATFORMS) {
  if (isDeno(platform)) continue;
  Deno.test({
    name:
      `serveThreaded() rejects a program that is in no file [${platform.name}]`,
    ignore,
    fn: async () => {
      const code = `
        import(${
        JSON.stringify(new URL("mod.ts", root))
      }).then(({ Server }) => {
          Server.builder("127.0.0.1:0").build().serveThreaded();
        }).catch((error) => console.log(error.name + ": " + error.message));`;
      const { stdout } = await new Deno.Command(await platform.runtime(), {
        args: ["-e", code],
      }).output();
      assertMatch(
        new TextDecoder().decode(stdout),
        /^TypeError: Cannot .*(?:the program is in no file|there is no such file)/,
      );
    },
  });
}

/** Modules without a file, or without a main module. */
const places: readonly {
  readonly name: string;
  /** Builds a program for `deno eval` that prints what it passes to `report`. */
  wrap(code: string): string;
  readonly text: string;
}[] = [
  {
    name: "a program that is in no file",
    wrap: (code) => `const report = console.log;${code}`,
    text: "there is no such file",
  },
  {
    name: "in a worker that the program has made",
    wrap: (code) => {
      const worker = `const report = (text) => postMessage(text);${code}`;
      const url = `data:text/javascript,${encodeURIComponent(worker)}`;
      return `const worker = new Worker("${url}", { type: "module" });
        worker.onmessage = ({ data }) => {
          console.log(data);
          worker.terminate();
        };`;
    },
    text: "this thread was started by the program itself",
  },
];

for (const { name, wrap, text } of places) {
  Deno.test({
    name: `serveThreaded() rejects ${name}`,
    ignore,
    fn: async () => {
      const code = `
        const { Server } = await import("${new URL("mod.ts", root)}");
        const server = Server.builder("127.0.0.1:0").build();
        try {
          server.serveThreaded({ engine: "epoll" });
        } catch (error) {
          report(error.name + ": " + error.message);
        }`;
      const { stdout } = await new Deno.Command(Deno.execPath(), {
        args: ["eval", wrap(code)],
        env: { NO_COLOR: "1" },
      }).output();
      const printed = new TextDecoder().decode(stdout);
      assertStringIncludes(printed, "TypeError: Cannot ");
      assertStringIncludes(printed, text);
    },
  });
}

const mistakes: readonly {
  readonly name: string;
  readonly address: string;
  readonly options: ThreadedServeOptions;
  readonly error: new (message: string) => Error;
  readonly text: string;
}[] = [
  {
    name: "a Unix socket",
    address: "unix:/tmp/khttp.sock",
    options: {},
    error: TypeError,
    text: "unix:/tmp/khttp.sock",
  },
  {
    name: "a hang timeout that a busy machine reaches",
    address: "127.0.0.1:0",
    options: { hangTimeout: 99 },
    error: RangeError,
    text: "Cannot set option hangTimeout to 99: ",
  },
  {
    name: "a hang timeout that is no number",
    address: "127.0.0.1:0",
    options: { hangTimeout: NaN },
    error: RangeError,
    text: "hangTimeout to NaN: it must be a number of at least 100, in ms",
  },
  {
    name: "a heap that is too small",
    address: "127.0.0.1:0",
    options: { maxHeapBytes: 64 },
    error: RangeError,
    text: "maxHeapBytes to 64: it must be an integer of at least 33554432",
  },
  {
    name: "a heap without a limit",
    address: "127.0.0.1:0",
    options: { maxHeapBytes: Infinity },
    error: RangeError,
    text: "maxHeapBytes to Infinity",
  },
  {
    name: "a part of a worker",
    address: "127.0.0.1:0",
    options: { workers: 1.5 },
    error: RangeError,
    text: "1.5 workers",
  },
  {
    name: "less than no worker",
    address: "127.0.0.1:0",
    options: { workers: -1 },
    error: RangeError,
    text: "-1 workers",
  },
  {
    name: "a number of connections as that of workers",
    address: "127.0.0.1:0",
    options: { workers: 100_000 },
    error: RangeError,
    text:
      "100000 workers: it must be an integer from 0, for one for each core, to 1024",
  },
  {
    name: "a module that is not a URL",
    address: "127.0.0.1:0",
    options: { module: "app.ts" },
    error: TypeError,
    text: `"app.ts"`,
  },
  {
    name: "a module that is not there",
    address: "127.0.0.1:0",
    options: { module: new URL("nowhere.ts", import.meta.url) },
    error: TypeError,
    text: "no such file",
  },
  {
    name: "a C library that is not there",
    address: "127.0.0.1:0",
    options: { module, libc: "/nowhere/libc.so.6" },
    error: Deno.errors.NotSupported,
    text: "/nowhere/libc.so.6",
  },
];

for (const { name, address, options, error, text } of mistakes) {
  Deno.test({
    name: `serveThreaded() rejects ${name}`,
    ignore,
    fn: () => {
      const server = Server.builder(address).build();
      const { message } = assertThrows(
        () => server.serveThreaded({ engine: "epoll", ...options }),
        error,
      );
      assertStringIncludes(message, text);
    },
  });
}

Deno.test("serveThreaded() rejects TLS on the epoll engine", () => {
  const path = (name: string): string =>
    fileURLToPath(new URL(`fixtures/localhost.${name}.pem`, import.meta.url));
  const server = Server.builder("127.0.0.1:0")
    .tls({ certFile: path("cert"), keyFile: path("key") }).build();
  assertThrows(() => server.serveThreaded({ engine: "epoll" }), TypeError);
});

Deno.test("threadCount() rejects values that are not a number of workers", () => {
  const app = Server.builder("127.0.0.1:0");
  assertThrows(() => app.threadCount(-1), RangeError);
  assertThrows(() => app.threadCount(1.5), RangeError);
  assertThrows(() => app.threadCount(1025), RangeError, "to 1024");
  assertEquals(app.threadCount(3).build().options.threadCount, 3);
  assertEquals(app.threadCount(0).build().options.threadCount, 0);
});

Deno.test("serveThreaded() does not start when its signal has fired", () => {
  const reason = new RangeError("no more");
  const server = Server.builder("127.0.0.1:0").build();
  const thrown = assertThrows(() =>
    server.serveThreaded({ module, signal: AbortSignal.abort(reason) })
  );
  assertInstanceOf(thrown, RangeError);
});
