/**
 * Section 5, errors of the application: a response that cannot be sent throws
 * before any byte is written (R114, R115, R121 to R125).
 */

import { assertEquals, assertThrows } from "@std/assert";
import {
  type BodyInit,
  type Handler,
  type HeadersInit,
  type ResponseHandle,
  Status,
} from "../mod.ts";
import { testEngines } from "./support/engines.ts";
import { request } from "./support/serve.ts";

/** Calls that throw, by the class of the error. */
interface Fault {
  readonly name: string;
  readonly call: (res: ResponseHandle) => void;
  readonly throws: typeof RangeError | typeof TypeError;
}

function sends(status: unknown): (res: ResponseHandle) => void {
  return (res) => res.send(status as number); // a type error, unless the caller casts
}

function answers(
  headers: HeadersInit,
  body: () => BodyInit = () => "abc",
): (res: ResponseHandle) => void {
  return (res) => res.ok(body(), headers);
}

const CODES = [100, 101, 103, 199];
const NO_CODES = [99, 600, 1000, 200.5, NaN, Infinity, -200, 0, "200", "abc"];

const LENGTHS: readonly HeadersInit[] = [
  { "content-length": "4" },
  { "content-length": "2" },
  { "content-length": "+3" },
  { "content-length": "-3" },
  { "content-length": "3, 3" },
  { "content-length": "3,3" },
  { "content-length": "abc" },
  { "content-length": "" },
  { "content-length": "0x3" },
  { "content-length": "3.0" },
  { "content-length": "99999999999999999999" },
  { "content-length": "3", "Content-Length": "3" },
  [["Content-Length", "3"], ["content-length", "4"]],
];

const CODINGS: readonly HeadersInit[] = [
  { "transfer-encoding": "gzip" },
  { "transfer-encoding": "gzip, chunked" },
  { "transfer-encoding": "chunked, chunked" },
  { "transfer-encoding": "identity" },
  { "transfer-encoding": "" },
  { "transfer-encoding": "chunked", "content-length": "3" },
  [["transfer-encoding", "chunked"], ["Transfer-Encoding", "chunked"]],
];

const NAMES = ["", "a b", "a:", ":a", "é", "a\r\nb", "a\0", "a\x7f", "\u0161"];

const VALUES = [
  ...["a\rb", "a\nb", "a\r\nb: c", "\r\n", "a\0b", "a\x01b", "a\x1fb"],
  ...["a\x7fb", "a\u010d\u010ab", "\u0100", "€", "\ud83d\ude00"],
];

const REASONS = ["OK\r\nX: y", "\n", "\r", "a\0", "\u010d\u010a", "\x7f"];

const faults: readonly Fault[] = [
  ...CODES.map((code) => ({
    name: `R114: status ${code} as final`,
    call: sends(code),
    throws: RangeError,
  })),
  ...[99, 101, 200, 204, 500, 1000].map((code) => ({
    name: `R114: status ${code} as interim`,
    call: (res: ResponseHandle) => res.informational(code),
    throws: RangeError,
  })),
  ...NO_CODES.map((code) => ({
    name: `R115: status ${JSON.stringify(code)} ${code}`,
    call: sends(code),
    throws: RangeError,
  })),
  ...LENGTHS.map((headers) => ({
    name: `R121: 3 bytes with ${JSON.stringify(headers)}`,
    call: answers(headers),
    throws: TypeError,
  })),
  ...LENGTHS.slice(2).map((headers) => ({
    name: `R121: a stream with ${JSON.stringify(headers)}`,
    call: answers(headers, () => ReadableStream.from(["abc"])),
    throws: TypeError,
  })),
  ...CODINGS.map((headers) => ({
    name: `R122: 3 bytes with ${JSON.stringify(headers)}`,
    call: answers(headers),
    throws: TypeError,
  })),
  ...NAMES.map((name) => ({
    name: `R123: a field named ${JSON.stringify(name)}`,
    call: answers({ [name]: "x" }),
    throws: TypeError,
  })),
  ...NAMES.map((name) => ({
    name: `R123: an interim field named ${JSON.stringify(name)}`,
    call: (res: ResponseHandle) => res.informational(103, { [name]: "x" }),
    throws: TypeError,
  })),
  ...VALUES.map((value) => ({
    name: `R124: the value ${JSON.stringify(value)}`,
    call: answers({ x: value }),
    throws: TypeError,
  })),
  ...REASONS.map((reason) => ({
    name: `R125: the reason ${JSON.stringify(reason)}`,
    call: (res: ResponseHandle) => res.send(Status.of(200, reason)),
    throws: TypeError,
  })),
];

for (const { name, call, throws } of faults) {
  testEngines(
    `${name} throws, and writes nothing`,
    async (engine) => {
      const peer = engine.timed((ctx, res) => {
        if (ctx.uri.path === "/uncaught") return call(res);
        assertThrows(() => call(res), throws);
        assertEquals(res.isSent, false);
        res.ok("caught");
      });
      peer.send(request("GET /uncaught"));
      const failed = await peer.response();
      assertEquals([failed.status, failed.body], [
        500,
        "Internal Server Error",
      ]);
      peer.send(request("GET /caught"));
      assertEquals((await peer.response()).body, "caught");
      peer.end();
      assertEquals(await peer.finish(), "");
    },
  );
}

testEngines(
  "R114: interim responses precede the final one and are never sent to HTTP/1.0",
  async (engine) => {
    const handler: Handler = (_, res) => {
      res.informational(102);
      res.informational(103, { link: "</a>" });
      res.ok("final");
      assertThrows(() => res.informational(103), TypeError);
      assertThrows(() => res.sendContinue(), TypeError);
    };
    const peer = engine.timed(handler);
    peer.send(request("GET /"));
    const statuses = [102, 103, 200];
    for (const status of statuses) {
      const answer = await peer.response();
      assertEquals(answer.status, status);
      assertEquals(answer.headers.has("content-length"), status === 200);
    }
    peer.end();
    await peer.finish();
    const old = engine.timed(handler);
    old.send("GET / HTTP/1.0\r\n\r\n");
    assertEquals((await old.response()).status, 200);
    assertEquals(await old.finish(), "");
  },
);

testEngines(
  "R122: a handler's Transfer-Encoding is dropped, and the library frames the body",
  async (engine) => {
    for (const value of ["chunked", "Chunked"]) {
      const peer = engine.timed((_, res) =>
        res.ok("abc", { "Transfer-Encoding": value })
      );
      peer.send(request("GET /"));
      const { head, body } = await peer.response();
      assertEquals(head.match(/transfer-encoding/gi)?.length, 1);
      assertEquals([body, /content-length/i.test(head)], ["abc", false]);
      peer.end();
      await peer.finish();
    }
  },
);

testEngines(
  "R124: white space around a value is removed, bytes above 0x7F are kept",
  async (engine) => {
    const peer = engine.timed((_, res) => res.ok("", { x: " \t a\tb\xff\t " }));
    peer.send(request("GET /"));
    assertEquals((await peer.response()).headers.get("x"), "a\tb\xff");
    peer.end();
    await peer.finish();
  },
);

testEngines(
  "R125: a status line without a reason keeps its space, and HTTP/1.0 gets HTTP/1.1",
  async (engine) => {
    const lines: readonly (readonly [Status | number, string])[] = [
      [299, "HTTP/1.1 299 \r\n"],
      [Status.of(299, "Odd \xe9"), "HTTP/1.1 299 Odd \xe9\r\n"],
      [Status.of(200, ""), "HTTP/1.1 200 \r\n"],
      [404, "HTTP/1.1 404 Not Found\r\n"],
    ];
    for (const [status, line] of lines) {
      for (const version of ["1.1", "1.0"]) {
        const peer = engine.timed((_, res) => res.send(status));
        peer.send(`GET / HTTP/${version}\r\nHost: a\r\n\r\n`);
        const { head } = await peer.response();
        assertEquals(head.slice(0, line.length), line);
        peer.end();
        await peer.finish();
      }
    }
  },
);
