/** Row R147 under load: many exchanges with an origin that closes idle connections at random. */

import { assert, assertEquals } from "@std/assert";
import { Client, ClientError } from "../../mod.ts";
import { SeededRandom } from "../support/random.ts";

/** How many exchanges are run. */
const EXCHANGES = Number(Deno.env.get("KHTTP_CLOSING_EXCHANGES") ?? 2000);
const CONCURRENCY = 8;

/** What the worker reports when it ends. */
interface OriginReport {
  /** How often each request was processed. */
  readonly processed: ReadonlyMap<string, number>;
  /** Connections that were closed while they were idle. */
  readonly closed: number;
}

/**
 * Starts the origin in its own thread, so that it closes connections at any
 * moment, also while a request is under way.
 */
async function startOrigin(): Promise<
  { port: number; end(): Promise<OriginReport> }
> {
  const url = new URL("../programs/closing_origin.ts", import.meta.url);
  const worker = new Worker(url, { type: "module" });
  const next = <T>(): Promise<T> =>
    new Promise((resolve, reject) => {
      worker.onmessage = ({ data }) => resolve(data);
      worker.onerror = (event) => reject(event.error ?? event.message);
    });
  const port = await next<number>();
  return {
    port,
    async end(): Promise<OriginReport> {
      const report = next<OriginReport>();
      worker.postMessage(null);
      try {
        return await report;
      } finally {
        worker.terminate();
      }
    },
  };
}

Deno.test("R147: no GET fails with an origin that closes idle connections at random, and a POST only if it was sent", async () => {
  const origin = await startOrigin();
  await using client = new Client(`127.0.0.1:${origin.port}`, {
    maxConnections: CONCURRENCY,
  });
  const random = new SeededRandom(147);
  const failures = new Map<string, unknown>();
  const succeeded: string[] = [];
  let count = 0;
  const run = async (): Promise<void> => {
    while (count < EXCHANGES) {
      const method = random.below(2) === 0 ? "GET" : "POST";
      const id = `${method}-${count++}`;
      try {
        const init = method === "POST" ? { body: "x".repeat(100) } : {};
        const response = await client.exchange(method, `/${id}`, init);
        assertEquals(await response.body.text(), id);
        succeeded.push(id);
      } catch (error) {
        failures.set(id, error);
      }
      // Connections become idle for up to three milliseconds.
      const pauseMs = random.below(4);
      if (pauseMs > 0) await new Promise((wake) => setTimeout(wake, pauseMs));
    }
  };
  await Promise.all(Array.from({ length: CONCURRENCY }, run));
  client.close();
  const { processed, closed } = await origin.end();
  assert(closed > 10, `only ${closed} connections were closed`);
  for (const id of succeeded) assert((processed.get(id) ?? 0) >= 1, id);
  for (const [id, times] of processed) {
    assert(
      times === 1 || id.startsWith("GET"),
      `${id} was sent ${times} times`,
    );
  }
  for (const [id, error] of failures) {
    assert(id.startsWith("POST"), `${id} failed: ${error}`);
    assert(error instanceof ClientError, `${id} failed: ${error}`);
    assert(["read", "write"].includes(error.phase), error.message);
    // The client cannot know whether it was processed.
    assertEquals([error.code, error.retryable], ["CLOSED", false]);
  }
  const lost = failures.size;
  assert(lost < EXCHANGES / 20, `${lost} POSTs failed`);
  if (EXCHANGES > 2000) {
    // deno-lint-ignore no-console
    console.log(`${EXCHANGES} exchanges, ${closed} closed, ${lost} POSTs lost`);
  }
});
