/**
 * A site of Astro, built with the packages from npm into a temporary folder, and
 * run as it is on `Deno.serve()` and on each engine of this package.
 */

import { assert } from "@std/assert";
import type { FetchModule } from "../../fetch/mod.ts";
import { assertSameAnswers } from "../support/framework_answers.ts";

const ASTRO = "astro@7.3.5";

const frameworks = new URL("frameworks/", import.meta.url);

/** What a page of Astro's documentation calls an adapter: it makes the build one module with `fetch()`. */
const CONFIG = `
const adapter = {
  name: "fetch",
  entrypointResolution: "auto",
  serverEntrypoint: new URL("server.mjs", import.meta.url).pathname,
  supportedAstroFeatures: { serverOutput: "stable" },
};
export default {
  output: "server",
  srcDir: "./frameworks/astro",
  vite: { ssr: { noExternal: true } },
  security: { checkOrigin: false },
  image: { service: { entrypoint: "astro/assets/services/noop" } },
  adapter: {
    name: "fetch",
    hooks: { "astro:config:done": ({ setAdapter }) => setAdapter(adapter) },
  },
};
`;
const SERVER = `
import { createApp } from "astro/app/entrypoint";
const app = createApp();
export default {
  fetch: (request) => app.render(request, { addCookieHeader: true }),
};
`;

async function run(
  cwd: string,
  command: string,
  args: readonly string[],
): Promise<void> {
  const { success, stdout, stderr } = await new Deno.Command(command, {
    args: [...args],
    cwd,
    env: { ASTRO_TELEMETRY_DISABLED: "1" },
  }).output();
  const decoder = new TextDecoder();
  assert(
    success,
    `${command} ${args}: ${decoder.decode(stdout)}${decoder.decode(stderr)}`,
  );
}

async function copyFolder(from: URL, to: string): Promise<void> {
  await Deno.mkdir(to, { recursive: true });
  for await (const { name, isDirectory } of Deno.readDir(from)) {
    const encoded = encodeURIComponent(name);
    if (isDirectory) {
      await copyFolder(new URL(`${encoded}/`, from), `${to}/${name}`);
    } else await Deno.copyFile(new URL(encoded, from), `${to}/${name}`);
  }
}

/** Builds the site in `folder` and loads its module. */
async function buildSite(folder: string): Promise<FetchModule> {
  await copyFolder(
    new URL("astro/", frameworks),
    `${folder}/frameworks/astro`,
  );
  await Deno.copyFile(
    new URL("pieces.ts", frameworks),
    `${folder}/frameworks/pieces.ts`,
  );
  await Deno.writeTextFile(`${folder}/package.json`, '{ "type": "module" }');
  await Deno.writeTextFile(`${folder}/astro.config.mjs`, CONFIG);
  await Deno.writeTextFile(`${folder}/server.mjs`, SERVER);
  await run(folder, "npm", [
    ...["install", "--no-save", "--no-audit", "--no-fund"],
    ...["--ignore-scripts", "--prefer-offline", ASTRO],
  ]);
  await run(folder, Deno.execPath(), [
    ...["run", "-A", "node_modules/astro/bin/astro.mjs", "build"],
  ]);
  const built = await import(`file://${folder}/dist/server/entry.mjs`);
  return built.default;
}

Deno.test("a built site of Astro gives the same answers as on Deno.serve()", async () => {
  const folder = await Deno.makeTempDir();
  try {
    await assertSameAnswers(await buildSite(folder));
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
