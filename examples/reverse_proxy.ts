/**
 * A reverse proxy in front of one origin: bodies stream both ways over kept
 * connections, interim responses and trailers pass, WebSockets are tunnelled,
 * and an origin that was away is used again as soon as it is back.
 *
 *     deno run --allow-net examples/reverse_proxy.ts HOST PORT [LISTEN_PORT] [DEADLINE_MS]
 *
 * The origin has DEADLINE_MS to accept a connection, and as long to begin its
 * answer. 503 says that it cannot be reached, 504 that it was too slow, 502
 * that it broke off or made no sense.
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

const [host, port, listenPort = "8080", deadline = "30000"] = Deno.args;
if (host === undefined || port === undefined) {
  console.error(
    "Usage: reverse_proxy.ts HOST PORT [LISTEN_PORT] [DEADLINE_MS]",
  );
  Deno.exit(2);
}

/** Names this process in `Via`, so that it knows its own requests (RFC 9110 §7.6). */
const PSEUDONYM = `khttp-${crypto.randomUUID().slice(0, 8)}`;

/** Protocols that are let through; h2c would carry requests past whatever looks at them here. */
const TUNNELLED: ReadonlySet<string> = new Set(["websocket"]);

/** Fields of one connection, named by `Connection` or not (RFC 9110 §7.6.1); `Expect` and framing are made anew. */
const HOP_BY_HOP: ReadonlySet<string> = new Set(
  "connection keep-alive proxy-connection proxy-authenticate proxy-authorization te transfer-encoding upgrade expect"
    .split(" "),
);

/** Fields that `Connection` may not take away: nobody means them for one hop, and the origin decides by them. */
const END_TO_END: ReadonlySet<string> = new Set(
  "host content-length content-type content-encoding content-range authorization cookie set-cookie cache-control via forwarded x-forwarded-for"
    .split(" "),
);

const upstream = new Client(
  `${host.includes(":") ? `[${host}]` : host}:${port}`,
  {
    // One exchange a client at most, so that the server's limit holds here too and nobody queues.
    maxConnections: Infinity,
    connectTimeout: Number(deadline),
    headTimeout: Number(deadline),
    // Longer than the server's own, so that a slow client is not taken for a slow origin.
    bodyTimeout: 60_000,
  },
);

const app = Server.builder(`127.0.0.1:${listenPort}`);

app.fallbackRoute(async (ctx, res) => {
  const { method, headers, signal } = ctx;
  // TRACE would show what was added on the way; a CONNECT to elsewhere is no reverse proxy's.
  if (method === "TRACE") return res.send(501);
  if (method === "CONNECT") return res.send(501, null, Headers.close);
  if (headers.get("via")?.includes(PSEUDONYM) === true) return res.send(508);
  if (method === "OPTIONS" && headers.get("max-forwards") === "0") {
    return res.ok(); // it was meant for us (RFC 9110 §7.6.2)
  }

  const protocol = offeredProtocol(ctx);
  using response = await upstream.exchange(method, targetOf(ctx), {
    headers: requestFields(ctx),
    body: hasBody(headers) ? ctx.body : null,
    signal, // a client that leaves takes its request along
    expectContinue: ctx.httpVersion === 1 && headers.has("expect"),
    // 100 is said by the server itself, when the origin wants the body.
    onInterim: (status, fields) => {
      if (status !== 100) res.informational(status, passedOn(fields));
    },
    ...(protocol === null ? {} : { upgrade: protocol }),
  });
  if (protocol !== null && response.upgraded !== null) {
    const client = await res.upgrade(protocol, passedOn(response.headers));
    return await tunnel(client, response.upgraded);
  }
  res.send(response.status, relay(response, res), passedOn(response.headers));
  await res.sent; // then the origin's connection is free, or cut if the client left
});

app.errorHook((error, ctx, res) => {
  if (res.isSent || ctx.signal.aborted || !(error instanceof ClientError)) {
    return; // a response that was begun is cut by the server
  }
  const { cause } = error;
  if (error.code === "BODY_FAILED" && cause instanceof ProtocolError) {
    return res.send(cause.status, null, Headers.close); // the client's fault
  }
  const status = Status.of(statusOf(error));
  report(`${status.code}: ${error.message}`);
  res.send(status, `${status.reason}\n`); // the reason behind it is nobody else's affair
});

/** Tells the operator, at most once a second. */
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

/** The body as it comes, and what follows it. */
async function* relay(
  response: ClientResponse,
  res: ResponseHandle,
): AsyncGenerator<Uint8Array> {
  yield* response.body;
  const { trailers } = response;
  if (trailers.count > 0) res.trailers(passedOn(trailers));
}

/** The target without an authority: the origin is asked by its own. */
function targetOf({ method, uri }: RequestContext): string {
  const isBare = method === "OPTIONS" && /^https?:\/\/[^/?]*$/i.test(`${uri}`);
  if (uri.form === "asterisk" || isBare) return "*"; // RFC 9112 §3.2.4
  // What browsers send raw in a query is no URI by the letter (RFC 3986 §2).
  return uri.pathAndQuery.replace(
    /[\\`{}]/g,
    (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}

/** Without this a GET would go out chunked; a length of 0 is the client's affair. */
function hasBody(headers: Headers): boolean {
  return headers.has("transfer-encoding") || (headers.contentLength ?? 0) > 0;
}

/** The first offer, if it may pass (RFC 9110 §7.8). */
function offeredProtocol(
  { httpVersion, headers }: RequestContext,
): string | null {
  if (httpVersion === 0 || !members(headers, "connection").has("upgrade")) {
    return null;
  }
  const [first = ""] = members(headers, "upgrade");
  return TUNNELLED.has(first) ? first : null;
}

/**
 * The client's fields and the trace that every hop adds.
 *
 * `Host` becomes the origin's own name, which the Client writes: what is asked
 * for depends on the proxy's settings alone, never on what a client claims, so
 * that it cannot choose among hosts that the origin serves. What the client
 * asked for stands in `Forwarded`.
 */
function requestFields(ctx: RequestContext): Headers {
  const fields = passedOn(ctx.headers);
  const asked = ctx.headers.get("host") ?? "";
  fields.remove("host");
  fields.remove("trailer"); // those of requests end here
  const hops = Number(fields.get("max-forwards"));
  if (ctx.method === "OPTIONS" && hops > 0) {
    fields.replace("max-forwards", String(hops - 1));
  }
  const { hostname } = ctx.conn.remoteAddr as Deno.NetAddr; // we listen on TCP
  const node = hostname.includes(":") ? `"[${hostname}]"` : hostname;
  append(fields, "via", `1.${ctx.httpVersion} ${PSEUDONYM}`);
  // Only the last member is ours to vouch for: the others are what we were told.
  append(fields, "x-forwarded-for", hostname);
  append(fields, "forwarded", `for=${node};host="${asked}";proto=http`);
  return fields;
}

/** Adds a member at the end; an open quotation before it would swallow it, so that is dropped. */
function append(fields: Headers, name: string, member: string): void {
  const told = fields.getAll(name).join(", ");
  const isWhole = /^(?:[^"\\]|"(?:[^"\\]|\\.)*")+$/.test(told);
  fields.replace(name, isWhole ? `${told}, ${member}` : member);
}

/** The fields that are meant for whoever is at the end (RFC 9110 §7.6.1). */
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

/** Moves octets both ways until both ends are done, or one fails. */
async function tunnel(
  client: Duplex,
  origin: UpgradedConnection,
): Promise<void> {
  const { conn, unread } = origin;
  try {
    await writeAll(client, unread);
    await Promise.all([pump(client, conn), pump(conn, client)]);
  } finally {
    client.close(); // the origin's end closes with its response
  }
}

/** Moves octets one way; the end of one side is the end of writing to the other. */
async function pump(from: Duplex, to: Duplex): Promise<void> {
  const buffer = new Uint8Array(65_536);
  for (;;) {
    const size = await from.read(buffer);
    if (size === null) break;
    await writeAll(to, buffer.subarray(0, size));
  }
  await to.closeWrite?.();
}

async function writeAll(to: Duplex, bytes: Uint8Array): Promise<void> {
  let rest = bytes;
  while (rest.length > 0) rest = rest.subarray(await to.write(rest));
}

const handle = app.build().serve();
const stop = (): void => void handle.shutdown({ deadline: 10_000 });
Deno.addSignalListener("SIGINT", stop);
if (Deno.build.os !== "windows") Deno.addSignalListener("SIGTERM", stop);
const { hostname, port: bound } = handle.addr as Deno.NetAddr; // a TCP address was given
console.log(`Listening on http://${hostname}:${bound}/ for ${host}:${port}`);
await handle.finished;
Deno.exit();
