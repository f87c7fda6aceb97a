/** The examples of the entry `./fetch`: Hono, files, and server-sent events. */

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { Program } from "../support/program.ts";
import { RawClient } from "../support/raw_client.ts";
import { request } from "../support/serve.ts";

function start(name: string): Promise<Program> {
  return Program.start({
    args: [
      ...["run", "--no-prompt", "--allow-net=127.0.0.1"],
      ...[`examples/${name}.ts`, "0"],
    ],
  });
}

Deno.test("hono answers all its routes", async () => {
  await using program = await start("hono");
  const base = `http://127.0.0.1:${program.port}`;
  const textOf = async (path: string, body?: string): Promise<string> => {
    const init = body === undefined ? {} : { method: "POST", body };
    const response = await fetch(base + path, init);
    return `${response.status} ${await response.text()}`;
  };
  assertEquals(await textOf("/"), "200 Hello, Hono!");
  assertEquals(await textOf("/users/4%202"), '200 {"id":"4 2"}');
  assertEquals(await textOf("/sum", "[1,2]"), '200 {"sum":3}');
  assertEquals(await textOf("/sum", "{}"), "400 Send a list of numbers");
  assertEquals((await textOf("/none")).slice(0, 3), "404");
});

Deno.test("fetch_files serves a folder beside other answers", async () => {
  await using program = await Program.start({
    args: [
      ...["run", "--no-prompt", "--allow-net=127.0.0.1"],
      ...["--allow-read=static", "examples/fetch_files.ts", "0"],
    ],
  });
  const base = `http://127.0.0.1:${program.port}`;
  assertEquals(await (await fetch(base)).text(), "Hello, World!");
  const file = await fetch(`${base}/files/hello.txt`, {
    headers: { range: "bytes=0-1" },
  });
  const start = (await Deno.readTextFile("static/hello.txt")).slice(0, 2);
  assertEquals([file.status, await file.text()], [206, start]);
  const list = await (await fetch(`${base}/files/`)).text();
  assertStringIncludes(list, 'href="./hello.txt"');
  const none = await fetch(`${base}/files/none`);
  assertEquals([none.status, await none.text()], [
    404,
    "There is no such file",
  ]);
});

Deno.test("sse sends ticks, and each message to all clients", async () => {
  await using program = await start("sse");
  const base = `http://127.0.0.1:${program.port}`;
  const page = await (await fetch(base)).text();
  assertStringIncludes(page, 'new EventSource("/events")');
  const clients = [
    await RawClient.connect(program.port),
    await RawClient.connect(program.port),
  ];
  for (const client of clients) {
    await client.send(request("GET /events"));
    const head = await client.head();
    assert(/^content-type: text\/event-stream\r$/im.test(head), head);
  }
  const response = await fetch(`${base}/notes`, {
    method: "POST",
    body: "first\nid: 9",
  });
  assertEquals(response.status, 204);
  for (const client of clients) {
    let events = "";
    while (!events.includes("event: note")) events += await client.chunk();
    assertStringIncludes(events, "retry: 2000\n\nevent: tick\n");
    assertStringIncludes(
      events,
      "event: note\nid: 1\ndata: first\ndata: id: 9\n\n",
    );
    client.close();
  }
  // A client that has seen the message does not get it again.
  using again = await RawClient.connect(program.port);
  await again.send(request("GET /events", "Last-Event-ID: 1\r\n"));
  await again.head();
  await fetch(`${base}/notes`, { method: "POST", body: "second" });
  let events = "";
  while (!events.includes("event: note")) events += await again.chunk();
  assertStringIncludes(events, "id: 2\ndata: second\n\n");
});
