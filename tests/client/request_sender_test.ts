import { assertEquals, assertRejects } from "@std/assert";
import { prepareRequest } from "../../client/request.ts";
import { RequestSender } from "../../client/request_sender.ts";
import type { ExchangeInit } from "../../mod.ts";
import { fromOctets } from "../support/raw_client.ts";
import { Pieces } from "../support/client_exchange.ts";

/** A connection that takes a few octets a write, and stops the sender at a time. */
class Narrow {
  sent = "";
  sender: RequestSender;
  progress = 0;
  sentCount = 0;

  constructor(
    init: ExchangeInit,
    readonly stopAt: number = Infinity,
    readonly width: number = 7,
  ) {
    const request = prepareRequest("POST", "/", init, "a");
    const conn: Pick<Deno.Conn, "write"> = {
      write: (bytes) => this.#take(bytes),
    };
    this.sender = new RequestSender(
      conn as Deno.Conn, // a sender only writes
      request,
      () => this.sentCount++,
    );
    this.sender.onProgress = () => this.progress++;
  }

  /** What stands behind the head. */
  get body(): string {
    return this.sent.slice(this.sent.indexOf("\r\n\r\n") + 4);
  }

  #take(bytes: Uint8Array): Promise<number> {
    const size = Math.min(bytes.length, this.width);
    this.sent += fromOctets(bytes.subarray(0, size));
    if (this.sent.length >= this.stopAt) this.sender.stop();
    return Promise.resolve(size);
  }
}

const LARGE = "x".repeat(20_000);

Deno.test("RequestSender sends all of a request through a narrow connection", async () => {
  for (
    const [init, body] of [
      [{}, ""],
      [{ body: "hello" }, "hello"],
      [{ body: LARGE }, LARGE],
      [
        { body: new Pieces(["hello", "you"]) },
        "5\r\nhello\r\n3\r\nyou\r\n0\r\n\r\n",
      ],
    ] as const
  ) {
    const narrow = new Narrow(init);
    await narrow.sender.send(Infinity);
    assertEquals(narrow.body, body);
    assertEquals([narrow.sender.isDone, narrow.sentCount], [true, 1]);
    assertEquals(narrow.progress > 5, true);
  }
});

Deno.test("RequestSender R148: a request that was stopped half-way is not done", async () => {
  const headers = { "content-length": "5" };
  for (
    const make of [
      () => ({ body: "hello" }),
      () => ({ body: LARGE }),
      () => ({ body: new Pieces(["hello", "you"]) }),
      () => ({ body: new Pieces(["hello"]), headers }),
    ]
  ) {
    const whole = new Narrow(make(), Infinity, 1);
    await whole.sender.send(Infinity);
    const last = whole.sent.length - 1;
    for (const stopAt of [1, 10, last - 6, last]) {
      const narrow = new Narrow(make(), stopAt, 1);
      await narrow.sender.send(Infinity);
      assertEquals(narrow.sent.length, stopAt);
      assertEquals([narrow.sender.isDone, narrow.sentCount], [false, 0]);
    }
  }
});

Deno.test("RequestSender waits for proceed(), the time, or stop()", async () => {
  const init = { body: "hello", expectContinue: true };
  const going = new Narrow(init);
  const sending = going.sender.send(Infinity);
  await new Promise((wake) => setTimeout(wake));
  assertEquals(going.body, "");
  going.sender.proceed();
  going.sender.proceed();
  await sending;
  assertEquals([going.body, going.sender.isDone], ["hello", true]);

  const timed = new Narrow(init);
  await timed.sender.send(1);
  assertEquals([timed.body, timed.sender.isDone], ["hello", true]);

  const stopped = new Narrow(init);
  const ending = stopped.sender.send(10_000); // leaves no timer behind
  await new Promise((wake) => setTimeout(wake));
  stopped.sender.stop();
  await ending;
  assertEquals([stopped.body, stopped.sender.isDone], ["", false]);
});

Deno.test("RequestSender tells a failed body from a failed connection", async () => {
  const short = { body: new Pieces(["a"]), headers: { "content-length": "2" } };
  const failing = new Narrow(short);
  await assertRejects(
    () => failing.sender.send(Infinity),
    RangeError,
    "1 of 2",
  );
  assertEquals(failing.sender.bodyFailure instanceof RangeError, true);
  const cut = new Narrow({ body: "hello" });
  cut.sender.onProgress = () => {
    throw new Error("cut");
  };
  await assertRejects(() => cut.sender.send(Infinity), Error, "cut");
  assertEquals([cut.sender.bodyFailure, cut.sender.isDone], [null, false]);
});
