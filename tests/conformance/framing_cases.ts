/** Section 3, the length of a body (R51 to R65, R81 to R83, R160). */

import {
  answers,
  type ConformanceCase,
  refuses,
  serves,
} from "../support/conformance_case.ts";

const POST = "POST / HTTP/1.1\r\nHost: a\r\n";
const BYTE_RANGES = "Content-Type: multipart/byteranges; boundary=b\r\n";
const SMUGGLED = "GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n";

/** Cases of a POST with one or more extra field lines. */
function refused(
  row: string,
  list: readonly string[],
  status?: number,
): ConformanceCase[] {
  return list.map((line) =>
    refuses(
      `${row}: ${JSON.stringify(line)}`,
      `${POST}${line}\r\n\r\n`,
      status,
    )
  );
}

function length(
  row: string,
  value: string,
  body: string,
): ConformanceCase {
  return serves(
    `${row}: Content-Length:${value}`,
    `${POST}Content-Length:${value}\r\n\r\n${body}`,
    { body },
  );
}

function coding(value: string): ConformanceCase {
  return serves(
    `R58: Transfer-Encoding:${JSON.stringify(value)}`,
    `${POST}Transfer-Encoding:${value}\r\n\r\n5\r\nhello\r\n0\r\n\r\n`,
    { body: "hello" },
  );
}

function values(name: string, list: readonly string[]): string[] {
  return list.map((value) => `${name}: ${value}`);
}

export const framingCases: readonly ConformanceCase[] = [
  length("R51", " 5", "hello"),
  length("R51", "\t5 ", "hello"),
  length("R51", "0", ""),
  ...refused(
    "R52",
    values("Content-Length", [
      ..."+5|-5|-0|5.|1.1|0x5|1e3|5_0|4 2|5;".split("|"),
      ...['"5"', "5\x0b", "\x0c5", "5\xa0", "\xd9\xa5", "", "five"],
    ]),
  ),
  ...refused("R53", [
    ...values("Content-Length", ["5, 5", "5,", ",5", "5, 6", "5,5"]),
    "Content-Length: 5\r\nContent-Length: 5",
    "Content-Length: 5\r\nContent-Length: 6",
    "Content-Length: 5\r\nContent-Length: x",
  ]),
  length("R54", " 005", "hello"),
  length("R54", " 00", ""),
  length("R54", " 010", "0123456789"),
  length("R54", ` ${"0".repeat(40)}5`, "hello"),
  ...refused(
    "R55",
    values("Content-Length", [
      "9007199254740992",
      "9007199254740993",
      "9999999999999999",
      "18446744073709551615",
      "18446744073709551616",
      "99999999999999999999",
      "1".repeat(400),
    ]),
  ),
  refuses(
    "R55: a number that is too large is rejected before the limit applies",
    `${POST}Content-Length: 9007199254740992\r\n\r\n`,
    400,
    { options: { maxBodyBytes: 5 } },
  ),
  refuses(
    "R56: a declared length above maxBodyBytes",
    `${POST}Content-Length: 6\r\n\r\nhello!`,
    413,
    { options: { maxBodyBytes: 5 } },
  ),
  refuses(
    "R56: a declared length above 1 MiB, before 100 Continue",
    `${POST}Expect: 100-continue\r\nContent-Length: 1048577\r\n\r\n`,
    413,
    { options: { maxBodyBytes: 1_048_576 } },
  ),
  serves(
    "R56: a declared length of maxBodyBytes",
    `${POST}Content-Length: 5\r\n\r\nhello`,
    { body: "hello" },
    { options: { maxBodyBytes: 5 } },
  ),
  {
    name: "R56: a helper that gathers too much → 413",
    wire: `${POST}Content-Length: 6\r\n\r\nhello!`,
    statuses: [413],
    calls: [{ body: "BODY_TOO_LARGE" }],
    ending: "closes",
    options: { maxBufferedBodyBytes: 5 },
  },
  coding(" chunked"),
  coding(" cHuNkEd"),
  coding("\tchunked "),
  ...refused("R59", [
    "Content-Length: 5\r\nTransfer-Encoding: chunked",
    "Transfer-Encoding: chunked\r\nContent-Length: 5",
    "Content-Length: 0\r\nTransfer-Encoding: chunked",
    "Transfer-Encoding: gzip, chunked\r\nContent-Length: 5",
    "Content-Length: 5\r\nTransfer-Encoding: nothing",
    "Transfer-Encoding:\r\nContent-Length: 5",
  ]),
  ...["chunked", "gzip, chunked", "x"].map((value) =>
    refuses(
      `R60: Transfer-Encoding: ${value} in HTTP/1.0`,
      `POST / HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: ${value}\r\n\r\n0\r\n\r\n`,
    )
  ),
  ...refused(
    "R61",
    values("Transfer-Encoding", [
      "gzip, chunked",
      "foo, chunked",
      "gzip,deflate\t,\tCHUNKED",
    ]),
    501,
  ),
  ...refused(
    "R62",
    values("Transfer-Encoding", [
      "gzip",
      "identity",
      "xchunked",
      "chunkedx",
      "chunkedchunked",
      "chunked, gzip",
      "chunked, identity",
    ]),
  ),
  ...refused("R63", [
    "Transfer-Encoding: chunked, chunked",
    "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked",
    "Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked",
    "Transfer-Encoding: chunked\r\ntransfer-encoding: identity",
  ]),
  ...refused("R64", [
    "Transfer-Encoding:",
    ...values("Transfer-Encoding", [
      ",chunked",
      "chunked,",
      ", chunked",
      "gzip,,chunked",
    ]),
  ]),
  ...refused(
    "R65",
    values("Transfer-Encoding", [
      "chunked;q=1",
      '"chunked"',
      "chun ked",
      "\x0bchunked",
      "chunked\x00",
      "\xa0chunked",
      "\xffchunked\xff",
      "chun\xe2\x84\xaaed",
      "gzip;q=1, chunked",
      "gz\xffip, chunked",
    ]),
  ),
  ...["GET", "HEAD", "DELETE", "OPTIONS"].flatMap((method) => [
    serves(
      `R81: ${method} with a length is framed like POST`,
      `${method} / HTTP/1.1\r\nHost: a\r\nContent-Length: ${SMUGGLED.length}\r\n\r\n${SMUGGLED}`,
      { method, body: SMUGGLED },
    ),
    serves(
      `R81: chunked ${method} is framed like POST`,
      `${method} / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n${
        SMUGGLED.length.toString(16)
      }\r\n${SMUGGLED}\r\n0\r\n\r\n`,
      { method, body: SMUGGLED },
    ),
  ]),
  serves(
    "R82: POST without a length has no body",
    `${POST}\r\nGET /next HTTP/1.1\r\nHost: a\r\n\r\n`,
    [{ method: "POST", body: "" }, { method: "GET", path: "/next" }],
  ),
  {
    name: "R82: garbage after a POST without a length → 400",
    wire: `${POST}\r\nhello=world\r\n\r\n`,
    statuses: [200, 400],
    calls: [{ method: "POST", body: "" }],
    ending: "closes",
  },
  serves(
    "R160: multipart/byteranges without a length has no body",
    `${POST}${BYTE_RANGES}\r\nGET /next HTTP/1.1\r\nHost: a\r\n\r\n`,
    [{ method: "POST", body: "" }, { method: "GET", path: "/next" }],
  ),
  {
    name: "R160: the parts of multipart/byteranges without a length → 400",
    wire: `${POST}${BYTE_RANGES}\r\n--b\r\n\r\n${SMUGGLED}\r\n--b--\r\n`,
    statuses: [200, 400],
    calls: [{ method: "POST", body: "" }],
    ending: "closes",
  },
  serves(
    "R160: multipart/byteranges ends with its length, not with its boundary",
    `${POST}${BYTE_RANGES}Content-Length: 9\r\n\r\n--b--\r\nx\rGET /next HTTP/1.1\r\nHost: a\r\n\r\n`,
    [{ method: "POST", body: "--b--\r\nx\r" }, { path: "/next" }],
  ),
  answers(
    "R83: TRACE is not echoed",
    "TRACE / HTTP/1.1\r\nHost: a\r\nCookie: secret\r\n\r\n",
    501,
    { responseFields: { "content-length": "15" } },
  ),
  refuses(
    "R83: TRACE with a length",
    "TRACE / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello",
  ),
  refuses(
    "R83: chunked TRACE",
    "TRACE / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
  ),
];
