/** The example that measures requests. */

import { assert, assertEquals } from "@std/assert";
import { startExample } from "../support/program.ts";
import { RawClient } from "../support/raw_client.ts";
import { request } from "../support/serve.ts";

/** Sums of samples by their name and labels. */
async function readSamples(client: RawClient): Promise<Map<string, number>> {
  const { headers, body } = await client.ask(request("GET /metrics"));
  assertEquals(
    headers.get("content-type"),
    "text/plain; version=0.0.4; charset=utf-8",
  );
  const samples = new Map<string, number>();
  const metrics: string[] = [];
  for (const line of body.trimEnd().split("\n")) {
    const [, metric] = /^# TYPE (\w+) (?:gauge|histogram)$/.exec(line) ?? [];
    if (metric !== undefined) {
      assert(!metrics.includes(metric), `${metric} comes twice`);
      metrics.push(metric);
      continue;
    }
    const [, sample, value] = /^(\w+\{.*\}) (\S+)$/.exec(line) ?? [];
    assert(sample !== undefined && !samples.has(sample), line);
    assert(sample.startsWith(metrics.at(-1) ?? "?"), line);
    samples.set(sample, Number(value));
  }
  return samples;
}

const DURATION = "http_server_request_duration_seconds";
const REQUEST = "http_server_request_body_size_bytes";
const RESPONSE = "http_server_response_body_size_bytes";

function labels(method: string, rest: string): string {
  return `http_request_method="${method}",url_scheme="http",${rest}`;
}

const USER = labels(
  "GET",
  `http_route="/user/:id",http_response_status_code="200"`,
);
const ECHO = labels(
  "POST",
  `http_route="/echo",http_response_status_code="200"`,
);
const BROKEN = labels(
  "GET",
  `http_route="/broken",http_response_status_code="500",error_type="500"`,
);
const NOPE = labels("GET", `http_response_status_code="404"`);
const OTHER = labels(
  "_OTHER",
  `http_response_status_code="501",error_type="501"`,
);

const CHUNKED = "Transfer-Encoding: chunked\r\n";

const wires: readonly string[] = [
  ...["1", "22", "333"].map((id) => request(`GET /user/${id}`)),
  request("POST /echo", "", "abcde"),
  request("POST /echo", CHUNKED, "3\r\nabc\r\n0\r\n\r\n"),
  request("POST /echo", "", "x".repeat(2000)),
  request("GET /broken"),
  request("GET /nope"),
  request("BREW /"),
  request("STEW /"),
];

const expected: Readonly<Record<string, number>> = {
  [`${DURATION}_count{${USER}}`]: 3,
  [`${DURATION}_bucket{${USER},le="+Inf"}`]: 3,
  [`${DURATION}_count{${ECHO}}`]: 3,
  [`${DURATION}_count{${BROKEN}}`]: 1,
  [`${DURATION}_count{${NOPE}}`]: 1,
  [`${DURATION}_count{${OTHER}}`]: 2,
  [`${REQUEST}_sum{${USER}}`]: 0,
  [`${REQUEST}_bucket{${USER},le="0"}`]: 3,
  [`${REQUEST}_sum{${ECHO}}`]: 2008,
  [`${REQUEST}_bucket{${ECHO},le="0"}`]: 0,
  [`${REQUEST}_bucket{${ECHO},le="100"}`]: 2,
  [`${REQUEST}_bucket{${ECHO},le="10000"}`]: 3,
  [`${RESPONSE}_sum{${USER}}`]: 6,
  [`${RESPONSE}_sum{${ECHO}}`]: 2008,
  [`${RESPONSE}_count{${BROKEN}}`]: 1,
  [`http_server_active_requests{http_request_method="GET",url_scheme="http"}`]:
    1, // the one that asks
  [`http_server_active_requests{http_request_method="POST",url_scheme="http"}`]:
    0,
};

Deno.test("metrics counts and measures requests by their route and how they ended", async () => {
  await using program = await startExample("metrics");
  using client = await RawClient.connect(program.port);
  for (const wire of wires) await client.ask(wire);
  let samples = await readSamples(client);
  // The last answer may reach us before the server is told that it was sent.
  while (samples.get(`${DURATION}_count{${OTHER}}`) !== 2) {
    samples = await readSamples(client); // the client's deadline bounds this
  }
  for (const [sample, value] of Object.entries(expected)) {
    assertEquals([sample, samples.get(sample)], [sample, value]);
  }
  const sum = samples.get(`${DURATION}_sum{${USER}}`) ?? 0;
  assert(sum > 0 && sum < 30, `${sum} seconds`);
  const series = [...samples.keys()]
    .filter((sample) => sample.startsWith(`${DURATION}_count`));
  const route = `http_route="/metrics",http_response_status_code="200"`;
  assertEquals(
    series.filter((sample) => !sample.includes(route)).length,
    5,
  );
});

Deno.test("metrics counts running requests, and labels one that was cut off", async () => {
  await using program = await startExample("metrics");
  using client = await RawClient.connect(program.port);
  const running =
    `http_server_active_requests{http_request_method="POST",url_scheme="http"}`;
  const busy = await RawClient.connect(program.port);
  const begin = request("POST /echo", "Content-Length: 100000\r\n");
  await busy.send(begin + "x".repeat(20_000));
  await busy.head(); // the rest of the answer never comes
  assertEquals((await readSamples(client)).get(running), 1);
  busy.close();
  let samples = await readSamples(client);
  while (samples.get(running) !== 0) samples = await readSamples(client);
  const [cut = ""] = [...samples.keys()].filter((sample) =>
    sample.startsWith(`${DURATION}_count{http_request_method="POST"`)
  );
  assert(/status_code="200",error_type="\w+"/.test(cut), cut);
});
