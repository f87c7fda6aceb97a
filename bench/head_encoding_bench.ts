/**
 * Writing a response with five fields and a short body:
 * `deno bench -A bench/head_encoding_bench.ts`.
 *
 * In the first group every response has the same list of fields, as with a
 * handler that uses a constant; the contenders may cache any part of the head.
 * In the second group each response has a new list. All contenders cache the
 * `date` line, which changes once a second.
 */

import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { Headers as KhttpHeaders } from "../codec/headers.ts";
import { Status } from "../codec/status.ts";
import { ResponseHeadCache } from "../server/connection/head_cache.ts";
import { Output, OutputPool } from "../server/connection/output.ts";
import { writeAscii } from "../server/connection/response_writer.ts";

const BODY = "Hello, World!";
const EPOCH_MS = 784_111_777_000;
const STATUS_AND_DATE =
  "HTTP/1.1 200 OK\r\ndate: Sun, 06 Nov 1994 08:49:37 GMT\r\n";

/** In alphabetical order, as the web's `Headers` returns them. */
const FIELDS: readonly (readonly [string, string])[] = [
  ["cache-control", "private, max-age=0, must-revalidate"],
  ["content-type", "text/plain; charset=utf-8"],
  ["etag", '"0123456789abcdef"'],
  ["vary", "accept-encoding"],
  ["x-request-id", "5f0c6a1e-6d1b-4a51-9f6b-0c2e6f1f2a3b"],
];

const encoder = new TextEncoder();
const buffer = Buffer.alloc(4096);
const bytes = new Uint8Array(buffer.buffer, buffer.byteOffset, buffer.length);
const output = new Output(new OutputPool());
const dates = new ResponseHeadCache(EPOCH_MS);
const kept = new KhttpHeaders(FIELDS);

/** Writes with our writer and returns the buffer to its pool, as an engine does. */
function respond(headers: KhttpHeaders): number {
  const length = BODY.length;
  const head = {
    status: Status.OK,
    headers,
    length,
    closes: false,
    hasContent: true,
    saysKeepAlive: false,
  };
  if (!writeAscii(output, dates, head, BODY)) throw new Error("Not ASCII");
  const taken = output.take();
  if (taken === null) throw new Error("Nothing to send");
  bytes.set(taken.view()); // stands for the engine's write, here and below
  output.sent(taken.end);
  return taken.end;
}

function fieldsText(fields: Iterable<readonly [string, string]>): string {
  let text = "";
  for (const [name, value] of fields) text += `${name}: ${value}\r\n`;
  return text;
}

function wholeText(start: string): string {
  return `${start}content-length: ${BODY.length}\r\n\r\n${BODY}`;
}

function encode(text: string): number {
  const encoded = encoder.encode(text);
  bytes.set(encoded);
  return encoded.length;
}

/** The names and values that Node's `http` accepts. */
const TOKEN = /^[\^_`a-zA-Z\-0-9!#$%&'*+.|~]+$/;
const INVALID_VALUE = /[^\t\x20-\x7e\x80-\xff]/;

/** Checks and joins fields as Node's `http` does. */
function checkedText(fields: readonly (readonly [string, string])[]): string {
  let text = "";
  for (const [name, value] of fields) {
    if (!TOKEN.test(name)) throw new TypeError(`Invalid name ${name}`);
    if (INVALID_VALUE.test(value)) throw new TypeError(`Invalid ${value}`);
    text += `${name}: ${value}\r\n`;
  }
  return text;
}

const START = STATUS_AND_DATE + fieldsText(FIELDS);
const EXPECTED = wholeText(START);

/** Writers by name; each writes the message into `bytes` and returns its size. */
type Writers = Readonly<Record<string, () => number>>;

const groups: Readonly<Record<string, Writers>> = {
  "response, the same five fields": {
    "khttp": () => respond(kept),
    "one string, TextEncoder.encode": () => encode(wholeText(START)),
    "one string, TextEncoder.encodeInto": () =>
      encoder.encodeInto(wholeText(START), bytes).written,
    "one string, Buffer.latin1Write": () =>
      buffer.write(wholeText(START), "latin1"),
  },
  "response, five new fields": {
    "khttp": () => respond(new KhttpHeaders(FIELDS)),
    "strings, TextEncoder.encode, nothing checked": () =>
      encode(wholeText(STATUS_AND_DATE + fieldsText(FIELDS))),
    "web Headers, TextEncoder.encode": () =>
      encode(
        wholeText(
          STATUS_AND_DATE +
            fieldsText(new Headers(FIELDS as [string, string][])),
        ),
      ),
    "as Node's http: checked, Buffer.latin1Write": () =>
      buffer.write(
        wholeText(STATUS_AND_DATE + checkedText(FIELDS)),
        "latin1",
      ),
  },
};

for (const [group, writers] of Object.entries(groups)) {
  for (const [name, write] of Object.entries(writers)) {
    for (let round = 0; round < 3; round++) {
      bytes.fill(0);
      const size = write();
      assert.equal(buffer.toString("latin1", 0, size), EXPECTED, name);
    }
    Deno.bench(name, { group, baseline: name === "khttp" }, () => {
      write();
    });
  }
}
