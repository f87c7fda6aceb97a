/**
 * What clients send through two proxies: ways to smuggle a request, each with
 * the statuses that the client must get and the requests that the origin may
 * see (RFC 9112 §11.2). `two_proxies_test.ts` runs them.
 */

/** What a client sends. */
export interface Wire {
  readonly name: string;
  readonly wire: string;
  /** Status codes of the responses. */
  readonly statuses: readonly number[];
  /** The requests that the origin may see, as method, target and body; if the wire has a fault, at most the first of them in part. */
  readonly sees: readonly string[];
}

const GET = "GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n";
const HOST = "Host: a\r\n";
const POST = `POST /first HTTP/1.1\r\n${HOST}`;
const CHUNKED = `${POST}Transfer-Encoding: chunked\r\n\r\n`;

/** A wire that gets one error status; nothing after it is read. */
function refused(name: string, wire: string, status = 400): Wire {
  return { name, wire: wire + GET, statuses: [status], sees: [] };
}

/** A wire that is valid and forwarded once. */
function forwarded(name: string, wire: string, ...sees: string[]): Wire {
  return { name, wire, statuses: sees.map(() => 200), sees };
}

/** Two lengths, or none that is valid. */
const lengths: readonly Wire[] = [
  refused(
    "CL.TE",
    `${POST}Content-Length: 6\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nG`,
  ),
  refused(
    "TE.CL",
    `${POST}Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n5c\r\n${GET}0\r\n\r\n`,
  ),
  refused(
    "CL.0 with TE",
    `${POST}Content-Length: 0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
  ),
  refused(
    "CL with an unknown TE",
    `${POST}Content-Length: 5\r\nTransfer-Encoding: x\r\n\r\nhello`,
  ),
  refused("two CL", `${POST}Content-Length: 0\r\nContent-Length: 37\r\n\r\n`),
  refused(
    "two equal CL",
    `${POST}Content-Length: 0\r\nContent-Length: 0\r\n\r\n`,
  ),
  refused("two CL in one", `${POST}Content-Length: 0, 37\r\n\r\n`),
  refused("CL with a sign", `${POST}Content-Length: +0\r\n\r\n`),
  refused("a negative CL", `${POST}Content-Length: -37\r\n\r\n`),
  refused("CL in hexadecimal", `${POST}Content-Length: 0x0\r\n\r\n`),
  refused("an empty CL", `${POST}Content-Length:\r\n\r\n`),
  refused(
    "CL beyond 2^64",
    `${POST}Content-Length: 18446744073709551616\r\n\r\n`,
  ),
  refused("CL after a space", `${POST}Content-Length : 37\r\n\r\n`),
  refused("CL after a tab", `${POST}Content-Length\t: 37\r\n\r\n`),
  refused("CL with NUL", `${POST}Content-Length: 0\0\r\n\r\n`),
  forwarded(
    "CL with zeros",
    `${POST}Content-Length: 005\r\n\r\nhello`,
    "POST /first hello",
  ),
];

/** Codings that some parsers read as chunked and others do not. */
const codings: readonly Wire[] = [
  ["a coding in front", "gzip, chunked", 501],
  ["a coding after it", "chunked, gzip", 400],
  ["identity", "identity", 400],
  ["chunked twice", "chunked, chunked", 400],
  ["xchunked", "xchunked", 400],
  ["a comma in front", ",chunked", 400],
  ["a comma after it", "chunked,", 400],
  ["a parameter", "chunked;q=1", 400],
  ["quotes", '"chunked"', 400],
  ["a vertical tab", "\x0bchunked", 400],
  ["a no-break space", "\xa0chunked", 400],
  ["a Kelvin sign", "chun\xe2\x84\xaaed", 400],
  ["nothing", "", 400],
].map(([name, value, status]) =>
  refused(
    `TE.TE: ${name}`,
    `${POST}Transfer-Encoding: ${value}\r\n\r\n0\r\n\r\n`,
    Number(status),
  )
);

const codingLines: readonly Wire[] = [
  refused(
    "TE.TE: two lines",
    `${POST}Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n`,
  ),
  refused(
    "TE.TE: a space before the colon",
    `${POST}Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n`,
  ),
  refused(
    "TE.TE: a folded line",
    `${POST}Transfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n`,
  ),
  refused(
    "TE.TE: after a bare LF",
    `${POST}X: y\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
  ),
  refused(
    "TE.TE: after a bare CR",
    `${POST}X: y\rTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
  ),
  refused(
    "TE in HTTP/1.0",
    "POST /first HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
  ),
  refused(
    "TE in HTTP/1.0 with keep-alive",
    "POST /first HTTP/1.0\r\nHost: a\r\nConnection: keep-alive\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
  ),
  forwarded(
    "cHuNkEd",
    `${POST}Transfer-Encoding: cHuNkEd\r\n\r\n5\r\nhello\r\n0\r\n\r\n`,
    "POST /first hello",
  ),
  forwarded(
    "an underscore is not a hyphen",
    `${POST}Transfer_Encoding: chunked\r\nContent-Length: 5\r\n\r\nhello`,
    "POST /first hello",
  ),
];

/** Invalid chunks; the head may have been forwarded already, so the request is either cut or rejected. */
const chunks: readonly Wire[] = [
  ["no size", "\r\n0\r\n\r\n"],
  ["a sign", "+5\r\nhello\r\n0\r\n\r\n"],
  ["0x", "0x5\r\nhello\r\n0\r\n\r\n"],
  ["an underscore", "5_0\r\nhello\r\n0\r\n\r\n"],
  ["a space in front", " 5\r\nhello\r\n0\r\n\r\n"],
  ["a space after it", "5 \r\nhello\r\n0\r\n\r\n"],
  ["a size of 2^64 + 5", "10000000000000005\r\nhello\r\n0\r\n\r\n"],
  ["a size of 2^64 - 1", "FFFFFFFFFFFFFFFF\r\nhello\r\n0\r\n\r\n"],
  ["a bare LF after the size", "5\nhello\r\n0\r\n\r\n"],
  ["a bare CR after the size", "5\rhello\r\n0\r\n\r\n"],
  ["a bare LF in an extension", "5;a\nhello\r\n0\r\n\r\n"],
  ["a bare CR in an extension", "5;a\rb\r\nhello\r\n0\r\n\r\n"],
  ["an extension without a name", "5;\r\nhello\r\n0\r\n\r\n"],
  ["an open quotation", '5;a="\r\nhello\r\n0\r\n\r\n'],
  ["an extension of 2 KiB", `5;${"a".repeat(2048)}\r\nhello\r\n0\r\n\r\n`],
  ["no end of data", "5\r\nhello0\r\n\r\n"],
  ["another end of data", "5\r\nhelloXX0\r\n\r\n"],
  ["a bare LF after data", "5\r\nhello\n0\r\n\r\n"],
  ["a last chunk with bare LFs", "5\r\nhello\r\n0\n\n"],
  ["a last chunk with one CR too many", "0\r\r\n\r\n"],
  ["a trailer that frames", "0\r\nContent-Length: 37\r\n\r\n"],
  ["a trailer that chunks", "0\r\nTransfer-Encoding: chunked\r\n\r\n"],
  ["a trailer that routes", "0\r\nHost: b\r\n\r\n"],
  ["a trailer that authorises", "0\r\nAuthorization: x\r\n\r\n"],
  ["a folded trailer", "0\r\nX: a\r\n b\r\n\r\n"],
  ["a trailer with a space before its colon", "0\r\nX : a\r\n\r\n"],
  ["a trailer after a bare LF", "0\r\nX: a\nY: b\r\n\r\n"],
].map(([name, body]) => refused(`chunks: ${name}`, CHUNKED + body));

const bodies: readonly Wire[] = [
  forwarded(
    "an extension is dropped",
    `${CHUNKED}5;a="x;\\"y"\r\nhello\r\n0;z\r\n\r\n`,
    "POST /first hello",
  ),
  forwarded(
    "a trailer is dropped",
    `${CHUNKED}5\r\nhello\r\n0\r\nX: y\r\n\r\n`,
    "POST /first hello",
  ),
  forwarded(
    "data that looks like the end",
    `${CHUNKED}c\r\n\r\n0\r\n\r\nhello\r\n0\r\n\r\n`,
    "POST /first \r\n0\r\n\r\nhello",
  ),
  ...["GET", "HEAD", "DELETE", "OPTIONS"].map((method) =>
    forwarded(
      `a body of ${method} is not a request`,
      `${method} /first HTTP/1.1\r\n${HOST}Content-Length: ${GET.length}\r\n\r\n${GET}`,
      `${method} /first ${GET}`,
    )
  ),
  forwarded(
    "a chunked body of GET is not a request",
    `GET /first HTTP/1.1\r\n${HOST}Transfer-Encoding: chunked\r\n\r\n${
      GET.length.toString(16)
    }\r\n${GET}\r\n0\r\n\r\n`,
    `GET /first ${GET}`,
  ),
  forwarded(
    "bytes after a request without a body are a request",
    `${POST}\r\n${GET}`,
    "POST /first ",
    "GET /smuggled ",
  ),
  forwarded(
    "pipelined",
    `${POST}Content-Length: 3\r\n\r\nabc${GET}${POST}\r\n`,
    "POST /first abc",
    "GET /smuggled ",
    "POST /first ",
  ),
  forwarded(
    "after Connection: close",
    `GET /first HTTP/1.1\r\n${HOST}Connection: close\r\n\r\n${GET}`,
    "GET /first ",
  ),
  forwarded(
    "HTTP/1.0",
    `GET /first HTTP/1.0\r\nConnection: keep-alive\r\n\r\n${GET}`,
    "GET /first ",
  ),
  forwarded(
    "an Upgrade offer that is declined",
    `GET /first HTTP/1.1\r\n${HOST}Connection: upgrade\r\nUpgrade: h2c\r\n\r\n${GET}`,
    "GET /first ",
    "GET /smuggled ",
  ),
  forwarded(
    "Connection names the framing",
    `${POST}Connection: content-length, host\r\nContent-Length: 5\r\n\r\nhello`,
    "POST /first hello",
  ),
  forwarded(
    "Connection names Transfer-Encoding",
    `${POST}Connection: transfer-encoding\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n`,
    "POST /first hello",
  ),
  {
    name: "a length that is not met",
    wire: `${POST}Content-Length: 100\r\n\r\n${GET}`,
    statuses: [400],
    sees: [],
  },
  {
    name: "chunks that end too early",
    wire: `${CHUNKED}${GET.length.toString(16)}\r\n${GET}`,
    statuses: [400],
    sees: [],
  },
  forwarded(
    "an offer with a body",
    `${POST}Connection: upgrade\r\nUpgrade: websocket\r\nContent-Length: 5\r\n\r\nhello`,
    "POST /first hello",
  ),
  forwarded(
    "an offer with chunks",
    `${POST}Connection: upgrade\r\nUpgrade: websocket\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n`,
    "POST /first hello",
  ),
];

/** Heads that two parsers may end at different places. */
const heads: readonly Wire[] = [
  refused("a request line of HTTP/0.9", "GET /first\r\n"),
  refused(
    "a bare LF after the request line",
    `GET /first HTTP/1.1\n${HOST}\r\n`,
  ),
  refused(
    "a bare CR after the request line",
    `GET /first HTTP/1.1\r${HOST}\r\n`,
  ),
  refused("a bare LF as empty line", `GET /first HTTP/1.1\r\n${HOST}\n`),
  refused("a bare CR as empty line", `GET /first HTTP/1.1\r\n${HOST}\r`),
  refused("a folded line", `GET /first HTTP/1.1\r\n${HOST}X: a\r\n b\r\n\r\n`),
  refused(
    "a line that begins with a space",
    `GET /first HTTP/1.1\r\n X: a\r\n${HOST}\r\n`,
  ),
  refused("a name without a value", `GET /first HTTP/1.1\r\n${HOST}X\r\n\r\n`),
  refused("no name", `GET /first HTTP/1.1\r\n${HOST}: x\r\n\r\n`),
  refused(
    "a request in a target",
    `GET /first HTTP/1.1 HTTP/1.1\r\n${HOST}\r\n`,
  ),
  refused("two Hosts", `GET /first HTTP/1.1\r\n${HOST}Host: b\r\n\r\n`),
  refused("no Host", "GET /first HTTP/1.1\r\n\r\n"),
  refused(
    "an absolute target of another Host",
    `GET http://b/first HTTP/1.1\r\n${HOST}\r\n`,
  ),
  refused(
    "an absolute target with userinfo",
    `GET http://a@b/first HTTP/1.1\r\nHost: b\r\n\r\n`,
  ),
  refused("HTTP/2.0", `GET /first HTTP/2.0\r\n${HOST}\r\n`, 505),
  refused("an HTTP/2 preface", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505),
  refused("CONNECT", "CONNECT a:80 HTTP/1.1\r\nHost: a:80\r\n\r\n", 501),
  refused(
    "another expectation",
    `${POST}Expect: x\r\nContent-Length: 5\r\n\r\nhello`,
    417,
  ),
  forwarded(
    "an absolute target",
    `GET http://a/first HTTP/1.1\r\n${HOST}\r\n`,
    "GET /first ",
  ),
  {
    name: "TRACE",
    wire: `TRACE /first HTTP/1.1\r\n${HOST}\r\n${GET}`,
    statuses: [501, 200],
    sees: ["GET /smuggled "],
  },
];

/** All wires. */
export const wires: readonly Wire[] = [
  ...[...lengths, ...codings, ...codingLines, ...chunks, ...bodies, ...heads],
];
