/**
 * The requests that `serveDir()` answers in another way than nginx, by the row of
 * the table in `docs/files.md` that gives the reason.
 */

/** Requests that differ for one reason. */
export interface Difference {
  /** The first cell of the row. */
  readonly row: string;
  /** The statuses of nginx and of `serveDir()`. */
  readonly statuses: readonly [nginx: number, ours: number];
  /** The line and the fields of each, joined by spaces. */
  readonly requests: readonly string[];
}

function range(...values: string[]): readonly string[] {
  return values.map((value) => `GET /alphabet.txt Range: bytes=${value}`);
}

function both(fields: string): readonly string[] {
  return ["GET", "HEAD"].map((method) => `${method} /alphabet.txt ${fields}`);
}

function encoding(...values: string[]): readonly string[] {
  return values.map((value) => `GET /app.js Accept-Encoding: ${value}`);
}

/** All differences. */
export const DIFFERENCES: readonly Difference[] = [
  {
    row: "`If-Modified-Since` after the file's date",
    statuses: [200, 304],
    requests: [
      ...both("If-Modified-Since: Sun, 06 Nov 1994 08:49:38 GMT"),
      ...both("If-Modified-Since: Fri, 27 Nov 2026 12:00:00 GMT"),
    ],
  },
  {
    row: "`If-Modified-Since` with something after the date",
    statuses: [304, 200],
    requests: both(
      "If-Modified-Since: Sun, 06 Nov 1994 08:49:37 GMT; length=26",
    ),
  },
  {
    row: "`If-Modified-Since` with `If-None-Match`",
    statuses: [200, 304],
    requests: [
      "GET /alphabet.txt If-None-Match: {etag} If-Modified-Since: Sun, 06 Nov 1994 08:49:36 GMT",
    ],
  },
  {
    row: "`If-Unmodified-Since` without a date",
    statuses: [412, 200],
    requests: both("If-Unmodified-Since: yesterday"),
  },
  {
    row: "`If-Match` that holds, with `If-Unmodified-Since`",
    statuses: [412, 200],
    requests: ["{etag}", "*"].map((tag) =>
      `GET /alphabet.txt If-Match: ${tag} If-Unmodified-Since: Sun, 06 Nov 1994 08:49:36 GMT`
    ),
  },
  {
    row: "`If-Range` with the date in another format",
    statuses: [206, 200],
    requests: range("1-3 If-Range: Sunday, 06-Nov-94 08:49:37 GMT"),
  },
  {
    row: "`Range` with HEAD",
    statuses: [206, 200],
    requests: ["HEAD /alphabet.txt Range: bytes=0-1"],
  },
  {
    row: "`Range` with HEAD",
    statuses: [416, 200],
    requests: ["HEAD /alphabet.txt Range: bytes=99-"],
  },
  {
    row: "`Range` that is not valid, such as `bytes=4-3`",
    statuses: [416, 200],
    requests: [
      ...range("4-3", "-", "a-b", "1", "1-2-3", "--1", "+1-2", "0x0-1"),
      ...range(",", "0-1,a", "0-1;q=1", "0-1,items=3-4", "*"),
    ],
  },
  {
    row: "`bytes=0-1,4-3`",
    statuses: [206, 200],
    requests: range("0-1,4-3"),
  },
  {
    row: "`bytes=0 -1`",
    statuses: [206, 200],
    requests: range("0 -1", "0- 1"),
  },
  {
    row: "`bytes=0-1,` or `bytes=,0-1`",
    statuses: [416, 206],
    requests: range("0-1,", ",0-1", "0-1,,3-4"),
  },
  {
    row: "a position or length above 2^63",
    statuses: [416, 206],
    requests: range(
      ...["0-9223372036854775808", "0-99999999999999999999"],
      "-99999999999999999999",
    ),
  },
  {
    row: "ranges that overlap or touch",
    statuses: [206, 206],
    requests: range("0-5,3-8", "0-5,6-8", "-5,-10"),
  },
  {
    row: "`bytes=0-,0-`",
    statuses: [200, 206],
    requests: range("0-,0-"),
  },
  {
    row: "`bytes=-0` of an empty file",
    statuses: [200, 416],
    requests: ["GET /empty.txt Range: bytes=-0"],
  },
  {
    row: "range with a precompressed file",
    statuses: [200, 206],
    requests: encoding("gzip Range: bytes=0-3"),
  },
  {
    row: "`Accept-Encoding: *` or `x-gzip`",
    statuses: [200, 200],
    requests: encoding("*", "*;q=0.5", "x-gzip"),
  },
  {
    row: "`gzip;q=0.5, identity`",
    statuses: [200, 200],
    requests: encoding("gzip;q=0.5, identity", "identity, gzip;q=0.9"),
  },
  {
    row: "a coding twice, the second time with `q=0`",
    statuses: [200, 200],
    requests: encoding("gzip;q=0.5, gzip;q=0"),
  },
  {
    row: "`br, identity;q=0` without such a file",
    statuses: [200, 406],
    requests: encoding("br, identity;q=0", "*;q=0"),
  },
  {
    row: "`//a`, `/./a`, `/x/../a`",
    statuses: [200, 404],
    requests: [
      ...["GET //alphabet.txt", "GET //", "GET /inner//index.html"],
      ...["GET /./alphabet.txt", "GET /inner/../alphabet.txt", "GET /."],
      ...["GET /inner/..", "GET /inner/%2e%2e/alphabet.txt"],
    ],
  },
  {
    row: "`/..`",
    statuses: [400, 404],
    requests: ["GET /..", "GET /../secret.txt", "GET /%2e%2e/secret.txt"],
  },
  {
    row: "`%2F` or `\\` in a name",
    statuses: [200, 400],
    requests: ["GET /%2Falphabet.txt", "GET /back%5Cslash.txt"],
  },
  {
    row: "`%2F` in a name without a file",
    statuses: [404, 400],
    requests: ["GET /percent%2Ftxt"],
  },
  {
    row: "`.name`",
    statuses: [200, 404],
    requests: ["GET /.hidden"],
  },
  {
    row: "a folder without an index file",
    statuses: [403, 404],
    requests: ["GET /noindex/", "HEAD /noindex/"],
  },
  {
    row: "`/folder?`",
    statuses: [301, 301],
    requests: ["GET /inner?"],
  },
  {
    row: "a link that stays in the folder",
    statuses: [403, 200],
    requests: ["GET /link_inside"],
  },
  {
    row: "a link that stays in the folder",
    statuses: [403, 301],
    requests: ["GET /link_to_inner"],
  },
  {
    row: "a link that stays in the folder",
    statuses: [404, 200],
    requests: ["GET /link_to_inner/"],
  },
  {
    row: "a path through a link that leads out",
    statuses: [404, 403],
    requests: ["GET /link_to_root/secret.txt"],
  },
  {
    row: "POST, PUT, DELETE, PATCH",
    statuses: [405, 405],
    requests: [
      ...["POST /alphabet.txt", "PUT /alphabet.txt", "DELETE /alphabet.txt"],
      ...["PATCH /alphabet.txt", "PUT /new.txt"],
    ],
  },
  {
    row: "OPTIONS",
    statuses: [405, 200],
    requests: ["OPTIONS /alphabet.txt"],
  },
  {
    row: "an unknown method",
    statuses: [405, 501],
    requests: ["PURGE /alphabet.txt"],
  },
  {
    row: "an unknown method",
    statuses: [400, 501],
    requests: ["get /alphabet.txt"],
  },
  {
    row: "a URL of another host than `Host`",
    statuses: [301, 400],
    requests: ["GET http://other:8080/inner"],
  },
];
