// deno-lint-ignore-file no-console
/**
 * A chat: a page and a WebSocket that passes each message on to all clients.
 *
 *     deno run --allow-net=127.0.0.1 examples/chat.ts [PORT]
 *
 * Pages of other origins are refused: a browser lets any page open a WebSocket
 * to this server (RFC 6455 §10.2).
 */

import { Server } from "@khttp/khttp";
import {
  type AcceptedWebSocket,
  acceptWebSocket,
} from "@khttp/khttp/websocket";

/** The longest message, in bytes. */
const MAX_MESSAGE_BYTES = 4096;

const PAGE = `<!doctype html>
<meta charset="utf-8">
<title>Chat</title>
<ul id="messages"></ul>
<form id="form"><input id="text" autofocus autocomplete="off"> <button>Send</button></form>
<script>
  const socket = new WebSocket("ws://" + location.host + "/chat", "chat");
  const show = (text) => {
    const item = document.createElement("li");
    item.textContent = text; // never as HTML: others wrote it
    document.getElementById("messages").append(item);
  };
  socket.onopen = () => {
    show("connected");
    const first = new URLSearchParams(location.search).get("say");
    if (first !== null) socket.send(first);
  };
  socket.onmessage = ({ data }) => show(data);
  socket.onclose = ({ code }) => show("closed with code " + code);
  document.getElementById("form").onsubmit = (event) => {
    event.preventDefault();
    const input = document.getElementById("text");
    socket.send(input.value);
    input.value = "";
  };
</script>
`;

const [port = "8080"] = Deno.args;
const app = Server.builder({ hostname: "127.0.0.1", port: Number(port) });
const members = new Set<AcceptedWebSocket>();

app.get("/", (_ctx, res) => {
  res.ok(PAGE, {
    "content-type": "text/html; charset=utf-8",
    "content-security-policy":
      "default-src 'none'; script-src 'unsafe-inline'; connect-src 'self'",
  });
});

app.get("/chat", async (ctx, res) => {
  const origin = ctx.headers.get("origin");
  if (origin !== null && origin !== `http://${ctx.headers.get("host")}`) {
    return res.send(403, "Open the page of this server\n");
  }
  const socket = await acceptWebSocket(ctx, res, {
    protocols: ["chat"],
    maxMessageBytes: MAX_MESSAGE_BYTES,
    maxBufferedBytes: 256 * 1024, // a member that reads too slowly is cut off
    permessageDeflate: true,
  });
  if (socket === null) return; // it was no WebSocket request, and is answered
  members.add(socket);
  for await (const message of socket) {
    for (const member of members) member.send(message);
  }
  members.delete(socket);
});

const handle = app.build().serve();
for (const signal of ["SIGINT", "SIGTERM"] as const) {
  Deno.addSignalListener(signal, () => {
    for (const member of members) member.close(1001);
    handle.shutdown({ deadline: 2000 });
  });
}
const { hostname, port: bound } = handle.addr as Deno.NetAddr; // a TCP address was given
console.log(`Listening on http://${hostname}:${bound}/`);
await handle.finished;
Deno.exit();
