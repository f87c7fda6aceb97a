/**
 * The cases of the load comparison: the bytes of a request, how many requests
 * one write contains, and the expected response. Requests are given as bytes,
 * so that all targets and both load generators use the same ones.
 */

import {
  bytesOf,
  HELLO,
  LONG_FIELDS,
  PIECE_BYTES,
} from "../targets/answers.mjs";

/** A request and the response that a target must send to be timed. */
export interface LoadCase {
  readonly name: string;
  /** A description for readers of the results. */
  readonly description: string;
  /** The bytes of one request, one character each. */
  readonly request: string;
  /** Requests in one write. */
  readonly pipelined: number;
  /** Number of routes `/route0`, `/route1` … that the target registers. */
  readonly routes: number;
  readonly answer: ExpectedAnswer;
  /** The targets that have it; all if absent. */
  readonly targets?: readonly string[];
  /** Numbers of connections to measure with; `--connections` overrides them. */
  readonly connections: readonly number[];
}

/** The expected response; its status is 200. */
export interface ExpectedAnswer {
  /** The media type; the target may add parameters. */
  readonly type: string;
  readonly body: Uint8Array;
  readonly isChunked: boolean;
  /** Required field lines, in this order. */
  readonly fields: readonly (readonly [name: string, value: string])[];
}

const HOST = "127.0.0.1";
const USER_AGENT = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 " +
  "(KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36";
const LANGUAGE = "en-US,en;q=0.9";

/** Field lines of Chrome 140 for a site that it has visited before. */
const BROWSER_LINES = "Connection: keep-alive\r\n" +
  "Cache-Control: max-age=0\r\n" +
  'sec-ch-ua: "Chromium";v="140", "Not=A?Brand";v="24", "Google Chrome";v="140"\r\n' +
  "sec-ch-ua-mobile: ?0\r\n" +
  'sec-ch-ua-platform: "Linux"\r\n' +
  "Upgrade-Insecure-Requests: 1\r\n" +
  `User-Agent: ${USER_AGENT}\r\n` +
  "Accept: text/html,application/xhtml+xml,application/xml;q=0.9,image/avif," +
  "image/webp,image/apng,*/*;q=0.8,application/signed-exchange;v=b3;q=0.7\r\n" +
  "Sec-Fetch-Site: none\r\n" +
  "Sec-Fetch-Mode: navigate\r\n" +
  "Sec-Fetch-User: ?1\r\n" +
  "Sec-Fetch-Dest: document\r\n" +
  "Accept-Encoding: gzip, deflate, br, zstd\r\n" +
  `Accept-Language: ${LANGUAGE}\r\n` +
  "Cookie: _ga=GA1.1.1287431907.1753862211; _ga_7KQ2W0V9XN=GS2.1.s1757410021$o14$g1$t1757410377$j59$l0$h0; " +
  "session=s%3Ab2f1c8e05d7a4e6f9a3b.Q0dXc1R5U2dMZ1pQd0hKb1l2; theme=dark; consent=all\r\n";

const ECHO_BYTES = 4096;
const ROUTES = 1001;
const MIDDLE_ROUTE = 500;
const PIPELINED = 16;
const SEARCH = "q=khttp&page=2";

const NUMBERS = '{"values":[10,20,30]}';

/** The targets whose handlers are functions from `Request` to `Response`. */
const FETCH_TARGETS = [
  ...["Deno.serve", "fetch epoll", "fetch listen", "Deno.listen fetch floor"],
  ...["Hono", "Hono epoll", "Hono listen", "Hono on Node"],
];

function get(target: string, lines = ""): string {
  return `GET ${target} HTTP/1.1\r\nHost: ${HOST}\r\n${lines}\r\n`;
}

function text(body: string, type = "text/plain"): ExpectedAnswer {
  const encoded = new TextEncoder().encode(body);
  return { type, body: encoded, isChunked: false, fields: [] };
}

function json(value: unknown): ExpectedAnswer {
  return text(JSON.stringify(value), "application/json");
}

function bytes(body: Uint8Array, isChunked = false): ExpectedAnswer {
  return { type: "application/octet-stream", body, isChunked, fields: [] };
}

function loadCase(
  name: string,
  description: string,
  request: string,
  rest: Partial<LoadCase> & Pick<LoadCase, "answer">,
): LoadCase {
  const standard = { pipelined: 1, routes: 0, connections: [64] };
  return { name, description, request, ...standard, ...rest };
}

const ALL_CONNECTIONS = [1, 64, 256];

/** All cases, in the report's order. */
export const LOAD_CASES: readonly LoadCase[] = [
  loadCase("hello", "GET /, 13 bytes of text", get("/"), {
    answer: text(HELLO),
    connections: ALL_CONNECTIONS,
  }),
  loadCase("params", "GET /user/42 answers its parameter", get("/user/42"), {
    answer: text("42"),
  }),
  loadCase("json", "GET /json, a small object", get("/json"), {
    answer: json({ message: HELLO }),
  }),
  loadCase("body-130k", "GET 130,000 bytes of memory", get("/bytes/130000"), {
    answer: bytes(bytesOf(130_000)),
  }),
  loadCase("body-1m3", "GET 1,300,000 bytes of memory", get("/bytes/1300000"), {
    answer: bytes(bytesOf(1_300_000)),
  }),
  loadCase("long-headers", "GET, 50 fields in the response", get("/headers"), {
    answer: { ...text(HELLO), fields: LONG_FIELDS },
  }),
  loadCase(
    "routes-1001",
    "GET the middle one of 1,001 literal routes",
    get(`/route${MIDDLE_ROUTE}`),
    { answer: text(String(MIDDLE_ROUTE)), routes: ROUTES },
  ),
  loadCase(
    "chunked-130k",
    `GET 130,000 bytes from a generator that gives ${PIECE_BYTES} at a time, chunked`,
    get("/chunked/130000"),
    { answer: bytes(bytesOf(130_000), true) },
  ),
  loadCase(
    "echo-4k",
    "POST 4,096 bytes, sent back",
    `POST /echo HTTP/1.1\r\nHost: ${HOST}\r\n` +
      `Content-Type: application/octet-stream\r\nContent-Length: ${ECHO_BYTES}\r\n\r\n` +
      "a".repeat(ECHO_BYTES),
    { answer: bytes(bytesOf(ECHO_BYTES)) },
  ),
  loadCase(
    "chrome-hello",
    "GET / with the head of a current Chrome",
    get("/", BROWSER_LINES),
    { answer: text(HELLO) },
  ),
  loadCase(
    "chrome-params",
    "GET /user/42 with the head of a current Chrome",
    get("/user/42", BROWSER_LINES),
    { answer: text("42") },
  ),
  loadCase(
    "json-handler",
    "GET, path, query and two fields answered in JSON, head of a current Chrome",
    get(`/search?${SEARCH}`, BROWSER_LINES),
    {
      answer: json({
        path: "/search",
        query: SEARCH,
        agent: USER_AGENT,
        language: LANGUAGE,
      }),
      connections: ALL_CONNECTIONS,
    },
  ),
  loadCase(
    "json-post",
    "POST a list of three numbers in JSON, their sum comes back in JSON",
    `POST /sum HTTP/1.1\r\nHost: ${HOST}\r\n` +
      `Content-Type: application/json\r\nContent-Length: ${NUMBERS.length}\r\n\r\n` +
      NUMBERS,
    { answer: json({ sum: 60 }), targets: FETCH_TARGETS },
  ),
  loadCase("pipelined-16", `GET /, ${PIPELINED} in one write`, get("/"), {
    answer: text(HELLO),
    pipelined: PIPELINED,
  }),
];
