/** The chat example: members in raw clients and, where it is installed, in Chromium. */

import { assertEquals } from "@std/assert";
import { Chromium, findChromium, untilTrue } from "../support/chromium.ts";
import { type Program, startExample } from "../support/program.ts";
import { RawClient } from "../support/raw_client.ts";
import { request } from "../support/serve.ts";
import { withDeadline } from "../support/with_deadline.ts";
import { FrameClient, HANDSHAKE } from "../websocket/client_frames.ts";
import { close, text } from "../websocket/frame_cases/case.ts";

const chromium = findChromium();

function join({ port }: Program, fields = ""): Promise<FrameClient> {
  const server = { connect: () => RawClient.connect(port) };
  return FrameClient.open(server, "/chat", fields);
}

Deno.test("chat passes each message on to all members", async () => {
  await using program = await startExample("chat");
  using one = await join(program);
  using other = await join(program, `Origin: http://a\r\n`);
  await one.send(text("hello"));
  for (const member of [one, other]) {
    assertEquals((await member.frame()).payload, "hello");
  }
});

Deno.test("chat refuses pages of other origins", async () => {
  await using program = await startExample("chat");
  using client = await RawClient.connect(program.port);
  const fields = `${HANDSHAKE}Origin: http://evil.example\r\n`;
  const answer = await client.ask(request("GET /chat", fields));
  assertEquals(answer.status, 403);
});

Deno.test("chat closes its members with 1001 when it stops", async () => {
  await using program = await startExample("chat");
  using member = await join(program);
  program.signal("SIGTERM");
  assertEquals((await member.frame()).payload, "\x03\xe9");
  await member.send(close(1001));
  assertEquals(await member.toEnd(), "");
  await member.end();
  assertEquals(await withDeadline(program.ended(), 10_000), 0);
});

Deno.test({
  name: "chat works in Chromium",
  ignore: chromium === null, // it is not installed
  fn: async () => {
    await using program = await startExample("chat");
    using member = await join(program);
    await using browser = await Chromium.start(chromium ?? "");
    const page = await browser.open(
      `http://127.0.0.1:${program.port}/?say=gr%C3%BC%C3%9Fe`,
    );
    const shows = (line: string): Promise<void> =>
      untilTrue(
        page,
        `[...document.querySelectorAll("li")].some((item) => item.textContent === ${
          JSON.stringify(line)
        })`,
      );
    await shows("connected");
    assertEquals((await member.frame()).payload, "gr\xc3\xbc\xc3\x9fe");
    assertEquals(await page("socket.protocol"), "chat");
    assertEquals(
      await page("socket.extensions"),
      "permessage-deflate; server_no_context_takeover",
    );
    // Both messages are long enough to be compressed, in one direction each.
    const long = "<b>long</b> ".repeat(200);
    await member.send(text(long));
    await shows(long);
    assertEquals((await member.frame()).payload, long);
    await page(`socket.send("again ".repeat(400))`);
    await page(`socket.send("again ".repeat(400))`);
    for (let i = 0; i < 2; i++) {
      assertEquals((await member.frame()).payload, "again ".repeat(400));
    }
    await page(`socket.send("x".repeat(5000))`);
    await shows("closed with code 1009");
  },
});
