/** Which modules the import of the client loads: not those of features that a program may never use. */

import { assert, assertEquals } from "@std/assert";

const root = new URL("../../", import.meta.url);

interface ModuleInfo {
  readonly specifier: string;
  readonly dependencies?: readonly {
    readonly code?: { readonly specifier?: string };
    readonly isDynamic?: boolean;
  }[];
}

/** The modules that are loaded with an entry, without imports of types and those that run later. */
async function loadedWith(entry: string): Promise<string[]> {
  const { stdout } = await new Deno.Command(Deno.execPath(), {
    args: ["info", "--json", entry],
    cwd: root,
  }).output();
  const { modules } = JSON.parse(new TextDecoder().decode(stdout)) as {
    modules: readonly ModuleInfo[];
  };
  const bySpecifier = new Map(
    modules.map((module) => [module.specifier, module]),
  );
  const loaded = new Set<string>();
  const visit = (specifier: string): void => {
    if (loaded.has(specifier)) return;
    loaded.add(specifier);
    for (
      const { code, isDynamic } of bySpecifier.get(specifier)?.dependencies ??
        []
    ) {
      if (isDynamic !== true && code?.specifier !== undefined) {
        visit(code.specifier);
      }
    }
  };
  visit(new URL(entry, root).href);
  return [...loaded].map((specifier) => specifier.replace(root.href, ""));
}

Deno.test("the client loads its optional features when they are first used", async () => {
  const loaded = await loadedWith("client/mod.ts");
  const optional = [
    ...["agent_core", "connection_budget", "decoded_body", "exchange_chain"],
    ...["fetch_body", "fetch_exchange", "fetch_request", "fetch_response"],
    ...["origins", "progress", "proxy_tunnel", "redirect", "request_content"],
    ...["retry", "tls_conn"],
  ].map((name) => `client/${name}.ts`);
  for (const path of optional) await Deno.stat(new URL(path, root));
  assert(loaded.includes("client/exchange_runner.ts"));
  assertEquals(optional.filter((path) => loaded.includes(path)), []);
  assertEquals(loaded.filter((path) => path.startsWith("node:")), []);
});
