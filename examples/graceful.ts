/**
 * Graceful shutdown without lost responses, for a server whose load balancer polls
 * /ready.
 *
 *     deno run --allow-net=127.0.0.1 examples/graceful.ts [PORT] [DELAY_MS] [DEADLINE_MS]
 *
 * The first signal takes the program out of service: /ready answers 503, and
 * everything else continues for DELAY_MS, or until the balancer has asked. Then
 * the server accepts nothing more, and running responses have DEADLINE_MS to
 * finish. A second signal cuts them off immediately. The exit code is 0, or 1 if a
 * response was cut off.
 */
// deno-lint-ignore-file no-console

import { PreRoutingAction, Server } from "@khttp/khttp";

const [wanted = "8080", delayMs = "5000", deadlineMs = "10000"] = Deno.args;

/** How many times the balancer must see 503 before it stops sending requests. */
const NOTICES = 1;

/** Duration of one step of a slow response, in milliseconds. */
const STEP_MS = 50;

let notices = 0;
let running = 0;
let cut = 0;

const app = Server.builder(`127.0.0.1:${wanted}`);

// Counts running responses, from the request to the last byte sent.
app.preRoutingHook((_, res) => {
  running++;
  const end = (): void => void running--;
  res.sent.then(end, () => {
    end();
    if (handle.isDraining) cut++;
  });
  return PreRoutingAction.proceed;
});

app.get("/", (_, res) => res.ok("Hello, World!\n"));

app.get("/ready", (_, res) => {
  if (!handle.isDraining) return res.ok("ready\n");
  res.send(503, "not ready\n");
  // Of several calls, the earliest applies: this one ends the delay.
  const endDelay = (): void => void stopAfter(0);
  if (++notices >= NOTICES) res.sent.then(endDelay, endDelay);
});

// Sends the requested number of lines, one in each step.
app.get("/slow/:steps", (ctx, res) => {
  const steps = Number(ctx.params.get("steps"));
  if (!Number.isInteger(steps)) return res.send(400, "Not a number\n");
  async function* lines(): AsyncGenerator<string> {
    for (let step = 1; step <= steps; step++) {
      await new Promise((resolve) => setTimeout(resolve, STEP_MS));
      yield `${step}\n`;
    }
  }
  res.ok(lines(), { "content-type": "text/plain" });
});

const handle = app.build().serve();

function stopAfter(delay: number): Promise<void> {
  return handle.shutdown({ delay, deadline: Number(deadlineMs) });
}

function stop(): void {
  if (handle.isDraining) {
    console.log(`Forced to end, ${running} responses running`);
    handle.closeNow();
    return;
  }
  console.log(`No longer ready, ${running} responses running`);
  stopAfter(Number(delayMs));
}

Deno.addSignalListener("SIGINT", stop);
if (Deno.build.os !== "windows") Deno.addSignalListener("SIGTERM", stop);
console.log(`Listening on ${handle.url}/`);
await handle.finished;
console.log(`Ended, ${cut} responses cut`);
Deno.exit(cut === 0 ? 0 : 1);
