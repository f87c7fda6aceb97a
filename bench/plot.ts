/**
 * Plots as SVG: bars in panels, and lines. Pure functions of their data; the
 * report measures and writes files. Each plot has a title and a description for
 * screen readers, and shows every value as text.
 */

/** The colours of a light or a dark plot. */
export interface Theme {
  /** Primary text. */
  readonly ink: string;
  /** Secondary text and lines. */
  readonly muted: string;
  /** Our bars. */
  readonly ours: string;
  /** The peers' bars. */
  readonly peer: string;
  /** Lines, in order. */
  readonly series: readonly string[];
}

/** Colours for a light page. */
export const LIGHT: Theme = {
  ink: "#1f2328",
  muted: "#59636e",
  ours: "#2a78d6",
  peer: "#a9b1ba",
  series: ["#2a78d6", "#c4501b", "#17845b"],
};

/** Colours for a dark page. */
export const DARK: Theme = {
  ink: "#e6edf3",
  muted: "#9198a1",
  ours: "#4c94ec",
  peer: "#565e68",
  series: ["#4c94ec", "#e8804c", "#35b283"],
};

/** One bar. */
export interface Bar {
  readonly label: string;
  /** The length, 0 or more. */
  readonly value: number;
  /** The label of the value. */
  readonly text: string;
  readonly isOurs: boolean;
}

/** Bars with a common scale. */
export interface Panel {
  readonly title: string;
  readonly bars: readonly Bar[];
}

/** One line through points. */
export interface Line {
  readonly label: string;
  readonly points: readonly (readonly [x: number, y: number])[];
}

/** Options of all plots. */
export interface PlotOptions {
  readonly title: string;
  /** The description for screen readers. */
  readonly description: string;
  readonly theme: Theme;
}

const WIDTH = 760;
const LABEL_WIDTH = 290;
const VALUE_WIDTH = 150;
/** The longest bar. */
const BAR_ROOM = WIDTH - LABEL_WIDTH - VALUE_WIDTH;
/** A bar that is longer than the shortest one by more than this factor is drawn with a gap. */
const MAX_TIMES_SHORTEST = 25;
const ROW_HEIGHT = 22;
const BAR_HEIGHT = 14;
const PANEL_TITLE_HEIGHT = 26;
const PANEL_GAP = 14;
const TITLE_HEIGHT = 40;
/** The smallest distance between the labels of two lines. */
const LABEL_GAP = 15;

/**
 * Draws panels of horizontal bars, one below the other; each has its own scale.
 * A bar of more than 25 times the length of the shortest one has a gap.
 */
export function barPlot(
  panels: readonly Panel[],
  options: PlotOptions,
): string {
  const parts: string[] = [];
  let top = TITLE_HEIGHT;
  for (const panel of panels) {
    parts.push(panelParts(panel, top, options.theme));
    top += PANEL_TITLE_HEIGHT + panel.bars.length * ROW_HEIGHT + PANEL_GAP;
  }
  return svg(top, options, parts);
}

function panelParts(
  { title, bars }: Panel,
  top: number,
  theme: Theme,
): string {
  const values = bars.map(({ value }) => value);
  const shortest = Math.min(...values.filter((value) => value > 0));
  const greatest = Math.min(Math.max(...values), shortest * MAX_TIMES_SHORTEST);
  const rows = bars.map(({ label, value, text: written, isOurs }, index) => {
    const y = top + PANEL_TITLE_HEIGHT + index * ROW_HEIGHT;
    const length = value > 0 ? Math.max(1, BAR_ROOM * value / greatest) : 1;
    const end = LABEL_WIDTH + round(Math.min(length, BAR_ROOM));
    const middle = y + BAR_HEIGHT / 2 + 4;
    const ink = isOurs ? theme.ink : theme.muted;
    return text(LABEL_WIDTH - 8, middle, label, ink, `text-anchor="end"`) +
      barParts(y, length, isOurs ? theme.ours : theme.peer) +
      text(end + 6, middle, written, ink);
  });
  const bold = `font-weight="600"`;
  return [text(0, top + 14, title, theme.ink, bold), ...rows].join("\n");
}

/** A bar, with a gap before its end if it is too long for the panel. */
function barParts(y: number, length: number, color: string): string {
  const rect = (x: number, width: number): string =>
    `<rect x="${x}" y="${y}" width="${round(width)}" ` +
    `height="${BAR_HEIGHT}" rx="2" fill="${color}"/>`;
  if (length <= BAR_ROOM) return rect(LABEL_WIDTH, length);
  const gap = BAR_ROOM - 18;
  return rect(LABEL_WIDTH, gap) + rect(LABEL_WIDTH + gap + 4, 14);
}

const LINE_PLOT = { left: 60, right: 160, height: 260, bottom: 44 } as const;
/** The position of the horizontal axis. */
const FLOOR = TITLE_HEIGHT + LINE_PLOT.height;

/** Converts values to positions. */
interface Scale {
  readonly greatestX: number;
  readonly greatestY: number;
  readonly atX: (x: number) => number;
  readonly atY: (y: number) => number;
}

/** Draws lines on a common scale from 0, each with a label at its end. */
export function linePlot(
  lines: readonly Line[],
  axes: { readonly x: string; readonly y: string },
  options: PlotOptions,
): string {
  const { theme } = options;
  const scale = scaleOf(lines);
  const { left } = LINE_PLOT;
  return svg(FLOOR + LINE_PLOT.bottom, options, [
    ...gridParts(scale, theme),
    ...lineParts(lines, scale, theme),
    text(left, FLOOR + 38, axes.x, theme.muted),
    text(left, TITLE_HEIGHT - 6, axes.y, theme.muted),
  ]);
}

function scaleOf(lines: readonly Line[]): Scale {
  const { left, right, height } = LINE_PLOT;
  const points = lines.flatMap((line) => line.points);
  const greatestX = Math.max(1, ...points.map(([x]) => x));
  const greatestY = Math.max(1, ...points.map(([, y]) => y));
  return {
    greatestX,
    greatestY,
    atX: (x) => round(left + (WIDTH - left - right) * x / greatestX),
    atY: (y) => round(FLOOR - height * y / greatestY),
  };
}

function gridParts(
  { greatestX, greatestY, atX, atY }: Scale,
  { muted }: Theme,
): string[] {
  const { left, right } = LINE_PLOT;
  const lines = stepsTo(greatestY).map((y) =>
    `<line x1="${left}" y1="${atY(y)}" x2="${WIDTH - right}" y2="${atY(y)}" ` +
    `stroke="${muted}" stroke-opacity="0.3"/>` +
    text(left - 8, atY(y) + 4, String(y), muted, `text-anchor="end"`)
  );
  const numbers = stepsTo(greatestX).map((x) =>
    text(atX(x), FLOOR + 18, String(x), muted, `text-anchor="middle"`)
  );
  return [...lines, ...numbers];
}

function lineParts(
  lines: readonly Line[],
  { atX, atY }: Scale,
  theme: Theme,
): string[] {
  const ends = lines.map(({ points }) => points.at(-1) ?? [0, 0] as const);
  const labelsY = apart(ends.map(([, y]) => atY(y)));
  return lines.map(({ label, points }, index) => {
    const color = theme.series[index % theme.series.length] ?? theme.ours;
    const path = points.map(([x, y]) => `${atX(x)},${atY(y)}`).join(" ");
    const labelX = atX(ends[index]?.[0] ?? 0) + 8;
    const labelY = (labelsY[index] ?? 0) + 4;
    return `<polyline points="${path}" fill="none" stroke="${color}" ` +
      `stroke-width="2"/>` + text(labelX, labelY, label, color);
  });
}

/** Moves positions up until none overlap; the lowest one stays. */
function apart(places: readonly number[]): number[] {
  const moved = [...places];
  const order = places.map((_, index) => index)
    .sort((a, b) => (places[b] ?? 0) - (places[a] ?? 0));
  let room = Infinity;
  for (const index of order) {
    moved[index] = Math.min(places[index] ?? 0, room);
    room = (moved[index] ?? 0) - LABEL_GAP;
  }
  return moved;
}

/** Four to eight round numbers from 0 to a value. */
function stepsTo(greatest: number): number[] {
  const power = 10 ** Math.floor(Math.log10(greatest));
  const unit = [0.2, 0.5, 1].find((part) => greatest / (power * part) <= 8) ??
    2;
  const steps: number[] = [];
  for (let at = 0; at <= greatest; at += power * unit) steps.push(round(at));
  return steps;
}

function svg(
  height: number,
  { title, description, theme }: PlotOptions,
  parts: readonly string[],
): string {
  const font = `system-ui, -apple-system, "Segoe UI", sans-serif`;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" ` +
    `width="${WIDTH}" height="${height}" role="img" ` +
    `aria-labelledby="title description" font-size="12" ` +
    `font-family="${escape(font)}">`,
    `<title id="title">${escape(title)}</title>`,
    `<desc id="description">${escape(description)}</desc>`,
    text(0, 14, title, theme.ink, `font-size="14" font-weight="600"`),
    ...parts,
    "</svg>\n",
  ].join("\n");
}

function text(
  x: number,
  y: number,
  content: string,
  color: string,
  attributes = "",
): string {
  return `<text x="${x}" y="${y}" fill="${color}" ${attributes}>` +
    `${escape(content)}</text>`;
}

/** Escapes text for elements and attributes. */
function escape(content: string): string {
  return content.replaceAll("&", "&amp;").replaceAll("<", "&lt;")
    .replaceAll(">", "&gt;").replaceAll('"', "&quot;");
}

function round(value: number): number {
  return Math.round(value * 100) / 100;
}
