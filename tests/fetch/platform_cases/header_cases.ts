/** Cases of `headers/`, for the fields of a request. */

import { request as wireOf } from "../../support/serve.ts";
import { GET, outcome, type PlatformCase } from "./case.ts";

/** See the file's header. */
export const HEADER_CASES: readonly PlatformCase[] = [
  {
    name: "headers/headers-basic: entries, keys and values agree",
    wire: GET,
    read: ({ headers }) => [
      [...headers.entries()].length,
      [...headers.keys()],
      [...headers.values()],
    ],
    expect: [3, ["a", "b", "host"], ["1, 3", "2", "a"]],
  },
  {
    name: "headers/headers-basic: forEach passes value, name, list",
    wire: GET,
    read: ({ headers }) => {
      const seen: unknown[] = [];
      headers.forEach((value, name, list) =>
        seen.push([value, name, list === headers])
      );
      return seen;
    },
    expect: [["1, 3", "a", true], ["2", "b", true], ["a", "host", true]],
  },
  {
    name: "headers/headers-casing: has and get ignore case",
    wire: GET,
    read: ({ headers }) => [headers.has("b"), headers.get("HOST")],
    expect: [true, "a"],
  },
  {
    name: "headers/headers-combine: get joins with comma and space",
    wire: wireOf("GET /", "S: a\r\nS: b\r\nS: c\r\n"),
    read: ({ headers }) => headers.get("s"),
    expect: "a, b, c",
  },
  {
    name: "headers/headers-errors: names that are no tokens throw",
    wire: GET,
    read: ({ headers }) =>
      Promise.all(
        ["", "(", "a:", "é", "a b"].map((name) =>
          outcome(() => headers.get(name))
        ),
      ),
    expect: Array(5).fill("TypeError"),
  },
  {
    name: "headers/headers-normalize: values are trimmed",
    wire: wireOf("GET /", "A: \t b \t \r\n"),
    read: ({ headers }) => headers.get("a"),
    expect: "b",
  },
  {
    name: "headers/headers-record: an empty value is not absent",
    wire: wireOf("GET /", "A:\r\n"),
    read: ({ headers }) => [headers.get("a"), headers.has("a")],
    expect: ["", true],
  },
  {
    name: "headers/header-setcookie: getSetCookie is empty for none",
    wire: GET,
    read: ({ headers }) => headers.getSetCookie(),
    expect: [],
  },
  {
    name: "headers/headers-structure: all methods are there",
    wire: GET,
    read: ({ headers }) => [
      headers instanceof Headers,
      headers.constructor === Headers,
      ...["append", "delete", "get", "has", "set", "entries", "keys", "values"]
        .map((name) => typeof Reflect.get(headers, name)),
    ],
    expect: [true, true, ...new Array(8).fill("function")],
  },
  {
    name: "headers/headers-basic: iteration is by pairs, in the order of names",
    wire: wireOf("GET /", "Z: 1\r\nC: 2\r\na: 3\r\n"),
    read: ({ headers }) => [
      [...headers].map(([name]) => name),
      headers[Symbol.iterator] === headers.entries,
      Object.prototype.toString.call(headers),
    ],
    expect: [["a", "c", "host", "z"], true, "[object Headers]"],
  },
  {
    name: "headers/headers-basic: names that are absent give null and false",
    wire: GET,
    read: ({ headers }) => [headers.get("none"), headers.has("none")],
    expect: [null, false],
  },
  {
    name: "headers/headers-basic: calls without an argument throw",
    wire: GET,
    read: ({ headers }) =>
      Promise.all(
        ["get", "has", "forEach"].map((name) =>
          outcome(() => Reflect.get(headers, name).call(headers))
        ),
      ),
    expect: Array(3).fill("TypeError"),
  },
  {
    name: "headers/headers-basic: methods refuse another object",
    wire: GET,
    read: ({ headers }) =>
      Promise.all(
        ["get", "has", "entries", "getSetCookie"].map((name) =>
          outcome(() => Reflect.get(headers, name).call({}, "a"))
        ),
      ),
    expect: Array(4).fill("TypeError"),
  },
  {
    name: "headers/headers-basic: names become strings",
    wire: wireOf("GET /", "null: 1\r\n5: 2\r\n"),
    read: ({ headers }) => [
      headers.get(null as never),
      headers.get(5 as never),
      headers.has(null as never),
    ],
    expect: ["1", "2", true],
  },
  {
    name: "headers/headers-structure: a copy can be changed and leaves these",
    wire: GET,
    read: ({ headers }) => {
      const copy = new Headers(headers);
      copy.append("a", "4");
      copy.set("b", "5");
      copy.delete("host");
      return [[...copy], headers.get("a"), headers.get("b")];
    },
    expect: [[["a", "1, 3, 4"], ["b", "5"]], "1, 3", "2"],
  },
  {
    name: "headers/headers-record: they are taken as the fields of another",
    wire: GET,
    read: ({ headers }) => [
      new Headers([...headers]).get("a"),
      new Headers(Object.fromEntries(headers)).get("a"),
      new Request("http://b/", { headers }).headers.get("a"),
      new Response(null, { headers }).headers.get("a"),
    ],
    expect: ["1, 3", "1, 3", "1, 3", "1, 3"],
  },
  {
    name: "headers/header-setcookie: lines of Set-Cookie stay apart",
    wire: wireOf(
      "GET /",
      "Set-Cookie: z=z\r\nB: 1\r\nset-cookie: a=a; x=y\r\nSet-Cookie2: n\r\n",
    ),
    read: ({ headers }) => [
      headers.getSetCookie(),
      headers.get("set-cookie"),
      headers.has("sEt-cOoKiE"),
      [...headers],
    ],
    expect: [
      ["z=z", "a=a; x=y"],
      "z=z, a=a; x=y",
      true,
      [
        ["b", "1"],
        ["host", "a"],
        ["set-cookie", "z=z"],
        ["set-cookie", "a=a; x=y"],
        ["set-cookie2", "n"],
      ],
    ],
  },
  {
    name: "headers/header-values: bytes above 0x7F are characters of Latin-1",
    wire: wireOf("GET /", "A: \xe9\xff\r\n"),
    read: ({ headers }) => headers.get("a"),
    expect: "\xe9\xff",
  },
  {
    name: "headers/header-values-normalize: inner spaces and tabs stay",
    wire: wireOf("GET /", "A: \t b \t c\t \r\n"),
    read: ({ headers }) => headers.get("a"),
    expect: "b \t c",
  },
  {
    name: "headers/headers-combine: empty values are joined as well",
    wire: wireOf("GET /", "A:\r\nA: b\r\nA:\r\n"),
    read: ({ headers }) => headers.get("a"),
    expect: ", b, ",
  },
  {
    name: "request/request-headers: the same object each time",
    wire: GET,
    read: (request) => request.headers === request.headers,
    expect: true,
  },
];
