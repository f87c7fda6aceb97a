/** What a run consists of: the targets that can run here, and the cases they can do. */

import type { Part } from "./measure.ts";
import type { LoadOptions } from "./options.ts";
import type { Prepared, Target } from "./target.ts";

/**
 * Makes targets ready to run.
 *
 * @param folder A folder that is removed at the end.
 * @param notes Takes a sentence for each that is left out.
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

/** Every case with every number of connections, and who takes part. */
export function planParts(
  options: LoadOptions,
  prepared: ReadonlyMap<Target, Prepared>,
): readonly Part[] {
  return options.cases.flatMap((loadCase) => {
    const able = [...prepared].filter(([{ cases }]) =>
      cases?.includes(loadCase.name) ?? true
    );
    const targets = new Map(able.map(([{ name }, value]) => [name, value]));
    const counts = options.connections ?? loadCase.connections;
    return counts.map((connections) => ({ loadCase, connections, targets }));
  });
}

/** How many steps there are, if each target in each part takes so many. */
export function countSteps(parts: readonly Part[], each: number): number {
  return parts.reduce((sum, { targets }) => sum + targets.size, 0) * each;
}
