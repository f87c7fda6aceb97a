/** What the benchmarks feed: heads of real clients, and sets of routes. */

import { RouterBuilder } from "../router/router.ts";

const encoder = new TextEncoder();

/** A head as load generators send it, 40 bytes. */
export const SHORT_HEAD: Uint8Array = encoder.encode(
  "GET / HTTP/1.1\r\nHost: 127.0.0.1:8080\r\n\r\n",
);

/** A head as a current browser sends it. */
export const BROWSER_HEAD: Uint8Array = encoder.encode(
  "GET /user/42?tab=settings HTTP/1.1\r\n" +
    "Host: localhost:8080\r\n" +
    "Connection: keep-alive\r\n" +
    'sec-ch-ua: "Chromium";v="140", "Not=A?Brand";v="24"\r\n' +
    "sec-ch-ua-mobile: ?0\r\n" +
    'sec-ch-ua-platform: "Linux"\r\n' +
    "Upgrade-Insecure-Requests: 1\r\n" +
    "User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36\r\n" +
    "Accept: text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8\r\n" +
    "Sec-Fetch-Site: none\r\n" +
    "Sec-Fetch-Mode: navigate\r\n" +
    "Sec-Fetch-Dest: document\r\n" +
    "Accept-Encoding: gzip, deflate, br, zstd\r\n" +
    "Accept-Language: en-US,en;q=0.9\r\n" +
    "Cookie: session=abcdefghijklmnopqrstuvwxyz0123456789; theme=dark\r\n" +
    "\r\n",
);

/** A head with 50 fields. */
export const LONG_HEAD: Uint8Array = encoder.encode(
  "GET /reports/2026/summary HTTP/1.1\r\nHost: api.example.org\r\n" +
    Array.from(
      { length: 49 },
      (_, i) => `X-Field-${i}: value of field ${i}\r\n`,
    )
      .join("") +
    "\r\n",
);

/** How many literal routes the crate's own benchmark has. */
export const LITERAL_ROUTES = 1001;

/** A router with that many literal routes; each carries its number. */
export function literalRouter(): RouterBuilder<number> {
  const builder = new RouterBuilder<number>();
  for (let i = 0; i < LITERAL_ROUTES; i++) builder.add("GET", `/route${i}`, i);
  return builder;
}

/** A router like that of a real API: five routes for each of 60 resources. */
export function apiRouter(): RouterBuilder<number> {
  const builder = new RouterBuilder<number>();
  for (let i = 0; i < 60; i++) {
    const base = `/api/v1/resource${i}`;
    builder.add("GET", base, i * 5)
      .add("POST", base, i * 5 + 1)
      .add("GET", `${base}/:id`, i * 5 + 2)
      .add("GET", `${base}/:id/items/:item`, i * 5 + 3)
      .add("GET", `${base}/files/**`, i * 5 + 4);
  }
  return builder;
}
