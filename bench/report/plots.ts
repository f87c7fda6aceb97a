/** Plots and the names of their files, for light and dark pages. */

import {
  barPlot,
  DARK,
  LIGHT,
  type Line,
  linePlot,
  type Panel,
  type Theme,
} from "../plot.ts";

/** A plot of bars in panels, or of lines. */
export interface Plot {
  /** The prefix of the files' names. */
  readonly name: string;
  readonly title: string;
  readonly description: string;
  readonly panels?: readonly Panel[];
  readonly lines?: readonly Line[];
}

/** The plot in Markdown; a dark page shows the dark file. */
export function picture({ name, title }: Plot): string {
  return [
    "<picture>",
    `  <source media="(prefers-color-scheme: dark)" srcset="plots/${name}-dark.svg">`,
    `  <img alt="${
      title.replaceAll('"', "&quot;")
    }" src="plots/${name}-light.svg">`,
    "</picture>",
  ].join("\n");
}

/** The contents of the plot's files, by name. */
export function plotFiles(plot: Plot): (readonly [string, string])[] {
  return [
    [`${plot.name}-light.svg`, drawn(plot, LIGHT)],
    [`${plot.name}-dark.svg`, drawn(plot, DARK)],
  ];
}

function drawn(plot: Plot, theme: Theme): string {
  const { title, description, panels = [], lines } = plot;
  const options = { title, description, theme };
  if (lines === undefined) return barPlot(panels, options);
  return linePlot(lines, { x: "bytes", y: "ns" }, options);
}
