/** Small files that handlers keep in memory: when a change is seen, and that nothing else differs. */

import { assert, assertEquals, assertThrows } from "@std/assert";
import { serveDir, type ServeDirOptions, serveFile } from "../../files/mod.ts";
import { testEngines } from "../support/engines.ts";
import { ShiftedClock } from "../support/shifted_clock.ts";
import { ask, SECRET, Site } from "../support/site.ts";

/** Files that have changed within the last two seconds are not kept; this is later. */
const LATER_MS = 10_000;

const NEVER_CHECK: ServeDirOptions = { cache: { checkEveryMs: 1e9 } };

testEngines(
  "serveDir() sees a change after checkEveryMs, and no other read of the folder before",
  async (engine) => {
    await using site = await Site.make({ "a.txt": "first", "b.txt": "first" });
    using clock = new ShiftedClock(LATER_MS);
    await using server = engine.serve((app) => {
      app.get("/**", serveDir(site.path));
    });
    const get = async (path: string): Promise<string | number> => {
      const { status, body } = await ask(server, `GET ${path}`);
      return status === 200 ? body : status;
    };
    assertEquals([await get("/a.txt"), await get("/b.txt")], [
      "first",
      "first",
    ]);
    await site.add("a.txt", "second");
    await Deno.remove(`${site.path}/b.txt`);
    assertEquals([await get("/a.txt"), await get("/b.txt")], [
      "first",
      "first",
    ]);
    clock.advance(1000);
    assertEquals([await get("/a.txt"), await get("/b.txt")], ["second", 404]);
  },
);

testEngines(
  "serveDir() sees a change at once without a cache, or when it looks at each request",
  async (engine) => {
    const options = [{ cache: false }, { cache: { checkEveryMs: 0 } }] as const;
    for (const option of options) {
      await using site = await Site.make({ "a.txt": "first" });
      using _clock = new ShiftedClock(LATER_MS);
      await using server = engine.serve((app) => {
        app.get("/**", serveDir(site.path, option));
      });
      for (const text of ["first", "other", "third"]) {
        await Deno.writeTextFile(`${site.path}/new.txt`, text);
        await site.setModified("new.txt", 1_000_000_000);
        await Deno.rename(`${site.path}/new.txt`, `${site.path}/a.txt`);
        assertEquals((await ask(server, "GET /a.txt")).body, text);
        assertEquals((await ask(server, "GET /a.txt")).body, text);
      }
      await Deno.remove(`${site.path}/a.txt`);
      assertEquals((await ask(server, "GET /a.txt")).status, 404);
    }
  },
);

testEngines(
  "serveDir() refuses a kept file when a link to it leads out, after checkEveryMs",
  async (engine) => {
    await using site = await Site.make({ "inner/secret.txt": "public" });
    const link = `${site.path}/link`;
    await Deno.symlink("inner", link);
    using clock = new ShiftedClock(LATER_MS);
    await using server = engine.serve((app) => {
      app.get("/**", serveDir(site.path));
    });
    const get = () => ask(server, "GET /link/secret.txt");
    assertEquals((await get()).body, "public");
    await Deno.remove(link);
    await Deno.symlink("..", link);
    assertEquals((await get()).body, "public"); // what was inside when it was looked at
    clock.advance(1000);
    const refused = await get();
    assertEquals(refused.status, 403);
    assert(!refused.body.includes(SECRET));
    await Deno.remove(link);
    await Deno.symlink("inner", link);
    assertEquals((await get()).body, "public");
  },
);

const requests: readonly (readonly [line: string, fields?: string])[] = [
  ["GET /a.txt"],
  ["HEAD /a.txt"],
  ["GET /a.txt?query"],
  ["GET /a.txt", "If-None-Match: *\r\n"],
  ["GET /a.txt", 'If-None-Match: "other"\r\n'],
  ["GET /a.txt", 'If-Match: "other"\r\n'],
  ["GET /a.txt", "If-Modified-Since: Sun, 06 Nov 1994 08:49:37 GMT\r\n"],
  ["GET /a.txt", "If-Modified-Since: Sun, 06 Nov 1994 08:49:36 GMT\r\n"],
  ["GET /a.txt", "If-Unmodified-Since: Sun, 06 Nov 1994 08:49:36 GMT\r\n"],
  ["GET /a.txt", "Range: bytes=2-4\r\n"],
  ["GET /a.txt", "Range: bytes=-3\r\n"],
  ["GET /a.txt", "Range: bytes=99-\r\n"],
  ["HEAD /a.txt", "Range: bytes=2-4\r\n"],
  ["GET /a.txt", "Accept-Encoding: gzip\r\n"],
  ["GET /a.txt", "Accept-Encoding: br, gzip;q=0.5\r\n"],
  ["GET /a.txt", "Accept-Encoding: gzip\r\nRange: bytes=0-1\r\n"],
  ["GET /a.txt", "Accept-Encoding: zstd, identity;q=0\r\n"],
  ["GET /a.txt", "Accept-Encoding: zstd\r\n"],
  ["GET /empty.txt"],
  ["HEAD /empty.txt"],
  ["GET /empty.txt", "Range: bytes=0-\r\n"],
  ["GET /"],
  ["GET /inner"],
  ["GET /inner/"],
  ["GET /a%2Etxt"],
  ["GET /a.txt/"],
  ["PUT /a.txt"],
];

testEngines(
  "serveDir() answers from memory as it answers from the folder",
  async (engine) => {
    await using site = await Site.make({
      "a.txt": "0123456789",
      "a.txt.gz": "in gzip",
      "a.txt.br": "in br",
      "empty.txt": "",
      "index.html": "home",
      "inner/index.html": "inner",
    });
    for (const { name } of Deno.readDirSync(site.path)) {
      await site.setModified(name, 784_111_777);
    }
    using _clock = new ShiftedClock(LATER_MS);
    for (const etag of ["weak", "strong", false] as const) {
      const options = { precompressed: true, etag };
      await using server = engine.serve((app) => {
        app.route(
          "GET",
          "/kept/**",
          serveDir(site.path, { ...NEVER_CHECK, ...options }),
        );
        app.route(
          "GET",
          "/read/**",
          serveDir(site.path, { cache: false, ...options }),
        );
      });
      for (let turn = 0; turn < 3; turn++) {
        for (const [line, fields] of requests) {
          const answers = [];
          for (const name of ["kept", "read"]) {
            const { status, headers: received, body } = await ask(
              server,
              line.replace("/", `/${name}/`),
              fields,
            );
            const location = received.get("location")?.replace(name, "");
            const headers = {
              ...Object.fromEntries(received),
              location,
              date: "",
            };
            answers.push({ status, headers, body });
          }
          assertEquals(answers[0], answers[1], `${line} ${fields}`);
        }
      }
    }
  },
);

testEngines(
  "serveDir() sends several ranges of a kept file",
  async (engine) => {
    await using site = await Site.make({ "a.txt": "0123456789" });
    using _clock = new ShiftedClock(LATER_MS);
    await using server = engine.serve((app) => {
      app.get("/**", serveDir(site.path, NEVER_CHECK));
    });
    for (let turn = 0; turn < 2; turn++) {
      const fields = "Range: bytes=0-1,8-\r\n";
      const { status, headers, body } = await ask(server, "GET /a.txt", fields);
      assertEquals(status, 206);
      assertEquals(headers.get("content-length"), `${body.length}`);
      const parts = [...body.matchAll(/\r\n\r\n(\d+)\r\n--/g)];
      assertEquals(parts.map(([, part]) => part), ["01", "89"]);
    }
  },
);

testEngines("serveFile() keeps its file for all paths", async (engine) => {
  await using site = await Site.make({ "a.txt": "first" });
  using clock = new ShiftedClock(LATER_MS);
  await using server = engine.serve((app) => {
    app.get("/**", serveFile(`${site.path}/a.txt`));
  });
  const get = async (path: string) => (await ask(server, `GET ${path}`)).body;
  assertEquals(await get("/x"), "first");
  await site.add("a.txt", "second");
  assertEquals(await get("/y"), "first");
  clock.advance(1000);
  assertEquals(await get("/y"), "second");
});

testEngines(
  "serveDir() keeps the page of an application apart from what has the path",
  async (engine) => {
    await using site = await Site.make({ "index.html": "page" });
    using _clock = new ShiftedClock(LATER_MS);
    await using server = engine.serve((app) => {
      app.get(
        "/**",
        serveDir(site.path, { ...NEVER_CHECK, spa: "index.html" }),
      );
    });
    const page = "Accept: text/html\r\n";
    for (let turn = 0; turn < 2; turn++) {
      const answer = await ask(server, "GET /place", page);
      assertEquals([answer.status, answer.body], [200, "page"]);
      assertEquals((await ask(server, "GET /place")).status, 404);
    }
    await site.add("place", "file");
    assertEquals((await ask(server, "GET /place", page)).body, "file");
  },
);

Deno.test("serveDir() checks the numbers of its cache", async () => {
  await using site = await Site.make({});
  for (
    const [name, value] of [["maxBytes", -1], ["checkEveryMs", NaN]] as const
  ) {
    const cache = { [name]: value };
    assertThrows(
      () => serveDir(site.path, { cache }),
      RangeError,
      `cache.${name} to ${value}`,
    );
  }
});
