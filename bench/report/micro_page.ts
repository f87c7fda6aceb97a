/**
 * The page's sections on the `deno bench` files, one for each file. A section has
 * the text of the file's header, plots, and a table for each group.
 */

import type { Bar, Line, Panel } from "../plot.ts";
import type { MicroFile, MicroGroup, MicroResult } from "./micro.ts";
import { picture, type Plot } from "./plots.ts";

/** A section of the page and its plots. */
export interface Section {
  readonly markdown: string;
  readonly plots: readonly Plot[];
}

/** Groups with this prefix are plotted as lines over the size in their name. */
const CROSSING = "crossing point: ";

/** Whether a contender belongs to this library. */
function isOurs({ name, isBaseline }: MicroResult): boolean {
  return isBaseline || /^(khttp|ours)\b/i.test(name);
}

/** Renders the section of a file. */
export function microSection(
  fileName: string,
  source: string,
  file: MicroFile,
): Section {
  const { title, text } = headerOf(source, fileName);
  const plots = plotsOf(fileName, title, file);
  const runs = file.rounds === 1 ? "one round" : `${file.rounds} rounds`;
  const lines = file.groups.filter(({ name }) => name.startsWith(CROSSING));
  return {
    plots,
    markdown: [
      `## ${title}`,
      ...text === "" ? [] : [text],
      `[${fileName}](${fileName}), ${runs}, ${file.date}, load average up to ${
        file.loadAverage.toFixed(1)
      }.`,
      ...lines.length > 0 ? [crossingText(lines)] : [],
      ...plots.map(picture),
      ...file.groups.map(groupTable),
    ].join("\n\n"),
  };
}

/** Lists the groups in which a peer is faster than all our contenders. */
export function lostGroups(files: readonly MicroFile[]): string[] {
  return files.flatMap(({ groups }) => groups).flatMap(({ name, results }) => {
    const ours = results.filter(isOurs);
    const peers = results.filter((result) => !isOurs(result));
    const best = Math.min(...ours.map(({ timesBaseline }) => timesBaseline));
    const ahead = peers.filter(({ timesBaseline }) => timesBaseline < best);
    if (ours.length === 0 || ahead.length === 0) return [];
    const list = ahead.map((peer) =>
      `${peer.name} takes ${ratioText(peer.timesBaseline / best)} the time`
    );
    return [`${name}: ${list.join(", ")}`];
  });
}

/** The title and the text of a file's header. */
function headerOf(
  source: string,
  fileName: string,
): { title: string; text: string } {
  const [, comment = ""] = source.match(/^\s*\/\*\*([\s\S]*?)\*\//) ?? [];
  const paragraphs = comment.replaceAll(/^ *\* ?/gm, "").trim().split("\n\n")
    .map((paragraph) => paragraph.replaceAll("\n", " ").trim());
  const [first = ""] = paragraphs;
  const [title = ""] = first.split(":");
  return {
    title: title === "" ? fileName : title,
    text: paragraphs.slice(1).join("\n\n"), // the first paragraph has the title and the command
  };
}

/** The table of a group. */
function groupTable({ name, results }: MicroGroup): string {
  return [
    `### ${name[0]?.toUpperCase() ?? ""}${name.slice(1)}`,
    "",
    "| contender | fastest batch | all calls | times the first |",
    "| --- | ---: | ---: | ---: |",
    ...results.map((result) =>
      `| ${result.isBaseline ? `**${result.name}**` : result.name} | ${
        timeText(result.nanoseconds)
      } | ${timeText(result.averageNanoseconds)} | ${
        ratioText(result.timesBaseline)
      } |`
    ),
  ].join("\n");
}

/** States the size from which each SIMD variant is faster than the plain parser. */
function crossingText(groups: readonly MicroGroup[]): string {
  const names = groups[0]?.results.map(({ name }) => name) ?? [];
  const timeOf = (group: MicroGroup, wanted: string): number =>
    group.results.find(({ name }) => name === wanted)?.nanoseconds ?? NaN;
  const plain = names.find((name) => name.includes("plain")) ?? "";
  return names.filter((name) => name !== plain).map((name) => {
    const slowest = groups.findLastIndex((group) =>
      timeOf(group, name) >= timeOf(group, plain)
    );
    const from = groups[slowest + 1];
    if (slowest === -1) {
      return `${name}: faster than the plain parser at every size.`;
    }
    return from === undefined
      ? `${name}: not faster than the plain parser at the measured sizes.`
      : `${name}: faster than the plain parser from ${sizeOf(from)} bytes on.`;
  }).join(" ");
}

function sizeOf({ name }: MicroGroup): number {
  return Number.parseInt(name.slice(CROSSING.length));
}

/** One plot for all groups that share the part of their name before a colon. */
function plotsOf(fileName: string, title: string, file: MicroFile): Plot[] {
  const families = new Map<string, MicroGroup[]>();
  for (const group of file.groups) {
    const [family = ""] = group.name.split(":");
    const key = group.name.includes(":") ? family : "";
    families.set(key, [...families.get(key) ?? [], group]);
  }
  return [...families].map(([family, groups]) => {
    const stem = `${fileName.replace(/_bench\.ts$/, "")} ${family}`.trim();
    const name = stem.toLowerCase().replaceAll(/[^a-z0-9]+/g, "-");
    const heading = family === "" ? title : `${title}: ${family}`;
    if (`${family}: ` === CROSSING) {
      const lines = linesOf(groups);
      return { name, title: heading, description: DESCRIPTION, lines };
    }
    const panels = groups.map((group) => panelOf(group, family));
    return { name, title: heading, description: DESCRIPTION, panels };
  });
}

const DESCRIPTION =
  "Time a call of each contender, shorter is better; the tables below the plot have the same figures.";

function panelOf({ name, results }: MicroGroup, family: string): Panel {
  const title = family === "" ? name : name.slice(family.length + 1).trim();
  const bars = results.map((result): Bar => ({
    label: result.name,
    value: result.timesBaseline,
    text: result.isBaseline
      ? timeText(result.nanoseconds)
      : `${timeText(result.nanoseconds)} · ${ratioText(result.timesBaseline)}×`,
    isOurs: isOurs(result),
  }));
  return { title, bars };
}

function linesOf(groups: readonly MicroGroup[]): Line[] {
  const names = groups[0]?.results.map(({ name }) => name) ?? [];
  return names.map((label) => ({
    label,
    points: groups.flatMap((group) =>
      group.results.filter(({ name }) => name === label)
        .map(({ nanoseconds }) => [sizeOf(group), nanoseconds] as const)
    ),
  }));
}

/** A time with a fitting unit. */
export function timeText(nanoseconds: number): string {
  if (nanoseconds < 1000) return `${nanoseconds.toPrecision(3)} ns`;
  if (nanoseconds < 1e6) return `${(nanoseconds / 1e3).toPrecision(3)} µs`;
  return `${(nanoseconds / 1e6).toPrecision(3)} ms`;
}

function ratioText(ratio: number): string {
  if (ratio < 10) return ratio.toFixed(2);
  return ratio < 100 ? ratio.toFixed(1) : ratio.toFixed(0);
}
