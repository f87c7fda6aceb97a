/**
 * The client in memory: `deno bench -A bench/client_bench.ts`.
 *
 * The client encodes a request, parses the response and returns its body,
 * without a socket and without system calls. `deno task bench:count` counts the
 * instructions of the same cases; `deno task bench:client` measures the client
 * on sockets, together with others.
 */

import { EXCHANGE_CASES, MemoryExchanges } from "./client/memory_exchanges.ts";

for (const exchangeCase of EXCHANGE_CASES) {
  const { name, description } = exchangeCase;
  const exchanges = new MemoryExchanges(exchangeCase);
  await exchanges.exchange();
  Deno.bench(
    `khttp, ${description}`,
    { group: "exchange in memory", baseline: name === "client-get" },
    async () => await exchanges.exchange(),
  );
}
