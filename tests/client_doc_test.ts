/** Checks `docs/client.md` against the source: its blocks run, and its tables are complete. */

import { assertEquals } from "@std/assert";
import { fileURLToPath } from "node:url";
import { DEFAULT_CLIENT_OPTIONS } from "../client/options.ts";
import { Server } from "../mod.ts";

const root = new URL("../", import.meta.url);
const page = await Deno.readTextFile(new URL("docs/client.md", root));

/** The first and second cell of each row of a part's tables whose first cell is code. */
function rowsOf(heading: string): [name: string, second: string][] {
  const part = page.split(`# ${heading}\n`)[1]?.split(/^##/m)[0] ?? "";
  return [...part.matchAll(/^\| `(\w+)` +\| (.*?) +\|/gm)]
    .map(([, name = "", second = ""]) => [name, second]);
}

Deno.test("the blocks of docs/client.md form a program that runs", async () => {
  const app = Server.builder("127.0.0.1:0");
  const seen: string[] = [];
  app.fallbackRoute(async (ctx, res) => {
    const length = (await ctx.body.bytes()).length;
    seen.push(`${ctx.method} ${ctx.uri.path}${length > 0 ? " body" : ""}`);
    res.json({ ok: true });
  });
  await using handle = app.build().serve();
  const program = [...page.matchAll(/^```ts\n(.*?)^```$/gms)]
    .map(([, code = ""]) => code).join("\n")
    .replaceAll("https://api.example", handle.url);
  const child = new Deno.Command(Deno.execPath(), {
    args: [
      ...["run", "--no-prompt", "--check", "--quiet"],
      `--config=${fileURLToPath(new URL("deno.json", root))}`,
      ...["--allow-net=127.0.0.1", "--allow-env", "-"],
    ],
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
    env: {
      ...{ HTTP_PROXY: "", HTTPS_PROXY: "", ALL_PROXY: "" },
      ...{ http_proxy: "", https_proxy: "", all_proxy: "" },
    },
  }).spawn();
  const writer = child.stdin.getWriter();
  await writer.write(new TextEncoder().encode(program));
  await writer.close();
  const { stdout, stderr } = await child.output();
  const output = new TextDecoder().decode(stdout) +
    new TextDecoder().decode(stderr);
  assertEquals(output, "200 { ok: true }\n");
  assertEquals(seen, [
    ...["POST /v1/users body", "POST /v1/login body", "POST /v1/photos body"],
    ...["GET /v1/me", "GET /v1/me", "POST /v1/payments body"],
    ...["GET /users", "GET /"],
  ]);
});

Deno.test("docs/client.md lists every option with its default", () => {
  const listed = rowsOf("Options");
  assertEquals(
    listed.map(([name]) => name).toSorted(),
    Object.keys(DEFAULT_CLIENT_OPTIONS).toSorted(),
  );
  const defaults = new Map<string, unknown>(
    Object.entries(DEFAULT_CLIENT_OPTIONS),
  );
  for (const [name, shown] of listed) {
    const value = defaults.get(name);
    const isList = Array.isArray(value) && value.length > 0;
    assertEquals(
      shown,
      isList ? shown : Array.isArray(value) ? "[]" : String(value),
      name,
    );
    for (const item of isList && name === "retryOn" ? value : []) {
      assertEquals(page.includes(`${item}`), true, `${item}`);
    }
  }
});

Deno.test("docs/client.md lists every code of an error, and every field of a request", async () => {
  const errors = await Deno.readTextFile(new URL("client/errors.ts", root));
  const codes = [...errors.matchAll(/^ {2}\| "([A-Z_]+)"/gm)]
    .map(([, code]) => code);
  assertEquals(rowsOf("Errors").map(([code]) => code), codes);
  const request = await Deno.readTextFile(new URL("client/request.ts", root));
  const [, init = ""] = request.split("export interface ExchangeInit {");
  const fields = [...(init.split("\n}")[0] ?? "").matchAll(/readonly (\w+)\?/g)]
    .map(([, name]) => name);
  assertEquals(
    rowsOf("Requests").map(([name]) => name).toSorted(),
    fields.toSorted(),
  );
});
