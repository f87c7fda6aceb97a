/** The file handlers in web-standard code. */

import { assert, assertEquals, assertRejects } from "@std/assert";
import { serve, toHandler } from "../../fetch/mod.ts";
import { serveDir, serveFile } from "../../files/mod.ts";
import { testFetch } from "../support/fetch_adapters.ts";
import { testEngines } from "../support/engines.ts";
import { ask, Site } from "../support/site.ts";

/** A site with a file of each kind of body: kept in memory, and sent from the disk. */
async function makeSite(): Promise<Site> {
  const site = await Site.make({
    "a.txt": "0123456789",
    "a.txt.gz": "in gzip",
    "d/index.html": "index",
    "list/b.txt": "b",
  });
  await Deno.writeFile(`${site.path}/big.bin`, contentOf(300_000));
  return site;
}

function contentOf(size: number): Uint8Array<ArrayBuffer> {
  return Uint8Array.from({ length: size }, (_, at) => at % 251);
}

const textAt = (start: number, end: number): string =>
  String.fromCharCode(...contentOf(end).subarray(start));

/** Requests, and the response to each, however the folder is served. */
const CASES: readonly (readonly [
  line: string,
  fields: string,
  status: number,
  body: string,
  sent: Readonly<Record<string, string>>,
])[] = [
  ["GET /f/a.txt", "", 200, "0123456789", { "content-length": "10" }],
  ["HEAD /f/a.txt", "", 200, "", { "content-length": "10" }],
  ["GET /f/a.txt", "Accept-Encoding: gzip\r\n", 200, "in gzip", {
    "content-encoding": "gzip",
    "vary": "Accept-Encoding",
  }],
  ["GET /f/a.txt", "Range: bytes=2-4\r\n", 206, "234", {
    "content-range": "bytes 2-4/10",
  }],
  ["GET /f/a.txt", "Range: bytes=10-\r\n", 416, "Range Not Satisfiable", {
    "content-range": "bytes */10",
  }],
  [
    "GET /f/big.bin",
    "Range: bytes=99999-100001\r\n",
    206,
    textAt(99_999, 100_002),
    {},
  ],
  ["HEAD /f/big.bin", "", 200, "", { "content-length": "300000" }],
  ["GET /f/d", "", 301, "", { location: "/f/d/" }],
  ["GET /f/d/?q", "", 200, "index", {}],
  ["GET /f/nothing", "", 404, "Not Found", {}],
  ["GET /f/%2e%2e%2fa", "", 400, "Bad Request", {}],
  ["GET /fa/a.txt", "", 404, "Not Found", {}],
  ["GET /a.txt", "", 404, "Not Found", {}],
  ["POST /f/a.txt", "", 405, "Method Not Allowed", { allow: "GET, HEAD" }],
];

testFetch(
  "fetch() of a folder answers as a route does",
  async (engine, adapter) => {
    await using site = await makeSite();
    const files = serveDir(site.path, { prefix: "/f", precompressed: true });
    await using server = engine.serve((app) =>
      app.fallbackRoute(adapter.toHandler((request) => files.fetch(request)))
    );
    for (const [line, fields, status, body, sent] of CASES) {
      const answer = await ask(server, line, fields);
      assertEquals([line, answer.status, answer.body], [line, status, body]);
      for (const [name, value] of Object.entries(sent)) {
        assertEquals([line, answer.headers.get(name)], [line, value]);
      }
    }
    const etag = (await ask(server, "GET /f/big.bin")).headers.get("etag");
    const fields = `If-None-Match: ${etag}\r\n`;
    assertEquals((await ask(server, "GET /f/big.bin", fields)).status, 304);
    const whole = await ask(server, "GET /f/big.bin");
    assert(
      whole.body ===
        textAt(0, 100_000) + textAt(100_000, 200_000) +
          textAt(200_000, 300_000),
    );
    const parts = await ask(
      server,
      "GET /f/big.bin",
      "Range: bytes=0-9,20-29\r\n",
    );
    assertEquals(parts.status, 206);
    assert(
      parts.body.includes(textAt(0, 10)) && parts.body.includes(textAt(20, 30)),
    );
    if (Deno.build.os === "linux") assertEquals(site.countOpen(), 0);
  },
);

testFetch(
  "a response with a file can be read, wrapped and dropped",
  async (engine, adapter) => {
    await using site = await makeSite();
    const files = serveDir(site.path);
    await using server = engine.serve((app) =>
      app.fallbackRoute(
        adapter.toHandler(async (request) => {
          const response = await files.fetch(request);
          switch (new URL(request.url).search) {
            case "?wrapped":
              return new Response(response.body, {
                headers: {
                  ...Object.fromEntries(response.headers),
                  "x-mine": "1",
                },
              });
            case "?read":
              return new Response(`${(await response.bytes()).length}`);
            case "?dropped":
              await response.body?.cancel();
              return new Response("dropped");
            case "?field":
              response.headers.set("x-mine", "1");
              return response;
            default:
              return response.clone();
          }
        }),
      )
    );
    for (const search of ["?wrapped", "?field", "?clone"]) {
      const answer = await ask(server, `GET /big.bin${search}`);
      assertEquals([search, answer.status, answer.body.length], [
        search,
        200,
        300_000,
      ]);
      assertEquals(
        answer.headers.get("x-mine"),
        search === "?clone" ? undefined : "1",
      );
    }
    assertEquals((await ask(server, "GET /big.bin?read")).body, "300000");
    assertEquals((await ask(server, "GET /big.bin?dropped")).body, "dropped");
  },
);

testEngines(
  "a client that leaves in the middle frees the file of fetch()",
  async (engine) => {
    if (Deno.build.os !== "linux") return;
    await using site = await Site.make({});
    Deno.writeFileSync(`${site.path}/huge.bin`, new Uint8Array(20_000_000));
    const files = serveDir(site.path);
    await using server = engine.serve((app) =>
      app.fallbackRoute(toHandler(files))
    );
    {
      using client = await server.connect();
      await client.send("GET /huge.bin HTTP/1.1\r\nHost: a\r\n\r\n");
      await client.head();
      assert(site.countOpen() > 0); // more than 1 if a read in the background has a duplicate
    }
    while (site.countOpen() > 0) {
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
  },
);

Deno.test("serve() of ./fetch takes a handler of files, and one file", async () => {
  await using site = await makeSite();
  await using folder = serve({ port: 0 }, serveDir(site.path));
  const part = await fetch(`${folder.url}/a.txt`, {
    headers: { range: "bytes=0-1" },
  });
  assertEquals([part.status, await part.text()], [206, "01"]);
  const one = serveFile(`${site.path}/a.txt`, { download: true });
  await using file = serve({ port: 0 }, (request) => one.fetch(request));
  const answer = await fetch(`${file.url}/any/path`);
  assertEquals(await answer.text(), "0123456789");
  assertEquals(
    answer.headers.get("content-disposition"),
    'attachment; filename="a.txt"',
  );
});

Deno.test("fetch() works without a server, and streams a file", async () => {
  await using site = await makeSite();
  const files = serveDir(site.path, { compress: true, listing: true });
  const get = (path: string, init?: RequestInit): Promise<Response> =>
    files.fetch(new Request(`http://a${path}`, init));
  const big = await get("/big.bin");
  assertEquals(big.headers.get("content-length"), "300000");
  assertEquals(await big.bytes(), contentOf(300_000));
  const parts = await get("/big.bin", {
    headers: { range: "bytes=0-99999,150000-249999" },
  });
  const text = await parts.bytes();
  assertEquals(parts.headers.get("content-length"), `${text.length}`);
  const list = await get("/list/?sort=size");
  assert((await list.text()).includes("./b.txt"));
  const html = await get("/d/");
  assertEquals(await html.text(), "index");
  for (const path of ["/big.bin", "/a.txt"]) {
    const head = await get(path, { method: "HEAD" });
    assertEquals([head.status, head.body], [200, null]);
  }
  const unread = await get("/big.bin");
  await unread.body?.cancel();
  const unreadParts = await get("/big.bin", {
    headers: { range: "bytes=0-0,9-9" },
  });
  await unreadParts.body?.cancel();
  if (Deno.build.os === "linux") assertEquals(site.countOpen(), 0);
  await assertRejects(
    () => files.fetch("http://a/" as unknown as Request), // the wrong type is what is tested
    TypeError,
    "Cannot serve files: fetch() needs a Request, not a value of type string",
  );
});

testEngines(
  "a prefix counts in a fallback, and a route counts before it",
  async (engine) => {
    await using site = await makeSite();
    const files = serveDir(site.path, { prefix: "/f/" });
    await using server = engine.serve((app) => {
      app.get("/route/**", files);
      app.fallbackRoute(files);
    });
    for (
      const [path, status] of [
        ["/f/a.txt", 200],
        ["/route/a.txt", 200],
        ["/f/d", 301],
        ["/f", 301],
        ["/fa.txt", 404],
        ["/a.txt", 404],
      ] as const
    ) {
      assertEquals([path, (await ask(server, `GET ${path}`)).status], [
        path,
        status,
      ]);
    }
  },
);
