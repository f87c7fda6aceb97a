/**
 * The requests that were sent to nginx, and are sent to `serveDir()` for the same
 * folder. `{etag}` in a field stands for the tag that the server has for the
 * file, and `{weak}` for the same tag with `W/`.
 */

/** One request. */
export interface FileRequest {
  /** The method and the target. */
  readonly line: string;
  /** The fields, each with its line end. */
  readonly fields: string;
}

function get(target: string, ...fields: string[]): FileRequest {
  return ask(`GET ${target}`, ...fields);
}

function ask(line: string, ...fields: string[]): FileRequest {
  return { line, fields: fields.map((field) => `${field}\r\n`).join("") };
}

/** The date of every file of the folder. */
export const MODIFIED_SECONDS = 784_111_777;
const MODIFIED = "Sun, 06 Nov 1994 08:49:37 GMT";
const EARLIER = "Sun, 06 Nov 1994 08:49:36 GMT";
const LATER = "Sun, 06 Nov 1994 08:49:38 GMT";
const TODAY = "Fri, 27 Nov 2026 12:00:00 GMT";

/** Ranges of a file of 26 bytes. */
const RANGES: readonly string[] = [
  ...["bytes=0-0", "bytes=0-", "bytes=0-25", "bytes=0-26", "bytes=0-999"],
  ...["bytes=1-3", "bytes=25-", "bytes=25-25", "bytes=26-", "bytes=26-30"],
  ...["bytes=99-", "bytes=-1", "bytes=-26", "bytes=-27", "bytes=-999"],
  ...["bytes=-0", "bytes=4-3", "bytes=-", "bytes=", "bytes", "bytes=a-b"],
  ...["bytes=1", "bytes=1-2-3", "bytes=--1", "bytes=+1-2", "bytes=0x0-1"],
  ...["Bytes=0-1", "BYTES=0-1", "bytes =0-1", "bytes= 0-1", "bytes=0-1 "],
  ...["bytes=0 -1", "bytes=0- 1", "items=0-1", "chars=0-1", "none"],
  ...["bytes=00-01", "bytes=000000000000000000000000-1"],
  ...["bytes=0-9223372036854775807", "bytes=0-9223372036854775808"],
  ...["bytes=0-99999999999999999999", "bytes=99999999999999999999-"],
  ...["bytes=-99999999999999999999", "bytes=9007199254740993-"],
  ...["bytes=0-1,3-4", "bytes=0-1, 3-4", "bytes=0-1 ,3-4", "bytes=0-1,-1"],
  ...["bytes=3-4,0-1", "bytes=-1,0-0", "bytes=0-1,99-", "bytes=99-,0-1"],
  ...["bytes=99-,100-", "bytes=0-1,4-3", "bytes=0-1,", "bytes=,0-1"],
  ...["bytes=,", "bytes=0-1,,3-4", "bytes=0-5,3-8", "bytes=0-5,6-8"],
  ...["bytes=0-,0-", "bytes=-5,-10", "bytes=0-0,25-25", "bytes=0-1,a"],
  ...["bytes=0-1;q=1", "bytes=0-1,items=3-4", '"bytes=0-1"', "bytes=*"],
];

/** Conditions of one field. */
const CONDITIONS: readonly (readonly string[])[] = [
  ["If-None-Match: {etag}"],
  ["If-None-Match: {weak}"],
  ["If-None-Match: *"],
  ['If-None-Match: "other"'],
  ['If-None-Match: W/"other"'],
  ['If-None-Match: "a", {etag}'],
  ['If-None-Match: {etag}, "a"'],
  ['If-None-Match: "a","b",{weak} , "c"'],
  ['If-None-Match: "a,b", {etag}'],
  ["If-None-Match: other"],
  ["If-None-Match:"],
  ['If-None-Match: ""'],
  ["If-Match: {etag}"],
  ["If-Match: {weak}"],
  ["If-Match: *"],
  ['If-Match: "other"'],
  ['If-Match: "a", {etag}'],
  ['If-Match: "a", "b"'],
  [`If-Modified-Since: ${MODIFIED}`],
  [`If-Modified-Since: ${EARLIER}`],
  [`If-Modified-Since: ${LATER}`],
  [`If-Modified-Since: ${TODAY}`],
  ["If-Modified-Since: Sunday, 06-Nov-94 08:49:37 GMT"],
  ["If-Modified-Since: Sun Nov  6 08:49:37 1994"],
  ["If-Modified-Since: yesterday"],
  ["If-Modified-Since: 784111777"],
  ["If-Modified-Since:"],
  [`If-Modified-Since: ${MODIFIED}; length=26`],
  [`If-Unmodified-Since: ${MODIFIED}`],
  [`If-Unmodified-Since: ${EARLIER}`],
  [`If-Unmodified-Since: ${LATER}`],
  [`If-Unmodified-Since: ${TODAY}`],
  ["If-Unmodified-Since: Sunday, 06-Nov-94 08:49:36 GMT"],
  ["If-Unmodified-Since: yesterday"],
  ["If-None-Match: {etag}", `If-Modified-Since: ${EARLIER}`],
  ['If-None-Match: "other"', `If-Modified-Since: ${MODIFIED}`],
  ["If-None-Match: {etag}", `If-Modified-Since: ${MODIFIED}`],
  ["If-Match: {etag}", `If-Unmodified-Since: ${EARLIER}`],
  ["If-Match: *", `If-Unmodified-Since: ${EARLIER}`],
  ['If-Match: "other"', `If-Unmodified-Since: ${MODIFIED}`],
  ["If-Match: {etag}", "If-None-Match: {etag}"],
  ["If-Match: {etag}", 'If-None-Match: "other"'],
  ['If-Match: "other"', "If-None-Match: {etag}"],
  [`If-Unmodified-Since: ${EARLIER}`, "If-None-Match: {etag}"],
  [`If-Unmodified-Since: ${LATER}`, `If-Modified-Since: ${MODIFIED}`],
  [`If-Unmodified-Since: ${EARLIER}`, `If-Modified-Since: ${MODIFIED}`],
];

/** Conditions beside a range. */
const RANGE_CONDITIONS: readonly string[] = [
  "If-Range: {etag}",
  "If-Range: {weak}",
  'If-Range: "other"',
  "If-Range: other",
  "If-Range:",
  "If-Range: *",
  `If-Range: ${MODIFIED}`,
  `If-Range: ${EARLIER}`,
  `If-Range: ${LATER}`,
  "If-Range: Sunday, 06-Nov-94 08:49:37 GMT",
  "If-None-Match: {etag}",
  'If-None-Match: "other"',
  "If-Match: {etag}",
  'If-Match: "other"',
  `If-Modified-Since: ${MODIFIED}`,
  `If-Modified-Since: ${EARLIER}`,
  `If-Unmodified-Since: ${EARLIER}`,
];

/** Values of `Accept-Encoding`, for a file with a sibling that ends with `.gz`. */
const ENCODINGS: readonly string[] = [
  ...["gzip", "GZIP", "gzip;q=1", "gzip;q=1.0", "gzip;q=0.5", "gzip;q=0.001"],
  ...["gzip;q=0", "gzip;q=0.0", "gzip;q=0.000", "gzip; q=0", "gzip ;q=0"],
  ...["gzip, deflate, br, zstd", "deflate, gzip", "br", "deflate", "identity"],
  ...["gzip, identity;q=0", "gzip;q=0.5, identity", "identity, gzip;q=0.9"],
  ...["identity;q=0.5, gzip", "*", "*;q=0", "*;q=0.5", "gzip;q=0, *"],
  ...["x-gzip", "xgzip", "gzipx", "gzip,", ",gzip", "br, identity;q=0"],
  ...["gzip;q=2", "gzip;q=a", "", "gzip;q=0.5, gzip;q=0"],
];

/** Paths, most of them of files with odd names. */
const PATHS: readonly string[] = [
  ...["/", "/index.html", "/page.html", "/style.css", "/app.js"],
  ...["/data.json", "/image.png", "/icon.svg", "/noextension", "/UPPER.TXT"],
  ...["/upper.txt", "/alphabet.TXT", "/empty.txt", "/two.dots.txt"],
  ...["/with%20space.txt", "/with+space.txt", "/%C3%A9.txt", "/%c3%a9.txt"],
  ...["/%e9.txt", "/%C0%AE.txt", "/a%2Bb.txt", "/a+b.txt", "/semi;colon.txt"],
  ...["/semi%3Bcolon.txt", "/per%25cent.txt", "/per%cent.txt", "/hash%23.txt"],
  ...["/quest%3F.txt", "/amp&.txt", "/quote'.txt", "/tilde~.txt", "/%7E.txt"],
  ...["/colon:.txt", "/at@.txt", "/comma,.txt", "/eq=.txt", "/star*.txt"],
  ...["/paren(1).txt", "/brackets%5B1%5D.txt", "/dollar$.txt", "/%24.txt"],
  ...["/percent%2Ftxt", "/%2Falphabet.txt", "/back%5Cslash.txt", "/nul%00"],
  ...["/%61lphabet.txt", "/%2561lphabet.txt", "/alphabet.txt?", "/%", "/%4"],
  ...["/alphabet.txt?a=b&c", "/alphabet.txt??", "/alphabet.txt%3Fa"],
  ...["/alphabet.txt/", "/alphabet.txt/x", "/alphabet.txt.", "/missing"],
  ...["/missing/", "/missing.html", "/.hidden", "/.well-known/acme"],
  ...["/inner", "/inner/", "/inner/index.html", "/inner?q=1", "/inner?"],
  ...["/noindex", "/noindex/", "/noindex/file.txt", "/inner/deep/er.txt"],
  ...["//alphabet.txt", "//", "/inner//index.html", "/./alphabet.txt"],
  ...["/inner/../alphabet.txt", "/inner/..", "/..", "/../secret.txt"],
  ...["/%2e%2e/secret.txt", "/inner/%2e%2e/alphabet.txt", "/."],
  ...["/link_inside", "/link_to_inner", "/link_to_inner/", "/link_out"],
  ...["/link_to_root/secret.txt", "http://a/alphabet.txt", "http://a"],
  ...["http://other:8080/inner", `/${"x".repeat(255)}`, `/${"x".repeat(256)}`],
];

/** Methods other than GET. */
const METHODS: readonly string[] = [
  ...["HEAD /alphabet.txt", "HEAD /", "HEAD /inner", "HEAD /missing"],
  ...["HEAD /empty.txt", "HEAD /app.js", "HEAD /noindex/"],
  ...["POST /alphabet.txt", "PUT /alphabet.txt", "DELETE /alphabet.txt"],
  ...["PATCH /alphabet.txt", "OPTIONS /alphabet.txt", "PUT /new.txt"],
  ...["PURGE /alphabet.txt", "get /alphabet.txt"],
];

/** All requests. */
export const REQUESTS: readonly FileRequest[] = [
  ...PATHS.map((path) => get(path)),
  ...METHODS.map((line) => ask(line)),
  ...RANGES.map((range) => get("/alphabet.txt", `Range: ${range}`)),
  ...["bytes=0-", "bytes=0-0", "bytes=1-", "bytes=-1", "bytes=-0"]
    .map((range) => get("/empty.txt", `Range: ${range}`)),
  ...["bytes=0-9", "bytes=99990-", "bytes=0-9,50000-50009", "bytes=-100000"]
    .map((range) => get("/big.bin", `Range: ${range}`)),
  ask("HEAD /alphabet.txt", "Range: bytes=0-1"),
  ask("HEAD /alphabet.txt", "Range: bytes=99-"),
  ask("HEAD /alphabet.txt", "If-None-Match: {etag}"),
  ask("HEAD /alphabet.txt", 'If-Match: "other"'),
  ...CONDITIONS.map((fields) => get("/alphabet.txt", ...fields)),
  ...CONDITIONS.filter((fields) => fields.length === 1)
    .map((fields) => ask("HEAD /alphabet.txt", ...fields)),
  ...RANGE_CONDITIONS.map((field) =>
    get("/alphabet.txt", "Range: bytes=1-3", field)
  ),
  ...ENCODINGS.map((value) => get("/app.js", `Accept-Encoding: ${value}`)),
  get("/alphabet.txt", "Accept-Encoding: gzip"),
  get("/alphabet.txt", "Accept-Encoding: br, identity;q=0"),
  get("/app.js", "Accept-Encoding: gzip", "Range: bytes=0-3"),
  get("/app.js", "Accept-Encoding: gzip", "If-None-Match: {etag}"),
  get("/app.js", "Accept-Encoding: gzip", `If-Modified-Since: ${MODIFIED}`),
  get("/app.js.gz", "Accept-Encoding: gzip"),
  get("/missing", "If-None-Match: *"),
  get("/missing", "Range: bytes=0-1"),
  get("/inner", "If-None-Match: *"),
  get("/", "Range: bytes=0-3"),
  get("/", `If-Modified-Since: ${MODIFIED}`),
];

const ALPHABET = "abcdefghijklmnopqrstuvwxyz";

/** The files of the folder. */
export const SITE_FILES: Readonly<Record<string, string>> = {
  "alphabet.txt": ALPHABET,
  "empty.txt": "",
  "index.html": "<p>home</p>",
  "page.html": "<p>page</p>",
  "style.css": "p { color: red }",
  "app.js": "let plain;",
  "app.js.gz": "stands for the file in gzip",
  "data.json": "{}",
  "image.png": "png",
  "icon.svg": "<svg/>",
  "noextension": "none",
  "UPPER.TXT": "upper",
  "two.dots.txt": "dots",
  "big.bin": "0123456789".repeat(10_000),
  ".hidden": "hidden",
  ".well-known/acme": "acme",
  "inner/index.html": "<p>inner</p>",
  "inner/deep/er.txt": "deeper",
  "noindex/file.txt": "file",
  ...Object.fromEntries(
    [
      ...["with space", "é", "a+b", "semi;colon", "per%cent", "hash#"],
      ...["quest?", "amp&", "quote'", "tilde~", "colon:", "at@", "comma,"],
      ...["eq=", "star*", "paren(1)", "brackets[1]", "dollar$", "back\\slash"],
    ].map((name) => [`${name}.txt`, name]),
  ),
  ["x".repeat(255)]: "long",
};

/** The links of the folder, and where they lead. */
export const SITE_LINKS: readonly (readonly [name: string, target: string])[] =
  [
    ["link_inside", "alphabet.txt"],
    ["link_to_inner", "inner"],
    ["link_out", "../secret.txt"],
    ["link_to_root", ".."],
  ];
