/** Rows R133 to R136, R139 to R143, and R160: how the client reads responses, whole and in every split (R1). */

import { assert, assertEquals } from "@std/assert";
import { encodeLatin1 } from "../../codec/ascii.ts";
import { BodyDecoder } from "../../codec/body_decoder.ts";
import { NEED_DATA } from "../../codec/errors.ts";
import { ReceiveBuffer } from "../../codec/receive_buffer.ts";
import type { ResponseHead } from "../../codec/response_head.ts";
import { ResponseHeadParser } from "../../codec/response_parser.ts";
import { ProtocolError } from "../../mod.ts";
import {
  halfClose,
  head,
  send,
  sendCut,
  sendEach,
  type Step,
} from "../support/hostile_server.ts";
import { decodeLatin1 } from "../support/latin1.ts";
import { everySplit } from "../support/splits.ts";
import {
  clientFailure,
  EMPTY,
  type Failure,
  getText,
  isGone,
  pair,
} from "../support/client_exchange.ts";
import {
  RESPONSE_CASES,
  RESPONSE_ROWS,
  type ResponseCase,
} from "../support/response_cases.ts";

const REST = "HTTP/1.1 299 evil\r\n";

/** Feeds parser and decoder as a connection does; returns the parts and the rest, or an error code. */
function decode(
  parts: readonly Uint8Array[],
  { method = "GET", ends = false }: ResponseCase,
): unknown {
  const buffer = new ReceiveBuffer();
  const parser = new ResponseHeadParser();
  let response: ResponseHead | null = null;
  let decoder: BodyDecoder | null = null;
  let body = "";
  const feed = (): void => {
    if (response === null) {
      const parsed = parser.parse(
        buffer.bytes,
        buffer.start,
        buffer.end,
        method,
      );
      if (parsed === NEED_DATA) return;
      response = parsed;
      buffer.consume(parsed.sizeBytes);
      decoder = new BodyDecoder(parsed.bodyLength);
    }
    while (!decoder!.done && buffer.length > 0) { // made with the head
      const { bytes, start, end } = buffer;
      const used = decoder!.decode(bytes, start, end);
      const { pieceStart, pieceEnd } = decoder!;
      body += decodeLatin1(bytes.subarray(pieceStart, pieceEnd));
      buffer.consume(used);
    }
  };
  try {
    for (const part of parts) {
      buffer.append(part, 0, part.length);
      feed();
    }
    const parsed = response as ResponseHead | null; // `feed` sets it
    if (parsed === null) return ends ? "END_IN_HEAD" : "more";
    if (ends) decoder!.end();
    if (!decoder!.done) return "more";
    const { bytes, start, end } = buffer;
    const rest = decodeLatin1(bytes.subarray(start, end));
    return { status: parsed.status, body, rest };
  } catch (error) {
    if (!(error instanceof ProtocolError)) throw error;
    return error.code;
  }
}

for (const row of RESPONSE_ROWS) {
  const rows = RESPONSE_CASES.filter((one) => one.row === row);

  Deno.test(`R1, ${row}: parser and decoder give one result in every split`, () => {
    for (const one of rows) {
      const { expect, wire, ends = false } = one;
      const rest = ends ? "" : REST;
      const expected = typeof expect === "string"
        ? expect
        : { status: expect.status, body: expect.body, rest };
      for (const parts of everySplit(encodeLatin1(wire + rest))) {
        const sizes = parts.map((part) => part.length);
        const message = `${JSON.stringify(wire)} as ${sizes}`;
        assertEquals(decode(parts, one), expected, message);
      }
    }
  });

  Deno.test(`${row}: the client returns the response, or closes the connection`, async () => {
    for (const one of rows) await exchange(one, send);
  });

  Deno.test(`R1, ${row}: the client gives the same result byte by byte`, async () => {
    for (const one of rows.filter((_, at) => at % 5 === 0)) {
      await exchange(one, sendEach);
    }
  });
}

async function exchange(
  { wire, method = "GET", ends = false, expect }: ResponseCase,
  sendAs: (text: string) => Step,
): Promise<void> {
  const script = [head, sendAs(wire), ...(ends ? [halfClose] : [])];
  await using both = pair([[...script, head, send(EMPTY)]]);
  const { client, server } = both;
  const outcome = async (): Promise<[number, string]> => {
    const response = await client.exchange(method, "/");
    return [response.status, await response.body.text()];
  };
  const message = JSON.stringify(wire);
  if (typeof expect === "string") {
    const expected: Failure = expect === "END_IN_HEAD"
      ? ["read", "INCOMPLETE"]
      : expect === "TRUNCATED_BODY"
      ? ["read", "INCOMPLETE", expect]
      : ["parse", "PROTOCOL", expect];
    assertEquals(await clientFailure(outcome()), expected, message);
    return await isGone(both);
  }
  assertEquals(await outcome(), [expect.status, expect.body], message);
  if (expect.isReused === false) return await isGone(both);
  assertEquals(client.connectionCount, 1, message);
  assertEquals(await getText(client), [204, ""], message);
  assertEquals(server.count, 1, message);
}

Deno.test("R1: the client reads a response that is split anywhere", async () => {
  const wire =
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nA: b\r\n\r\n";
  for (let offset = 1; offset < wire.length; offset += 3) {
    await using both = pair([[head, sendCut(wire, offset)]]);
    const response = await both.client.get("/");
    assertEquals(await response.body.text(), "hello");
    assertEquals(response.trailers.get("a"), "b");
  }
});

Deno.test("R133: the client returns reason and version, one character per byte", async () => {
  const wire = "HTTP/1.0 404 N\xe9ant \r\nX: \xe9\r\nContent-Length: 0\r\n\r\n";
  await using both = pair([[head, send(wire)]]);
  const response = await both.client.get("/");
  const { status, reason, httpVersion } = response;
  assertEquals([status, reason, httpVersion], [404, "N\xe9ant ", 0]);
  assertEquals(response.headers.get("x"), "\xe9");
});

Deno.test("R135: unfoldResponses joins folded lines, except those that frame a body", async () => {
  const unfolding = { unfoldResponses: true };
  const wire =
    "HTTP/1.1 200 OK\r\nA: b\r\n  c\r\n\td\r\nContent-Length: 2\r\n\r\nhi";
  for (const sendAs of [send, sendEach]) {
    await using both = pair([[head, sendAs(wire)]], unfolding);
    const response = await both.client.get("/");
    assertEquals(response.headers.get("a"), "b    c  \td");
    assertEquals(await response.body.text(), "hi");
  }
  for (
    const field of [
      "Content-Length:\r\n 2",
      "Content-Length: 2\r\n 2",
      "transfer-encoding:\r\n\tchunked",
      " A: b",
    ]
  ) {
    const folded = `HTTP/1.1 200 OK\r\n${field}\r\n\r\n`;
    await using both = pair([[head, send(folded)]], unfolding);
    assertEquals(await clientFailure(both.client.get("/")), [
      "parse",
      "PROTOCOL",
      "OBSOLETE_LINE_FOLDING",
    ], field);
    await isGone(both);
  }
});

Deno.test("R135: a folded section without an end is limited", async () => {
  const wire = "HTTP/1.1 200 OK\r\nA: b\r\n" + " c\r\n".repeat(10_000);
  await using both = pair([[head, send(wire)]], { unfoldResponses: true });
  const [phase, code] = await clientFailure(both.client.get("/"));
  assertEquals([phase, code], ["parse", "PROTOCOL"]);
  await isGone(both);
});

Deno.test("R136: a head with too many bytes or fields, or without an end, is refused", async () => {
  const line = (size: number): string => `A: ${"b".repeat(size - 5)}\r\n`;
  const fits = `HTTP/1.1 204 \r\n${line(16_384)}\r\n`;
  const many = (count: number): string =>
    `HTTP/1.1 204 \r\n${"A: b\r\n".repeat(count)}\r\n`;
  for (
    const [wire, expected] of [
      [fits, null],
      [many(100), null],
      [`HTTP/1.1 204 \r\n${line(16_385)}\r\n`, "HEAD_TOO_LARGE"],
      [`HTTP/1.1 204 \r\n${line(9000)}${line(9000)}`, "HEAD_TOO_LARGE"],
      [`HTTP/1.1 204 ${"x".repeat(20_000)}`, "HEAD_TOO_LARGE"],
      [`HTTP/1.1 204 \r\nA: ${"x".repeat(20_000)}`, "HEAD_TOO_LARGE"],
      [`HTTP/1.1 204 \r\n${"x".repeat(20_000)}`, "HEAD_TOO_LARGE"],
      [many(101), "TOO_MANY_FIELDS"],
    ] as const
  ) {
    await using both = pair([[head, send(wire)]]);
    const answer = both.client.get("/");
    if (expected === null) {
      assertEquals((await answer).status, 204);
      continue;
    }
    const failure = await clientFailure(answer);
    assertEquals(failure, ["parse", "PROTOCOL", expected]);
    await isGone(both);
  }
});

Deno.test("R136: the limits of a head are options", async () => {
  const wire = "HTTP/1.1 204 \r\nA: b\r\nC: d\r\n\r\n";
  for (const options of [{ maxHeaderBytes: 11 }, { maxHeaderCount: 1 }]) {
    await using both = pair([[head, send(wire)]], options);
    assert((await clientFailure(both.client.get("/")))[1] === "PROTOCOL");
  }
});

Deno.test("R140: maxBodyBytes limits bodies of every framing", async () => {
  const ok = "HTTP/1.1 200 OK\r\n";
  for (
    const wire of [
      `${ok}Content-Length: 6\r\n\r\nhello!`,
      `${ok}Transfer-Encoding: chunked\r\n\r\n6\r\nhello!\r\n0\r\n\r\n`,
      `${ok}\r\nhello!`,
    ]
  ) {
    await using both = pair([[head, send(wire)]], { maxBodyBytes: 5 });
    const response = await both.client.get("/");
    assertEquals(await clientFailure(response.body.text()), [
      "parse",
      "PROTOCOL",
      "BODY_TOO_LARGE",
    ]);
    await isGone(both);
  }
});

Deno.test("R140: exceeding maxBufferedBodyBytes fails with a ClientError, like every failure", async () => {
  for (const size of [6, 100_000]) {
    const wire = `HTTP/1.1 200 OK\r\nContent-Length: ${size}\r\n\r\n`;
    await using both = pair([[head, send(wire + "x".repeat(size))]], {
      maxBufferedBodyBytes: 5,
    });
    const response = await both.client.get("/");
    assertEquals(await clientFailure(response.body.text()), [
      "parse",
      "PROTOCOL",
      "BODY_TOO_LARGE",
    ]);
  }
});

Deno.test("R140: trailers are available only after the body was read", async () => {
  const wire =
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\nA: b\r\n__proto__: c\r\n\r\n";
  await using both = pair([[head, send(wire)]]);
  const response = await both.client.get("/");
  assertEquals(response.trailers.count, 0);
  assertEquals(await response.body.text(), "hi");
  assertEquals([...response.trailers], [["A", "b"], ["__proto__", "c"]]);
});

Deno.test("R143: reading a truncated body returns the bytes that arrived, and then rejects", async () => {
  const wire = "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhello";
  await using both = pair([[head, send(wire), halfClose]]);
  const response = await both.client.get("/");
  const pieces: string[] = [];
  const failure = await clientFailure((async () => {
    for await (const piece of response.body) pieces.push(decodeLatin1(piece));
  })());
  assertEquals(pieces.join(""), "hello");
  assertEquals(failure, ["read", "INCOMPLETE", "TRUNCATED_BODY"]);
});

Deno.test("a multipart response is read as FormData", async () => {
  const form =
    '--b\r\nContent-Disposition: form-data; name="a"\r\n\r\n1\r\n--b--\r\n';
  const wire =
    "HTTP/1.1 200 OK\r\nContent-Type: multipart/form-data; boundary=b\r\n" +
    `Content-Length: ${form.length}\r\n\r\n${form}`;
  await using both = pair([[head, send(wire)]]);
  const response = await both.client.get("/");
  const fields = await response.body.form();
  assert(fields instanceof FormData);
  assertEquals(fields.get("a"), "1");
});
