/** Which options and origins a client accepts, and how it reads them. */

import { assertEquals, assertThrows } from "@std/assert";
import {
  DEFAULT_CLIENT_OPTIONS,
  resolveClientOptions,
} from "../../client/options.ts";
import { isSameOrigin, parseOrigin } from "../../client/origin.ts";
import {
  Agent,
  type AgentOptionsInit,
  Client,
  type ClientOptions,
  createFetch,
} from "../../mod.ts";

function resolve(options: Record<string, unknown>): ClientOptions {
  return resolveClientOptions(options as Partial<ClientOptions>);
}

Deno.test("resolveClientOptions() adds defaults and freezes the result", () => {
  assertEquals(resolve({}), DEFAULT_CLIENT_OPTIONS);
  const options = resolve({ maxRedirects: 3, timeout: 5 });
  assertEquals(options, {
    ...DEFAULT_CLIENT_OPTIONS,
    maxRedirects: 3,
    timeout: 5,
  });
  assertEquals(Object.isFrozen(options), true);
});

Deno.test("resolveClientOptions() treats undefined as the default", () => {
  const given = { timeout: undefined, caCerts: undefined, maxRedirects: 3 };
  assertEquals(resolve(given), { ...DEFAULT_CLIENT_OPTIONS, maxRedirects: 3 });
  assertThrows(() => resolve({ timeuot: undefined }), TypeError, "timeuot");
});

Deno.test("resolveClientOptions() rejects unknown names and wrong types", () => {
  for (
    const options of [
      { maxRedirect: 1 },
      { __proto__x: 1 },
      { timeout: "5" },
      { timeout: null },
      { decodesContent: 1 },
      { caCerts: "pem" },
      { caCerts: [5] },
      { caCerts: {} },
      { caCerts: null },
      { identity: "pem" },
      { identity: {} },
      { identity: { cert: "pem" } },
      { identity: { cert: "pem", key: 5 } },
      { caCerts: ["ca.pem"] },
      { identity: { cert: "a.pem", key: "b.pem" } },
    ]
  ) {
    const error = assertThrows(() => resolve(options), TypeError, "Cannot set");
    const [name = ""] = Object.keys(options);
    assertEquals(error.message.includes(name), true, error.message);
  }
});

Deno.test("clients, agents and createFetch() reject options that are not an object", () => {
  for (const bad of [5000, "proxy", true, null, [], new Map()]) {
    const options = bad as unknown as ClientOptions;
    for (
      const create of [
        () => new Client("a", options),
        () => new Agent(options),
        () => createFetch(options),
      ]
    ) assertThrows(create, TypeError, "not an object such as");
  }
  for (
    const [origins, message] of [
      [5, "option origins to 5: it has options of single origins"],
      [null, "option origins to null: it has options of single origins"],
      [[], "does not limit which origins are used"],
      [["http://a"], 'option origins to ["http://a"]: it has options'],
      [new Map([["http://a", {}]]), "option origins to a Map: it has options"],
      [new Set(["http://a"]), "option origins to a Set: it has options"],
      [{ "http://a": 5 }, "not an object such as"],
      [{ "http://a": [] }, "the origin http://a to []: not an object such as"],
    ] as [unknown, string][]
  ) {
    assertThrows(
      () => new Agent({ origins } as unknown as AgentOptionsInit),
      TypeError,
      message,
    );
  }
});

Deno.test("resolveClientOptions() rejects lists and a cookie jar that are none", () => {
  const jar = { getCookieString: () => "", setCookie: () => {} };
  for (
    const options of [
      { crossOriginFields: "accept" },
      { crossOriginFields: ["a b"] },
      { crossOriginFields: [1] },
      { retryOn: [99] },
      { retryOn: ["503"] },
      { retryOn: {} },
      { retryOn: 503 },
      { cookieJar: { ...jar, setCookie: undefined } },
      { cookieJar: { setCookie: jar.setCookie } },
      { cookieJar: "a=b" },
    ]
  ) {
    const [name = ""] = Object.keys(options);
    assertThrows(
      () => resolve(options),
      TypeError,
      `Cannot set option ${name}: `,
    );
  }
  assertEquals(resolve({ cookieJar: jar }).cookieJar, jar);
  assertEquals(resolve({ cookieJar: null, retryOn: [] }).retryOn, []);
});

Deno.test("resolveClientOptions() rejects numbers out of range", () => {
  const mayBeZero = [
    ...["maxInterimResponses", "maxBodyBytes", "maxBufferedBodyBytes"],
    ...["drainBytes", "maxRedirects", "retries", "retryDelay"],
    "maxRetryDelay",
  ];
  for (const [name, value] of Object.entries(DEFAULT_CLIENT_OPTIONS)) {
    if (typeof value !== "number") continue;
    for (const bad of [-1, 0.5, NaN, -Infinity, 2 ** 53]) {
      assertThrows(() => resolve({ [name]: bad }), RangeError, name);
    }
    const zero = (): ClientOptions => resolve({ [name]: 0 });
    if (mayBeZero.includes(name)) zero();
    else assertThrows(zero, RangeError, "from 1 to");
    resolve({ [name]: 1 });
    resolve({ [name]: Infinity });
  }
  assertThrows(() => resolve({ headTimeout: 2 ** 31 }), RangeError);
  resolve({ headTimeout: 2 ** 31 - 1, maxBodyBytes: 2 ** 31 });
  assertThrows(() => new Client("a", { timeout: -1 }), RangeError);
});

Deno.test("parseOrigin() accepts authorities, URLs and Unix sockets", () => {
  for (
    const [text, isSecure, hostname, port, authority] of [
      ["a", false, "a", 80, "a"],
      ["A:8080", false, "a", 8080, "a:8080"],
      ["a:80", false, "a", 80, "a"],
      ["127.0.0.1:1", false, "127.0.0.1", 1, "127.0.0.1:1"],
      ["[::1]:81", false, "::1", 81, "[::1]:81"],
      ["[::1]", false, "::1", 80, "[::1]"],
      ["http://u:p@a:80/x#f", false, "a", 80, "a"],
      ["HTTP://a:443", false, "a", 443, "a:443"],
      ["https://a", true, "a", 443, "a"],
      ["https://a:443/", true, "a", 443, "a"],
      ["https://a:80", true, "a", 80, "a:80"],
      ["https://[::1]:8443", true, "::1", 8443, "[::1]:8443"],
    ] as const
  ) {
    const expected = { isSecure, hostname, port, path: null, authority };
    assertEquals(parseOrigin(text), { ...expected, proxy: null }, text);
  }
  assertEquals(parseOrigin(new URL("https://a/b")).authority, "a");
  assertEquals(parseOrigin("unix:/a b").path, "/a b");
  assertThrows(() => parseOrigin(new URL("ws://a")), TypeError);
});

Deno.test("isSameOrigin() compares scheme, host and port", () => {
  const same = (a: string, b: string): boolean =>
    isSameOrigin(parseOrigin(a), parseOrigin(b));
  assertEquals(same("a", "http://A:80"), true);
  assertEquals(same("a:443", "https://a"), false);
  assertEquals(same("a", "a:81"), false);
  assertEquals(same("a", "b"), false);
});
