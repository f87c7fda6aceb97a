import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import {
  barPlot,
  DARK,
  LIGHT,
  linePlot,
  type PlotOptions,
} from "../../bench/plot.ts";

const options: PlotOptions = {
  title: "Parsing",
  description: "Shorter is better.",
  theme: LIGHT,
};

/** The values of one attribute, in order. */
function attributes(svg: string, element: string, name: string): string[] {
  return [
    ...svg.matchAll(new RegExp(`<${element} [^>]*\\b${name}="([^"]*)"`, "g")),
  ]
    .map(([, value = ""]) => value);
}

const panel = {
  title: "one head",
  bars: [
    { label: "ours", value: 100, text: "100 ns", isOurs: true },
    { label: "peer", value: 400, text: "400 ns", isOurs: false },
  ],
};

Deno.test("barPlot() draws bars in proportion, ours in its own colour", () => {
  const svg = barPlot([panel], options);
  const [ours = NaN, peer = NaN] = attributes(svg, "rect", "width").map(Number);
  assertEquals(peer / ours, 4);
  assertEquals(attributes(svg, "rect", "fill"), [LIGHT.ours, LIGHT.peer]);
});

Deno.test("barPlot() gives each panel its own scale", () => {
  const large = panel.bars.map((bar) => ({ ...bar, value: bar.value * 1000 }));
  const svg = barPlot([panel, { title: "another", bars: large }], options);
  const widths = attributes(svg, "rect", "width");
  assertEquals(widths.slice(0, 2), widths.slice(2));
});

Deno.test("barPlot() draws a bar of zero without dividing by zero", () => {
  const bars = panel.bars.map((bar) => ({ ...bar, value: 0 }));
  const svg = barPlot([{ title: "none", bars }], options);
  assertEquals(attributes(svg, "rect", "width"), ["1", "1"]);
});

Deno.test("barPlot() interrupts a bar that is far longer than the shortest", () => {
  const bars = [...panel.bars, {
    label: "slow",
    value: 100_000,
    text: "0.1 ms",
    isOurs: false,
  }];
  const svg = barPlot([{ title: "one head", bars }], options);
  const starts = attributes(svg, "rect", "x").map(Number);
  const [ours = NaN, peer = NaN, long = NaN, end = NaN] = attributes(
    svg,
    "rect",
    "width",
  ).map(Number);
  assertEquals(peer / ours, 4);
  assert(long > peer && end > 0);
  assert(starts[3]! > starts[2]! + long, "a gap lies before the bar's end");
});

Deno.test("barPlot() describes in text what it shows", () => {
  const svg = barPlot([panel], { ...options, theme: DARK });
  assertStringIncludes(svg, `<title id="title">Parsing</title>`);
  assertStringIncludes(svg, `<desc id="description">Shorter is better.</desc>`);
  for (const told of ["one head", "ours", "peer", "100 ns", "400 ns"]) {
    assertStringIncludes(svg, `>${told}</text>`);
  }
});

Deno.test("barPlot() escapes XML markup", () => {
  const svg = barPlot([{ ...panel, title: `<a> & "b"` }], options);
  assertStringIncludes(svg, "&lt;a&gt; &amp; &quot;b&quot;");
  assert(!svg.includes("<a>"));
});

Deno.test("linePlot() draws each line through its points, on a scale from 0", () => {
  const svg = linePlot(
    [{ label: "plain", points: [[0, 0], [50, 50], [100, 100]] }],
    { x: "bytes", y: "ns" },
    options,
  );
  const [line = ""] = attributes(svg, "polyline", "points");
  const [start = [], middle = [], end = []] = line.split(" ")
    .map((point) => point.split(",").map(Number));
  for (const axis of [0, 1]) {
    // each point has two coordinates
    assertEquals(middle[axis]! * 2, start[axis]! + end[axis]!);
  }
  assert(end[1]! < start[1]!, "greater values stand higher");
});

Deno.test("linePlot() keeps the labels of close lines apart", () => {
  const near = ["one", "two", "three"].map((label, index) => ({
    label,
    points: [[10, 100 + index]] as const,
  }));
  const svg = linePlot(near, { x: "bytes", y: "ns" }, options);
  const places = near.map(({ label }) => {
    const [, y = ""] = svg.match(new RegExp(`y="([^"]*)"[^>]*>${label}<`)) ??
      [];
    return Number(y);
  }).sort((a, b) => a - b);
  for (const [index, place] of places.entries()) {
    if (index > 0) assert(place - (places[index - 1] ?? 0) >= 12);
  }
});
