/** Files that are compressed while they are sent. */

import { assert, assertEquals, assertThrows } from "@std/assert";
import * as zlib from "node:zlib";
import { Compressor } from "../../files/compression.ts";
import { serveDir, type ServeDirOptions } from "../../files/mod.ts";
import { type TestEngine, testEngines } from "../support/engines.ts";
import type { RawResponse } from "../support/raw_client.ts";
import { request, type TestServer } from "../support/serve.ts";
import { ShiftedClock } from "../support/shifted_clock.ts";
import { ask, Site } from "../support/site.ts";
import { until } from "../support/turns.ts";

const TEXT = "All work and no play makes Jack a dull boy.\n".repeat(100);

/** More than the sockets between server and client hold, compressed or not. */
const HUGE_BYTES = 60 * 1024 * 1024;

const ACCEPT = {
  br: "Accept-Encoding: br\r\n",
  gzip: "Accept-Encoding: gzip\r\n",
  both: "Accept-Encoding: gzip, deflate, br, zstd\r\n",
};

function serveSite(
  engine: TestEngine,
  site: Site,
  options: ServeDirOptions = {},
): TestServer {
  return engine.serve((app) => {
    app.get("/**", serveDir(site.path, { compress: true, ...options }));
  });
}

/** The content of a response, decoded. */
function decoded({ body, headers }: RawResponse): string {
  const bytes = Uint8Array.from(body, (char) => char.charCodeAt(0));
  const coding = headers.get("content-encoding");
  const plain = coding === "br"
    ? zlib.brotliDecompressSync(bytes)
    : coding === "gzip"
    ? zlib.gunzipSync(bytes)
    : bytes;
  return new TextDecoder().decode(plain);
}

testEngines(
  "serveDir() compresses text for clients that accept it, from memory and from the file",
  async (engine) => {
    await using site = await Site.make({
      "a.txt": TEXT,
      "short.txt": "short",
      "a.bin": TEXT,
    });
    using _clock = new ShiftedClock(10_000);
    for (const cache of [{ checkEveryMs: 1e9 }, false] as const) {
      await using server = serveSite(engine, site, { cache });
      for (let turn = 0; turn < 3; turn++) {
        const codings = [
          ["", undefined],
          [ACCEPT.br, "br"],
          [ACCEPT.gzip, "gzip"],
          [ACCEPT.both, "br"],
          ["Accept-Encoding: zstd\r\n", undefined],
          ["Accept-Encoding: br;q=0.1, gzip;q=0.5\r\n", "gzip"],
          ["Accept-Encoding: br;q=0.1, identity\r\n", undefined],
          ["Accept-Encoding: br, identity;q=0\r\n", "br"],
        ] as const;
        for (const [fields, coding] of codings) {
          const answer = await ask(server, "GET /a.txt", fields);
          const { headers } = answer;
          assertEquals(headers.get("content-encoding"), coding);
          assertEquals(headers.get("vary"), "Accept-Encoding");
          assertEquals(decoded(answer), TEXT);
          assert(coding === undefined || answer.body.length < TEXT.length / 10);
        }
        for (const path of ["/short.txt", "/a.bin"]) {
          const { headers } = await ask(server, `GET ${path}`, ACCEPT.both);
          assertEquals(headers.has("content-encoding"), false);
          assertEquals(headers.has("vary"), false);
        }
      }
      const refused = await ask(
        server,
        "GET /a.txt",
        "Accept-Encoding: zstd, identity;q=0\r\n",
      );
      assertEquals(refused.status, 406);
      assertEquals(server.errors, []);
    }
  },
);

testEngines(
  "serveDir() gives what it compresses a weak tag with the coding",
  async (engine) => {
    await using site = await Site.make({ "a.txt": TEXT });
    using _clock = new ShiftedClock(10_000);
    for (const etag of ["weak", "strong"] as const) {
      await using server = serveSite(engine, site, { etag });
      for (let turn = 0; turn < 2; turn++) {
        const { headers } = await ask(server, "GET /a.txt", ACCEPT.br);
        const tag = headers.get("etag") ?? "";
        assert(/^W\/"[^"]+-br"$/.test(tag), tag);
        assertEquals(headers.get("accept-ranges"), "none");
        const fields = `${ACCEPT.br}If-None-Match: ${tag}\r\n`;
        const same = await ask(server, "GET /a.txt", fields);
        assertEquals([same.status, same.headers.get("vary")], [
          304,
          "Accept-Encoding",
        ]);
        const other = await ask(
          server,
          "GET /a.txt",
          `${ACCEPT.gzip}If-None-Match: ${tag}\r\n`,
        );
        assertEquals(other.status, 200);
        const plain = await ask(server, "GET /a.txt");
        assert(plain.headers.get("etag") !== tag);
        assertEquals(plain.headers.get("accept-ranges"), "bytes");
      }
    }
  },
);

testEngines(
  "serveDir() sends ranges of the file as it is, and compresses only where no sibling is",
  async (engine) => {
    await using site = await Site.make({
      "a.txt": TEXT,
      "b.txt": TEXT,
      "b.txt.br": "in br",
    });
    using _clock = new ShiftedClock(10_000);
    await using server = serveSite(engine, site, { precompressed: true });
    for (let turn = 0; turn < 2; turn++) {
      const fields = `${ACCEPT.both}Range: bytes=4-7\r\n`;
      const part = await ask(server, "GET /a.txt", fields);
      assertEquals([part.status, part.body], [206, "work"]);
      assertEquals(part.headers.has("content-encoding"), false);
      assertEquals(part.headers.get("vary"), "Accept-Encoding");
      const br = await ask(server, "GET /b.txt", ACCEPT.both);
      assertEquals(br.body, "in br");
      const gzip = await ask(server, "GET /b.txt", ACCEPT.gzip);
      assertEquals(decoded(gzip), TEXT);
      assertEquals(gzip.headers.get("content-encoding"), "gzip");
    }
  },
);

testEngines(
  "serveDir() ignores a range for clients that refuse the file as it is",
  async (engine) => {
    await using site = await Site.make({ "a.txt": TEXT });
    using _clock = new ShiftedClock(10_000);
    for (const cache of [{}, false] as const) {
      await using server = serveSite(engine, site, { cache });
      for (let turn = 0; turn < 2; turn++) {
        const fields = "Accept-Encoding: gzip, identity;q=0\r\n" +
          "Range: bytes=4-7\r\n";
        const whole = await ask(server, "GET /a.txt", fields);
        assertEquals([whole.status, decoded(whole)], [200, TEXT]);
        assertEquals(whole.headers.get("content-encoding"), "gzip");
        const none = await ask(
          server,
          "GET /a.txt",
          "Accept-Encoding: identity;q=0\r\nRange: bytes=4-7\r\n",
        );
        assertEquals(none.status, 406);
      }
    }
  },
);

testEngines("serveDir() compresses for HEAD what GET gets", async (engine) => {
  await using site = await Site.make({ "a.txt": TEXT });
  for (const cache of [{}, false] as const) {
    using _clock = new ShiftedClock(10_000);
    await using server = serveSite(engine, site, { cache });
    const get = await ask(server, "GET /a.txt", ACCEPT.gzip);
    const head = await ask(server, "HEAD /a.txt", ACCEPT.gzip);
    assertEquals(head.body, "");
    const names = [
      ...["etag", "vary", "content-encoding"],
      ...["content-type", "accept-ranges"],
    ];
    for (const name of names) {
      assertEquals(head.headers.get(name), get.headers.get(name), name);
    }
    const length = head.headers.get("content-length");
    assert(length === undefined || length === `${get.body.length}`);
    await until(() => site.countOpen() === 0);
  }
});

function codingOf(head: string): string | null {
  return /^content-encoding: (\S+)/im.exec(head)?.[1] ?? null;
}

/** Makes a large text that does not shrink to nothing. */
async function addHuge(site: Site): Promise<void> {
  const bytes = new Uint8Array(HUGE_BYTES);
  let state = 1;
  for (let at = 0; at < HUGE_BYTES; at++) {
    state = Math.imul(state, 1_103_515_245) + 12_345 | 0;
    bytes[at] = 0x20 + (state >>> 26);
  }
  await Deno.writeFile(`${site.path}/huge.txt`, bytes);
}

testEngines(
  "serveDir() compresses a bounded number of responses, and closes the files of clients that leave",
  async (engine) => {
    if (Deno.build.os !== "linux") return;
    await using site = await Site.make({});
    await addHuge(site);
    const compress = { maxConcurrent: 2 };
    await using server = serveSite(engine, site, { compress });
    const clients = [];
    const codings = [];
    for (let count = 0; count < 4; count++) {
      const client = await server.connect();
      clients.push(client);
      await client.send(request("GET /huge.txt", ACCEPT.gzip));
      codings.push(codingOf(await client.head()));
    }
    assertEquals(codings, ["gzip", "gzip", null, null]);
    const strict = await ask(
      server,
      "GET /huge.txt",
      "Accept-Encoding: gzip, identity;q=0\r\n",
    );
    assertEquals([strict.status, strict.headers.get("retry-after")], [
      503,
      "1",
    ]);
    for (const client of clients) client.close();
    await until(() => site.countOpen() === 0);
    using again = await server.connect();
    await again.send(request("GET /huge.txt", ACCEPT.gzip));
    assertEquals(codingOf(await again.head()), "gzip");
  },
);

Deno.test("Compressor chooses types that are not compressed by themselves", () => {
  const compressor = new Compressor({ minBytes: 100, maxConcurrent: 1 });
  const types = {
    true: [
      ...["text/html; charset=utf-8", "text/javascript; charset=utf-8"],
      ...["application/json", "application/wasm", "image/svg+xml"],
      ...["application/ld+json", "application/xml", "font/ttf"],
    ],
    false: [
      ...["image/png", "video/mp4", "application/zip", "font/woff2"],
      ...["application/octet-stream", "application/gzip", "image/jpeg"],
    ],
  };
  for (const [fits, list] of Object.entries(types)) {
    for (const type of list) {
      assertEquals([type, `${compressor.fits(type, 100)}`], [type, fits]);
      assertEquals(compressor.fits(type, 99), false);
    }
  }
});

Deno.test("serveDir() checks the numbers of compress", async () => {
  await using site = await Site.make({});
  assertThrows(
    () => serveDir(site.path, { compress: { minBytes: -1 } }),
    RangeError,
    "compress.minBytes to -1",
  );
});
