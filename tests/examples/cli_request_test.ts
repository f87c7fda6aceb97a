/** The command line's client: the requests that it sends, byte for byte. */

import { assertEquals } from "@std/assert";
import { run, ScriptedServer } from "../support/cli.ts";

const OK = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello";

const AGENT = "user-agent: khttp-cli/0.1";

/** A request of the given lines and body; `#` stands for the server's port. */
function wire(lines: readonly string[], body = ""): string {
  return lines.map((line) => `${line}\r\n`).join("") + "\r\n" + body;
}

interface SentCase {
  readonly name: string;
  readonly args: readonly string[];
  readonly sent: string;
  readonly input?: string;
}

/** In all of them `#` stands for the server's port. */
const sent: readonly SentCase[] = [
  {
    name: "GET unless a method is given",
    args: ["127.0.0.1:#"],
    sent: wire(["GET / HTTP/1.1", "host: 127.0.0.1:#", AGENT, "accept: */*"]),
  },
  {
    name: "method, path and query as typed, without the fragment",
    args: ["delete", "http://127.0.0.1:#/a/../b%20c?d=e#f"],
    sent: wire([
      "DELETE /a/../b%20c?d=e HTTP/1.1",
      "host: 127.0.0.1:#",
      AGENT,
      "accept: */*",
    ]),
  },
  {
    name: "a query without a path",
    args: ["GET", "localhost:#?q"],
    sent: wire(["GET /?q HTTP/1.1", "host: localhost:#", AGENT, "accept: */*"]),
  },
  {
    name: "POST with -d",
    args: ["127.0.0.1:#/x", "-d", "hello"],
    sent: wire([
      "POST /x HTTP/1.1",
      "host: 127.0.0.1:#",
      "content-length: 5",
      AGENT,
      "accept: */*",
      "content-type: text/plain",
    ], "hello"),
  },
  {
    name: "several -d as one, as a form",
    args: ["PUT", "127.0.0.1:#", "-d", "a=1", "-d", "b=2"],
    sent: wire([
      "PUT / HTTP/1.1",
      "host: 127.0.0.1:#",
      "content-length: 7",
      AGENT,
      "accept: */*",
      "content-type: text/plain",
    ], "a=1&b=2"),
  },
  {
    name: "-d @FILE with its length",
    args: ["127.0.0.1:#", "-d", "@static/hello.txt"],
    sent: wire([
      "POST / HTTP/1.1",
      "host: 127.0.0.1:#",
      `content-length: ${Deno.statSync("static/hello.txt").size}`,
      AGENT,
      "accept: */*",
      "content-type: application/octet-stream",
    ], Deno.readTextFileSync("static/hello.txt")),
  },
  {
    name: "-d - as a chunk, byte for byte",
    args: ["127.0.0.1:#", "-d", "-"],
    input: "a\xff\0b",
    sent: wire([
      "POST / HTTP/1.1",
      "host: 127.0.0.1:#",
      "transfer-encoding: chunked",
      AGENT,
      "accept: */*",
      "content-type: application/octet-stream",
    ], "4\r\na\xff\0b\r\n0\r\n\r\n"),
  },
  {
    name: "--json as content type and accepted type",
    args: ["127.0.0.1:#", "--json", "-d", "{}"],
    sent: wire([
      "POST / HTTP/1.1",
      "host: 127.0.0.1:#",
      "content-length: 2",
      AGENT,
      "accept: application/json",
      "content-type: application/json",
    ], "{}"),
  },
  {
    name: "-H in order, replacing the client's own",
    args: [
      ...["127.0.0.1:#", "-H", "X-B: 2", "-H", "X-A:1", "-H", "X-E;"],
      ...["-H", "User-Agent:", "-H", "Accept: text/html"],
    ],
    sent: wire([
      ...["GET / HTTP/1.1", "host: 127.0.0.1:#", "X-B: 2", "X-A: 1", "X-E: "],
      "Accept: text/html",
    ]),
  },
  {
    name: "-H in UTF-8",
    args: ["127.0.0.1:#", "-H", "X-A: caf\u00e9 \u65e5"],
    sent: wire([
      ...["GET / HTTP/1.1", "host: 127.0.0.1:#"],
      ...["X-A: caf\xc3\xa9 \xe6\x97\xa5", AGENT, "accept: */*"],
    ]),
  },
  {
    name: "-H host, connection and upgrade, which the client writes itself",
    args: [
      ...["127.0.0.1:#", "-H", "Host: b.example", "-H", "Upgrade: x"],
      ...["-H", "Connection: Upgrade"],
    ],
    sent: wire([
      ...["GET / HTTP/1.1", "host: b.example", "connection: Upgrade"],
      ...["Upgrade: x", AGENT, "accept: */*"],
    ]),
  },
  {
    name: "-H transfer-encoding as chunks",
    args: ["127.0.0.1:#", "-d", "ab", "-H", "transfer-encoding: chunked"],
    sent: wire([
      "POST / HTTP/1.1",
      "host: 127.0.0.1:#",
      "transfer-encoding: chunked",
      AGENT,
      "accept: */*",
      "content-type: text/plain",
    ], "2\r\nab\r\n0\r\n\r\n"),
  },
  {
    name: "-H expect, and the body after 100 Continue",
    args: ["127.0.0.1:#", "-d", "ab", "-H", "expect: 100-continue"],
    sent: wire([
      "POST / HTTP/1.1",
      "host: 127.0.0.1:#",
      "content-length: 2",
      "expect: 100-continue",
      AGENT,
      "accept: */*",
      "content-type: text/plain",
    ], "ab"),
  },
  {
    name: "--http1.0, with the length of the piped body",
    args: ["127.0.0.1:#", "--http1.0", "-d", "-"],
    input: "hello",
    sent: wire([
      "POST / HTTP/1.0",
      "host: 127.0.0.1:#",
      "content-length: 5",
      AGENT,
      "accept: */*",
      "content-type: application/octet-stream",
    ], "hello"),
  },
];

for (const { name, args, sent: expected, input } of sent) {
  // `--timing` uses the program's own connection instead of the client's.
  for (const path of [[], ["--timing"]]) {
    const how = path.length === 0 ? "by the client" : "on its own connection";
    Deno.test(`cli sends ${name}, ${how}`, async () => {
      await using server = new ScriptedServer([OK]);
      const filled = args.map((arg) => arg.replace("#", `${server.port}`));
      const outcome = await run(["-v", ...path, ...filled], {
        flags: ["--allow-read=static"],
        ...(input === undefined ? {} : { input }),
      });
      const text = expected.replaceAll("#", `${server.port}`);
      assertEquals(server.requests, [text]);
      assertEquals([outcome.code, outcome.stdout], [0, "hello"]);
      // `-v` shows exactly what was sent.
      const [head] = text.split("\r\n\r\n");
      const shown = outcome.stderr.match(/^> ?.*$/gm)?.join("\r\n");
      assertEquals(
        shown,
        head?.split("\r\n").map((line) => `> ${line}`.trimEnd()).join("\r\n"),
      );
    });
  }
}
