/** Plans a run: which targets can run on this machine, and which cases they support. */

import type { Part } from "./measure.ts";
import type { LoadOptions } from "./options.ts";
import type { Prepared, Target } from "./target.ts";

/**
 * Prepares targets.
 *
 * @param folder A folder that is removed at the end.
 * @param notes A sentence is added for each target that is left out.
 */
export async function prepareTargets(
  targets: readonly Target[],
  folder: string,
  notes: string[],
): Promise<ReadonlyMap<Target, Prepared>> {
  const ready = new Map<Target, Prepared>();
  for (const target of targets) {
    const prepared = await target.prepare(folder);
    if (typeof prepared !== "string") ready.set(target, prepared);
    else notes.push(`${target.name} is left out: ${prepared}`);
  }
  return ready;
}

/** The versions of targets, by name. */
export function versionsOf(
  prepared: ReadonlyMap<Target, Prepared>,
): Readonly<Record<string, string>> {
  return Object.fromEntries(
    [...prepared].map(([{ name }, { version }]) => [name, version]),
  );
}

/** Every case with every number of connections and its targets. */
export function planParts(
  options: LoadOptions,
  prepared: ReadonlyMap<Target, Prepared>,
): readonly Part[] {
  return options.cases.flatMap((loadCase) => {
    const able = [...prepared].filter(([{ name, cases }]) =>
      (cases?.includes(loadCase.name) ?? true) &&
      (loadCase.targets?.includes(name) ?? true)
    );
    const targets = new Map(able.map(([{ name }, value]) => [name, value]));
    const counts = options.connections ?? loadCase.connections;
    return counts.map((connections) => ({ loadCase, connections, targets }));
  });
}

/** The total number of steps, given those of one target in one part. */
export function countSteps(parts: readonly Part[], each: number): number {
  return parts.reduce((sum, { targets }) => sum + targets.size, 0) * each;
}
