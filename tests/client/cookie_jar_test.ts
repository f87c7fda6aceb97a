/** The option `cookieJar`: with npm's tough-cookie, and with jars that fail. */

import { assertEquals, assertRejects } from "@std/assert";
import { CookieJar } from "npm:tough-cookie@6.1.0";
import { Client, type CookieJar as Jar } from "../../client/mod.ts";
import { head, HostileServer, send } from "../support/hostile_server.ts";
import { HELLO, isGone, pair } from "../support/client_exchange.ts";

function setting(status: number, ...cookies: string[]): string {
  const lines = cookies.map((cookie) => `Set-Cookie: ${cookie}\r\n`).join("");
  const location = status === 302 ? "Location: /b\r\n" : "";
  return `HTTP/1.1 ${status} \r\n${location}${lines}Content-Length: 0\r\n\r\n`;
}

/** The `Cookie` lines of the requests on a connection. */
async function cookiesOf(
  server: HostileServer,
): Promise<(string | undefined)[]> {
  const { heads } = await server.peer(0);
  return heads.map((text) => /^cookie: (.*)\r$/mi.exec(text)?.[1]);
}

Deno.test("tough-cookie stores the cookies of responses and redirects, and sends those that match", async () => {
  const cookieJar = new CookieJar();
  await using both = pair([[
    head,
    send(setting(302, "a=1; Path=/b", "b=2; HttpOnly", "c=3; Path=/c")),
    head,
    send(setting(200, "d=4; Max-Age=60")),
    head,
    send(setting(200, "b=; Max-Age=0")),
    head,
    send(HELLO),
  ]], { cookieJar, maxRedirects: 1 });
  const { client, server } = both;
  await client.get("/x");
  await client.get("/");
  await client.get("/");
  assertEquals(await cookiesOf(server), [
    undefined,
    "a=1; b=2",
    "b=2; d=4",
    "d=4",
  ]);
});

Deno.test("a cookie for another domain is ignored", async () => {
  const cookieJar = new CookieJar();
  await using both = pair([[
    head,
    send(setting(200, "a=1; Domain=example.com", "=", "b=2")),
    head,
    send(HELLO),
  ]], { cookieJar });
  await both.client.get("/");
  await both.client.get("/");
  assertEquals(await cookiesOf(both.server), [undefined, "b=2"]);
});

Deno.test("the caller's own Cookie is sent as it is, and omitsCookies leaves the jar out", async () => {
  const cookieJar = new CookieJar();
  await using both = pair([[
    head,
    send(setting(200, "a=1")),
    head,
    send(HELLO),
    head,
    send(setting(200, "a=2")),
    head,
    send(HELLO),
  ]], { cookieJar });
  const { client } = both;
  await client.get("/");
  await client.get("/", { headers: { cookie: "own=1" } });
  await client.get("/", { omitsCookies: true });
  await client.get("/");
  assertEquals(await cookiesOf(both.server), [
    undefined,
    "own=1",
    undefined,
    "a=1",
  ]);
});

Deno.test("another origin gets its own cookies, not those of the caller", async () => {
  await using other = new HostileServer([[head, send(HELLO)]]);
  const { origin } = other;
  const wire = `HTTP/1.1 302 \r\nLocation: http://${
    origin.replace("127.0.0.1", "localhost")
  }/\r\nSet-Cookie: a=1\r\nContent-Length: 0\r\n\r\n`;
  const cookieJar = new CookieJar();
  await cookieJar.setCookie("l=2", "http://localhost/");
  await using both = pair([[head, send(wire)]], { cookieJar, maxRedirects: 1 });
  await both.client.get("/", { headers: { cookie: "own=1" } });
  assertEquals(await cookiesOf(both.server), ["own=1"]);
  assertEquals(await cookiesOf(other), ["l=2"]);
});

Deno.test("what a jar throws fails the exchange, and leaves no connection in use", async () => {
  const broken = new Error("disk full");
  const jars: readonly Jar[] = [
    {
      getCookieString: () => "",
      setCookie: () => {
        throw broken;
      },
    },
    {
      getCookieString: () => Promise.resolve(""),
      setCookie: () => Promise.reject(broken),
    },
  ];
  for (const cookieJar of jars) {
    const wire =
      "HTTP/1.1 200 \r\nSet-Cookie: a=1\r\nContent-Length: 99999\r\n\r\n";
    await using both = pair([[head, send(wire)]], { cookieJar });
    await assertRejects(() => both.client.get("/"), Error, "disk full");
    await isGone(both);
  }
  const cookieJar: Jar = {
    getCookieString: () => Promise.reject(broken),
    setCookie: () => {},
  };
  await using client = new Client("127.0.0.1:1", { cookieJar });
  await assertRejects(() => client.get("/"), Error, "disk full");
});
