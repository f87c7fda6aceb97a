/** The errors and the last response of a connection that ends early. */

import { assertEquals } from "@std/assert";
import { ProtocolError } from "../../../codec/errors.ts";
import {
  peerEnded,
  truncatedHead,
  writeRefusal,
} from "../../../server/connection/closing.ts";
import { ResponseHeadCache } from "../../../server/connection/head_cache.ts";
import { Output, OutputPool } from "../../../server/connection/output.ts";
import { TextBytes } from "../../../codec/text_bytes.ts";
import { MemoryConnection } from "../../support/memory_duplex.ts";
import { decodeLatin1, encodeLatin1 } from "../../../codec/ascii.ts";

/** What a refusal writes without a hook when this much of a head was received: the response's lines, and the body. */
function refused(received: string): [string[] | undefined, string | undefined] {
  const output = new Output(new OutputPool());
  const error = new ProtocolError("INVALID_TARGET", "Cannot parse <b>", 4);
  const owner = {
    output,
    duplex: new MemoryConnection().duplex,
    context: {
      app: { hooks: { refusal: null } },
      heads: new ResponseHeadCache(0),
      textHeads: new ResponseHeadCache(0, "text/plain"),
      texts: new TextBytes(),
      report: () => {},
    },
  };
  const head = encodeLatin1(`${received}HEAD / HTTP/1.1\r\n`);
  writeRefusal(owner, error, { bytes: head, start: 0, end: received.length });
  const bytes = output.take()!.view(); // something was written
  const [lines, body] = decodeLatin1(bytes, 0, bytes.length).split("\r\n\r\n");
  return [lines?.split("\r\n").sort(), body];
}

Deno.test("writeRefusal() writes the status of the error, says close, and echoes nothing", () => {
  for (
    const [received, expected] of [
      ...["", "\r\n", "\r\nH", "HEAD", "HEADS /", "head / ", "GET / "]
        .map((text) => [text, "Bad Request"] as const),
      ...["HEAD ", "HEAD /a", "\r\nHEAD /"].map((text) => [text, ""] as const),
    ]
  ) {
    const [lines, body] = refused(received);
    assertEquals([received, body], [received, expected]);
    assertEquals(lines, [
      "HTTP/1.1 400 Bad Request",
      "connection: close",
      ...(expected === "" ? [] : [`content-length: ${expected.length}`]),
      "content-type: text/plain",
      "date: Thu, 01 Jan 1970 00:00:00 GMT",
    ]);
  }
});

Deno.test("a head that ends with the connection is a 400, an end after it an abort", () => {
  const { code, status, offset } = truncatedHead(7);
  assertEquals([code, status, offset], ["TRUNCATED_HEAD", 400, 7]);
  assertEquals(peerEnded().name, "AbortError");
});
