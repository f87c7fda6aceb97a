/** Prepared response heads: their bytes, their lifetime, and the independence of two engines. */

import {
  assertEquals,
  assertNotStrictEquals,
  assertStrictEquals,
} from "@std/assert";
import { decodeLatin1 } from "../../../codec/ascii.ts";
import { Headers } from "../../../codec/headers.ts";
import { Status } from "../../../codec/status.ts";
import { ResponseHeadCache } from "../../../server/connection/head_cache.ts";

/** Sun, 06 Nov 1994 08:49:37 GMT, in ms since the epoch. */
const EPOCH_MS = 784_111_777_000;

function textOf(
  cache: ResponseHeadCache,
  status: Status,
  headers: Headers | null,
): string {
  const { bytes } = cache.prepare(status, headers);
  return decodeLatin1(bytes, 0, bytes.length);
}

Deno.test("prepare() returns status line, date, fields and the name of the length", () => {
  const cache = new ResponseHeadCache(EPOCH_MS);
  const date = "date: Sun, 06 Nov 1994 08:49:37 GMT\r\n";
  const fields = new Headers({ "X-A": "1", connection: "close" });
  assertEquals(
    textOf(cache, Status.OK, fields),
    `HTTP/1.1 200 OK\r\n${date}X-A: 1\r\ncontent-length: `,
  );
  assertEquals(
    textOf(cache, Status.NOT_FOUND, null),
    `HTTP/1.1 404 Not Found\r\n${date}content-length: `,
  );
  assertEquals(
    textOf(cache, Status.OK, Headers.noDate),
    "HTTP/1.1 200 OK\r\ncontent-length: ",
  );
  assertEquals(
    textOf(cache, Status.OK, new Headers({ date: "now" })),
    "HTTP/1.1 200 OK\r\ndate: now\r\ncontent-length: ",
  );
});

Deno.test("prepare() encodes a list once, even if two servers alternate with it", () => {
  const caches = [1, 2].map(() => new ResponseHeadCache(EPOCH_MS));
  for (const headers of [new Headers({ "x-a": "1" }), Headers.empty]) {
    const first = caches.map((cache) => cache.prepare(Status.OK, headers));
    const second = caches.map((cache) => cache.prepare(Status.OK, headers));
    assertStrictEquals(second[0], first[0]);
    assertStrictEquals(second[1], first[1]);
    assertNotStrictEquals(first[0], first[1]);
  }
});

Deno.test("prepare() encodes a list once for each status and size of its fields", () => {
  const cache = new ResponseHeadCache(EPOCH_MS);
  const lists = ["a", "b", "ab"].map((value) => new Headers({ "x-a": value }));
  const prepareAll = (): object[] =>
    lists.flatMap((headers) =>
      [Status.OK, Status.CREATED, Status.of(200, "Fine")].map((status) =>
        cache.prepare(status, headers)
      )
    );
  const first = prepareAll();
  assertEquals(new Set(first).size, 9);
  // Only the four newest of one status code and size are kept.
  const kept = prepareAll().filter((head, index) => head === first[index]);
  assertEquals(kept.length >= 5, true, `${kept.length} of 9`);
});

Deno.test("find() returns null after the list has changed or the second has passed", () => {
  const cache = new ResponseHeadCache(EPOCH_MS);
  const headers = new Headers({ "x-a": "1" });
  const made = cache.prepare(Status.OK, headers);
  assertStrictEquals(cache.find(Status.OK, headers), made);
  assertEquals(cache.find(Status.CREATED, headers), null);
  cache.refresh(EPOCH_MS + 999);
  assertStrictEquals(cache.find(Status.OK, headers), made);
  cache.refresh(EPOCH_MS + 1000);
  assertEquals(cache.find(Status.OK, headers), null);
  cache.prepare(Status.OK, headers);
  headers.replace("x-a", "2");
  assertEquals(cache.find(Status.OK, headers), null);
  assertEquals(textOf(cache, Status.OK, headers).includes("x-a: 2"), true);
  headers.noDate = true;
  assertEquals(textOf(cache, Status.OK, headers).includes("date:"), false);
});

Deno.test("prepare() keeps a bounded number of lists", () => {
  const cache = new ResponseHeadCache(EPOCH_MS);
  const lists = Array.from(
    { length: 1000 },
    (_, n) => new Headers({ "x-a": String(1000 + n) }),
  );
  for (const headers of lists) cache.prepare(Status.OK, headers);
  const kept = lists.filter((headers) =>
    cache.find(Status.OK, headers) !== null
  );
  assertEquals(kept.length <= 4, true, `${kept.length}`);
  assertEquals(cache.find(Status.OK, lists[999]!) !== null, true); // there are 1000
});
