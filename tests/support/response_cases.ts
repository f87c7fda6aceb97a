/** Responses of all kinds with their expected results (rows R133 to R136, R139 to R143, R160). */

import type { ProtocolErrorCode } from "../../mod.ts";

/** The result of a response: its parts, or how it fails. */
export type Expected =
  | {
    readonly status: number;
    readonly body: string;
    /** Whether the connection can be used again. @default {true} */
    readonly isReused?: boolean;
  }
  | ProtocolErrorCode
  | "END_IN_HEAD";

/** One response. */
export interface ResponseCase {
  readonly row: string;
  readonly wire: string;
  /** @default {"GET"} */
  readonly method?: string;
  /** Whether the server ends the connection after it. @default {false} */
  readonly ends?: boolean;
  readonly expect: Expected;
}

type Extra = Partial<ResponseCase>;

function cases(
  row: string,
  expect: Expected,
  wires: readonly string[],
  extra: Extra = {},
): ResponseCase[] {
  return wires.map((wire) => ({ row, wire, expect, ...extra }));
}

const OK = "HTTP/1.1 200 OK\r\n";
const NONE = "Content-Length: 0\r\n\r\n";
const empty = { status: 200, body: "" };
const BYTE_RANGES =
  "HTTP/1.1 206 Partial Content\r\nContent-Type: multipart/byteranges; boundary=b\r\n";
const PARTS = {
  status: 206,
  body: "--b\r\n\r\nhello\r\n--b--\r\nHTTP/1.1 200 OK\r\n\r\n",
};
const chunked = `${OK}Transfer-Encoding: chunked\r\n\r\n`;

/** One response per field line. */
function withFields(fields: readonly string[]): string[] {
  return fields.map((field) => `${OK}${field}\r\n${NONE}`);
}

/** All cases. */
export const RESPONSE_CASES: readonly ResponseCase[] = [
  ...cases("R133", empty, [
    `HTTP/1.1 200 OK\r\n${NONE}`,
    `HTTP/1.1 200 \r\n${NONE}`,
    `HTTP/1.1 200\r\n${NONE}`,
    `HTTP/1.1 200 \xe9\t \x80\xff\r\n${NONE}`,
  ]),
  ...cases("R133", { ...empty, isReused: false }, [
    `HTTP/1.0 200 OK\r\n${NONE}`,
    `HTTP/1.0 200 OK\r\nConnection: keep-alive\r\n${NONE}`,
  ]),
  ...cases("R134", "INVALID_STATUS_LINE", [
    `HTTP/1.1  200 OK\r\n${NONE}`,
    `HTTP/1.1\t200\r\n${NONE}`,
    `HTTP/1.1X200 OK\r\n${NONE}`,
    `HTTP/1.1200 OK\r\n${NONE}`,
    `HTTP/1.1 20 OK\r\n${NONE}`,
    `HTTP/1.1 2000 OK\r\n${NONE}`,
    `HTTP/1.1 099 OK\r\n${NONE}`,
    `HTTP/1.1 000 OK\r\n${NONE}`,
    `HTTP/1.1 2x0 OK\r\n${NONE}`,
    `HTTP/1.1 +20 OK\r\n${NONE}`,
    `HTTP/2.0 200 OK\r\n${NONE}`,
    `HTTP/1.2 200 OK\r\n${NONE}`,
    `HTTP/0.9 200 OK\r\n${NONE}`,
    `HTTP/1.10 200 OK\r\n${NONE}`,
    `http/1.1 200 OK\r\n${NONE}`,
    `ICY 200 OK\r\n${NONE}`,
    `HTP/1.1 200 OK\r\n${NONE}`,
    ` HTTP/1.1 200 OK\r\n${NONE}`,
    `\r\nHTTP/1.1 200 OK\r\n${NONE}`,
    `\nHTTP/1.1 200 OK\r\n${NONE}`,
    `HTTP/1.1 200 OK\n${NONE}`,
    `HTTP/1.1 200\n${NONE}`,
    `HTTP/1.1 200 OK\r${NONE}`,
    `HTTP/1.1 200 O\rK\r\n${NONE}`,
    `HTTP/1.1 200 O\0K\r\n${NONE}`,
    `HTTP/1.1 200 O\x7fK\r\n${NONE}`,
    `HTTP/1.1\r\n${NONE}`,
    `HTTP/1.1 200\tOK\r\n${NONE}`,
    "<html>hello</html>",
    "GET / HTTP/1.1\r\nHost: a\r\n\r\n",
  ]),
  ...cases("R134", { status: 600, body: "" }, [
    `HTTP/1.1 600 OK\r\n${NONE}`,
  ]),
  ...cases("R134", { status: 999, body: "" }, [
    `HTTP/1.1 999 \r\n${NONE}`,
  ]),
  ...cases("R134", "INVALID_LINE_END", [
    `${OK}A: b\n${NONE}`,
    `${OK}A: b\rC: d\r\n${NONE}`,
    `${OK}A: b\r\r\n${NONE}`,
    `${OK}Content-Length: 0\r\n\rX`,
  ]),
  ...cases(
    "R135",
    "INVALID_FIELD_NAME",
    withFields([
      ...[
        "Bad Name: x",
        "A : b",
        ": b",
        "A",
        "A\0: b",
        "\xc3\x84: b",
        "A\t: b",
      ],
      ...["(A): b", "A@: b", "\x01: b", "Content-Length : 5"],
    ]),
  ),
  ...cases("R135", "INVALID_FIELD_NAME", [`${OK}\n${NONE}`]),
  ...cases(
    "R135",
    "INVALID_FIELD_VALUE",
    withFields(["A: b\0c", "A: \x01", "A: b\x7f", "A: \x0b", "A: b\x1fc"]),
  ),
  ...cases(
    "R135",
    "OBSOLETE_LINE_FOLDING",
    withFields(["A: b\r\n c", "A: b\r\n\tc", "A: b\r\n ", " A: b", "\tA: b"]),
  ),
  ...cases("R135", { ...empty }, [
    `${OK}A: \xe9\r\nA:\r\n__proto__: x\r\nconstructor: y\r\n${NONE}`,
  ]),
  ...cases("R135", "INVALID_CONNECTION", withFields(["Connection: clo se"])),
  ...cases("R139", { status: 200, body: "" }, [
    `${OK}Content-Length: 5\r\n\r\n`,
    `${OK}Transfer-Encoding: chunked\r\n\r\n`,
    `${OK}\r\n`,
  ], { method: "HEAD" }),
  ...cases("R139", { status: 204, body: "" }, [
    "HTTP/1.1 204 \r\nContent-Length: 5\r\n\r\n",
    "HTTP/1.1 204 \r\nTransfer-Encoding: chunked\r\n\r\n",
    "HTTP/1.1 204 \r\n\r\n",
  ]),
  ...cases("R139", { status: 304, body: "" }, [
    "HTTP/1.1 304 \r\nContent-Length: 5\r\n\r\n",
    "HTTP/1.1 304 \r\nTransfer-Encoding: chunked\r\n\r\n",
  ]),
  ...cases("R140", { status: 200, body: "hello" }, [
    `${OK}Content-Length: 5\r\n\r\nhello`,
    `${OK}Content-Length: 0005\r\n\r\nhello`,
    `${chunked}5\r\nhello\r\n0\r\n\r\n`,
    `${chunked}2\r\nhe\r\n003;a="\\"\\\\";b=c\r\nllo\r\n0;x\r\nA: b\r\n\r\n`,
    `${OK}transfer-encoding:CHUNKED\r\n\r\n5\r\nhello\r\n0\r\n\r\n`,
  ]),
  ...cases("R140", { status: 200, body: "hello", isReused: false }, [
    `${OK}\r\nhello`,
    `HTTP/1.0 200 OK\r\n\r\nhello`,
    `${OK}Connection: keep-alive\r\n\r\nhello`,
  ], { ends: true }),
  ...cases("R160", { ...PARTS, isReused: false }, [
    `${BYTE_RANGES}\r\n${PARTS.body}`,
  ], { ends: true }),
  ...cases("R160", PARTS, [
    `${BYTE_RANGES}Content-Length: ${PARTS.body.length}\r\n\r\n${PARTS.body}`,
  ]),
  ...cases("R140", "INVALID_CHUNK_SIZE", [
    ...[`${chunked}\r\n`, `${chunked}x\r\n`, `${chunked}-1\r\n`],
    ...[`${chunked}0x5\r\nhello`, `${chunked} 5\r\nhello`, `${chunked}+5\r\n`],
    `${chunked}fffffffffffffffff\r\n`,
    `${chunked}5\r\nhello\r\n\r\n`,
  ]),
  ...cases("R140", "INVALID_CHUNK_END", [
    `${chunked}5\r\nhelloX\r\n`,
    `${chunked}5\r\nhello\n0\r\n\r\n`,
    `${chunked}5\r\nhello\r0\r\n\r\n`,
  ]),
  ...cases("R140", "INVALID_CHUNK_EXTENSION", [
    `${chunked}5;\r\nhello`,
    `${chunked}5;a=\r\nhello`,
    `${chunked}5;a b\r\nhello`,
  ]),
  ...cases("R140", "FORBIDDEN_TRAILER", [
    `${chunked}0\r\nContent-Length: 5\r\n\r\n`,
  ]),
  ...cases("R140", "INVALID_FIELD_NAME", [`${chunked}0\r\nA b: c\r\n\r\n`]),
  ...cases("R141", "CONFLICTING_FRAMING", [
    `${OK}Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n`,
    `${OK}Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\nhello`,
    `${OK}Content-Length: 5\r\nTransfer-Encoding: x\r\n\r\nhello`,
  ]),
  ...cases("R141", "INVALID_TRANSFER_ENCODING", [
    "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    ...["gzip", "chunked, gzip", "chunked, chunked", "", "identity"].map(
      (coding) => `${OK}Transfer-Encoding: ${coding}\r\n\r\n0\r\n\r\n`,
    ),
  ]),
  ...cases("R141", "UNSUPPORTED_TRANSFER_CODING", [
    `${OK}Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n`,
  ]),
  ...cases("R141", "REPEATED_FIELD", [
    `${OK}Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n`,
    `${OK}Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n\r\n`,
  ]),
  ...cases(
    "R142",
    "INVALID_CONTENT_LENGTH",
    ["5, 6", "5, 5", "5,", "+5", "-5", "", "0x5", "5.0", "5 5", "1e1"].map(
      (value) => `${OK}Content-Length: ${value}\r\n\r\nhello`,
    ),
  ),
  ...cases("R142", "INVALID_CONTENT_LENGTH", [
    `${OK}Content-Length: 9007199254740992\r\n\r\nhello`,
  ]),
  ...cases("R142", "REPEATED_FIELD", [
    `${OK}Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello`,
    `${OK}Content-Length: 5\r\nContent-Length: 5\r\n\r\nhello`,
  ]),
  ...cases("R143", "TRUNCATED_BODY", [
    `${OK}Content-Length: 5\r\n\r\n`,
    `${OK}Content-Length: 5\r\n\r\nhell`,
    ...["", "5", "5\r\nhel", "5\r\nhello", "5\r\nhello\r\n"].map((part) =>
      chunked + part
    ),
    `${chunked}5\r\nhello\r\n0`,
    `${chunked}5\r\nhello\r\n0\r\n`,
    `${chunked}5\r\nhello\r\n0\r\n\r`,
    `${chunked}5\r\nhello\r\n0\r\nA: b\r\n`,
  ], { ends: true }),
  ...cases("R143", "END_IN_HEAD", [
    "H",
    "HTTP/1.1 200",
    OK,
    `${OK}A: b`,
    `${OK}Content-Length: 5\r\n`,
    `${OK}Content-Length: 5\r\n\r`,
  ], { ends: true }),
];

/** Rows of the table, in order. */
export const RESPONSE_ROWS: readonly string[] = [
  ...new Set(RESPONSE_CASES.map(({ row }) => row)),
];
