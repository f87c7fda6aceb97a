/** Permissions and library that the epoll engine needs; each case is a process with exactly those permissions. */

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { EPOLL, testEngine } from "../../../support/engines.ts";

const mod = new URL("../../../../mod.ts", import.meta.url);

/** A program that serves, sends itself a request, and prints the result. */
const PROGRAM = `
const options = JSON.parse(Deno.args[1]);
const app = Server.builder(Deno.args[0]);
app.get("/", (_, res) => res.ok("served"));
try {
  const handle = app.build().serveEpoll(options);
  const { port } = handle.addr;
  const response = await fetch("http://127.0.0.1:" + port + "/");
  console.log(await response.text());
  await handle.shutdown();
} catch (error) {
  console.log(error.name + ": " + error.message);
}
`;

/** Runs the program; returns its output. */
async function run(
  flags: readonly string[],
  options: { readonly libc?: string } = {},
  address = "127.0.0.1:0",
): Promise<string> {
  const file = await Deno.makeTempFile({ suffix: ".ts" });
  try {
    const source = `import { Server } from "${mod}";\n${PROGRAM}`;
    await Deno.writeTextFile(file, source);
    const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
      args: [
        ...["run", "--no-prompt", "--no-check", "--quiet", ...flags],
        ...[file, address, JSON.stringify(options)],
      ],
      env: { NO_COLOR: "1" },
      stdin: "null",
    }).output();
    const text = new TextDecoder().decode(stdout).trim();
    assertEquals([code, new TextDecoder().decode(stderr)], [0, ""], text);
    return text;
  } finally {
    await Deno.remove(file);
  }
}

/** The path at which the loader found this process's C library. */
async function libraryPath(): Promise<string> {
  const maps = await Deno.readTextFile("/proc/self/maps");
  const path = /\s(\/\S*libc\.so\.6)$/m.exec(maps)?.[1];
  assert(path !== undefined, "no C library is mapped");
  return path;
}

testEngine(
  EPOLL,
  "serveEpoll() needs the permission for the C library, and its error names it",
  async () => {
    const text = await run(["--allow-net"]);
    assertStringIncludes(text, "NotCapable: Cannot serve with epoll");
    assertStringIncludes(text, "--allow-ffi");
  },
);

testEngine(
  EPOLL,
  "serveEpoll() needs only the permission for one path if the option names the path",
  async () => {
    const libc = await libraryPath();
    const flags = ["--allow-net", `--allow-ffi=${libc}`];
    assertEquals(await run(flags, { libc }), "served");
    assertStringIncludes(await run(flags), "NotCapable");
  },
);

testEngine(
  EPOLL,
  "serveEpoll() serves with the permission for all libraries",
  async () => {
    assertEquals(await run(["--allow-net", "--allow-ffi"]), "served");
  },
);

testEngine(
  EPOLL,
  "serveEpoll() names the path at which there is no C library",
  async () => {
    const flags = ["--allow-net", "--allow-ffi"];
    const text = await run(flags, { libc: "/nowhere/libc.so.6" });
    assertStringIncludes(text, "NotSupported: ");
    assertStringIncludes(text, "/nowhere/libc.so.6");
    assertStringIncludes(text, "serve()");
  },
);

testEngine(
  EPOLL,
  "serveEpoll() requires the permission to listen, as serve() does",
  async () => {
    const text = await run(["--allow-ffi"]);
    assertStringIncludes(text, "NotCapable: ");
    assertStringIncludes(text, "--allow-net=127.0.0.1:0");
    const other = await run(["--allow-ffi", "--allow-net=127.0.0.1:1"]);
    assertStringIncludes(other, "NotCapable: ");
  },
);

testEngine(
  EPOLL,
  "serveEpoll() serves without the permission to connect to itself",
  async () => {
    // The address to listen on and the one to fetch from, but no port for the connection to itself.
    const free = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    const { port } = free.addr;
    free.close();
    const flags = ["--allow-ffi", `--allow-net=127.0.0.1:${port}`];
    assertEquals(await run(flags, {}, `127.0.0.1:${port}`), "served");
  },
);
