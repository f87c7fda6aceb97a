/** Lists every public name, so that a change to the public API shows in review. */
import { assert, assertEquals } from "@std/assert";
import config from "../deno.json" with { type: "json" };

const root = new URL("../", import.meta.url);

/** Values and types that each entry exports, sorted. */
const publicNames: Readonly<Record<string, readonly string[]>> = {
  "mod.ts": [
    "Accepted",
    "Addr",
    "Address",
    "Agent",
    "AgentOptionsInit",
    "BodyInit",
    "BodyLimits",
    "BodyReader",
    "Client",
    "ClientConn",
    "ClientError",
    "ClientErrorCode",
    "ClientOptions",
    "ClientOptionsInit",
    "ClientPhase",
    "ClientResponse",
    "ConnectionSetupAction",
    "ConnectionSetupHook",
    "ConnectionTeardownHook",
    "CookieJar",
    "CookieOptions",
    "Duplex",
    "EpollServeOptions",
    "ErrorHook",
    "ExchangeInit",
    "FetchInit",
    "FieldName",
    "FileBody",
    "FileRange",
    "FileSource",
    "Forwarded",
    "ForwardedOptions",
    "ForwardedRequest",
    "Handler",
    "HeadLimits",
    "Headers",
    "HeadersInit",
    "HeadersRecord",
    "KnownFieldName",
    "ListenAddress",
    "NetAddr",
    "OpenFile",
    "OriginOptionsInit",
    "PROTOCOL_ERROR_STATUS",
    "ParamNames",
    "Params",
    "PeerCertificate",
    "PooledFetch",
    "PreRoutingAction",
    "PreRoutingHook",
    "ProblemDetails",
    "ProceedOptions",
    "ProgressCallback",
    "ProtocolError",
    "ProtocolErrorCode",
    "ProxyOption",
    "ProxyProtocolOptions",
    "Refusal",
    "RefusalHook",
    "RefusalResponse",
    "RequestBody",
    "RequestContext",
    "RequestTarget",
    "ResponseHandle",
    "RouteHandler",
    "SendFileOptions",
    "ServeOptions",
    "Server",
    "ServerBuilder",
    "ServerHandle",
    "ServerOptions",
    "ServerOptionsInit",
    "ShutdownOptions",
    "Status",
    "StreamedBody",
    "TargetForm",
    "ThreadedServeOptions",
    "TlsInfo",
    "TlsOptions",
    "TlsPair",
    "TlsSettings",
    "TransferProgress",
    "UnixAddr",
    "UpgradedConnection",
    "VsockAddr",
    "basic",
    "bearer",
    "createFetch",
    "forwardedFrom",
    "proxyFromEnvironment",
  ],
  "server/mod.ts": [
    "Accepted",
    "Addr",
    "Address",
    "BodyInit",
    "BodyLimits",
    "BodyReader",
    "ConnectionSetupAction",
    "ConnectionSetupHook",
    "ConnectionTeardownHook",
    "CookieOptions",
    "Duplex",
    "EpollServeOptions",
    "ErrorHook",
    "FieldName",
    "FileBody",
    "FileRange",
    "FileSource",
    "Forwarded",
    "ForwardedOptions",
    "ForwardedRequest",
    "Handler",
    "HeadLimits",
    "Headers",
    "HeadersInit",
    "HeadersRecord",
    "KnownFieldName",
    "ListenAddress",
    "NetAddr",
    "OpenFile",
    "PROTOCOL_ERROR_STATUS",
    "ParamNames",
    "Params",
    "PeerCertificate",
    "PreRoutingAction",
    "PreRoutingHook",
    "ProblemDetails",
    "ProceedOptions",
    "ProtocolError",
    "ProtocolErrorCode",
    "ProxyProtocolOptions",
    "Refusal",
    "RefusalHook",
    "RefusalResponse",
    "RequestContext",
    "RequestTarget",
    "ResponseHandle",
    "RouteHandler",
    "SendFileOptions",
    "ServeOptions",
    "Server",
    "ServerBuilder",
    "ServerHandle",
    "ServerOptions",
    "ServerOptionsInit",
    "ShutdownOptions",
    "Status",
    "StreamedBody",
    "TargetForm",
    "ThreadedServeOptions",
    "TlsInfo",
    "TlsOptions",
    "TlsPair",
    "TlsSettings",
    "UnixAddr",
    "VsockAddr",
    "forwardedFrom",
  ],
  "client/mod.ts": [
    "Addr",
    "Agent",
    "AgentOptionsInit",
    "BodyInit",
    "BodyReader",
    "Client",
    "ClientConn",
    "ClientError",
    "ClientErrorCode",
    "ClientOptions",
    "ClientOptionsInit",
    "ClientPhase",
    "ClientResponse",
    "CookieJar",
    "ExchangeInit",
    "FetchInit",
    "FieldName",
    "Headers",
    "HeadersInit",
    "HeadersRecord",
    "KnownFieldName",
    "NetAddr",
    "OriginOptionsInit",
    "PROTOCOL_ERROR_STATUS",
    "PooledFetch",
    "ProgressCallback",
    "ProtocolError",
    "ProtocolErrorCode",
    "ProxyOption",
    "RequestBody",
    "StreamedBody",
    "TransferProgress",
    "UnixAddr",
    "UpgradedConnection",
    "VsockAddr",
    "basic",
    "bearer",
    "createFetch",
    "proxyFromEnvironment",
  ],
  "codec/mod.ts": [
    "BodyDecoder",
    "BodyFeed",
    "BodyInit",
    "BodyLimits",
    "BodyMessage",
    "BodyReader",
    "ChunkedDecoder",
    "CookieOptions",
    "FieldName",
    "HeadLimits",
    "Headers",
    "HeadersInit",
    "HeadersRecord",
    "KnownFieldName",
    "NEED_DATA",
    "PROTOCOL_ERROR_STATUS",
    "ProtocolError",
    "ProtocolErrorCode",
    "RequestHead",
    "RequestTarget",
    "ResponseHead",
    "ResponseHeadLimits",
    "Status",
    "StreamedBody",
    "TargetForm",
    "TrailerSection",
    "encodeSetCookie",
    "formatHttpDate",
    "parseCookies",
    "parseHttpDate",
    "parseRequestHead",
    "parseResponseHead",
  ],
  "fetch/mod.ts": [
    "Addr",
    "EventSource",
    "EventStreamOptions",
    "FetchHandler",
    "FetchInfo",
    "FetchModule",
    "FetchServeOptions",
    "FetchServerHandle",
    "FetchTcpOptions",
    "FetchUnixOptions",
    "FetchableServer",
    "MemoryAddresses",
    "NetAddr",
    "ServerEvent",
    "UnixAddr",
    "VsockAddr",
    "eventStream",
    "serve",
    "toFetch",
    "toHandler",
  ],
  "files/mod.ts": [
    "CacheControl",
    "FileCacheOptions",
    "FileCompressionOptions",
    "FileHandler",
    "ServeDirOptions",
    "ServeFileOptions",
    "serveDir",
    "serveFile",
  ],
  "router/mod.ts": [
    "ParamNames",
    "Params",
    "RouteMatch",
    "Router",
    "RouterBuilder",
  ],
  "websocket/mod.ts": [
    "AcceptedWebSocket",
    "FaultCloseCode",
    "WebSocketClosed",
    "WebSocketData",
    "WebSocketDeflateOptions",
    "WebSocketFault",
    "WebSocketFaultCode",
    "WebSocketMessage",
    "WebSocketOptions",
    "WebSocketUpgrade",
    "acceptWebSocket",
    "upgradeWebSocket",
  ],
};

interface DocumentedSymbol {
  readonly name: string;
  readonly declarations: readonly { readonly kind: string }[];
}

async function documentedSymbols(
  entry: string,
): Promise<readonly DocumentedSymbol[]> {
  const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["doc", "--json", entry],
    cwd: root,
  }).output();
  assert(success, new TextDecoder().decode(stderr));
  const { nodes } = JSON.parse(new TextDecoder().decode(stdout)) as {
    nodes: Record<string, { symbols: DocumentedSymbol[] }>;
  };
  return Object.values(nodes).flatMap((module) => module.symbols)
    .filter((symbol) => symbol.name !== "default");
}

Deno.test("publicNames has every entry of the package", () => {
  const entries = Object.values(config.exports);
  assertEquals(
    entries.map((entry) => entry.slice("./".length)).sort(),
    Object.keys(publicNames).sort(),
  );
});

for (const [entry, expected] of Object.entries(publicNames)) {
  Deno.test(`${entry} exports exactly the names in publicNames, the values among them at run time`, async () => {
    const symbols = await documentedSymbols(entry);
    const names = symbols.map(({ name }) => name).sort();
    assertEquals(
      names,
      [...expected],
      "The public names changed. If that is intended, make the list in " +
        `tests/public_api_test.ts this one: ${JSON.stringify(names)}`,
    );
    const values = symbols
      .filter(({ declarations }) =>
        declarations.some(({ kind }) =>
          kind !== "interface" && kind !== "typeAlias"
        )
      )
      .map(({ name }) => name).sort();
    const module = await import(new URL(entry, root).href);
    assertEquals(Object.keys(module).sort(), values);
  });
}

/** Members that a documentation page shows, or must not show. */
const documented: readonly (readonly [
  symbol: string,
  shown: readonly string[],
  hidden: readonly string[],
])[] = [
  [
    "RequestContext",
    ["method", "uri", "query", "cookies", "route", "ip", "body", "params"],
    ["release", "isRewritten", "constructor"],
  ],
  ["Headers", ["get", "noDate"], ["release", "outgoing", "fromSection"]],
  ["ServerHandle", ["port", "url", "shutdown"], ["constructor"]],
  ["Server", ["builder", "serve"], ["constructor"]],
];

for (const [symbol, shown, hidden] of documented) {
  Deno.test(`the documentation of ${symbol} shows its members and no internals`, async () => {
    const { success, stdout } = await new Deno.Command(Deno.execPath(), {
      args: ["doc", `--filter=${symbol}`, "mod.ts"],
      cwd: root,
      env: { NO_COLOR: "1" },
    }).output();
    assert(success);
    const text = new TextDecoder().decode(stdout);
    const has = (name: string): boolean =>
      new RegExp(`^  (?:\\w+ )*${name}\\b[(:<]`, "m").test(text);
    assertEquals(shown.filter((name) => !has(name)), []);
    assertEquals(hidden.filter(has), []);
  });
}
