/** The client of a request behind proxies, and clients that try to pass as others. */

import { assertEquals, assertThrows } from "@std/assert";
import { toHandler } from "../../../fetch/mod.ts";
import {
  type Forwarded,
  forwardedFrom,
  type ForwardedOptions,
  type ForwardedRequest,
  Headers,
} from "../../../mod.ts";
import { testEngines } from "../../support/engines.ts";
import { SeededRandom } from "../../support/random.ts";
import { request } from "../../support/serve.ts";

type Field = readonly [name: string, value: string];

interface Case {
  readonly name: string;
  readonly options?: Partial<ForwardedOptions>;
  /** The connection's peer; a path for a Unix socket. @default {"10.0.0.1"} */
  readonly peer?: string | undefined;
  readonly fields: readonly Field[];
  readonly isSecure?: boolean;
  readonly expect: Partial<Forwarded>;
}

const TRUSTED = ["10.0.0.0/8", "2001:db8::/32"];
const CLIENT = "198.51.100.9";

function xff(value: string): Field {
  return ["X-Forwarded-For", value];
}

function rfc(value: string): Field {
  return ["Forwarded", value];
}

const CASES: readonly Case[] = [
  { name: "no fields", fields: [], expect: { address: "10.0.0.1" } },
  {
    name: "one proxy",
    fields: [xff(CLIENT)],
    expect: { address: CLIENT },
  },
  {
    name: "two proxies",
    fields: [xff(`${CLIENT}, 10.0.0.2`)],
    expect: { address: CLIENT },
  },
  {
    name: "an address that the client made up",
    fields: [xff(`192.0.2.66, ${CLIENT}, 10.0.0.2`)],
    expect: { address: CLIENT },
  },
  {
    name: "a trusted address that the client made up",
    fields: [xff(`10.9.9.9, ${CLIENT}`)],
    expect: { address: CLIENT },
  },
  {
    name: "several lines, in order",
    fields: [xff("192.0.2.66"), xff(CLIENT), xff("10.0.0.3, 10.0.0.2")],
    expect: { address: CLIENT },
  },
  {
    name: "a peer that is not trusted",
    peer: "203.0.113.1",
    fields: [
      xff("10.0.0.5"),
      ["X-Forwarded-Proto", "https"],
      ["X-Forwarded-Host", "evil.example"],
    ],
    expect: { address: "203.0.113.1", protocol: "http", host: "a.example" },
  },
  {
    name: "only trusted hops",
    fields: [xff("10.0.0.4, 10.0.0.3, 10.0.0.2")],
    expect: { address: "10.0.0.4" },
  },
  {
    name: "an element that is not valid",
    fields: [xff(`${CLIENT}, what, 10.0.0.2`)],
    expect: { address: "10.0.0.2" },
  },
  {
    name: "a last element that is not valid",
    fields: [xff(`${CLIENT}, "10.0.0.2"`)],
    expect: { address: "10.0.0.1" },
  },
  {
    name: "a client that a proxy does not know",
    fields: [xff(`${CLIENT}, unknown, 10.0.0.2`)],
    expect: { address: null },
  },
  {
    name: "IPv6 hops",
    peer: "2001:db8::1",
    fields: [xff("2001:DB9:0::5, [2001:db8::2]:80")],
    expect: { address: "2001:db9::5" },
  },
  {
    name: "IPv4-mapped addresses",
    peer: "::ffff:10.0.0.1",
    fields: [xff(`::ffff:${CLIENT}, ::ffff:10.0.0.2`)],
    expect: { address: CLIENT },
  },
  {
    name: "an IPv4-mapped peer that is not trusted",
    peer: `::ffff:${CLIENT}`,
    fields: [],
    expect: { address: CLIENT },
  },
  {
    name: "a Unix socket that is trusted",
    options: { trusted: ["unix"] },
    peer: "/run/proxy",
    fields: [xff(`10.0.0.1, ${CLIENT}`)],
    expect: { address: CLIENT },
  },
  {
    name: "a Unix socket that is not trusted",
    peer: "/run/proxy",
    fields: [xff(CLIENT)],
    expect: { address: null },
  },
  {
    name: "64 hops and more",
    fields: [xff(`${CLIENT}, 10.9.9.9${", 10.0.0.2".repeat(63)}`)],
    expect: { address: "10.9.9.9" },
  },
  {
    name: "protocol and host",
    fields: [
      xff(CLIENT),
      ["X-Forwarded-Proto", "HTTPS"],
      ["X-Forwarded-Host", "b.example:8443"],
    ],
    expect: { protocol: "https", host: "b.example:8443" },
  },
  {
    name: "protocol and host that the client made up before the proxy's",
    fields: [
      xff(CLIENT),
      ["X-Forwarded-Proto", "https"],
      ["X-Forwarded-Proto", "http"],
      ["X-Forwarded-Host", "evil.example, b.example"],
    ],
    expect: { protocol: "http", host: "b.example" },
  },
  {
    name: "protocol and host that are not valid",
    isSecure: true,
    fields: [
      xff(CLIENT),
      ["X-Forwarded-Proto", "javascript"],
      ["X-Forwarded-Host", "b.example/path"],
    ],
    expect: { address: CLIENT, protocol: "https", host: "a.example" },
  },
  {
    name: "Forwarded from a client whose proxy writes X-Forwarded-For",
    fields: [xff(CLIENT), rfc("for=192.0.2.66;proto=https;host=evil.example")],
    expect: { address: CLIENT, protocol: "http", host: "a.example" },
  },
  {
    name: "X-Forwarded-For from a client whose proxy writes Forwarded",
    options: { fields: "forwarded" },
    fields: [
      xff("192.0.2.66"),
      ["X-Forwarded-Proto", "https"],
      ["X-Forwarded-Host", "evil.example"],
      rfc(`for=${CLIENT}`),
    ],
    expect: { address: CLIENT, protocol: "http", host: "a.example" },
  },
  {
    name: "Forwarded of two proxies",
    options: { fields: "forwarded" },
    fields: [
      rfc("for=192.0.2.66;proto=http;host=evil.example"),
      rfc(`for=${CLIENT};proto=https;host=b.example, for=10.0.0.2;proto=http`),
    ],
    expect: { address: CLIENT, protocol: "https", host: "b.example" },
  },
  {
    name: "Forwarded whose farthest trusted proxy names no protocol",
    options: { fields: "forwarded" },
    fields: [rfc(`for=${CLIENT}, for=10.0.0.2;proto=https;host="b.example"`)],
    expect: { address: CLIENT, protocol: "https", host: "b.example" },
  },
  {
    name: "Forwarded with IPv6 and ports",
    options: { fields: "forwarded" },
    fields: [rfc('for="[2001:db9::5]:4711", for="[2001:db8::2]:_x"')],
    expect: { address: "2001:db9::5" },
  },
  {
    name: "Forwarded with a client that is hidden",
    options: { fields: "forwarded" },
    fields: [rfc("for=_client1;proto=https, for=10.0.0.2")],
    expect: { address: null, protocol: "https" },
  },
  {
    name: "Forwarded with a quote that a client left open",
    options: { fields: "forwarded" },
    fields: [rfc('for="10.0.0.3'), rfc(`for=${CLIENT};proto=https`)],
    expect: { address: CLIENT, protocol: "https" },
  },
  {
    name: "Forwarded with an element that is not valid",
    options: { fields: "forwarded" },
    fields: [rfc(`for=${CLIENT}, for=10.0.0.3:80;proto=https, for=10.0.0.2`)],
    expect: { address: "10.0.0.2", protocol: "http" },
  },
];

/** The address of a connection. */
function addrOf(peer: string): Deno.Addr {
  return peer.startsWith("/")
    ? { transport: "unix", path: peer }
    : { transport: "tcp", hostname: peer, port: 1 };
}

for (
  const { name, options, peer = "10.0.0.1", fields, isSecure, expect } of CASES
) {
  Deno.test(`forwardedFrom() finds the client: ${name}`, () => {
    const forwarded = forwardedFrom({ trusted: TRUSTED, ...options });
    const headers = new Headers([["Host", "a.example"], ...fields]);
    const found = forwarded({
      headers,
      conn: { remoteAddr: addrOf(peer) },
      ...(isSecure === undefined ? {} : { isSecure }),
    });
    assertEquals({ ...found, ...expect }, found);
  });
}

/** Elements of the fields: addresses of proxies, addresses of other hosts, and others that are not addresses. */
const HOPS = {
  trusted: ["10.0.0.2", "10.255.0.1", "2001:db8::7", "::ffff:10.0.0.3"],
  others: [
    CLIENT,
    "203.0.113.4",
    "2001:db9::1",
    "::ffff:198.51.100.9",
    "11.0.0.1",
  ],
  none: [
    "evil",
    "10.0.0.0/8",
    "999.1.1.1",
    "[::1",
    "unknown",
    "_x",
    "10.0.0.2 x",
  ],
};
const EMPTY = ["", " ", "\t"];

/** Finds the client by a plain search from the last hop. The hops are in the order of the fields. */
function clientOf(peer: string, hops: readonly string[]): string | null {
  let client = peer;
  const isTrusted = (hop: string): boolean => HOPS.trusted.includes(hop);
  for (const hop of hops.toReversed().map((hop) => hop.trim())) {
    if (hop === "") continue;
    if (!isTrusted(client)) break;
    if (hop === "unknown" || hop === "_x") return null;
    if (HOPS.none.includes(hop)) break;
    client = hop;
  }
  return client.replace("::ffff:", "");
}

/** Writes hops as lines of a field, each with one or more elements. */
function linesOf(hops: readonly string[], random: SeededRandom): string[] {
  const lines: string[][] = [];
  for (const hop of hops) {
    if (lines.length === 0 || random.below(3) === 0) lines.push([]);
    lines.at(-1)?.push(hop);
  }
  return lines.map((line) => line.join(random.pick([",", ", ", " ,\t"])));
}

for (const fields of ["x-forwarded", "forwarded"] as const) {
  Deno.test(`forwardedFrom() with ${fields} finds what a plain search from the last hop finds, in 20,000 requests`, () => {
    const random = new SeededRandom(18);
    const forwarded = forwardedFrom({ trusted: TRUSTED, fields });
    const name = fields === "forwarded" ? "Forwarded" : "X-Forwarded-For";
    const other = fields === "forwarded" ? "X-Forwarded-For" : "Forwarded";
    const kinds = [HOPS.trusted, HOPS.trusted, HOPS.others, HOPS.none, EMPTY];
    for (let count = 0; count < 20_000; count++) {
      const peer = random.pick([...HOPS.trusted, ...HOPS.others]);
      const hops = Array.from(
        { length: random.below(7) },
        () => random.pick(random.pick(kinds)),
      );
      const texts = fields === "forwarded" ? hops.map(elementOf) : hops;
      const lines = linesOf(texts, random);
      const headers = new Headers([
        [other, random.pick(["for=192.0.2.66", "192.0.2.66"])],
        ...lines.map((line) => [name, line] as const),
      ]);
      const { address } = forwarded({
        headers,
        conn: { remoteAddr: addrOf(peer) },
      });
      const told = `${peer} ${JSON.stringify(lines)}`;
      assertEquals([told, address], [told, clientOf(peer, hops)]);
    }
  });
}

/** Writes a hop as an element of `Forwarded`. */
function elementOf(hop: string): string {
  if (hop.trim() === "" || hop === "evil") return hop;
  return hop.includes(":") && !hop.includes("[")
    ? `for="[${hop}]"`
    : `for=${hop}`;
}

Deno.test("forwardedFrom() trusts no connection without an address", () => {
  const forwarded = forwardedFrom({ trusted: ["0.0.0.0/0", "::/0", "unix"] });
  const headers = new Headers([["X-Forwarded-For", CLIENT]]);
  assertEquals(forwarded({ headers, conn: {} }), {
    address: null,
    protocol: "http",
    host: null,
  });
});

const MISTAKES: readonly (readonly [options: unknown, message: string])[] = [
  [{ trusted: [] }, "trusted names no peer"],
  [{ trusted: ["proxy.example"] }, 'cannot trust "proxy.example"'],
  [{ trusted: ["10.0.0.1"], fields: "both" }, 'fields "both"'],
  [{ trusted: ["10.0.0.1"], hops: 1 }, '"hops": no such option'],
  [undefined, 'as in { trusted: ["10.0.0.0/8"] }'],
  [null, "the option trusted is missing"],
  [["10.0.0.1"], "the option trusted is missing"],
  ["10.0.0.1", "the option trusted is missing"],
];

for (const [options, message] of MISTAKES) {
  Deno.test(`forwardedFrom() refuses ${JSON.stringify(options)}`, () => {
    // The wrong types are what is tested.
    assertThrows(
      () => forwardedFrom(options as ForwardedOptions),
      TypeError,
      message,
    );
  });
}

for (const value of [undefined, {}, new Request("http://a.example/")]) {
  Deno.test(`the function of forwardedFrom() refuses ${String(value)} and says what to pass`, () => {
    const forwarded = forwardedFrom({ trusted: ["10.0.0.1"] });
    assertThrows(
      // The wrong types are what is tested.
      () => forwarded(value as unknown as ForwardedRequest),
      TypeError,
      "{ headers: request.headers, conn: info.connection }",
    );
  });
}

testEngines(
  "forwardedFrom() takes a handler's context, and the parts of a fetch request",
  async (engine) => {
    const forwarded = forwardedFrom({ trusted: ["127.0.0.1"] });
    await using server = engine.serve((app) => {
      app.get("/", (ctx, res) => res.ok(JSON.stringify(forwarded(ctx))));
      app.get(
        "/fetch",
        toHandler(({ headers }, { connection }) =>
          Response.json(forwarded({ headers, conn: connection }))
        ),
      );
    });
    using client = await server.connect();
    const fields =
      `X-Forwarded-For: 192.0.2.66\r\nX-Forwarded-For: ${CLIENT}\r\n` +
      "X-Forwarded-Proto: https\r\n";
    for (const path of ["/", "/fetch"]) {
      const { body } = await client.ask(request(`GET ${path}`, fields));
      assertEquals(JSON.parse(body), {
        address: CLIENT,
        protocol: "https",
        host: "a",
      });
    }
  },
);
