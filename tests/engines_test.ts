/**
 * Lists the tests that cannot run on every engine, each with the reason, and
 * checks that all others use the table in `support/engines.ts`. It works on the
 * source text of the tests; each rule is also tested with a violation.
 */

import { assert, assertEquals } from "@std/assert";
import { ENGINES } from "./support/engines.ts";

const root = new URL("./", import.meta.url);

type Name = (typeof ENGINES)[number]["name"];

/** A test that only one engine can run. */
interface Difference {
  /** The file, and the start of the tests' names. */
  readonly tests: readonly [file: string, name: string];
  readonly engine: Name;
  readonly why: string;
}

/** Why tests that count bytes run in memory only. */
const COUNTED =
  "bytes read and written are counted exactly in memory; with a socket the " +
  "kernel buffers megabytes between the two ends. On epoll, " +
  "server/engines/epoll/transport_test.ts bounds both";
const SCRIPTED =
  "failures of accept come from a scripted listener; all engines accept with " +
  "the same AcceptLoop. Descriptors run out on all in descriptor_limit_test.ts";
const SECURE =
  "epoll has no TLS; server/engines/node/tls_test.ts tests that of the engine on node:net";
const WORKERS_TEST =
  "R158: a server without descriptors goes on and serves again later, from workers";
const NO_WORKERS = "no workers serve on node:net in Deno";
const PARTIAL = "the test sets how much each write accepts, in memory only";

const differences: readonly Difference[] = [
  {
    tests: ["send_file_test.ts", "a large file is sent without being read"],
    engine: "epoll",
    why: "the others have no descriptor of the socket",
  },
  {
    tests: ["send_file_test.ts", "a large file is sent over TLS"],
    engine: "listen",
    why: SECURE,
  },
  {
    tests: ["accept_test.ts", "R158: "],
    engine: "listen",
    why: SCRIPTED,
  },
  {
    tests: ["server/hooks_test.ts", "the setup hook receives failed accepts"],
    engine: "listen",
    why: SCRIPTED,
  },
  {
    tests: ["server/hooks_test.ts", "serving ends when accept fails"],
    engine: "listen",
    why: SCRIPTED,
  },
  {
    tests: ["listen_test.ts", "tls() "],
    engine: "listen",
    why: SECURE,
  },
  {
    tests: ["listen_test.ts", "R23: "],
    engine: "listen",
    why: SECURE,
  },
  {
    tests: ["listen_test.ts", "a client that sends plain HTTP"],
    engine: "listen",
    why: SECURE,
  },
  {
    tests: ["websocket/tls_test.ts", "a WebSocket through TLS"],
    engine: "listen",
    why: SECURE,
  },
  {
    tests: ["listen_test.ts", "handle() serves"],
    engine: "listen",
    why: "a connection that was accepted elsewhere is not a socket of epoll's",
  },
  {
    tests: ["proxy_protocol_test.ts", "handle() expects the header"],
    engine: "listen",
    why: "a connection that was accepted elsewhere is not a socket of epoll's",
  },
  {
    tests: ["proxy_protocol_test.ts", "the header precedes TLS"],
    engine: "listen",
    why: SECURE,
  },
  {
    tests: ["server/server_test.ts", "a small response is one write"],
    engine: "listen",
    why: "the peer of a socket cannot tell its writes apart",
  },
  {
    tests: ["server/server_test.ts", "ctx.signal fires when the peer leaves"],
    engine: "listen",
    why: "the test gives its own error; on a socket it is the system's (R110)",
  },
  {
    tests: ["server/connection/response_writer_test.ts", "res.ok() sends "],
    engine: "listen",
    why: "the peer of a socket cannot tell its writes apart",
  },
  {
    tests: ["server/response_handle_test.ts", "res.sent rejects when the peer"],
    engine: "listen",
    why: "the test gives its own error; on a socket it is the system's (R110)",
  },
  {
    tests: [
      "server/connection/bodies/streamed_response_test.ts",
      "the first piece of a stream waits 5 ms of the server's clock",
    ],
    engine: "listen",
    why: "nothing may run between the timer and the check of the writes",
  },
  {
    tests: [
      "server/connection/bodies/streamed_response_test.ts",
      "a stream is pulled only",
    ],
    engine: "listen",
    why: COUNTED,
  },
  {
    tests: [
      "server/connection/bodies/streamed_response_test.ts",
      "a piece that arrives while",
    ],
    engine: "listen",
    why: COUNTED,
  },
  {
    tests: [
      "server/connection/bodies/streamed_response_test.ts",
      "res.sent settles when",
    ],
    engine: "listen",
    why: "the kernel accepts a short response even if the peer does not read",
  },
  {
    tests: ["hijack_test.ts", "a read that was pending when"],
    engine: "listen",
    why:
      "the engine has no read pending; server/engines/epoll/transport_test.ts " +
      "has one that the handler began",
  },
  {
    tests: ["deadlines_rows_test.ts", "R152: a peer that reads slowly"],
    engine: "listen",
    why: PARTIAL,
  },
  {
    tests: ["deadlines_rows_test.ts", "R152: writeTimeout also ends"],
    engine: "listen",
    why: "the kernel accepts a short response even if the peer does not read",
  },
  {
    tests: ["shutdown_test.ts", "R111, R159: "],
    engine: "listen",
    why:
      "the test fakes all timers of the program; the other engines need real ones",
  },
  {
    tests: ["connection_end_test.ts", "R110: a write that fails"],
    engine: "listen",
    why:
      "the write that fails is scripted; a reset while a response waits for " +
      "room is in server/engines/epoll/transport_test.ts",
  },
  {
    tests: ["connection_order_test.ts", "R96: no handler starts while more"],
    engine: "listen",
    why: COUNTED,
  },
  {
    tests: ["connection_order_test.ts", "R98: "],
    engine: "listen",
    why: COUNTED,
  },
  {
    tests: ["blocked_thread_test.ts", "R161: "],
    engine: "listen",
    why: "the epoll engine has no TLS",
  },
  {
    tests: ["client_leaves_test.ts", "R108: a client that ${how} after"],
    engine: "epoll",
    why: "the runtime reports the end of a connection only to a read",
  },
  {
    tests: ["descriptor_limit_test.ts", WORKERS_TEST],
    engine: "listen",
    why: NO_WORKERS,
  },
  {
    tests: ["descriptor_limit_test.ts", WORKERS_TEST],
    engine: "epoll",
    why: NO_WORKERS,
  },
  { tests: ["limits_test.ts", "R153: "], engine: "listen", why: COUNTED },
  { tests: ["limits_test.ts", "R154: "], engine: "listen", why: COUNTED },
  {
    tests: ["conformance/bounded_work_test.ts", "R98, R154: "],
    engine: "listen",
    why: COUNTED,
  },
];

/** Files in which a test depends on the engine, and how. */
const weaker: Readonly<Record<string, string>> = {
  "conformance/conformance_test.ts":
    "R1: besides whole and byte by byte (on node, up to 1,024 bytes), epoll and node run a " +
    "seeded sample of the two-part splits, because each run needs a socket",
  "smuggling_test.ts":
    "R66 to R80, R102: epoll and node run a seeded sample of the two-part splits here too",
  "fuzz_test.ts": "epoll and node run fewer inputs, because sockets are slower",
};

/** Files that start servers but test something else, or one engine. */
const others: Readonly<Record<string, string>> = {
  "client/": "the client",
  "client_doc_test.ts": "the program of docs/client.md",
  "examples/": "programs, each with its engine",
  "fetch/frameworks_test.ts":
    "each framework on `Deno.serve()` and on two engines in one test",
  "fetch/to_fetch_test.ts": "applications without a socket",
  "fetch/serve_test.ts":
    "`serve()` of the entry, with its own setting for the engine",
  "files/byte_names_test.ts":
    "names of files without a server, and handlers on every engine",
  "files/fetch_test.ts": "`serve()` of `./fetch`, and handlers on every engine",
  "files/mistakes_test.ts": "mistakes that are found before anything is served",
  "readme_test.ts": "examples in the documentation",
  "server/engines/": "one engine or its parts",
  "server/serve_options_test.ts":
    "options that are refused before an engine is chosen",
  "server/connection/deadlines_test.ts":
    "the unit that all engines share, in memory",
  "websocket/chromium_test.ts": "each engine with one browser, in one test",
  "workers": "several processes, with their own table of engines",
};

/** Ways to serve that choose an engine without the table. */
const NAMES_ENGINE =
  /(?<![.\w])serve\(|\.(?:serve|serveEpoll|handle)\(|new (?:TimedConnection|TimedSocket|ConnectionManager|EpollEngine|NodeEngine|MemoryWire|SocketWire)\(/;

/** Source text that depends on the engine. */
const ASKS_ENGINE = /name === "(?:listen|epoll|node)"|\w\[(?:engine\.)?name\]/;

/** One registration of a test, up to the next one. */
interface Registration {
  readonly by: "Deno.test" | "testEngine" | "testEngines";
  readonly engine: Name | null;
  readonly name: string;
  /** The source text after the name. */
  readonly text: string;
}

function registrationsOf(source: string): Registration[] {
  const begin =
    /^[ ]*(Deno\.test|testEngines?)\(\s*(?:(LISTEN|EPOLL|NODE),\s*)?(?:\{\s*name:\s*)?(["`])(.*?)\3/gm;
  const starts = [...source.matchAll(begin)];
  return starts.map((match, index) => {
    const [, by, engine = null, , name = ""] = match;
    return {
      by: by as Registration["by"], // by the expression
      engine: engine === null ? null : engine.toLowerCase() as Name, // by the expression
      name,
      text: source.slice(
        match.index + match[0].length,
        starts[index + 1]?.index,
      ),
    };
  });
}

/** Finds the violations in one file of tests. */
function violationsOf(file: string, source: string): string[] {
  if (Object.keys(others).some((prefix) => file.startsWith(prefix))) return [];
  const found: string[] = [];
  for (const { by, engine, name, text } of registrationsOf(source)) {
    const quoted = `${file}: "${name}"`;
    if (by === "testEngine" && !isNamed(file, name, engine)) {
      found.push(`${quoted} runs on one engine without a listed reason`);
    }
    if (by === "Deno.test" && NAMES_ENGINE.test(text)) {
      found.push(`${quoted} is not run through the table of engines`);
    }
    if (
      by === "testEngines" &&
      NAMES_ENGINE.test(text.replaceAll("engine.serve(", ""))
    ) {
      found.push(`${quoted} chooses an engine itself`);
    }
  }
  if (ASKS_ENGINE.test(source) && weaker[file] === undefined) {
    found.push(`${file} depends on its engine without a listed reason`);
  }
  return found;
}

function isNamed(file: string, name: string, engine: string | null): boolean {
  return differences.some(({ tests, ...difference }) =>
    tests[0] === file && name.startsWith(tests[1]) &&
    difference.engine === engine
  );
}

async function testFiles(folder = ""): Promise<string[]> {
  const files: string[] = [];
  for await (const entry of Deno.readDir(new URL(folder, root))) {
    const path = folder + entry.name;
    if (entry.isDirectory) files.push(...await testFiles(`${path}/`));
    else if (path.endsWith("_test.ts")) files.push(path);
  }
  return files.sort();
}

function read(file: string): Promise<string> {
  return Deno.readTextFile(new URL(file, root));
}

Deno.test("every behaviour of the server is tested on every engine, or is listed with a reason", async () => {
  const found: string[] = [];
  let registrations = 0;
  for (const file of await testFiles()) {
    if (file === "engines_test.ts") continue;
    const source = await read(file);
    found.push(...violationsOf(file, source));
    registrations += registrationsOf(source).filter(({ by }) =>
      by === "testEngines"
    ).length;
  }
  assertEquals(found, []);
  assert(registrations > 100, `only ${registrations} were found`);
});

Deno.test("every listed exception still exists", async () => {
  for (const { tests: [file, name], engine, why } of differences) {
    const isThere = registrationsOf(await read(file)).some((registration) =>
      registration.by === "testEngine" && registration.engine === engine &&
      registration.name.startsWith(name)
    );
    assert(isThere, `${file} has no "${name}" for ${engine} alone`);
    assert(why.length > 0);
  }
  for (const file of Object.keys(weaker)) {
    assert(ASKS_ENGINE.test(await read(file)), `${file} asks for no engine`);
  }
  const files = await testFiles();
  for (const prefix of Object.keys(others)) {
    assert(files.some((file) => file.startsWith(prefix)), prefix);
  }
});

Deno.test("each rule finds a violation", () => {
  const sources: readonly (readonly [string, string])[] = [
    [
      'Deno.test("x", async () => {\n  await using server = serve((app) => app);\n});',
      'new_test.ts: "x" is not run through the table of engines',
    ],
    [
      "for (;;) {\n  Deno.test(\n    `x ${n}`,\n    () => app.build().serveEpoll(),\n  );\n}",
      'new_test.ts: "x ${n}" is not run through the table of engines',
    ],
    [
      'testEngines("x", async () => {\n  const peer = new TimedConnection(handler);\n});',
      'new_test.ts: "x" chooses an engine itself',
    ],
    [
      'testEngine(EPOLL, "x", () => {});',
      'new_test.ts: "x" runs on one engine without a listed reason',
    ],
    [
      'const count = engine.name === "epoll" ? 1 : 2;',
      "new_test.ts depends on its engine without a listed reason",
    ],
  ];
  for (const [source, violation] of sources) {
    assertEquals(violationsOf("new_test.ts", source), [violation]);
  }
  const fine = 'testEngines("x", (engine) => void engine.serve(configure));';
  assertEquals(violationsOf("new_test.ts", fine), []);
});

Deno.test("the table has all engines", () => {
  assertEquals(ENGINES.map(({ name }) => name), ["listen", "epoll", "node"]);
  const epoll = ENGINES[1];
  assertEquals(epoll?.isAbsent, Deno.build.os !== "linux");
});
