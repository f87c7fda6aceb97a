/** The table of a connection's phases, compared with the diagram in its file. */

import { assertEquals } from "@std/assert";
import { mayFollow, Phase } from "../../../server/connection/phase.ts";

const source = await Deno.readTextFile(
  new URL("../../../server/connection/phase.ts", import.meta.url),
);

/** The steps that the diagram shows, by the name of the phase. */
function stepsOf(diagram: string): ReadonlyMap<string, readonly string[]> {
  const steps = new Map<string, readonly string[]>();
  for (
    const [, from = "", to = ""] of diagram.matchAll(/^ \* (.+?) +→ (.+)$/gm)
  ) {
    steps.set(from, to.split(" "));
  }
  return steps;
}

const shown = stepsOf(source);

/** The steps that the table allows, in the order of the phases. */
function allowedFrom(from: Phase): string[] {
  return Object.entries(Phase)
    .filter(([, to]) => mayFollow(from, to))
    .map(([name]) => name);
}

for (const [name, from] of Object.entries(Phase)) {
  Deno.test(`${name} has exactly the transitions of the diagram`, () => {
    const anywhere = name === "CLOSED" ? [] : shown.get("any phase") ?? [];
    const expected = new Set([...shown.get(name) ?? [], ...anywhere]);
    assertEquals(
      allowedFrom(from),
      Object.keys(Phase).filter((to) => expected.has(to)),
    );
  });
}

Deno.test("the diagram names every phase with a transition", () => {
  const leaves = ["LINGER", "TAKEN_OVER", "CLOSED"];
  const expected = Object.keys(Phase).filter((name) => !leaves.includes(name));
  assertEquals([...shown.keys()], [...expected, "any phase"]);
});
