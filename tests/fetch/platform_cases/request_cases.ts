/** Cases of `request/`, `body/` and `abort/`, and of `response/` for what both classes have. */

import { GET, outcome, type PlatformCase, post, READERS } from "./case.ts";

/** See the file's header. */
export const REQUEST_CASES: readonly PlatformCase[] = [
  {
    name: "request/request-structure: attributes are read-only",
    wire: GET,
    read: (request) =>
      Promise.all(
        ["method", "url", "headers", "body", "bodyUsed", "signal"].map((name) =>
          outcome(() => {
            Object.assign(request, { [name]: 1 });
          })
        ),
      ),
    expect: Array(6).fill("TypeError"),
  },
  {
    name: "request/request-consume-empty: every reader gives the empty value",
    wire: GET,
    read: async (request) => [
      (await request.arrayBuffer()).byteLength,
      (await request.blob()).size,
      (await request.bytes()).length,
      await request.text(),
      await outcome(() => request.json()),
      await outcome(() => request.formData()),
      request.bodyUsed,
    ],
    expect: [0, 0, 0, "", "SyntaxError", "TypeError", false],
  },
  {
    name:
      "request/request-consume: blob keeps the type, without one it is empty",
    wire: post("x"),
    read: async (request) => (await request.blob()).type,
    expect: "",
  },
  {
    name: "request/request-consume: formData of an empty form is empty",
    wire: post("", "application/x-www-form-urlencoded"),
    read: async (request) => [...await request.formData()],
    expect: [],
  },
  {
    name:
      "request/request-consume: multipart without a boundary is a TypeError",
    wire: post("--x--", "multipart/form-data"),
    read: (request) => outcome(() => request.formData()),
    expect: "TypeError",
  },
  {
    name: "request/request-disturbed: body is null only if there is none",
    wire: post("x"),
    read: ({ body, bodyUsed }) => [body instanceof ReadableStream, bodyUsed],
    expect: [true, false],
  },
  {
    name: "request/request-disturbed: a request that was read cannot be cloned",
    wire: post("x"),
    read: async (request) => {
      await request.blob();
      return await outcome(() => request.clone());
    },
    expect: "TypeError",
  },
  {
    name: "request/request-disturbed: a copy with another body leaves this one",
    wire: post("x"),
    read: async (request) => {
      const copy = new Request(request, { body: "y" });
      return [request.bodyUsed, await request.text(), await copy.text()];
    },
    expect: [false, "x", "y"],
  },
  {
    name: "request/request-disturbed: a failed construction leaves the body",
    wire: post("x"),
    read: async (request) => [
      await outcome(() => new Request(request, { method: "GET" })),
      request.bodyUsed,
      await request.text(),
    ],
    expect: ["TypeError", false, "x"],
  },
  {
    name: "request/request-clone.sub: a clone is independent",
    wire: post("x", "text/a"),
    read: async (request) => {
      const copy = request.clone();
      const [first, second] = [await copy.text(), await request.text()];
      return [copy.headers.get("content-type"), first, second];
    },
    expect: ["text/a", "x", "x"],
  },
  {
    name: "request/request-bad-port: a copy keeps the URL of the request",
    wire: "GET /x HTTP/1.1\r\nHost: a:1\r\n\r\n",
    read: (request) => new Request(request).url,
    expect: "http://a:1/x",
  },
  {
    name: "request/request-error: methods that are forbidden cannot be set",
    wire: GET,
    read: (request) => outcome(() => new Request(request, { method: "TRACE" })),
    expect: "TypeError",
  },
  {
    name: "request/request-init-stream: a copy with a stream has its body",
    wire: post("x"),
    read: async (request) =>
      await new Request(request.url, { method: "POST", body: request.body })
        .text(),
    expect: "x",
  },
  {
    name: "abort/request: the signal of a copy follows the request's",
    wire: GET,
    read: (request) => {
      const copy = new Request(request);
      return [copy.signal === request.signal, copy.signal.aborted];
    },
    expect: [false, false],
  },
  {
    name: "response/response-consume-stream: a response of the body reads it",
    wire: post("streamed"),
    read: (request) => new Response(request.body).text(),
    expect: "streamed",
  },
  {
    name:
      "response/response-from-stream: a body that was read cannot be a response's",
    wire: post("x"),
    read: async (request) => {
      const { body } = request;
      await request.text();
      return await outcome(() => new Response(body));
    },
    expect: "TypeError",
  },
  ...READERS.map((reader): PlatformCase => ({
    name:
      `request/request-consume: ${reader}() uses the body, the second rejects`,
    wire: post("a=1", "application/x-www-form-urlencoded"),
    read: async (request) => {
      await outcome(() => request[reader]());
      return [request.bodyUsed, await outcome(() => request[reader]())];
    },
    expect: [true, "TypeError"],
  })),
  ...READERS.map((reader): PlatformCase => ({
    name: `request/request-disturbed: ${reader}() of a locked body rejects`,
    wire: post("1"),
    read: async (request) => {
      request.body!.getReader();
      return [await outcome(() => request[reader]()), request.bodyUsed];
    },
    expect: ["TypeError", false],
  })),

  {
    name: "request/request-structure: the attributes have their defaults",
    wire: GET,
    read: (request) => [
      request.method,
      request.url,
      request.referrer,
      request.referrerPolicy,
      request.mode,
      request.credentials,
      request.cache,
      request.redirect,
      request.integrity,
      request.keepalive,
      request.bodyUsed,
      request.body,
    ],
    expect: [
      "GET",
      "http://a/a?b",
      "about:client",
      "",
      "cors",
      "same-origin",
      "default",
      "follow",
      "",
      false,
      false,
      null,
    ],
  },
  {
    name:
      "request/request-structure: assignments outside strict code are ignored",
    wire: GET,
    read: (request) => {
      for (const name of ["method", "url", "headers", "bodyUsed"]) {
        Reflect.set(request, name, "other");
      }
      return [request.method, request.url, request.headers.get("b")];
    },
    expect: ["GET", "http://a/a?b", "2"],
  },
  {
    name: "request/request-idl: the class is Request",
    wire: GET,
    read: (request) => [
      request instanceof Request,
      request.constructor === Request,
      Object.prototype.toString.call(request),
      ...["clone", ...READERS].map((name) => name in request),
    ],
    expect: [true, true, "[object Request]", ...Array(7).fill(true)],
  },
  {
    name: "request/request-idl: methods refuse another object",
    wire: GET,
    read: (request) =>
      Promise.all(
        READERS.map((reader) =>
          outcome(() => Reflect.get(request, reader).call({}))
        ),
      ),
    expect: Array(6).fill("TypeError"),
  },
  {
    name: "request/request-consume: each reader gives the body",
    wire: post('"\xc3\xa9"', "text/PLAIN"),
    read: async (request) => {
      const copies = READERS.map(() => request.clone());
      return [
        (await copies[0]!.arrayBuffer()).byteLength, // one for each reader
        [(await copies[1]!.blob()).size, (await copies[1 + 1]!.bytes()).length],
        await copies[4]!.json(),
        await request.text(),
        request.bodyUsed,
      ];
    },
    expect: [4, [4, 4], "é", '"é"', true],
  },
  {
    name: "request/request-consume: the blob has the type, in lower case",
    wire: post("x", "text/PLAIN"),
    read: async (request) => {
      const blob = await request.blob();
      return [blob instanceof Blob, blob.type, await blob.text()];
    },
    expect: [true, "text/plain", "x"],
  },
  {
    name: "body/mime-type: the blob's type keeps its parameters",
    wire: post("x", "text/plain; charset=UTF-8"),
    read: async (request) => (await request.blob()).type,
    expect: "text/plain;charset=utf-8",
  },
  {
    name: "request/request-consume: formData gives a FormData",
    wire: post("name=value&name=2", "application/x-www-form-urlencoded"),
    read: async (request) => {
      const form = await request.formData();
      return [form instanceof FormData, form.getAll("name")];
    },
    expect: [true, ["value", "2"]],
  },
  {
    name: "request/request-consume: formData of another type is a TypeError",
    wire: post("a=b", "text/plain"),
    read: (request) => outcome(() => request.formData()),
    expect: "TypeError",
  },
  ...["null", "1", "true", '"string"'].map((text): PlatformCase => ({
    name: `request/request-consume: json() of ${text}`,
    wire: post(text),
    read: async (request) => JSON.stringify(await request.json()),
    expect: text,
  })),
  ...["undefined", "{", "a", "[", ""].map((text): PlatformCase => ({
    name: `request/request-consume: json() of "${text}" is a SyntaxError`,
    wire: post(text),
    read: async (request) => [
      await outcome(() => request.json()),
      request.bodyUsed,
    ],
    expect: ["SyntaxError", true],
  })),
  {
    name: "request/request-consume: a byte order mark is no part of the text",
    wire: post("\xef\xbb\xbf1"),
    read: async (request) => [
      await request.clone().text(),
      await outcome(() => request.json()),
    ],
    expect: ["1", 1],
  },
  {
    name: "request/request-consume: bytes that are no UTF-8 are replaced",
    wire: post("a\xffb"),
    read: (request) => request.text(),
    expect: "a\ufffdb",
  },
  ...READERS.filter((reader) => reader !== "formData" && reader !== "json").map(
    (reader): PlatformCase => ({
      name: `request/request-consume-empty: ${reader}() of an empty body`,
      wire: post(""),
      read: async (request) => {
        const value = await request[reader]();
        return [
          typeof value === "string" ? value.length : new Blob([value]).size,
          request.bodyUsed,
        ];
      },
      expect: [0, true],
    }),
  ),
  {
    name: "request/request-disturbed: a request that was read cannot be copied",
    wire: post("x"),
    read: async (request) => {
      const reading = request.blob();
      const used = request.bodyUsed;
      await reading;
      return [used, await outcome(() => new Request(request))];
    },
    expect: [true, "TypeError"],
  },
  {
    name: "request/request-disturbed: a request without a body is never used",
    wire: GET,
    read: async (request) => {
      await request.blob();
      return [request.bodyUsed, request.clone().method];
    },
    expect: [false, "GET"],
  },
  {
    name:
      "request/request-disturbed: a copy uses the body, which stays the same",
    wire: post("x"),
    read: async (request) => {
      const { body } = request;
      const copy = new Request(request);
      return [
        request.bodyUsed,
        request.body === body,
        await outcome(() => request.text()),
        await copy.text(),
      ];
    },
    expect: [true, true, "TypeError", "x"],
  },
  ...["GET", "HEAD", "CONNECT", "a b"].map((method): PlatformCase => ({
    name: `request/request-disturbed: a failed copy with ${method} leaves it`,
    wire: post("x"),
    read: async (request) => [
      await outcome(() => new Request(request, { method })),
      request.bodyUsed,
      await request.text(),
    ],
    expect: ["TypeError", false, "x"],
  })),
  {
    name: "request/request-clone.sub: a clone has all attributes",
    wire: post("x", "text/a"),
    read: async (request) => {
      const copy = request.clone();
      return [
        copy.method,
        copy.url,
        [...copy.headers],
        copy.redirect,
        await copy.text(),
      ];
    },
    expect: [
      "POST",
      "http://a/",
      [["content-length", "1"], ["content-type", "text/a"], ["host", "a"]],
      "follow",
      "x",
    ],
  },
  {
    name: "body/cloned-any: a clone of a clone is independent",
    wire: post("streamed"),
    read: (request) => {
      const copies = [request.clone(), request.clone().clone()];
      return Promise.all(
        [...copies, request].map((one) => one.text()),
      );
    },
    expect: Array(3).fill("streamed"),
  },
  {
    name: "response/response-clone: a cancelled body does not affect the clone",
    wire: post("streamed"),
    read: async (request) => {
      const copy = request.clone();
      const cancelled = request.body!.cancel(); // POST has one
      const used = [request.bodyUsed, copy.bodyUsed];
      const text = await copy.text();
      await cancelled;
      return [...used, text];
    },
    expect: [true, false, "streamed"],
  },
  {
    name: "request/request-init-stream: the body is the same object each time",
    wire: post("x"),
    read: (request) => [
      request.body === request.body,
      request.body instanceof ReadableStream,
      request.bodyUsed,
    ],
    expect: [true, true, false],
  },
  {
    name:
      "request/request-init-stream: a locked body cannot be copied, another can be given",
    wire: post("x"),
    read: async (request) => {
      request.body!.getReader(); // POST has one
      return [
        await outcome(() => new Request(request)),
        await new Request(request, { body: "y" }).text(),
        await outcome(() => request.clone()),
        request.bodyUsed,
      ];
    },
    expect: ["TypeError", "y", "TypeError", false],
  },
  {
    name:
      "request/request-init-stream: a body that was read and released cannot be copied",
    wire: post("x"),
    read: async (request) => {
      const reader = request.body!.getReader(); // POST has one
      await reader.read();
      reader.releaseLock();
      return [
        await outcome(() => new Request(request)),
        await outcome(() => request.text()),
        request.bodyUsed,
      ];
    },
    expect: ["TypeError", "TypeError", true],
  },
  {
    name: "response/response-consume-stream: the body is read with a reader",
    wire: post("streamed"),
    read: async ({ body }) => {
      let text = "";
      const decoder = new TextDecoder();
      for await (const piece of body!) { // POST has one
        text += decoder.decode(piece, { stream: true });
      }
      return text;
    },
    expect: "streamed",
  },
  {
    name: "response/response-consume-stream: the body is read into a buffer",
    wire: post("streamed"),
    read: async ({ body }) => {
      const reader = body!.getReader({ mode: "byob" }); // POST has one
      let bytes = new Uint8Array(0);
      for (;;) {
        const { done, value } = await reader.read(new Uint8Array(3));
        if (done) return [new TextDecoder().decode(bytes), value?.length];
        bytes = Uint8Array.from([...bytes, ...value]);
      }
    },
    expect: ["streamed", 0],
    runtime: "TypeError",
  },
  {
    name: "body/textstream: the body is piped through a decoder",
    wire: post("streamed"),
    read: async ({ body }) =>
      (await Array.fromAsync(body!.pipeThrough(new TextDecoderStream())))
        .join(""), // POST has one
    expect: "streamed",
  },
  {
    name: "request/request-init-002: a copy has the fields of its init",
    wire: post("x", "text/a"),
    read: (request) => {
      const copy = new Request(request, { headers: { b: "1" }, body: "y" });
      return [
        [...copy.headers],
        request.headers.get("content-type"),
      ];
    },
    expect: [
      [["b", "1"], ["content-type", "text/plain;charset=UTF-8"]],
      "text/a",
    ],
  },
  {
    name: "abort/request: a copy with a signal of its own follows that",
    wire: GET,
    read: (request) => {
      const controller = new AbortController();
      const copy = new Request(request, { signal: controller.signal });
      controller.abort();
      return [copy.signal.aborted, request.signal.aborted];
    },
    expect: [true, false],
  },
  {
    name: "abort/request: the signal is the same object each time",
    wire: GET,
    read: ({ signal }) => [
      signal instanceof AbortSignal,
      signal.aborted,
      signal.reason === undefined,
    ],
    expect: [true, false, true],
  },
];
