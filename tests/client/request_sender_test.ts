/** Writing a request: partial writes, stops, waits and failures. */

import { assert, assertEquals } from "@std/assert";
import { parseOrigin } from "../../client/origin.ts";
import { prepareRequest } from "../../client/request.ts";
import {
  RequestSender,
  type SenderEvents,
  type WritableConn,
} from "../../client/request_sender.ts";
import type { ExchangeInit } from "../../mod.ts";
import { decodeLatin1 } from "../support/latin1.ts";
import { Pieces } from "../support/client_exchange.ts";
import { FakeClock } from "../support/fake_clock.ts";
import { turn } from "../support/turns.ts";

const clock = new FakeClock();

/** A connection that accepts a few bytes a write, and stops the sender after some bytes. */
class Narrow implements SenderEvents {
  wire = "";
  sender: RequestSender;
  progress = 0;
  failure: unknown = null;
  sentCount = 0;

  constructor(
    init: ExchangeInit,
    readonly stopAt: number = Infinity,
    readonly width: number = 7,
  ) {
    const request = prepareRequest(
      { method: "POST", target: "/" },
      init,
      parseOrigin("a"),
    );
    const conn: WritableConn = { write: (bytes) => this.#take(bytes) };
    this.sender = new RequestSender(
      conn,
      request,
      this,
    );
  }

  progressed(): void {
    this.progress++;
  }

  sendFailed(_: RequestSender, error: unknown): void {
    this.failure = error;
  }

  sent(): void {
    this.sentCount++;
  }

  /** What was sent after the head. */
  get body(): string {
    return this.wire.slice(this.wire.indexOf("\r\n\r\n") + 4);
  }

  #take(bytes: Uint8Array): Promise<number> {
    const size = Math.min(bytes.length, this.width);
    this.wire += decodeLatin1(bytes.subarray(0, size));
    if (this.wire.length >= this.stopAt) this.sender.stop();
    return Promise.resolve(size);
  }
}

const LARGE = "x".repeat(20_000);

Deno.test("RequestSender sends a whole request through partial writes", async () => {
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
    await narrow.sender.send(clock, Infinity);
    assertEquals(narrow.body, body);
    assertEquals([narrow.sender.isFinished, narrow.sentCount], [true, 1]);
    assertEquals(narrow.progress > 5, true);
  }
});

Deno.test("RequestSender R148: a request that was stopped in the middle is not finished", async () => {
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
    await whole.sender.send(clock, Infinity);
    const last = whole.wire.length - 1;
    for (const stopAt of [1, 10, last - 6, last]) {
      const narrow = new Narrow(make(), stopAt, 1);
      await narrow.sender.send(clock, Infinity);
      assertEquals(narrow.wire.length, stopAt);
      assertEquals([narrow.sender.isFinished, narrow.sentCount], [false, 0]);
    }
  }
});

Deno.test("RequestSender waits for proceed(), the timeout or stop()", async () => {
  const init = { body: "hello", expectContinue: true };
  const going = new Narrow(init);
  const sending = going.sender.send(clock, Infinity);
  await turn();
  assertEquals(going.body, "");
  going.sender.proceed();
  going.sender.proceed();
  await sending;
  assertEquals([going.body, going.sender.isFinished], ["hello", true]);

  const timed = new Narrow(init);
  const waiting = timed.sender.send(clock, 1000);
  await turn();
  clock.advance(999);
  await turn();
  assertEquals(timed.body, "");
  clock.advance(1);
  await waiting;
  assertEquals([timed.body, timed.sender.isFinished], ["hello", true]);

  const stopped = new Narrow(init);
  const ending = stopped.sender.send(clock, 1000);
  await turn();
  stopped.sender.stop();
  await ending;
  assertEquals(clock.tickerCount, 0);
  assertEquals([stopped.body, stopped.sender.isFinished], ["", false]);
});

Deno.test("RequestSender distinguishes a failed body from a failed connection", async () => {
  const short = { body: new Pieces(["a"]), headers: { "content-length": "2" } };
  const failing = new Narrow(short);
  await failing.sender.send(clock, Infinity);
  assert(failing.failure instanceof RangeError);
  assert(failing.failure.message.includes("1 of 2"));
  assertEquals(failing.sender.bodyFailure, failing.failure);
  const cut = new Narrow({ body: "hello" });
  cut.progressed = () => {
    throw new Error("cut");
  };
  await cut.sender.send(clock, Infinity);
  assertEquals(cut.failure, new Error("cut"));
  assertEquals([cut.sender.bodyFailure, cut.sender.isFinished], [null, false]);
});
