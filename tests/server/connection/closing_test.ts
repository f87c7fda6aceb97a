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
import { decodeLatin1 } from "../../../codec/ascii.ts";

/** What a refusal of this error writes without a hook: the head's lines, and the body. */
function refused(isHead: boolean): [string[] | undefined, string | undefined] {
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
  writeRefusal(owner, error, {
    bytes: output.reserve(1),
    start: 0,
    end: 0,
    isHead,
  });
  const bytes = output.take()!.view(); // something was written
  const [head, body] = decodeLatin1(bytes, 0, bytes.length).split("\r\n\r\n");
  return [head?.split("\r\n").sort(), body];
}

Deno.test("writeRefusal() writes the status of the error, says close, and echoes nothing", () => {
  for (
    const [isHead, expected] of [[false, "Bad Request"], [true, ""]] as const
  ) {
    const [lines, body] = refused(isHead);
    assertEquals(body, expected);
    assertEquals(lines, [
      "HTTP/1.1 400 Bad Request",
      "connection: close",
      `content-length: ${expected.length}`,
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
