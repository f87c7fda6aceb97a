/**
 * A reverse proxy for one origin: bodies stream in both directions over persistent
 * connections, interim responses and trailers are forwarded, WebSockets are
 * tunnelled, and an origin that was down is used again as soon as it is back.
 *
 *     deno run --allow-net=127.0.0.1,HOST:PORT \
 *       examples/reverse_proxy.ts HOST PORT [LISTEN_PORT] [DEADLINE_MS] [TUNNEL_MS]
 *
 * The origin has DEADLINE_MS to accept a connection, and again to start its
 * response. The proxy answers 503 if the origin cannot be reached, 504 if it is
 * too slow, and 502 if its response is invalid or incomplete. If the client
 * ends its connection before the response, the request to the origin is
 * cancelled. A tunnel closes when no byte has moved through it for TUNNEL_MS.
 *
 * Some responses that other proxies forward are a 502 here: several `Content-Length`
 * members, even equal ones (RFC 9112 §6.3 allows both); several lines of
 * `Content-Type`, of which a recipient may use any (RFC 9110 §5.3, §8.3); trailers
 * such as `Set-Cookie` that must not come after the body (RFC 9110 §6.5.1); and a
 * status from 600 to 999, which counts as a server error (RFC 9110 §15).
 */
// deno-lint-ignore-file no-console

import {
  Client,
  ClientError,
  type ClientResponse,
  type Duplex,
  Headers,
  ProtocolError,
  type RequestContext,
  type ResponseHandle,
  Server,
  Status,
  type UpgradedConnection,
} from "@khttp/khttp";

const [
  host,
  port,
  listenPort = "8080",
  deadline = "30000",
  tunnelMs = "60000",
] = Deno.args;
if (host === undefined || port === undefined) {
  console.error(
    "Usage: reverse_proxy.ts HOST PORT [LISTEN_PORT] [DEADLINE_MS] [TUNNEL_MS]",
  );
  Deno.exit(2);
}

/** Names this process in `Via`, so that it recognises a request that it sent itself (RFC 9110 §7.6.3). */
const PSEUDONYM = `khttp-${crypto.randomUUID().slice(0, 8)}`;

/** Protocols that are tunnelled. Requests inside h2c would bypass every check here. */
const TUNNELLED: ReadonlySet<string> = new Set(["websocket"]);

/** Fields that apply to one connection, even if `Connection` does not name them (RFC 9110 §7.6.1). `Expect` and framing are written by the client and the server. */
const HOP_BY_HOP: ReadonlySet<string> = new Set(
  "connection keep-alive proxy-connection proxy-authenticate proxy-authorization te transfer-encoding upgrade expect"
    .split(" "),
);

/** Fields that are kept even if `Connection` names them: they are end-to-end, and the origin's decisions depend on them. */
const END_TO_END: ReadonlySet<string> = new Set(
  "host content-length content-type content-encoding content-range authorization cookie set-cookie cache-control via forwarded x-forwarded-for"
    .split(" "),
);

const upstream = new Client(
  `${host.includes(":") ? `[${host}]` : host}:${port}`,
  {
    // Each client connection has at most one exchange, so the server's own limit is enough and no exchange queues.
    maxConnections: Infinity,
    connectTimeout: Number(deadline),
    headTimeout: Number(deadline),
    // Longer than the server's body timeout, so that a slow client is not mistaken for a slow origin.
    bodyTimeout: 60_000,
  },
);

const app = Server.builder(`127.0.0.1:${listenPort}`);

app.fallbackRoute(async (ctx, res) => {
  const { method, headers, signal } = ctx;
  // TRACE would reveal the fields added here; CONNECT is for forward proxies.
  if (method === "TRACE") return res.send(501);
  if (method === "CONNECT") return res.send(501, null, Headers.close);
  if (headers.get("via")?.includes(PSEUDONYM) === true) return res.send(508);
  if (method === "OPTIONS" && headers.get("max-forwards") === "0") {
    return res.ok(); // the proxy is the final recipient (RFC 9110 §7.6.2)
  }

  const protocol = offeredProtocol(ctx);
  using response = await upstream.exchange(method, targetOf(ctx), {
    headers: requestFields(ctx),
    body: hasBody(headers) ? ctx.body : null,
    signal, // cancels the request when the client disconnects
    expectContinue: ctx.httpVersion === 1 && headers.has("expect"),
    // The server sends 100 itself, when the origin asks for the body.
    onInterim: (status, fields) => {
      if (status !== 100) res.informational(status, passedOn(fields));
    },
    ...(protocol === null ? {} : { upgrade: protocol }),
  });
  if (response.status > 599) {
    return fail(res, 502, `Cannot forward status ${response.status}`);
  }
  if (protocol !== null && response.upgraded !== null) {
    const client = await res.upgrade(protocol, passedOn(response.headers));
    return await tunnel(client, response.upgraded);
  }
  res.send(response.status, relay(response, res), passedOn(response.headers));
  await res.sent; // `using` then releases the origin's connection, or closes it if the client has left
});

app.errorHook((error, ctx, res) => {
  if (res.isSent) return; // the server cuts off a response that has started
  if (ctx.signal.aborted) {
    return res.send(400, null, Headers.close); // the client disconnected, or ended inside its request
  }
  if (!(error instanceof ClientError)) return;
  const { cause } = error;
  if (error.code === "BODY_FAILED" && cause instanceof ProtocolError) {
    return res.send(cause.status, null, Headers.close); // the client's request body was invalid
  }
  fail(res, statusOf(error), error.message);
});

/** Answers with an error; the details are for the operator only. */
function fail(res: ResponseHandle, code: number, details: string): void {
  const status = Status.of(code);
  report(`${code}: ${details}`);
  res.send(status, `${status.reason}\n`);
}

/** Reports a failure to the operator, at most once a second. */
let nextReportMs = 0;
function report(text: string): void {
  if (performance.now() < nextReportMs) return;
  nextReportMs = performance.now() + 1000;
  console.error(text);
}

function statusOf(error: ClientError): number {
  if (error.code === "DEADLINE") return 504;
  return error.phase === "connect" ? 503 : 502;
}

/** Forwards the body as it arrives, then the trailers. */
async function* relay(
  response: ClientResponse,
  res: ResponseHandle,
): AsyncGenerator<Uint8Array> {
  yield* response.body;
  const { trailers } = response;
  if (trailers.count > 0) res.trailers(passedOn(trailers));
}

/** The target without its authority, since the client names the origin. */
function targetOf({ method, uri }: RequestContext): string {
  const isBare = method === "OPTIONS" && /^https?:\/\/[^/?]*$/i.test(`${uri}`);
  if (uri.form === "asterisk" || isBare) return "*"; // RFC 9112 §3.2.4
  // Browsers send these unescaped in a query, but RFC 3986 §2 does not allow them.
  return uri.pathAndQuery.replace(
    /[\\`{}]/g,
    (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}

/** Whether the request has a body. Without this check, a GET would be sent chunked. */
function hasBody(headers: Headers): boolean {
  return headers.has("transfer-encoding") || (headers.contentLength ?? 0) > 0;
}

/** The first protocol offered, if it may be tunnelled (RFC 9110 §7.8). */
function offeredProtocol(
  { httpVersion, headers }: RequestContext,
): string | null {
  if (httpVersion === 0 || !members(headers, "connection").has("upgrade")) {
    return null;
  }
  if (hasBody(headers)) return null; // the request is forwarded without the offer
  const [first = ""] = members(headers, "upgrade");
  return TUNNELLED.has(first) ? first : null;
}

/**
 * The client's fields, and those that every proxy adds.
 *
 * `Host` is removed, and `Client` writes the origin's own name. So the requested
 * host depends only on the proxy's settings: a client cannot choose among the hosts
 * that the origin serves. The host that the client sent is in `Forwarded`.
 */
function requestFields(ctx: RequestContext): Headers {
  const fields = passedOn(ctx.headers);
  const asked = ctx.headers.get("host") ?? "";
  fields.remove("host");
  fields.remove("trailer"); // request trailers are not forwarded
  const hops = Number(fields.get("max-forwards"));
  if (ctx.method === "OPTIONS" && hops > 0) {
    fields.replace("max-forwards", String(hops - 1));
  }
  const { hostname } = ctx.conn.remoteAddr as Deno.NetAddr; // we listen on TCP
  const node = hostname.includes(":") ? `"[${hostname}]"` : hostname;
  append(fields, "via", `1.${ctx.httpVersion} ${PSEUDONYM}`);
  // Only the last member is trustworthy: the client could have sent the others.
  append(fields, "x-forwarded-for", hostname);
  append(fields, "forwarded", `for=${node};host="${asked}";proto=http`);
  return fields;
}

/** Appends a member. An earlier value with an open quotation is dropped, since it would swallow the member. */
function append(fields: Headers, name: string, member: string): void {
  const received = fields.getAll(name).join(", ");
  const isWhole = /^(?:[^"\\]|"(?:[^"\\]|\\.)*")+$/.test(received);
  fields.replace(name, isWhole ? `${received}, ${member}` : member);
}

/** The end-to-end fields, which a proxy forwards (RFC 9110 §7.6.1). */
function passedOn(fields: Headers): Headers {
  const nominated = members(fields, "connection");
  const kept = new Headers();
  for (const [name, value] of fields) {
    const lower = name.toLowerCase();
    const isNominated = nominated.has(lower) && !END_TO_END.has(lower);
    if (!isNominated && !HOP_BY_HOP.has(lower)) kept.add(name, value);
  }
  return kept;
}

/** The members of a list of tokens, in lower case. */
function members(headers: Headers, name: string): Set<string> {
  const list = (headers.get(name) ?? "").toLowerCase().split(",");
  return new Set(list.map((member) => member.trim()).filter(Boolean));
}

/** Copies bytes in both directions until both sides have ended, one fails, or the tunnel is idle for too long. */
async function tunnel(
  client: Duplex,
  { conn, unread }: UpgradedConnection,
): Promise<void> {
  const idleMs = Number(tunnelMs);
  const idle = Promise.withResolvers<void>();
  let movedMs = performance.now();
  const onMoved = (): void => void (movedMs = performance.now());
  // A peer can vanish without a notice; the tunnel's two descriptors would stay
  // open forever.
  const timer = setInterval(() => {
    if (performance.now() - movedMs >= idleMs) idle.resolve();
  }, idleMs / 2);
  const up = pump(client, conn, onMoved);
  const down = writeAll(client, unread, onMoved)
    .then(() => pump(conn, client, onMoved));
  try {
    await Promise.race([idle.promise, Promise.all([up, down])]);
  } finally {
    clearInterval(timer);
    client.close(); // the origin's connection closes with its response
  }
}

/** Copies bytes in one direction; when the source ends, ends writing to the destination. */
async function pump(
  from: Duplex,
  to: Duplex,
  onMoved: () => void,
): Promise<void> {
  const buffer = new Uint8Array(65_536);
  for (;;) {
    const size = await from.read(buffer);
    if (size === null) break;
    onMoved();
    await writeAll(to, buffer.subarray(0, size), onMoved);
  }
  await to.closeWrite?.();
}

async function writeAll(
  to: Duplex,
  bytes: Uint8Array,
  onMoved: () => void,
): Promise<void> {
  for (let rest = bytes; rest.length > 0; onMoved()) {
    rest = rest.subarray(await to.write(rest));
  }
}

const handle = app.build().serve();
const stop = (): void => void handle.shutdown({ deadline: 10_000 });
Deno.addSignalListener("SIGINT", stop);
if (Deno.build.os !== "windows") Deno.addSignalListener("SIGTERM", stop);
console.log(`Listening on ${handle.url}/ for ${host}:${port}`);
await handle.finished;
Deno.exit();
