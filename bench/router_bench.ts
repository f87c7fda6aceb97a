/** Finding routes: `deno bench bench/router_bench.ts`. */

import { apiRouter, LITERAL_ROUTES, literalRouter } from "./fixtures.ts";

const literals = literalRouter().build();
const api = apiRouter().build();
const last = `/route${LITERAL_ROUTES - 1}`;
const octets = new TextEncoder().encode(`GET ${last}`);

Deno.bench("1,001 literal routes, by text", { group: "literal" }, () => {
  literals.match("GET", last);
});

Deno.bench("1,001 literal routes, by octets", { group: "literal" }, () => {
  literals.matchLiteralOctets(octets, 0, octets.length);
});

Deno.bench("300 routes of an API, two params", { group: "mixed" }, () => {
  api.match("GET", "/api/v1/resource42/17/items/4");
});

Deno.bench("300 routes of an API, wildcard", { group: "mixed" }, () => {
  api.match("GET", "/api/v1/resource42/files/a/b/c.txt");
});

Deno.bench("300 routes of an API, no such route", { group: "mixed" }, () => {
  api.match("GET", "/api/v2/resource42/17");
});
