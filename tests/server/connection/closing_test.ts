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
import { decodeLatin1 } from "../../../codec/ascii.ts";

Deno.test("writeRefusal() writes the status of the error, says close, and echoes nothing", () => {
  for (const [text, body] of [[undefined, "Bad Request"], ["", ""]] as const) {
    const output = new Output(new OutputPool());
    const error = new ProtocolError("INVALID_TARGET", "Cannot parse <b>", 4);
    writeRefusal(output, new ResponseHeadCache(0), error, text);
    const bytes = output.take()!.view(); // something was written
    const [head, rest] = decodeLatin1(bytes, 0, bytes.length)
      .split("\r\n\r\n");
    assertEquals(rest, body);
    assertEquals(head?.split("\r\n").sort(), [
      "HTTP/1.1 400 Bad Request",
      "connection: close",
      `content-length: ${body.length}`,
      "date: Thu, 01 Jan 1970 00:00:00 GMT",
    ]);
  }
});

Deno.test("a head that ends with the connection is a 400, an end after it an abort", () => {
  const { code, status, offset } = truncatedHead(7);
  assertEquals([code, status, offset], ["TRUNCATED_HEAD", 400, 7]);
  assertEquals(peerEnded().name, "AbortError");
});
