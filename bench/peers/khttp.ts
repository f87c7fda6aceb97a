/** Our own parsers as contenders. */

import { NEED_DATA } from "../../codec/errors.ts";
import { DEFAULT_HEAD_LIMITS } from "../../codec/limits.ts";
import type { RequestHead } from "../../codec/request_head.ts";
import { RequestHeadParser } from "../../codec/request_parser.ts";
import type { ResponseHead } from "../../codec/response_head.ts";
import { ResponseHeadParser } from "../../codec/response_parser.ts";
import { HeadScanner } from "../../codec/simd/head_scanner.ts";
import { ResponseScanner } from "../../codec/simd/response_scanner.ts";
import type { HeadFixture } from "../fixtures.ts";
import type { HeadContender, ParsedHead, Reading } from "./message.ts";

/** A head and the array that contains it. */
interface PlacedHead {
  /** The array; other bytes may surround the head. */
  readonly bytes: Uint8Array;
  /** Offset of the first byte of the head. */
  readonly start: number;
  /** Offset after the last byte of the head. */
  readonly end: number;
}

/** A scanner with our limits. */
function headScanner(): HeadScanner {
  const scanner = HeadScanner.maybeCreate(DEFAULT_HEAD_LIMITS);
  if (scanner === null) {
    throw new Error("Cannot measure SIMD: it is not supported");
  }
  return scanner;
}

/** The head in the scanner's own window, which the epoll engine receives into. */
function placeInWindow(
  scanner: HeadScanner,
  head: HeadFixture,
): PlacedHead {
  const { bytes, start } = scanner.window;
  bytes.set(head.bytes, start);
  return { bytes, start, end: start + head.bytes.length };
}

/** Our three ways to parse a request; the first is that of an engine with a window. */
export function khttpWays(head: HeadFixture): HeadContender[] {
  const inPlace = headScanner();
  const alone = { bytes: head.bytes, start: 0, end: head.bytes.length };
  const { asked } = head;
  return [
    khttpRequests(
      "khttp, SIMD, in place",
      inPlace,
      placeInWindow(inPlace, head),
      asked,
    ),
    khttpRequests("khttp, SIMD, copied", headScanner(), alone, asked),
    khttpRequests("khttp, plain", null, alone, asked),
  ];
}

/** Parses the head with our parser, with or without a scanner. */
function khttpRequests(
  name: string,
  scanner: HeadScanner | null,
  { bytes, start, end }: PlacedHead,
  asked: HeadFixture["asked"],
): HeadContender {
  const parser = new RequestHeadParser(DEFAULT_HEAD_LIMITS, scanner);
  const parse = (): RequestHead => {
    const head = parser.parse(bytes, start, end);
    if (head === NEED_DATA) {
      throw new Error("Cannot measure: the head is incomplete");
    }
    return head;
  };
  return {
    name,
    parse,
    found(): ParsedHead {
      const { method, target, headers } = parse();
      return { startLine: [method, target], fields: [...headers] };
    },
    read(): Reading {
      const { method, originPath, headers } = parse();
      return [
        method,
        originPath,
        headers.get(asked[0]),
        headers.get(asked[1]),
      ];
    },
  };
}

/** Our two ways to parse a response; the first is that of the client. */
export function khttpResponseWays(head: HeadFixture): HeadContender[] {
  const scanner = ResponseScanner.maybeCreate(DEFAULT_HEAD_LIMITS);
  if (scanner === null) {
    throw new Error("Cannot measure SIMD: it is not supported");
  }
  const options = { keepsBytes: true };
  const client = new ResponseHeadParser(DEFAULT_HEAD_LIMITS, options);
  client.scanner = scanner;
  return [
    khttpResponses("khttp, SIMD", client, head),
    khttpResponses("khttp, plain", new ResponseHeadParser(), head),
  ];
}

function khttpResponses(
  name: string,
  parser: ResponseHeadParser,
  { bytes, asked }: HeadFixture,
): HeadContender {
  const parse = (): ResponseHead => {
    const head = parser.parse(bytes, 0, bytes.length, "HEAD");
    if (head === NEED_DATA) {
      throw new Error("Cannot measure: the head is incomplete");
    }
    return head;
  };
  return {
    name,
    parse,
    found(): ParsedHead {
      const { status, reason, headers } = parse();
      return { startLine: [String(status), reason], fields: [...headers] };
    },
    read(): Reading {
      const { status, reason, headers } = parse();
      return [
        String(status),
        reason,
        headers.get(asked[0]),
        headers.get(asked[1]),
      ];
    },
  };
}
