/**
 * Metrics that follow the semantic conventions of OpenTelemetry. GET /metrics
 * returns them in Prometheus's format: there `http.server.request.duration` is
 * named `http_server_request_duration_seconds`.
 *
 *     deno run --allow-net=127.0.0.1 examples/metrics.ts [PORT]
 */
// deno-lint-ignore-file no-console

import {
  PreRoutingAction,
  type RequestContext,
  type ResponseHandle,
  ServerBuilder,
} from "@khttp/khttp";

type Labels = Readonly<Record<string, string>>;

/** Gauges and histograms, by name and labels. */
class Metrics {
  /** By metric, then by sample. */
  #samples: Map<string, Map<string, number>> = new Map();

  /** Adds to a gauge. */
  add(metric: string, difference: number, labels: Labels): void {
    this.#add(`${metric} gauge`, metric, difference, labels);
  }

  /** Adds a value to a histogram: counts it in each bucket whose upper bound it does not exceed. */
  record(metric: string, value: number, labels: Labels): void {
    const head = `${metric} histogram`;
    const bounds = metric.endsWith("_seconds") ? SECONDS : BYTES;
    for (const bound of bounds) {
      const le = bound === Infinity ? "+Inf" : `${bound}`;
      const count = value <= bound ? 1 : 0;
      this.#add(head, `${metric}_bucket`, count, { ...labels, le });
    }
    this.#add(head, `${metric}_sum`, value, labels);
    this.#add(head, `${metric}_count`, 1, labels);
  }

  /** Returns all metrics in Prometheus's text format. */
  toString(): string {
    let text = "";
    for (const [head, samples] of this.#samples) {
      text += `# TYPE ${head}\n`;
      for (const [sample, value] of samples) text += `${sample} ${value}\n`;
    }
    return text;
  }

  #add(head: string, name: string, value: number, labels: Labels): void {
    const samples = this.#samples.get(head) ?? new Map<string, number>();
    this.#samples.set(head, samples);
    const pairs = Object.entries(labels)
      .map(([key, text]) => `${key}=${JSON.stringify(text)}`);
    const sample = `${name}{${pairs.join(",")}}`;
    samples.set(sample, (samples.get(sample) ?? 0) + value);
  }
}

/** Upper bounds that the conventions recommend, in seconds. */
const SECONDS: readonly number[] = [
  ...[0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75],
  ...[1, 2.5, 5, 7.5, 10, Infinity],
];
const BYTES: readonly number[] = [0, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, Infinity];

/** Methods with their own label. All others share one, so that a client cannot create labels. */
const METHODS: ReadonlySet<string> = new Set(
  ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"],
);

/** A builder with a hook that measures requests. */
class MeasuredBuilder extends ServerBuilder {
  #metrics: Metrics;

  constructor(address: string, metrics: Metrics) {
    super(address);
    this.#metrics = metrics;
    this.preRoutingHook((req, res) => {
      this.#measure(req, res);
      return PreRoutingAction.proceed;
    });
  }

  /** Measures from the parsed head to the last byte of the response. */
  #measure(req: RequestContext, res: ResponseHandle): void {
    const sinceMs = performance.now();
    const { route } = req;
    const method = METHODS.has(req.method) ? req.method : "_OTHER";
    const begun = { http_request_method: method, url_scheme: "http" };
    const declared = req.headers.contentLength;
    this.#metrics.add("http_server_active_requests", 1, begun);
    const end = (fault: string | null): void => {
      const labels: Record<string, string> = { ...begun };
      if (route !== null) labels["http_route"] = route;
      if (res.status !== null) {
        labels["http_response_status_code"] = `${res.status}`;
      }
      const isFailed = res.status !== null && res.status >= 500;
      const error = fault ?? (isFailed ? `${res.status}` : null);
      if (error !== null) labels["error_type"] = error;
      const values = {
        http_server_request_duration_seconds: (performance.now() - sinceMs) /
          1000,
        http_server_request_body_size_bytes: declared ?? req.bodyBytes,
        http_server_response_body_size_bytes: res.bodyBytes,
      };
      for (const [metric, value] of Object.entries(values)) {
        this.#metrics.record(metric, value, labels);
      }
      this.#metrics.add("http_server_active_requests", -1, begun);
    };
    res.sent.then(() => end(null), (error) => end(error.name));
  }
}

const metrics = new Metrics();
const app = new MeasuredBuilder(`127.0.0.1:${Deno.args[0] ?? 8080}`, metrics);

app.get("/metrics", (_, res) => {
  const type = "text/plain; version=0.0.4; charset=utf-8";
  res.ok(metrics.toString(), { "content-type": type });
});
app.get("/user/:id", (ctx, res) => res.ok(ctx.params.get("id")));
app.post("/echo", (ctx, res) => res.ok(ctx.body));
app.get("/broken", () => {
  throw new Error("broken");
});

const handle = app.build().serve();
const stop = (): void => void handle.shutdown({ deadline: 10_000 });
Deno.addSignalListener("SIGINT", stop);
if (Deno.build.os !== "windows") Deno.addSignalListener("SIGTERM", stop);
console.log(`Listening on ${handle.url}/`);
await handle.finished;
Deno.exit();
