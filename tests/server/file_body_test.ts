/** Bodies of files on their own: their range, their pieces, and when the file is closed. */

import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import { FileBody, type FileSource } from "../../mod.ts";
import {
  numberedBytes,
  TestFolder,
  WatchedFile,
} from "../support/file_source.ts";

Deno.test("a FileBody gives its bytes in pieces, and closes the file at the end", async () => {
  using folder = new TestFolder();
  const bytes = numberedBytes(200_000);
  const source = new WatchedFile(folder.write("a", bytes));
  const body = new FileBody(source, { start: 10, end: 150_010 });
  assertEquals(body.length, 150_000);
  const pieces: number[] = [];
  const all = new Uint8Array(150_000);
  let at = 0;
  for await (const piece of body) {
    pieces.push(piece.length);
    all.set(piece, at);
    at += piece.length;
  }
  assertEquals(all, bytes.subarray(10, 150_010));
  assertEquals(pieces, [65_536, 65_536, 18_928]);
  assertEquals([source.closes, body.fd], [1, null]);
});

Deno.test("a FileBody that is not read to its end closes the file", async () => {
  using folder = new TestFolder();
  const path = folder.write("a", numberedBytes(200_000));
  const left = new WatchedFile(path);
  for await (const _ of new FileBody(left, { start: 0, end: 200_000 })) break;
  assertEquals(left.closes, 1);
  const unread = new WatchedFile(path);
  const body = new FileBody(unread, { start: 0, end: 1 });
  await body[Symbol.asyncIterator]().return?.();
  assertEquals(unread.closes, 1);
  body.close();
  assertEquals(unread.closes, 1);
});

Deno.test("a FileBody reports a file that is shorter, and cannot be read after it is closed", async () => {
  using folder = new TestFolder();
  const source = new WatchedFile(folder.write("a", numberedBytes(10)));
  const body = new FileBody(source, { start: 0, end: 11 });
  const error = assertThrows(() => body.readSync(new Uint8Array(4), 10));
  assertEquals(
    `${error}`,
    "RangeError: Cannot send file: it ends at byte 10, before byte 11, the end of what was declared",
  );
  await assertRejects(
    () => body.read(new Uint8Array(4), 10),
    RangeError,
    "it ends at byte 10",
  );
  body.close();
  assertThrows(
    () => body.readSync(new Uint8Array(4), 0),
    TypeError,
    "the body was sent or closed",
  );
});

Deno.test("a FileBody that is closed during a read closes the file after it", async () => {
  const { promise, resolve } = Promise.withResolvers<number>();
  let closes = 0;
  const source: FileSource = {
    fd: null,
    readSync: () => 0,
    read: () => promise,
    close: () => void closes++,
  };
  const body = new FileBody(source, { start: 0, end: 5 });
  const read = body.read(new Uint8Array(5), 0);
  body.close();
  assertEquals(closes, 0);
  resolve(5);
  assertEquals(await read, 5);
  assertEquals(closes, 1);
});

Deno.test("a FileBody refuses a range that is none", () => {
  const source: FileSource = {
    fd: null,
    readSync: () => 0,
    read: () => Promise.resolve(0),
    close: () => {},
  };
  const ranges = [[-1, 2], [2, 1], [0.5, 1], [0, NaN], [0, Infinity], [
    0,
    2 ** 53,
  ]];
  for (const [start, end] of ranges) {
    assertThrows(
      () => new FileBody(source, { start: start!, end: end! }),
      RangeError,
      `bytes ${start} to ${end}`,
    ); // both are given
  }
});
