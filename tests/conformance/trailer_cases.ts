/** Section 3, trailer sections (R77 to R80). */

import {
  breaks,
  type ConformanceCase,
  serves,
} from "../support/conformance_case.ts";

const HEAD =
  "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n";

function faults(
  row: string,
  list: readonly string[],
  code: string,
  status?: number,
): ConformanceCase[] {
  return list.map((lines) =>
    breaks(
      `${row}: ${JSON.stringify(lines).slice(0, 60)}`,
      `${HEAD}${lines}\r\n\r\n`,
      code,
      status,
    )
  );
}

const FORBIDDEN =
  "Content-Length Transfer-Encoding Host Trailer TE Connection Upgrade Expect Authorization Cookie Content-Type Content-Encoding Content-Range Set-Cookie";

function manyLines(count: number): string {
  return Array.from({ length: count }, (_, i) => `X-${i}: ${i}`).join("\r\n");
}

export const trailerCases: readonly ConformanceCase[] = [
  serves(
    "R77: a trailer field is not a header field",
    `${HEAD}X-T: y\r\nx-t: \xe9\r\n\r\n`,
    {
      body: "x",
      lines: [["Host", "a"], ["Transfer-Encoding", "chunked"]],
      trailers: [["X-T", "y"], ["x-t", "\xe9"]],
    },
  ),
  ...faults(
    "R78",
    ["foo", "X : y", ": y", "X\xff: y", "X: y\r\nfoo"],
    "INVALID_FIELD_NAME",
  ),
  ...faults(
    "R78",
    ["X: y\r\n z", " X: y", "X: y\r\n\tz"],
    "OBSOLETE_LINE_FOLDING",
  ),
  ...faults("R78", ["X: y\nZ: z", "X: y\rZ: z", "X: y\r"], "INVALID_LINE_END"),
  ...faults("R78", ["X: \x00", "X: y\x7f", "X: \x0b"], "INVALID_FIELD_VALUE"),
  ...faults(
    "R79",
    FORBIDDEN.split(" ").map((name) => `${name}: 1`),
    "FORBIDDEN_TRAILER",
  ),
  ...faults("R79", ["X: y\r\nHOST: b"], "FORBIDDEN_TRAILER"),
  serves(
    "R80: 32 lines",
    `${HEAD}${manyLines(32)}\r\n\r\n`,
    { body: "x" },
  ),
  ...faults("R80", [manyLines(33)], "TRAILERS_TOO_LARGE", 431),
  serves(
    "R80: 8192 bytes",
    `${HEAD}X: ${"y".repeat(8187)}\r\n\r\n`,
    { trailers: [["X", "y".repeat(8187)]] },
  ),
  ...faults("R80", [`X: ${"y".repeat(8188)}`], "TRAILERS_TOO_LARGE", 431),
];
