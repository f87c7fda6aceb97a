/** Pins every public name, so that a change to the surface shows in review. */
import { assert, assertEquals } from "@std/assert";

const root = new URL("../", import.meta.url);

/** Values and types that `mod.ts` exports, sorted. */
const publicNames: readonly string[] = [
  "Accepted",
  "Address",
  "BodyDecoder",
  "BodyInit",
  "BodyLimits",
  "BodyReader",
  "ChunkedDecoder",
  "Client",
  "ClientError",
  "ClientErrorCode",
  "ClientOptions",
  "ClientOptionsInit",
  "ClientPhase",
  "ClientResponse",
  "ClientResponseInit",
  "ConnectionSetupAction",
  "ConnectionSetupHook",
  "ConnectionTeardownHook",
  "Duplex",
  "EpollServeOptions",
  "ErrorHook",
  "ExchangeInit",
  "Handler",
  "HeadLimits",
  "Headers",
  "HeadersInit",
  "ListenAddress",
  "NEED_DATA",
  "PROTOCOL_ERROR_STATUS",
  "ParamNames",
  "Params",
  "PreRoutingAction",
  "PreRoutingHook",
  "ProceedOptions",
  "ProtocolError",
  "ProtocolErrorCode",
  "RequestContext",
  "RequestHead",
  "RequestTarget",
  "ResponseHandle",
  "ResponseHead",
  "ResponseHeadLimits",
  "RouteHandler",
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
  "TlsOptions",
  "TrailerSection",
  "UpgradedConnection",
  "formatHttpDate",
  "parseHttpDate",
  "parseRequestHead",
  "parseResponseHead",
];

interface DocumentedSymbol {
  readonly name: string;
  readonly declarations: readonly { readonly kind: string }[];
}

async function documentedSymbols(): Promise<readonly DocumentedSymbol[]> {
  const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["doc", "--json", "mod.ts"],
    cwd: root,
  }).output();
  assert(success, new TextDecoder().decode(stderr));
  const { nodes } = JSON.parse(new TextDecoder().decode(stdout)) as {
    nodes: Record<string, { symbols: DocumentedSymbol[] }>;
  };
  return Object.values(nodes).flatMap((module) => module.symbols)
    .filter((symbol) => symbol.name !== "default");
}

Deno.test("mod.ts exports exactly the names in publicNames", async () => {
  const names = (await documentedSymbols()).map(({ name }) => name).sort();
  assertEquals(
    names,
    [...publicNames],
    "The public names changed. If that is intended, make publicNames in " +
      `tests/public_api_test.ts this list: ${JSON.stringify(names)}`,
  );
});

Deno.test("mod.ts exports at run time the values among publicNames", async () => {
  const values = (await documentedSymbols())
    .filter(({ declarations }) =>
      declarations.some(({ kind }) =>
        kind !== "interface" && kind !== "typeAlias"
      )
    )
    .map(({ name }) => name).sort();
  const module = await import(new URL("mod.ts", root).href);
  assertEquals(Object.keys(module).sort(), values);
});
