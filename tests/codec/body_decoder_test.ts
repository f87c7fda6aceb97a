import { assert, assertEquals, assertThrows } from "@std/assert";
import { decodeLatin1, encodeLatin1 } from "../../codec/ascii.ts";
import { BodyDecoder } from "../../codec/body_decoder.ts";
import { ProtocolError, type ProtocolErrorCode } from "../../codec/errors.ts";
import { CHUNKED, UNTIL_CLOSE } from "../../codec/framing.ts";
import { type BodyLimits, DEFAULT_BODY_LIMITS } from "../../codec/limits.ts";
import { everySplit } from "../support/splits.ts";

interface Outcome {
  readonly payload: string;
  /** Bytes consumed by a complete body, otherwise the offset of the fault. */
  readonly offset: number;
  readonly code: ProtocolErrorCode | "COMPLETE";
}

function decodeParts(
  length: number,
  parts: readonly Uint8Array[],
  limits: BodyLimits,
): Outcome {
  const decoder = new BodyDecoder(length, limits);
  let payload = "";
  let consumed = 0;
  try {
    for (const part of parts) {
      for (let at = 0; at < part.length && !decoder.done;) {
        const step = decoder.decode(part, at, part.length);
        assert(step > 0, "a step consumes something");
        payload += decodeLatin1(part, decoder.pieceStart, decoder.pieceEnd);
        assertEquals(decoder.receivedBytes, payload.length);
        if (length >= 0) {
          assertEquals(decoder.remainingBytes, length - payload.length);
        }
        at += step;
        consumed += step;
      }
    }
    decoder.end();
  } catch (error) {
    if (!(error instanceof ProtocolError)) throw error;
    return { payload, offset: error.offset, code: error.code };
  }
  assertEquals(decoder.done, true);
  assertEquals(decoder.remainingBytes, 0);
  return { payload, offset: consumed, code: "COMPLETE" };
}

function check(
  length: number,
  wire: string,
  expect: Outcome,
  limits?: Partial<BodyLimits>,
): void {
  const allLimits = { ...DEFAULT_BODY_LIMITS, ...limits };
  for (const parts of everySplit(encodeLatin1(wire))) {
    const message = `${wire} as ${parts.map((part) => part.length)}`;
    assertEquals(decodeParts(length, parts, allLimits), expect, message);
  }
}

Deno.test("BodyDecoder R51: yields exactly as many bytes as declared", () => {
  check(5, "hello", { payload: "hello", offset: 5, code: "COMPLETE" });
  check(5, "helloGET / HTTP/1.1\r\n", {
    payload: "hello",
    offset: 5,
    code: "COMPLETE",
  });
  check(0, "GET /", { payload: "", offset: 0, code: "COMPLETE" });
});

Deno.test("BodyDecoder R55: accepts a length of 2^53 - 1 exactly", () => {
  const decoder = new BodyDecoder(2 ** 53 - 1);
  decoder.decode(new Uint8Array(3), 0, 3);
  assertEquals(decoder.remainingBytes, 2 ** 53 - 4);
});

Deno.test("BodyDecoder R66: yields the payload of a chunked body", () => {
  const wire = "5\r\nhello\r\n6;a\r\n world\r\n0\r\n\r\n";
  const expect: Outcome = {
    payload: "hello world",
    offset: wire.length,
    code: "COMPLETE",
  };
  check(CHUNKED, wire, expect);
  check(CHUNKED, `${wire}0\r\n\r\n`, expect);
});

Deno.test("BodyDecoder R67: reports a fault in a chunked body", () => {
  check(CHUNKED, "1\r\na\r\n+5\r\n", {
    payload: "a",
    offset: 6,
    code: "INVALID_CHUNK_SIZE",
  });
});

Deno.test("BodyDecoder R75: refuses an early end in every framing that declares its end", () => {
  check(5, "hell", { payload: "hell", offset: 4, code: "TRUNCATED_BODY" });
  check(5, "", { payload: "", offset: 0, code: "TRUNCATED_BODY" });
  check(CHUNKED, "5\r\nhello\r\n0\r\n", {
    payload: "hello",
    offset: 13,
    code: "TRUNCATED_BODY",
  });
});

Deno.test("BodyDecoder R76: limits a body whose length is not declared", () => {
  const limits = { maxBodyBytes: 5 };
  const complete: Outcome = { payload: "hello", offset: 5, code: "COMPLETE" };
  check(UNTIL_CLOSE, "hello", complete, limits);
  check(UNTIL_CLOSE, "hello world", {
    payload: "hello",
    offset: 5,
    code: "BODY_TOO_LARGE",
  }, limits);
  check(CHUNKED, "6\r\nhello ", {
    payload: "",
    offset: 2,
    code: "BODY_TOO_LARGE",
  }, limits);
});

Deno.test("BodyDecoder R76: does not apply maxBodyBytes to a declared length", () => {
  check(5, "hello", { payload: "hello", offset: 5, code: "COMPLETE" }, {
    maxBodyBytes: 4,
  });
});

Deno.test("BodyDecoder R77: returns the trailer section of a chunked body", () => {
  const wire = encodeLatin1("0\r\nX-T: y\r\n\r\n");
  const decoder = new BodyDecoder(CHUNKED);
  assertEquals(decoder.trailerSection, null);
  decoder.decode(wire, 0, wire.length);
  const section = decoder.trailerSection;
  assert(section !== null && section.count === 1);
  assertEquals(decodeLatin1(section.bytes, 0, 3), "X-T");
});

Deno.test("BodyDecoder R82: starts out done for a body of length 0", () => {
  const decoder = new BodyDecoder(0);
  assertEquals(decoder.done, true);
  assertEquals(decoder.decode(encodeLatin1("GET /"), 0, 5), 0);
  assertEquals([decoder.pieceStart, decoder.pieceEnd], [0, 0]);
  decoder.end();
});

Deno.test("BodyDecoder R140: reads until the connection ends if no length is declared", () => {
  const wire = "5\r\nhello\r\n0\r\n\r\n";
  check(UNTIL_CLOSE, wire, {
    payload: wire,
    offset: wire.length,
    code: "COMPLETE",
  });
  const decoder = new BodyDecoder(UNTIL_CLOSE);
  assertEquals([decoder.done, decoder.remainingBytes], [false, -1]);
  decoder.end();
  decoder.end();
  assertEquals([decoder.done, decoder.remainingBytes], [true, 0]);
});

Deno.test("BodyDecoder reads only from start to end", () => {
  const decoder = new BodyDecoder(4);
  const bytes = encodeLatin1("..ab..");
  assertEquals(decoder.decode(bytes, 2, 4), 2);
  assertEquals([decoder.pieceStart, decoder.pieceEnd], [2, 4]);
  assertEquals(decoder.decode(bytes, 4, 4), 0);
  assertEquals([decoder.pieceStart, decoder.pieceEnd], [4, 4]);
});

Deno.test("BodyDecoder refuses an invalid length", () => {
  for (const length of [-3, 1.5, NaN, Infinity, 2 ** 53]) {
    assertThrows(
      () => new BodyDecoder(length),
      RangeError,
      `Cannot decode body: length ${length} is invalid`,
    );
  }
});
