import { assertEquals, assertThrows } from "@std/assert";
import { encodeLatin1 } from "../../codec/ascii.ts";
import { ProtocolError, type ProtocolErrorCode } from "../../codec/errors.ts";
import { FieldScanner } from "../../codec/field_lines.ts";
import { CHUNKED } from "../../codec/framing.ts";
import { HeadOffset, RequestHead } from "../../codec/request_head.ts";
import {
  checkHost,
  invalidTarget,
  readKnownFields,
  requireTarget,
} from "../../codec/request_checks.ts";
import { IS_HTTP_1_0 } from "../../codec/request_flags.ts";
import { LIMITS } from "../support/fields.ts";

/** A head as the parser fills it, before any rule is checked. */
function headOf(line: string, fields = ""): RequestHead {
  const [method = "", target = "", version = ""] = line.split(" ");
  const start = `${line}\r\n`;
  const bytes = encodeLatin1(`${start}${fields}\r\n`);
  const scanner = new FieldScanner(LIMITS);
  scanner.start(start.length);
  scanner.scan(bytes, 0, bytes.length);
  const head = new RequestHead();
  head.bytes = bytes;
  const targetEnd = method.length + 1 + target.length;
  const queryAt = target.indexOf("?");
  head.offsets[HeadOffset.METHOD_END] = method.length;
  head.offsets[HeadOffset.TARGET_END] = targetEnd;
  head.offsets[HeadOffset.PATH_END] = queryAt === -1
    ? targetEnd
    : method.length + 1 + queryAt;
  if (version === "HTTP/1.0") head.flags = IS_HTTP_1_0;
  head.sizeBytes = scanner.position;
  head.knownFields.read(bytes, 0, scanner.table, scanner.count);
  return head;
}

function fault(act: () => unknown): readonly [ProtocolErrorCode, number] {
  const { code, offset } = assertThrows(act, ProtocolError);
  return [code, offset];
}

const GET = "GET / HTTP/1.1";

Deno.test("checkHost() R47, R48: requires one valid Host, except in HTTP/1.0", () => {
  for (const host of ["a", "a:80", "[::1]:65535", "a.b-c_d"]) {
    checkHost(headOf(GET, `Host: ${host}\r\n`));
  }
  checkHost(headOf("GET / HTTP/1.0"));
  assertEquals(fault(() => checkHost(headOf(GET))), ["MISSING_HOST", 18]);
  for (
    const host of ["", "a b", "a/b", "u@a", "a,b", "a:99999", "[::1", "a:b"]
  ) {
    const head = headOf(GET, `Host: ${host}\r\n`);
    assertEquals(fault(() => checkHost(head)), ["INVALID_HOST", 22], host);
  }
});

Deno.test("checkHost() R49: requires target and Host to agree", () => {
  for (
    const [line, host] of [
      ["GET http://a/ HTTP/1.1", "A:80"],
      ["GET https://a/ HTTP/1.1", "a:443"],
      ["GET http://a:81/ HTTP/1.1", "a:81"],
      ["CONNECT a:443 HTTP/1.1", "a:443"],
      ["CONNECT a:443 HTTP/1.1", "a"],
      ["OPTIONS * HTTP/1.1", "anything"],
    ] as const
  ) checkHost(headOf(line, `Host: ${host}\r\n`));
  for (
    const [line, host] of [
      ["GET http://a/ HTTP/1.1", "b"],
      ["GET http://a/ HTTP/1.1", "a:81"],
      ["GET https://a/ HTTP/1.1", "a:80"],
      ["CONNECT a:443 HTTP/1.1", "a:80"],
      ["CONNECT a:443 HTTP/1.1", "b"],
    ] as const
  ) {
    const head = headOf(line, `Host: ${host}\r\n`);
    assertEquals(fault(() => checkHost(head))[0], "HOST_MISMATCH", line);
  }
});

function read(
  line: string,
  fields: string,
  maxBodyBytes = Infinity,
): readonly [length: number, expects: boolean, offers: boolean] {
  const head = headOf(line, fields);
  readKnownFields(head, maxBodyBytes);
  return [head.bodyLength, head.expectsContinue, head.offersUpgrade];
}

Deno.test("readKnownFields() R82: reads framing, Expect and offers", () => {
  const expect = "Expect: 100-Continue\r\n";
  assertEquals(read(GET, ""), [0, false, false]);
  assertEquals(read("PUT / HTTP/1.1", `Content-Length: 5\r\n${expect}`), [
    5,
    true,
    false,
  ]);
  const coded = "Transfer-Encoding: chunked\r\n";
  assertEquals(read("PUT / HTTP/1.1", coded), [CHUNKED, false, false]);
  assertEquals(read("PUT / HTTP/1.0", expect), [0, false, false]);
});

Deno.test("readKnownFields() R85, R87: accepts an offer in HTTP/1.1 that Connection names, except h2c", () => {
  const offer = "Connection: upgrade\r\nUpgrade: websocket\r\n";
  assertEquals(read(GET, offer), [0, false, true]);
  assertEquals(read("GET / HTTP/1.0", offer), [0, false, false]);
  assertEquals(read(GET, "Upgrade: websocket\r\n"), [0, false, false]);
  assertEquals(read(GET, offer.replace("websocket", "H2C"))[2], false);
});

Deno.test("readKnownFields() R86: accepts a body with an offer to upgrade", () => {
  const fields = "Content-Length: 5\r\nConnection: upgrade\r\nUpgrade: x\r\n";
  assertEquals(read("POST / HTTP/1.1", fields), [5, false, true]);
});

Deno.test("readKnownFields() R83, R84: refuses a body that would be ambiguous", () => {
  const length = "Content-Length: 5\r\n";
  for (
    const [line, fields] of [
      ["TRACE / HTTP/1.1", length],
      ["CONNECT a:1 HTTP/1.1", length],
      ["TRACE / HTTP/1.1", "Transfer-Encoding: chunked\r\n"],
    ] as const
  ) {
    assertEquals(fault(() => read(line, fields))[0], "BODY_NOT_ALLOWED", line);
  }
  read("TRACE / HTTP/1.1", "Content-Length: 0\r\n");
});

Deno.test("readKnownFields() limits a declared body, before it checks Expect", () => {
  const length = "Content-Length: 6\r\n";
  assertEquals(read("PUT / HTTP/1.1", length, 6)[0], 6);
  const act = (): unknown =>
    read("PUT / HTTP/1.1", `${length}Expect: x\r\n`, 5);
  assertEquals(fault(act)[0], "BODY_TOO_LARGE");
});

Deno.test("readKnownFields() R107: accepts only 100-continue", () => {
  for (const value of ["x", "", "100-continue, x", "100-continue;a"]) {
    const act = (): unknown => read(GET, `Expect: ${value}\r\n`);
    assertEquals(fault(act)[0], "EXPECTATION_FAILED", value);
  }
});

Deno.test("requireTarget() R21: requires a form that the method allows", () => {
  for (
    const [line, form] of [
      ["GET /a?b HTTP/1.1", "origin"],
      ["GET http://a/ HTTP/1.1", "absolute"],
      ["CONNECT a:1 HTTP/1.1", "authority"],
      ["OPTIONS * HTTP/1.1", "asterisk"],
    ] as const
  ) assertEquals(requireTarget(headOf(line)).form, form);
  for (const line of ["GET * HTTP/1.1", "GET a:1 HTTP/1.1", "GET a HTTP/1.1"]) {
    const act = (): unknown => requireTarget(headOf(line));
    assertEquals(fault(act), ["INVALID_TARGET", 4]);
  }
});

Deno.test("invalidTarget() points at the target", () => {
  const error = invalidTarget(headOf("PUT x HTTP/1.1"), "why");
  assertEquals(error.message, "Cannot parse request target: why at offset 4");
});
