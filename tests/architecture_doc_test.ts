/** Checks `docs/architecture.md` against the source: its files exist, and its states are those of the code. */

import { assert, assertEquals } from "@std/assert";
import { mayFollow, Phase } from "../server/connection/phase.ts";

const root = new URL("../", import.meta.url);
const page = Deno.readTextFileSync(new URL("docs/architecture.md", root));

/** Paths of all source files, relative to the repository. */
function sourceFiles(folder: string): string[] {
  return [...Deno.readDirSync(new URL(folder, root))].flatMap(
    ({ name, isDirectory }) =>
      isDirectory ? sourceFiles(`${folder}${name}/`) : [`${folder}${name}`],
  );
}

Deno.test("docs/architecture.md names only files that exist", () => {
  const folders = ["codec/", "router/", "server/", "tests/"];
  const files = [...folders.flatMap(sourceFiles), "mod.ts"];
  const named = page.match(/[\w/]*\b\w+\.ts\b/g) ?? [];
  const missing = named.filter((path) =>
    !files.some((file) => file === path || file.endsWith(`/${path}`))
  );
  assert(named.length > 20, "the page names files");
  assertEquals(missing, []);
});

Deno.test("docs/architecture.md has every state and every transition", () => {
  const shown = [...page.matchAll(/^\| ([A-Z_]+) +\|[^|]+\|([^|]+)\|/gm)]
    .map(([, state = "", next = ""]) =>
      `${state}: ${(next.match(/[A-Z_]{2,}/g) ?? []).toSorted().join(" ")}`
    );
  const phases = Object.entries(Phase);
  const expected = phases.map(([state, from]) => {
    const steps = phases.filter(([name, to]) =>
      name !== "CLOSED" && mayFollow(from, to)
    );
    return `${state}: ${steps.map(([name]) => name).toSorted().join(" ")}`;
  });
  assertEquals(shown, expected);
});
