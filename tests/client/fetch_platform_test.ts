/**
 * The web platform's tests of `fetch` (web-platform-tests, `fetch/api`) that need
 * no browser and only HTTP/1.1, restated over `createFetch()`. `docs/client.md`
 * lists the differences; those that can be tested are in the last table.
 */

import { assert, assertEquals, assertRejects } from "@std/assert";
import { createFetch, type PooledFetch } from "../../client/mod.ts";
import { head, HostileServer, send } from "../support/hostile_server.ts";
import { type FetchSite, startFetchSite } from "../support/fetch_site.ts";
import { until } from "../support/turns.ts";

type Run = (fetch: PooledFetch, site: FetchSite) => Promise<unknown>;

/** One test: the file that it restates, its name, and what it does. */
type Row = readonly [file: string, name: string, run: Run];

const STATUSES = [301, 302, 303, 307, 308] as const;
const READERS = [
  "arrayBuffer",
  "blob",
  "bytes",
  "formData",
  "json",
  "text",
] as const;

/** Fails unless a promise rejects with a `TypeError`. */
function rejects(promise: Promise<unknown>, text = ""): Promise<unknown> {
  return assertRejects(() => promise, TypeError, text);
}

/** Fails unless a promise rejects with an `AbortError`. */
async function aborts(promise: Promise<unknown>): Promise<void> {
  const error = await promise.then(() => null, (error) => error);
  assertEquals((error as DOMException | null)?.name, "AbortError");
}

function aborted(): AbortSignal {
  const controller = new AbortController();
  controller.abort();
  return controller.signal;
}

/** A server that sends this as its only response. */
async function answered(
  wire: string,
  use: (url: string) => Promise<unknown>,
): Promise<void> {
  await using server = new HostileServer([[head, send(wire)]]);
  await use(`http://${server.origin}/`);
}

const FIELDS =
  "?headers=user-agent|accept|accept-language|accept-charset|content-length|content-type|content-encoding|content-language|content-location|a|b|host|connection|transfer-encoding|expect";

/** What the server got: a field of the request, or `null`. */
async function field(
  fetch: PooledFetch,
  site: FetchSite,
  init: RequestInit,
  name: string,
): Promise<string | null> {
  const response = await fetch(`${site.url}/inspect-headers${FIELDS}`, init);
  assertEquals([response.status, response.type], [200, "basic"]);
  await response.text();
  return response.headers.get(`x-request-${name}`);
}

function stream(...chunks: unknown[]): ReadableStream<Uint8Array> {
  return new ReadableStream({
    start(controller): void {
      for (const chunk of chunks) controller.enqueue(chunk as Uint8Array);
      controller.close();
    },
  });
}

const text = new TextEncoder().encode("Test");

/** basic/request-upload: a body, and what arrives. */
const uploads: Row[] = ([
  ["text", () => "Request's body", "Request's body"],
  ["URLSearchParams", () => new URLSearchParams("name=value"), "name=value"],
  ["Blob", () => new Blob(["Test"]), "Test"],
  [
    "a Blob of 100 KB",
    () => new Blob(["x".repeat(100_000)]),
    "x".repeat(100_000),
  ],
  ["ArrayBuffer", () => new ArrayBuffer(4), "\0\0\0\0"],
  ["Uint8Array", () => new Uint8Array(4), "\0\0\0\0"],
  ["Int8Array", () => new Int8Array(4), "\0\0\0\0"],
  ["Float32Array", () => new Float32Array(1), "\0\0\0\0"],
  ["Float64Array", () => new Float64Array(1), "\0\0\0\0\0\0\0\0"],
  ["DataView", () => new DataView(new ArrayBuffer(8), 0, 4), "\0\0\0\0"],
  ["ReadableStream", () => stream(text), "Test"],
] as const).flatMap(([name, create, expected]) =>
  ["POST", "PUT"].map((method): Row => [
    "basic/request-upload",
    `${method} with ${name}`,
    async (fetch, site) => {
      const body: BodyInit = create();
      const url = `${site.url}/echo-content`;
      const response = await fetch(url, { method, body });
      assertEquals(await response.text(), expected);
      const again = new Request(url, { method, body: create() });
      assertEquals(await (await fetch(again)).text(), expected);
      assert(again.bodyUsed);
    },
  ])
);

const badUploads: Row[] = ([
  ["String", "Test"],
  ["null", null],
  ["number", 99],
  ["ArrayBuffer", new ArrayBuffer()],
  ["Blob", new Blob()],
] as const).map(([name, chunk]) => [
  "basic/request-upload",
  `POST with a ReadableStream that contains ${name} rejects`,
  (fetch, site) =>
    rejects(
      fetch(`${site.url}/echo-content`, {
        method: "POST",
        body: stream(chunk),
      }),
    ),
]);

/** basic/request-headers: method, body, and the fields that arrive. */
const requestHeaders: Row[] = ([
  ["GET", null, null, null],
  ["HEAD", null, null, null],
  ["PUT", null, "0", null],
  ["PUT", "Request's body", "14", "text/plain;charset=UTF-8"],
  ["POST", null, "0", null],
  ["POST", "Request's body", "14", "text/plain;charset=UTF-8"],
  ["POST", new Blob(["Test"]), "4", null],
  ["POST", new ArrayBuffer(4), "4", null],
  ["POST", new Blob(["Test"], { type: "text/maybe" }), "4", "text/maybe"],
  [
    "POST",
    new URLSearchParams("a=b"),
    "3",
    "application/x-www-form-urlencoded;charset=UTF-8",
  ],
  ["Chicken", null, null, null],
  ["Chicken", "Request's body", "14", "text/plain;charset=UTF-8"],
] as const).map(([method, body, length, type]) => [
  "basic/request-headers",
  `${method} with ${body === null ? "no body" : body.constructor.name} ${type}`,
  async (fetch, site) => {
    const init = { method, body };
    assertEquals(await field(fetch, site, init, "content-length"), length);
    assertEquals(await field(fetch, site, init, "content-type"), type);
    assert(await field(fetch, site, init, "user-agent") !== null);
    assertEquals(await field(fetch, site, init, "accept-charset"), null);
  },
]);

const headers: Row[] = [
  ["basic/request-headers", "POST with FormData", async (fetch, site) => {
    const body = new FormData();
    const type = await field(
      fetch,
      site,
      { method: "POST", body },
      "content-type",
    );
    assert(/^multipart\/form-data; ?boundary=/.test(type ?? ""));
  }],
  [
    "basic/accept-header",
    "Accept is */*, or the caller's",
    async (fetch, site) => {
      assertEquals(await field(fetch, site, {}, "accept"), "*/*");
      const init = { headers: { accept: "custom/*" } };
      assertEquals(await field(fetch, site, init, "accept"), "custom/*");
    },
  ],
  [
    "basic/accept-header",
    "Accept-Language is sent, or the caller's",
    async (fetch, site) => {
      assert(await field(fetch, site, {}, "accept-language") !== null);
      const init = { headers: { "accept-language": "bzh" } };
      assertEquals(await field(fetch, site, init, "accept-language"), "bzh");
    },
  ],
  [
    "basic/request-forbidden-headers",
    "Host, Connection, Transfer-Encoding and Content-Length are the client's",
    async (fetch, site) => {
      const init = {
        method: "POST",
        body: "abc",
        headers: {
          host: "evil",
          connection: "keep-alive, a",
          "transfer-encoding": "chunked",
          "content-length": "99",
          a: "kept",
        },
      };
      const names = ["connection", "transfer-encoding", "content-length", "a"];
      const found = [];
      for (const name of names) {
        found.push(
          await field(fetch, site, init, name),
        );
      }
      assertEquals(found, [null, null, "3", "kept"]);
      const host = await field(fetch, site, init, "host");
      assertEquals(host, new URL(site.url).host);
    },
  ],
  [
    "headers/header-values-normalize",
    "space, tab and line ends around a value are removed",
    async (fetch, site) => {
      for (const code of [0x09, 0x0a, 0x0d, 0x20]) {
        const char = String.fromCharCode(code);
        for (const value of [`x${char}`, `${char}x`, `${char}x${char}`]) {
          assertEquals(
            await field(fetch, site, { headers: { a: value } }, "a"),
            "x",
          );
        }
        assertEquals(
          await field(fetch, site, { headers: { a: char } }, "a"),
          "",
        );
      }
    },
  ],
  [
    "headers/header-values",
    "a value may have any byte that is no control",
    async (fetch, site) => {
      for (let code = 0; code < 0x100; code++) {
        const value = `x${String.fromCharCode(code)}x`;
        const isControl = code < 0x20 && code !== 0x09 || code === 0x7f;
        const result = field(fetch, site, { headers: { a: value } }, "a");
        if (isControl) await rejects(result);
        else assertEquals(await result, value);
      }
      await rejects(field(fetch, site, { headers: { a: "\u0100" } }, "a"));
    },
  ],
  [
    "headers/headers-errors",
    "a name that is no token rejects",
    async (fetch, site) => {
      for (const name of ["", "a b", "a:", "\xe9", "a\n"]) {
        await rejects(fetch(site.url, { headers: [[name, "x"]] }));
      }
    },
  ],
  [
    "headers/headers-record, headers-basic",
    "headers may be a record, pairs or Headers",
    async (fetch, site) => {
      const all = [
        { a: "1", b: "2" },
        [["a", "1"], ["b", "2"]],
        new Headers({ a: "1", b: "2" }),
      ];
      for (const init of all as HeadersInit[]) {
        assertEquals(await field(fetch, site, { headers: init }, "a"), "1");
        assertEquals(await field(fetch, site, { headers: init }, "b"), "2");
      }
      const twice: HeadersInit = [["a", "1"], ["A", "2"]];
      assertEquals(await field(fetch, site, { headers: twice }, "a"), "1, 2");
    },
  ],
  [
    "headers/header-setcookie",
    "Set-Cookie lines of a response stay separate",
    (fetch) =>
      answered(
        "HTTP/1.1 200 OK\r\nSet-Cookie: a=b, c\r\nset-cookie: d\r\nContent-Length: 0\r\n\r\n",
        async (url) => {
          const response = await fetch(url);
          assertEquals(response.headers.getSetCookie(), ["a=b, c", "d"]);
          assertEquals(response.headers.get("set-cookie"), "a=b, c, d");
        },
      ),
  ],
  [
    "basic/header-value-combining",
    "values of one name are joined in order",
    (fetch) =>
      answered(
        "HTTP/1.1 280 HELLO\r\nfoo-test: 1\r\nFOO-TEST: 2\r\nfoo-test: 3\r\nheya: \r\nContent-Length: 0\r\n\r\n",
        async (url) => {
          const { status, statusText, headers } = await fetch(url);
          assertEquals([status, statusText], [280, "HELLO"]);
          assertEquals(headers.get("foo-test"), "1, 2, 3");
          assertEquals(headers.get("heya"), "");
        },
      ),
  ],
  [
    "response/response-headers-guard",
    "the headers of a response cannot be changed",
    async (fetch, site) => {
      const response = await fetch(`${site.url}/data.json`);
      for (const change of ["append", "set"] as const) {
        await rejects(
          Promise.try(() => response.headers[change]("a", "b")),
          "Cannot change",
        );
      }
      await rejects(Promise.try(() => response.headers.delete("date")));
      assert(response.headers instanceof Headers);
      const copy = new Response(response.body, response);
      copy.headers.set("a", "b");
      assertEquals(await copy.json(), { key: "value" });
    },
  ],
];

/** request/request-init, request-error: arguments that are refused. */
const badArguments: Row[] = ([
  ["a relative URL", "/a", {}],
  ["an empty URL", "", {}],
  ["an invalid URL", "http://:not a valid URL", {}],
  ["an unknown scheme", "ftp://a/", {}],
  ["about:", "about:blank", {}],
  ["file:", "file:///etc/passwd", {}],
  ["CONNECT", "http://a/", { method: "CONNECT" }],
  ["TRACE", "http://a/", { method: "trace" }],
  ["TRACK", "http://a/", { method: "TRACK" }],
  ["a method that is no token", "http://127.0.0.1:1/", { method: "IN VALID" }],
  ["an empty method", "http://127.0.0.1:1/", { method: "" }],
  ["a body with GET", "http://a/", { body: "a" }],
  ["a body with HEAD", "http://a/", { method: "head", body: "" }],
  ["an unknown redirect mode", "http://a/", { redirect: "invalid" }],
  ["a signal that is none", "http://a/", { signal: {} }],
  ["headers that are none", "http://a/", { headers: ["a"] }],
  ["pairs of three", "http://a/", { headers: [["a", "b", "c"]] }],
] as const).map(([name, url, init]) => [
  "request/request-error, basic/scheme-others",
  `${name} rejects`,
  async (fetch) => {
    const call = fetch(url, init as unknown as RequestInit);
    await rejects(call);
    // An invalid argument takes precedence over an aborted signal.
    const more = { ...init, signal: aborted() } as unknown as RequestInit;
    if (
      name !== "a signal that is none" && !/method that|empty method/.test(name)
    ) {
      await rejects(fetch(url, more));
    }
  },
]);

const methods: Row[] = [
  "get",
  "Head",
  "post",
  "PUT",
  "dElEte",
  "options",
  "patch",
  "PATCH",
  "foo",
]
  .map((method) => [
    "request/request-init-method, headers-case",
    `the method ${method} is normalized only if it is a usual one`,
    async (fetch, site) => {
      const upper = method.toUpperCase();
      const isUsual = !["PATCH", "FOO"].includes(upper);
      const expected = isUsual ? upper : method;
      const init = { method };
      assertEquals(await field(fetch, site, init, "method"), expected);
    },
  ]);

/** redirect/redirect-method: status, method, expected method, body. */
const redirectMethods: Row[] = ([
  ...[301, 302].flatMap((status) =>
    [
      [status, "GET", "GET", undefined],
      [status, "POST", "GET", "this is my body"],
      [status, "HEAD", "HEAD", undefined],
      [status, "PUT", "PUT", "this is my body"],
    ] as const
  ),
  [303, "GET", "GET", undefined],
  [303, "POST", "GET", "this is my body"],
  [303, "HEAD", "HEAD", undefined],
  [303, "TESTING", "GET", undefined],
  ...[307, 308].flatMap((status) =>
    [
      [status, "GET", "GET", undefined],
      [status, "POST", "POST", "this is my body"],
      [
        status,
        "POST",
        "POST",
        new Blob(["it's me the blob!", " ", "and more blob!"]),
      ],
      [status, "HEAD", "HEAD", undefined],
    ] as const
  ),
] as const).map(([status, method, expected, body]) => [
  "redirect/redirect-method",
  `${status} with ${method} ${body === undefined ? "" : "and a body"}`,
  async (fetch, site) => {
    const query = `redirect_status=${status}&location=${
      encodeURIComponent(`/inspect-headers${FIELDS}`)
    }`;
    const keeps = expected !== "GET" && body !== undefined;
    const fields = {
      "content-encoding": "Identity",
      "content-language": "en-US",
      "content-location": "foo",
    };
    const response = await fetch(`${site.url}/redirect?${query}`, {
      method,
      ...body === undefined ? {} : { body, headers: fields },
    });
    assertEquals([response.status, response.redirected], [200, true]);
    assertEquals(response.headers.get("x-request-method"), expected);
    assert(response.url.includes("/inspect-headers"));
    for (const name of Object.keys(fields)) {
      assertEquals(response.headers.has(`x-request-${name}`), keeps, name);
    }
    const type = keeps && typeof body === "string"
      ? "text/plain;charset=UTF-8"
      : null;
    assertEquals(response.headers.get("x-request-content-type"), type);
    const sent = body === undefined ? "" : await new Response(body).text();
    assertEquals(await response.text(), keeps ? sent : "");
  },
]);

const redirects: Row[] = STATUSES.flatMap((status): Row[] => {
  const path = `/redirect?redirect_status=${status}`;
  return [
    ["redirect/redirect-count", `${status} 20 times`, async (fetch, site) => {
      const response = await fetch(
        `${site.url}${path}&count=19&location=/data.json`,
      );
      assertEquals(await response.json(), { key: "value" });
      assertEquals(response.url, `${site.url}/data.json`);
    }],
    [
      "redirect/redirect-count",
      `${status} 21 times`,
      (fetch, site) =>
        rejects(
          fetch(`${site.url}${path}&count=20&location=/data.json`),
          "maxRedirects",
        ),
    ],
    [
      "redirect/redirect-location",
      `${status} without a location`,
      async (fetch, site) => {
        for (const redirect of ["follow", "manual"] as const) {
          const response = await fetch(`${site.url}${path}`, { redirect });
          assertEquals([response.status, response.redirected], [status, false]);
        }
      },
    ],
    [
      "redirect/redirect-location",
      `${status} with a location that is no HTTP URL`,
      async (fetch, site) => {
        for (
          const location of [
            "http://a:b:c/",
            "data:,data%20url",
            "mailto:a@a.com",
            "about:blank",
          ]
        ) {
          const url = `${site.url}${path}&location=${
            encodeURIComponent(location)
          }`;
          await rejects(fetch(url));
          await rejects(fetch(url, { redirect: "error" }));
        }
      },
    ],
    [
      "redirect/redirect-mode",
      `${status} in each mode, to the same and another origin`,
      async (fetch, site) => {
        for (const origin of [site.url, site.remoteUrl]) {
          const url = `${site.url}${path}&location=${
            encodeURIComponent(`${origin}/data.json`)
          }`;
          await rejects(fetch(url, { redirect: "error" }), "option redirect");
          const followed = await fetch(url, { redirect: "follow" });
          assertEquals([followed.status, followed.url], [
            200,
            `${origin}/data.json`,
          ]);
          const manual = await fetch(url, { redirect: "manual" });
          assertEquals([manual.url, manual.redirected], [url, false]);
        }
      },
    ],
  ];
});

const moreRedirects: Row[] = [
  [
    "redirect/redirect-empty-location",
    "an empty location leads to the same URL, without end",
    (fetch, site) =>
      rejects(fetch(`${site.url}/redirect?location=`), "maxRedirects"),
  ],
  [
    "redirect/redirect-upload",
    "307 of a streamed body rejects, 303 does not",
    async (fetch, site) => {
      const url = (status: number): string =>
        `${site.url}/redirect?redirect_status=${status}&location=/echo-content`;
      for (const status of [301, 302, 303]) {
        const init = { method: "POST", body: stream(text) };
        assertEquals((await fetch(url(status), init)).status, 200);
      }
      for (const status of [307, 308]) {
        await rejects(
          fetch(url(status), { method: "POST", body: stream(text) }),
          "stream",
        );
      }
    },
  ],
  [
    "credentials/authentication-redirection",
    "Authorization does not follow to another origin",
    async (fetch, site) => {
      for (
        const [origin, expected] of [[site.url, "a"], [
          site.remoteUrl,
          null,
        ]] as const
      ) {
        const location = `${origin}/inspect-headers?headers=authorization`;
        const url = `${site.url}/redirect?location=${
          encodeURIComponent(location)
        }`;
        const response = await fetch(url, { headers: { authorization: "a" } });
        assertEquals(response.headers.get("x-request-authorization"), expected);
      }
    },
  ],
  [
    "basic/response-url",
    "the URL of a response has no fragment",
    async (fetch, site) => {
      for (
        const path of [
          "/data.json",
          "/data.json#fragment",
          "/a/../data.json?b#c#d",
        ]
      ) {
        const expected = new URL(path, site.url);
        expected.hash = "";
        assertEquals((await fetch(`${site.url}${path}`)).url, expected.href);
      }
    },
  ],
  [
    "redirect/redirect-to-dataurl",
    "data URLs are read, but not redirected to",
    async (fetch, site) => {
      const data = "data:text/plain;base64,cmVzcG9uc2UncyBib2R5";
      assertEquals(await (await fetch(data)).text(), "response's body");
      await rejects(
        fetch(`${site.url}/redirect?location=${encodeURIComponent(data)}`),
      );
    },
  ],
  ["basic/scheme-blob", "blob URLs are read", async (fetch) => {
    const url = URL.createObjectURL(
      new Blob(["Blob's data"], { type: "text/plain" }),
    );
    const response = await fetch(url);
    assertEquals(response.headers.get("content-type"), "text/plain");
    assertEquals(await response.text(), "Blob's data");
    URL.revokeObjectURL(url);
  }],
];

const abortWhileReading: Row[] = READERS.flatMap((reader): Row[] => [
  [
    "abort/general",
    `${reader}() rejects if already aborted`,
    async (fetch, site) => {
      const controller = new AbortController();
      const { signal } = controller;
      const response = await fetch(`${site.url}/data.json`, { signal });
      controller.abort();
      await aborts(response[reader]());
    },
  ],
  [
    "abort/general",
    `an abort after ${reader}() was called closes the connection`,
    async (fetch, site) => {
      const controller = new AbortController();
      const { signal } = controller;
      const { ended } = site.slow;
      const init = { signal, headers: { accept: "a" } };
      const response = await fetch(`${site.url}/infinite-slow`, init);
      const body = response[reader]();
      controller.abort();
      // Without a type, formData() fails before it reads.
      await (reader === "formData" ? assertRejects(() => body) : aborts(body));
      await until(() => site.slow.ended > ended);
    },
  ],
]);

const abort: Row[] = [
  [
    "abort/general",
    "an aborted signal rejects with AbortError, without a request",
    async (fetch, site) => {
      const { begun } = site.slow;
      const signal = aborted();
      for (let count = 0; count < 3; count++) {
        await aborts(fetch(`${site.url}/infinite-slow`, { signal }));
      }
      await (await fetch(`${site.url}/data.json`)).json();
      assertEquals(site.slow.begun, begun);
    },
  ],
  [
    "abort/general",
    "an aborted signal rejects immediately",
    async (fetch, site) => {
      const log: string[] = [];
      await Promise.all([
        fetch(`${site.url}/data.json`, { signal: aborted() }).catch(() =>
          log.push("fetch-reject")
        ),
        Promise.resolve().then(() => log.push("next-microtask")),
      ]);
      assertEquals(log, ["fetch-reject", "next-microtask"]);
    },
  ],
  [
    "abort/general",
    "the reason of the signal is what the call rejects with",
    async (fetch, site) => {
      const reason = new Error("mine");
      const signal = AbortSignal.abort(reason);
      assertEquals(
        await fetch(site.url, { signal }).catch((error) => error),
        reason,
      );
      const controller = new AbortController();
      const call = fetch(`${site.url}/infinite-slow`, {
        signal: controller.signal,
      });
      const response = await call;
      const reader = response.body!.getReader();
      controller.abort(reason);
      assertEquals(await reader.read().catch((error) => error), reason);
      assertEquals(await reader.closed.catch((error) => error), reason);
    },
  ],
  [
    "abort/general",
    "the signal of a Request, of one made from it, or of the second argument",
    async (fetch, site) => {
      const signal = aborted();
      const url = `${site.url}/data.json`;
      const request = new Request(url, { signal });
      await aborts(fetch(request));
      await aborts(fetch(new Request(new Request(url, { signal }))));
      await aborts(fetch(new Request(new Request(url), { signal })));
      const other = { signal: new AbortController().signal };
      await aborts(fetch(new Request(new Request(url, other), { signal })));
      await aborts(fetch(new Request(url, { signal }), { method: "POST" }));
      await aborts(fetch(new Request(url), { signal }));
      const response = await fetch(new Request(url, { signal }), {
        signal: null,
      });
      assertEquals(await response.json(), { key: "value" });
    },
  ],
  [
    "abort/general",
    "the body of a Request is used even if its signal was aborted before",
    async (fetch, site) => {
      const request = new Request(site.url, {
        signal: aborted(),
        method: "POST",
        body: "foo",
      });
      await fetch(request).catch(() => {});
      assert(request.bodyUsed);
    },
  ],
  [
    "abort/general",
    "a signal can abort other calls, even if another succeeded before",
    async (fetch, site) => {
      const controller = new AbortController();
      const { signal } = controller;
      await (await fetch(`${site.url}/data.json`, { signal })).json();
      controller.abort();
      await aborts(fetch(`${site.url}/data.json`, { signal }));
    },
  ],
  [
    "abort/general",
    "an abort after the response closes the connection",
    async (fetch, site) => {
      for (const reads of [0, 1]) {
        const { ended } = site.slow;
        const controller = new AbortController();
        const { signal } = controller;
        const response = await fetch(`${site.url}/infinite-slow`, { signal });
        const reader = response.body!.getReader();
        for (let count = 0; count < reads; count++) await reader.read();
        controller.abort();
        await aborts(reader.read());
        await aborts(reader.closed);
        await until(() => site.slow.ended > ended);
      }
    },
  ],
  [
    "abort/general",
    "an empty body ends although its signal aborts",
    async (fetch, site) => {
      const controller = new AbortController();
      const { signal } = controller;
      const response = await fetch(`${site.url}/empty.txt`, { signal });
      const reader = response.body!.getReader();
      controller.abort();
      assertEquals((await reader.read()).done, true);
    },
  ],
  [
    "abort/general",
    "a stream is cancelled synchronously if its signal was aborted",
    async (fetch, site) => {
      let reason: unknown;
      const body = new ReadableStream({
        pull: (controller) => controller.enqueue(new Uint8Array([42])),
        cancel(given): void {
          reason = given;
        },
      });
      const call = fetch(`${site.url}/empty.txt`, {
        method: "POST",
        body,
        signal: aborted(),
      });
      assertEquals((reason as DOMException).name, "AbortError");
      assertEquals(await call.catch((error) => error), reason);
    },
  ],
];

const bodies: Row[] = [
  [
    "basic/stream-response",
    "a body is received progressively",
    async (fetch, site) => {
      const response = await fetch(`${site.url}/trickle`);
      let count = 0;
      for await (const chunk of response.body!) {
        count += chunk.length > 0 ? 1 : 0;
      }
      assert(count >= 2);
    },
  ],
  [
    "response/response-consume-byob-blob",
    "a body can be read into a buffer",
    async (fetch, site) => {
      for (const path of ["/data.json", "/trickle"]) {
        const response = await fetch(`${site.url}${path}`, {
          signal: new AbortController().signal,
        });
        const reader = response.body!.getReader({ mode: "byob" });
        let size = 0;
        for (;;) {
          const { done, value } = await reader.read(new Uint8Array(7));
          if (done) break;
          size += value.length;
        }
        assertEquals(size, path === "/data.json" ? 15 : 260);
      }
    },
  ],
  [
    "response/response-clone",
    "a clone has the same facts and body",
    async (fetch, site) => {
      for (const signal of [null, new AbortController().signal]) {
        const url = `${site.url}/redirect?location=/data.json`;
        const response = await fetch(url, { signal });
        const clone = response.clone();
        for (const one of [response, clone]) {
          assert(one instanceof Response);
          const { status, url, redirected, type, ok } = one;
          assertEquals([status, url, redirected, type, ok], [
            200,
            `${site.url}/data.json`,
            true,
            "basic",
            true,
          ]);
          assertEquals(await one.json(), { key: "value" });
        }
        assertEquals(response.bodyUsed, true);
        await rejects(Promise.try(() => response.clone()));
      }
    },
  ],
  [
    "response/response-consume",
    "a body is read once, in any form",
    async (fetch, site) => {
      for (
        const reader of [
          "arrayBuffer",
          "blob",
          "bytes",
          "json",
          "text",
        ] as const
      ) {
        const response = await fetch(`${site.url}/data.json`);
        assertEquals(response.bodyUsed, false);
        await response[reader]();
        assertEquals(response.bodyUsed, true);
        await rejects(response[reader]());
      }
    },
  ],
  [
    "body/mime-type",
    "a blob has the type of the response",
    async (fetch, site) => {
      const response = await fetch(`${site.url}/data.json`);
      assertEquals((await response.blob()).type, "application/json");
    },
  ],
  ["body/formdata", "a form is sent and received", async (fetch, site) => {
    const body = new FormData();
    body.set("a", "b");
    const response = await fetch(`${site.url}/echo-content`, {
      method: "POST",
      body,
    });
    assert((await response.text()).includes('name="a"'));
    const wire =
      'HTTP/1.1 200 OK\r\nContent-Type: multipart/form-data; boundary=x\r\n\r\n--x\r\nContent-Disposition: form-data; name="a"\r\n\r\nb\r\n--x--\r\n';
    await using server = new HostileServer([[
      head,
      send(wire),
      (peer) => peer.closeWrite(),
    ]]);
    const form = await (await fetch(`http://${server.origin}/`)).formData();
    assertEquals(form.get("a"), "b");
  }],
  [
    "response/response-error-from-stream",
    "a body that is cut off rejects, with the client's error",
    async (fetch) => {
      const wire = "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc";
      await using server = new HostileServer([[
        head,
        send(wire),
        (peer) => peer.closeWrite(),
      ]]);
      const response = await fetch(`http://${server.origin}/`);
      const error = await assertRejects(() => response.text(), TypeError);
      assertEquals((error.cause as { code: string }).code, "INCOMPLETE");
    },
  ],
  [
    "response/response-init-status, null-body-status",
    "204, 205, 304 and HEAD have no body",
    async (fetch, site) => {
      for (const code of [204, 205, 304]) {
        await answered(
          `HTTP/1.1 ${code} \r\n${
            code === 205 ? "Content-Length: 0\r\n" : ""
          }\r\n`,
          async (url) => {
            const response = await fetch(url);
            assertEquals([response.status, response.body], [code, null]);
            assertEquals(await response.text(), "");
          },
        );
      }
      const response = await fetch(`${site.url}/data.json`, { method: "HEAD" });
      assertEquals([response.status, response.body], [200, null]);
      assertEquals(response.headers.get("content-length"), "15");
    },
  ],
  [
    "basic/status",
    "every status from 200 to 599 is returned",
    async (fetch, site) => {
      for (
        const code of [
          200,
          207,
          299,
          300,
          400,
          404,
          418,
          425,
          451,
          500,
          503,
          599,
        ]
      ) {
        const response = await fetch(`${site.url}/status?code=${code}`);
        assertEquals([response.status, response.ok], [code, code < 300]);
        assertEquals(await response.text(), "body");
      }
    },
  ],
  [
    "content-encoding/gzip-body",
    "a body is decoded, and a bad coding rejects",
    async (fetch) => {
      const zipped = await new Response(
        new Blob(["hello"]).stream().pipeThrough(new CompressionStream("gzip")),
      ).bytes();
      const wire = (body: string): string =>
        `HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
      await answered(wire(String.fromCharCode(...zipped)), async (url) => {
        const response = await fetch(url);
        assertEquals(response.headers.get("content-encoding"), "gzip");
        assertEquals(await response.text(), "hello");
      });
      await answered(wire("this is not gzip"), async (url) => {
        await rejects((await fetch(url)).text());
      });
    },
  ],
  [
    "basic/error-after-response",
    "a network error is a TypeError",
    async (fetch) => {
      const gone = new HostileServer([]);
      const { origin } = gone;
      await gone[Symbol.asyncDispose]();
      const error = await assertRejects(
        () => fetch(`http://${origin}/`),
        TypeError,
        `Cannot fetch http://${origin}/`,
      );
      assertEquals((error.cause as { code: string }).code, "CONNECT_FAILED");
      for (
        const wire of [
          "",
          "nonsense\r\n\r\n",
          "HTTP/1.1 999 \r\nContent-Length: 0\r\n\r\n",
        ]
      ) {
        await using server = new HostileServer([[
          head,
          send(wire),
          (peer) => peer.closeWrite(),
        ]]);
        await rejects(fetch(`http://${server.origin}/`));
      }
    },
  ],
];

/** What differs from browsers on purpose. */
const differences: Row[] = [
  [
    "redirect/redirect-mode",
    "a redirect in the mode manual is readable, as on Deno and Node",
    async (fetch, site) => {
      const url = `${site.url}/redirect?location=/data.json`;
      const response = await fetch(url, { redirect: "manual" });
      assertEquals([response.status, response.type], [302, "basic"]);
      assertEquals(response.headers.get("location"), "/data.json");
    },
  ],
  [
    "redirect/redirect-headers",
    "an unknown field does not follow a redirect to another origin",
    async (fetch, site) => {
      const location = `${site.remoteUrl}/inspect-headers?headers=x-api-key`;
      const url = `${site.url}/redirect?location=${
        encodeURIComponent(location)
      }`;
      const response = await fetch(url, { headers: { "x-api-key": "a" } });
      assertEquals(response.headers.has("x-request-x-api-key"), false);
    },
  ],
  ["url", "a stray percent sign is sent as %25", async (fetch, site) => {
    const response = await fetch(`${site.url}/data.json?q=100%`);
    assertEquals(response.url, `${site.url}/data.json?q=100%25`);
  }],
  [
    "request/request-init-body",
    "an object without a string of its own is refused",
    async (fetch, site) => {
      for (const body of [{}, { a: 1 }, new Map(), Promise.resolve("a")]) {
        const init = { method: "POST", body: body as unknown as string };
        await rejects(fetch(site.url, init), "JSON.stringify");
      }
      const init = { method: "POST", body: 12 as unknown as string };
      assertEquals(
        await (await fetch(`${site.url}/echo-content`, init)).text(),
        "12",
      );
    },
  ],
  [
    "integrity",
    "an integrity is refused, not ignored",
    (fetch, site) =>
      rejects(fetch(site.url, { integrity: "sha256-a" }), "integrity"),
  ],
  [
    "client",
    "a client of Deno is refused, not ignored",
    async (fetch, site) => {
      using client = Deno.createHttpClient({});
      await rejects(fetch(site.url, { client } as RequestInit), "createFetch");
    },
  ],
];

const rows: readonly Row[] = [
  ...uploads,
  ...badUploads,
  ...requestHeaders,
  ...headers,
  ...badArguments,
  ...methods,
  ...redirectMethods,
  ...redirects,
  ...moreRedirects,
  ...abortWhileReading,
  ...abort,
  ...bodies,
  ...differences,
];

Deno.test("createFetch() passes the web platform's tests that need no browser", async (t) => {
  await using site = startFetchSite();
  await using fetch = createFetch();
  await fetch(`${site.url}/data.json`); // loads what the first call loads
  for (const [file, name, run] of rows) {
    await t.step(`${file}: ${name}`, async () => void await run(fetch, site));
  }
});

Deno.test("fetch takes null as no options, as the web's does", async () => {
  await using fetch = createFetch();
  await answered(
    "HTTP/1.1 200 \r\nContent-Length: 2\r\n\r\nhi",
    async (url) => {
      const response = await fetch(url, null as unknown as RequestInit);
      assertEquals(await response.text(), "hi");
    },
  );
});
