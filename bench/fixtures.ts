/**
 * Input of the benchmarks: heads of requests and responses, and bodies. Routes
 * are in `routes.ts`. Several heads have the size and shape of a known one, two
 * from the Rust crate's benchmarks and the 703 bytes of httparse's; their bytes
 * are our own, padded to exactly that size.
 */

const encoder = new TextEncoder();

/** A head, and the names of two fields that a handler would read. */
export interface HeadFixture {
  /** A short description. */
  readonly name: string;
  /** The bytes of the head, without any after it. */
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** Names of two fields, in lower case; the head need not have them. */
  readonly asked: readonly [first: string, second: string];
}

const BROWSER_ACCEPT =
  "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,image/apng,*/*;q=0.8";

const BROWSER_AGENT =
  "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/143.0.0.0 Safari/537.36";

/** Joins lines into a head of the given size; `x` pads the last line. */
function headOf(sizeBytes: number, lines: readonly string[]): string {
  const text = lines.join("\r\n");
  const missing = sizeBytes - text.length - 4;
  if (missing < 0) throw new RangeError(`Cannot fill up to ${sizeBytes} bytes`);
  return `${text}${"x".repeat(missing)}\r\n\r\n`;
}

function fixture(
  name: string,
  text: string,
  asked: readonly [string, string],
): HeadFixture {
  return { name, bytes: encoder.encode(text), asked };
}

const QUERY = Array.from({ length: 20 }, (_, i) => `param${i}=value${i}`)
  .join("&");

/** The head of a browser of 2010, with a cookie and the size of httparse's example. */
const OLD_BROWSER_LINES = [
  "GET /images/2010/03/a-picture-with-a-rather-long-name-of-it.jpg HTTP/1.1",
  "Host: www.example.org",
  "User-Agent: Mozilla/5.0 (Macintosh; U; Intel Mac OS X 10.6; en-US; rv:1.9.2.3) Gecko/20100401 Firefox/3.6.3 Extension/0.9",
  "Accept: text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
  "Accept-Language: de,en-us;q=0.7,en;q=0.3",
  "Accept-Encoding: gzip,deflate",
  "Accept-Charset: ISO-8859-1,utf-8;q=0.7,*;q=0.7",
  "Keep-Alive: 115",
  "Connection: keep-alive",
  "Cookie: visits=2; last_visit=1269999999; __utma=",
];

/** 23 fields and 20 parameters, like the long request of the crate's benchmarks. */
const CRATE_LONG_LINES = [
  `GET /search/results?${QUERY} HTTP/1.1`,
  "Host: www.example.org:8080",
  "Connection: keep-alive",
  "Cache-Control: max-age=0",
  'sec-ch-ua: "Chromium";v="143", "Not=A?Brand";v="24"',
  "sec-ch-ua-mobile: ?0",
  'sec-ch-ua-platform: "Linux"',
  "Upgrade-Insecure-Requests: 1",
  `User-Agent: ${BROWSER_AGENT}`,
  `Accept: ${BROWSER_ACCEPT}`,
  "Sec-Fetch-Site: same-origin",
  "Sec-Fetch-Mode: navigate",
  "Sec-Fetch-User: ?1",
  "Sec-Fetch-Dest: document",
  "Referer: http://www.example.org:8080/",
  "Accept-Encoding: gzip, deflate, br",
  "Accept-Language: en-US,en;q=0.9",
  'If-None-Match: "0123456789abcdef"',
  "DNT: 1",
  "Pragma: no-cache",
  "X-Forwarded-For: 192.0.2.17",
  "X-Forwarded-Proto: http",
  "X-Request-Id: 5f0c6a1e",
  "Cookie: session=",
];

/** The head of a current Chrome, with cookies. */
const CHROME_LINES = [
  "GET /user/42?tab=settings HTTP/1.1",
  "Host: localhost:8080",
  "Connection: keep-alive",
  'sec-ch-ua: "Chromium";v="143", "Not=A?Brand";v="24"',
  "sec-ch-ua-mobile: ?0",
  'sec-ch-ua-platform: "Linux"',
  "Upgrade-Insecure-Requests: 1",
  `User-Agent: ${BROWSER_AGENT}`,
  `Accept: ${BROWSER_ACCEPT}`,
  "Sec-Fetch-Site: none",
  "Sec-Fetch-Mode: navigate",
  "Sec-Fetch-User: ?1",
  "Sec-Fetch-Dest: document",
  "Accept-Encoding: gzip, deflate, br, zstd",
  "Accept-Language: en-US,en;q=0.9",
  "Cookie: session=abcdefghijklmnopqrstuvwxyz0123456789; theme=dark; _ga=GA1.1.1234567890.1234567890",
];

const MANY_LINES = [
  "GET /reports/2026/summary HTTP/1.1",
  "Host: api.example.org",
  ...Array.from(
    { length: 49 },
    (_, i) => `X-Field-${i}: value of field ${i}`,
  ),
];

/** The request heads that every parser reads. */
export const REQUEST_HEADS: readonly HeadFixture[] = [
  fixture(
    "the crate's short one",
    headOf(44, ["GET / HTTP/1.1", "Host: www.example.com:80"]),
    ["host", "accept"],
  ),
  fixture(
    "an old browser's",
    headOf(703, OLD_BROWSER_LINES),
    ["user-agent", "cookie"],
  ),
  fixture(
    "the crate's long one",
    headOf(1275, CRATE_LONG_LINES),
    ["user-agent", "cookie"],
  ),
  fixture(
    "a current Chrome's",
    `${CHROME_LINES.join("\r\n")}\r\n\r\n`,
    ["user-agent", "cookie"],
  ),
  fixture(
    "50 fields",
    `${MANY_LINES.join("\r\n")}\r\n\r\n`,
    ["x-field-24", "x-field-48"],
  ),
];

/** The head with 23 fields. */
export const CRATE_LONG_HEAD: HeadFixture = REQUEST_HEADS[2]!; // the third head in the list above

/** The head of a plain request with exactly this size, at least 27 bytes. */
export function plainHead(sizeBytes: number): Uint8Array<ArrayBuffer> {
  const lines = ["GET / HTTP/1.1", "Host: a"];
  if (sizeBytes >= 100) lines.push("Accept: */*", "Accept-Encoding: gzip");
  if (sizeBytes >= 56) lines.push("User-Agent: ");
  return encoder.encode(headOf(sizeBytes, lines));
}

/** The response heads that every parser reads. */
export const RESPONSE_HEADS: readonly HeadFixture[] = [
  fixture(
    "short",
    "HTTP/1.1 200 OK\r\nContent-Length: 13\r\nContent-Type: text/plain\r\n\r\n",
    ["content-type", "etag"],
  ),
  fixture(
    "long",
    [
      "HTTP/1.1 200 OK",
      "Date: Sun, 06 Nov 1994 08:49:37 GMT",
      "Content-Type: text/html; charset=utf-8",
      "Content-Length: 4821",
      "Connection: keep-alive",
      "Cache-Control: private, max-age=0, must-revalidate",
      'ETag: W/"0123456789abcdef0123456789abcdef"',
      "Last-Modified: Sat, 05 Nov 1994 21:14:02 GMT",
      "Vary: Accept-Encoding, Cookie",
      "Set-Cookie: session=abcdefghijklmnopqrstuvwxyz; Path=/; HttpOnly; Secure; SameSite=Lax",
      "Set-Cookie: theme=dark; Path=/; Max-Age=31536000",
      "Strict-Transport-Security: max-age=63072000; includeSubDomains; preload",
      "Content-Security-Policy: default-src 'self'; img-src 'self' data:; style-src 'self' 'unsafe-inline'",
      "X-Content-Type-Options: nosniff",
      "X-Frame-Options: DENY",
      "Referrer-Policy: strict-origin-when-cross-origin",
      "Server: example",
      "X-Request-Id: 5f0c6a1e-6d1b-4a51-9f6b-0c2e6f1f2a3b",
    ].join("\r\n") + "\r\n\r\n",
    ["content-type", "etag"],
  ),
];

/** A body whose bytes differ from their neighbours. */
export function payload(sizeBytes: number): Uint8Array<ArrayBuffer> {
  return Uint8Array.from({ length: sizeBytes }, (_, i) => 0x61 + i % 26);
}
