/**
 * Server-sent events, and a page that shows them. Each client gets a tick every
 * second, and the messages that any page sends.
 *
 *     deno run --allow-net=127.0.0.1 examples/sse.ts [PORT]
 */
// deno-lint-ignore-file no-console

import { Server } from "@khttp/khttp";
import { eventStream, toHandler } from "@khttp/khttp/fetch";

/** Messages that a client may have missed while it was not connected. */
const KEPT_MESSAGES = 100;

/** Largest message, in characters. */
const MAX_MESSAGE = 1000;

const messages: { readonly id: number; readonly text: string }[] = [];
const newMessage = new EventTarget();

/** Waits for the next message or for a second; returns at once if the client has left. */
function waitForNews(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      clearTimeout(timer);
      newMessage.removeEventListener("message", done);
      signal.removeEventListener("abort", done);
      resolve();
    };
    const timer = setTimeout(done, 1000);
    newMessage.addEventListener("message", done);
    signal.addEventListener("abort", done);
  });
}

/** The events of one client, from the message after `lastId` on. */
async function* eventsAfter(
  lastId: number,
  signal: AbortSignal,
): AsyncGenerator<{ id?: string; event: string; data: string }> {
  let last = lastId;
  while (!signal.aborted) {
    yield { event: "tick", data: new Date().toISOString() };
    for (const { id, text } of messages) {
      if (id <= last) continue;
      last = id;
      yield { id: String(id), event: "note", data: text };
    }
    await waitForNews(signal);
  }
}

const PAGE = `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>Server-sent events</title>
<p>Time on the server: <time id="time">unknown</time></p>
<form id="form"><input name="text" maxlength="${MAX_MESSAGE}" autofocus> <button>Send</button></form>
<ol id="notes"></ol>
<script>
  const events = new EventSource("/events");
  events.addEventListener("tick", ({ data }) => {
    document.getElementById("time").textContent = data;
  });
  events.addEventListener("note", ({ data }) => {
    const item = document.createElement("li");
    item.textContent = data;
    document.getElementById("notes").append(item);
  });
  document.getElementById("form").addEventListener("submit", (event) => {
    event.preventDefault();
    const { text } = event.target.elements;
    fetch("/notes", { method: "POST", body: text.value });
    text.value = "";
  });
</script>
`;

const app = Server.builder(`127.0.0.1:${Deno.args[0] ?? 8080}`, {
  maxBufferedBodyBytes: 4 * MAX_MESSAGE,
});
app.get("/", (_, res) => res.html(PAGE));
app.get(
  "/events",
  toHandler(({ headers }) => {
    // The browser says what it has seen when it connects again.
    const lastId = Number(headers.get("last-event-id") ?? 0) || 0;
    return eventStream((signal) => eventsAfter(lastId, signal), {
      retryMs: 2000,
    });
  }),
);
app.post("/notes", async (ctx, res) => {
  const text = (await ctx.body.text()).slice(0, MAX_MESSAGE);
  messages.push({ id: (messages.at(-1)?.id ?? 0) + 1, text });
  if (messages.length > KEPT_MESSAGES) messages.shift();
  newMessage.dispatchEvent(new Event("message"));
  res.send(204);
});

app.build().serve({
  onListen(addr): void {
    const { port } = addr as Deno.NetAddr; // it listens on a TCP address
    console.log(`Listening on http://127.0.0.1:${port}/`);
  },
});
