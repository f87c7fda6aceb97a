/** Describes a measurement's environment: the machine, the runtime, the versions of the peers. */

import { cpus } from "node:os";

/** A machine and its runtime, as stored in the result files. */
export interface Machine {
  /** The model of the processor. */
  readonly cpu: string;
  readonly cores: number;
  /** The release of the operating system. */
  readonly kernel: string;
  readonly deno: string;
  readonly v8: string;
  /** The day in UTC, as `YYYY-MM-DD`. */
  readonly date: string;
}

/** Describes this machine. */
export function thisMachine(): Machine {
  return {
    cpu: cpus()[0]?.model.trim() ?? Deno.build.arch,
    cores: navigator.hardwareConcurrency,
    kernel: `${Deno.build.os} ${Deno.osRelease()}`,
    deno: Deno.version.deno,
    v8: Deno.version.v8,
    date: new Date().toISOString().slice(0, 10),
  };
}

/** The versions in the `npm:` specifiers of these sources, by package. */
export function peerVersions(
  sources: readonly string[],
): Readonly<Record<string, string>> {
  const specifier = /["']npm:((?:@[^/"']+\/)?[^@/"']+)@([^/"']+)/g;
  const found = sources.flatMap((source) =>
    [...source.matchAll(specifier)]
      .map(([, name = "", version = ""]) => [name, version] as const)
  );
  return Object.fromEntries(found.sort(([a], [b]) => a < b ? -1 : 1));
}

/** The machine as a table in Markdown. */
export function machineTable(
  machine: Machine,
  versions: Readonly<Record<string, string>>,
): string {
  const rows = [
    ["Processor", `${machine.cpu}, ${machine.cores} cores`],
    ["System", machine.kernel],
    ["Deno", `${machine.deno}, V8 ${machine.v8}`],
    ...Object.entries(versions).map(([name, version]) => [
      `\`${name}\``,
      version,
    ]),
    ["Day", machine.date],
  ];
  return [
    "| what | which |",
    "| --- | --- |",
    ...rows.map((row) => `| ${row.join(" | ")} |`),
  ].join("\n");
}
