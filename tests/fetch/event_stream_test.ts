/** Streams of server-sent events, alone and on each engine. */

import { assert, assertEquals, assertThrows } from "@std/assert";
import {
  type EventSource,
  eventStream,
  type EventStreamOptions,
  type ServerEvent,
} from "../../fetch/mod.ts";
import { toHandler } from "../../fetch/handler.ts";
import { testEngines } from "../support/engines.ts";
import { request as wireOf } from "../support/serve.ts";

type Events = AsyncGenerator<ServerEvent | string, void, void>;

Deno.test("eventStream() has the type, and is not stored", async () => {
  const response = eventStream(ReadableStream.from(["a"]));
  assertEquals([...response.headers], [
    ["cache-control", "no-store"],
    ["content-type", "text/event-stream"],
  ]);
  assertEquals(await response.text(), "data: a\n\n");
});

Deno.test("eventStream() keeps the caller's fields", () => {
  const { headers } = eventStream(ReadableStream.from(["a"]), {
    headers: { "Cache-Control": "no-cache", "x-a": "b" },
  });
  assertEquals([...headers], [
    ["cache-control", "no-cache"],
    ["content-type", "text/event-stream"],
    ["x-a", "b"],
  ]);
});

Deno.test("eventStream() sends the time to wait first", async () => {
  const response = eventStream(ReadableStream.from(["a"]), { retryMs: 500 });
  assertEquals(await response.text(), "retry: 500\n\ndata: a\n\n");
});

Deno.test("eventStream() refuses times that no timer has", () => {
  const source = ReadableStream.from(["a"]);
  for (const keepAliveMs of [0, -1, 1.5, Infinity, 2 ** 31]) {
    assertThrows(
      () => eventStream(source, { keepAliveMs }),
      RangeError,
      "keepAliveMs",
    );
  }
  assertThrows(() => eventStream(source, { retryMs: -1 }), RangeError, "retry");
});

Deno.test("eventStream() pulls an event when the one before it was taken", async () => {
  let given = 0;
  const { body } = eventStream(async function* (): Events {
    for (;;) yield String(given++);
  });
  const reader = body!.getReader();
  assertEquals(given, 0);
  await reader.read();
  await reader.read();
  assertEquals(given, 2);
  await reader.cancel();
});

Deno.test("eventStream() sends comments while the source is silent", async () => {
  const { promise, resolve } = Promise.withResolvers<void>();
  const { body } = eventStream(async function* (): Events {
    await promise;
    yield "late";
  }, { keepAliveMs: 1 });
  const reader = body!.pipeThrough(new TextDecoderStream()).getReader();
  assertEquals((await reader.read()).value, ":\n\n");
  assertEquals((await reader.read()).value, ":\n\n");
  resolve();
  let { value } = await reader.read();
  while (value === ":\n\n") ({ value } = await reader.read());
  assertEquals(value, "data: late\n\n");
  assertEquals((await reader.read()).done, true);
});

Deno.test("eventStream() ends its source and aborts the signal when it is canceled", async () => {
  const signals: AbortSignal[] = [];
  let isEnded = false;
  const { body } = eventStream(async function* (signal): Events {
    signals.push(signal);
    try {
      for (;;) yield "a";
    } finally {
      isEnded = true;
    }
  });
  const reader = body!.getReader();
  await reader.read();
  assertEquals(signals[0]?.aborted, false);
  await reader.cancel("left");
  assertEquals([isEnded, signals[0]?.aborted], [true, true]);
  assertEquals(signals[0]?.reason, "left");
});

Deno.test("eventStream() fails with its source, or with an event that cannot be sent", async () => {
  for (const fault of [new Error("broken"), null]) {
    let isEnded = false;
    const response = eventStream(async function* (): Events {
      try {
        yield "a";
        if (fault !== null) throw fault;
        yield { id: "a\nb" };
      } finally {
        isEnded = true;
      }
    });
    const message = await response.text().catch(String);
    const expected = fault === null ? "Cannot send event" : "broken";
    assert(message.includes(expected), message);
    assertEquals(isEnded, true);
  }
});

testEngines(
  "an event is sent at once, and the source ends when the client leaves",
  async (engine) => {
    const next = Promise.withResolvers<string>();
    const left = Promise.withResolvers<void>();
    await using server = engine.serve((app) =>
      app.get(
        "/events",
        toHandler((request) =>
          eventStream(async function* (signal): Events {
            yield {
              data: `after ${request.headers.get("last-event-id")}`,
              id: "8",
            };
            yield await next.promise;
            await new Promise<void>((resolve) =>
              signal.addEventListener("abort", () => resolve())
            );
            left.resolve();
          })
        ),
      )
    );
    const client = await server.connect();
    await client.send(wireOf("GET /events", "Last-Event-ID: 7\r\n"));
    const head = await client.head();
    assert(/^content-type: text\/event-stream\r$/im.test(head), head);
    assertEquals(await client.chunk(), "id: 8\ndata: after 7\n\n");
    next.resolve("second");
    assertEquals(await client.chunk(), "data: second\n\n");
    client.close();
    await left.promise;
  },
);

Deno.test("eventStream() refuses options that it does not know", () => {
  const options = { keepAlive: 5 } as EventStreamOptions;
  assertThrows(
    () => eventStream(async function* (): Events {}, options),
    TypeError,
    'Cannot set option "keepAlive": no such option',
  );
});

Deno.test("eventStream() refuses a source that gives no events", () => {
  for (const source of ["text", ["a"], null, () => undefined] as unknown[]) {
    const call = (): Response => eventStream(source as EventSource);
    assertThrows(call, TypeError, "Cannot stream events");
  }
});
