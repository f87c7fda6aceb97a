/** The example that logs requests, and peers who would like to write the log themselves. */

import { assert, assertEquals, assertMatch } from "@std/assert";
import { startExample } from "../support/program.ts";
import { RawClient } from "../support/raw_client.ts";
import { request } from "../support/serve.ts";

const FORGED = `127.0.0.1 - admin [01/Jan/2000:00:00:00 +0000] "GET /`;

function basic(credentials: string): string {
  return `Authorization: Basic ${btoa(credentials)}\r\n`;
}

/** A request, and the log line before and after its date. */
const rows: readonly (readonly [wire: string, user: string, rest: string])[] = [
  [request("GET /"), "-", `"GET / HTTP/1.1" 200 14`],
  [request("HEAD /"), "-", `"HEAD / HTTP/1.1" 200 -`],
  [request("GET /?q=%0a%22"), "-", `"GET /?q=%0a%22 HTTP/1.1" 200 14`],
  [request("POST /echo", "", "abc"), "-", `"POST /echo HTTP/1.1" 200 3`],
  [request("GET /numbers"), "-", `"GET /numbers HTTP/1.1" 200 48890`],
  [request("GET /broken"), "-", `"GET /broken HTTP/1.1" 500 21`],
  [request("GET /nope"), "-", `"GET /nope HTTP/1.1" 404 9`],
  [request("DELETE /"), "-", `"DELETE / HTTP/1.1" 405 18`],
  [request("GET /", basic("frank:secret")), "frank", `"GET / HTTP/1.1" 200 14`],
  [request("GET /", basic(":secret")), "-", `"GET / HTTP/1.1" 200 14`],
  [
    request("GET /", "Authorization: Basic ?\r\n"),
    "-",
    `"GET / HTTP/1.1" 200 14`,
  ],
  [
    request("GET /", basic(`x" 200 1\n${FORGED}`)),
    `x\\x22\\x20200\\x201\\x0a127.0.0.1\\x20-\\x20admin\\x20[01/Jan/2000`,
    `"GET / HTTP/1.1" 200 14`,
  ],
  [
    request("GET /", basic("\x1b[2J\\x22\xff\0\r")),
    "\\x1b[2J\\x5cx22\\xff\\x00\\x0d",
    `"GET / HTTP/1.1" 200 14`,
  ],
];

const DATE =
  /^\[\d{2}\/(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)\/\d{4}:\d{2}:\d{2}:\d{2} \+0000\]$/;

Deno.test({
  name: "access_log writes one line a request, which no peer can forge",
  ignore: Deno.build.os === "windows", // a signal ends a process there
  fn: async () => {
    await using program = await startExample("access_log");
    using client = await RawClient.connect(program.port);
    for (const [wire] of rows) await client.ask(wire);
    client.close();
    program.signal("SIGTERM");
    assertEquals(await program.ended(), 0);
    assertMatch(program.stderr, /^GET \/broken failed: Error: broken\n/);
    const [listening = "", ...lines] = program.stdout.trimEnd().split("\n");
    assertMatch(listening, /^Listening on /);
    for (const [index, [, user, rest]] of rows.entries()) {
      const line = lines[index] ?? "";
      const [, name, date = "", end] =
        /^127\.0\.0\.1 - (\S+) (\[\S+ \S+\]) (".*)$/.exec(line) ?? [];
      assertEquals([line, name, end], [line, user, rest]);
      assertMatch(date, DATE);
    }
    assertEquals(lines.length, rows.length);
  },
});

const refused: readonly string[] = [
  `GET /" HTTP/1.1\r\nHost: a\r\n\r\n`,
  `GET /\n${FORGED} HTTP/1.1\r\nHost: a\r\n\r\n`,
  `GET /\x1b[2J HTTP/1.1\r\nHost: a\r\n\r\n`,
  `G"T / HTTP/1.1\r\nHost: a\r\n\r\n`,
];

Deno.test({
  name: "access_log logs what was no request, escaped",
  ignore: Deno.build.os === "windows", // as above
  fn: async () => {
    await using program = await startExample("access_log");
    for (const wire of refused) {
      using client = await RawClient.connect(program.port);
      assertEquals((await client.ask(wire)).status, 400);
      await client.toEnd();
    }
    program.signal("SIGTERM");
    assertEquals(await program.ended(), 0);
    const [, ...logged] = program.stdout.trimEnd().split("\n");
    assertEquals(logged.length, refused.length);
    for (const line of logged) {
      assert(
        /^127\.0\.0\.1 - - \[[^\]]+\] "[\x20\x21\x23-\x7e]+" 400 11$/.test(
          line,
        ),
        line,
      );
    }
    const lines = program.stderr.trimEnd().split("\n");
    assertEquals(lines.length, refused.length);
    for (const line of lines) {
      assert(/^127\.0\.0\.1 Cannot parse [\x20-\x7e]+$/.test(line), line);
    }
  },
});
