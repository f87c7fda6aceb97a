/**
 * Exchanges of a client in memory, without sockets and system calls: what
 * `client_bench.ts` times and `machine_count.ts` counts.
 */

import { SYSTEM_CLOCK } from "../../client/clock.ts";
import { createContext, ExchangeRunner } from "../../client/exchange_runner.ts";
import { resolveClientOptions } from "../../client/options.ts";
import { parseBase } from "../../client/origin.ts";
import type { ExchangeInit } from "../../client/request.ts";
import { MemoryConnector } from "./memory_connector.ts";

/** One exchange, which is repeated. */
export interface ExchangeCase {
  /** The name, as used on the command line of `machine_count.ts`. */
  readonly name: string;
  /** A description for readers of the results. */
  readonly description: string;
  readonly method: string;
  readonly init: ExchangeInit;
  /** The bytes of the response, one character each. */
  readonly response: string;
  /** Size of the response's body after decoding. */
  readonly bodyBytes: number;
}

const FIELDS =
  "content-type: text/plain\r\ndate: Thu, 01 Jan 2026 00:00:00 GMT\r\n";
const HELLO =
  `HTTP/1.1 200 OK\r\n${FIELDS}content-length: 13\r\n\r\nHello, World!`;
const MORE_FIELDS = Array.from(
  { length: 12 },
  (_, at) => `x-field-${at}: ${"value ".repeat(6)}\r\n`,
).join("");

/** All cases. Names begin with `client`, to differ from those of the server. */
export const EXCHANGE_CASES: readonly ExchangeCase[] = [
  {
    ...{ name: "client-get", description: "GET, 13 bytes", method: "GET" },
    ...{ init: {}, response: HELLO, bodyBytes: 13 },
  },
  {
    name: "client-fields",
    description: "GET, 13 bytes after 15 fields",
    ...{ method: "GET", init: {}, bodyBytes: 13 },
    response:
      `HTTP/1.1 200 OK\r\n${FIELDS}${MORE_FIELDS}content-length: 13\r\n\r\nHello, World!`,
  },
  {
    ...{ name: "client-post", description: "POST, 4 KB", method: "POST" },
    init: { body: new Uint8Array(4096) },
    ...{ response: HELLO, bodyBytes: 13 },
  },
  {
    ...{ name: "client-large", description: "GET, 130 KB", method: "GET" },
    ...{ init: {}, bodyBytes: 130_000 },
    response: `HTTP/1.1 200 OK\r\n${FIELDS}content-length: 130000\r\n\r\n${
      "0".repeat(130_000)
    }`,
  },
  {
    name: "client-chunked",
    description: "GET, 131 KB chunked",
    ...{ method: "GET", init: {}, bodyBytes: 131_072 },
    response: `HTTP/1.1 200 OK\r\n${FIELDS}transfer-encoding: chunked\r\n\r\n${
      `4000\r\n${"0".repeat(16_384)}\r\n`.repeat(8)
    }0\r\n\r\n`,
  },
];

/** A client whose requests all get the same response. */
export class MemoryExchanges {
  #runner: ExchangeRunner;
  #case: ExchangeCase;

  /** Creates the client. */
  constructor(exchangeCase: ExchangeCase) {
    this.#case = exchangeCase;
    const context = createContext(
      resolveClientOptions({}),
      SYSTEM_CLOCK,
      new MemoryConnector(new TextEncoder().encode(exchangeCase.response)),
    );
    this.#runner = new ExchangeRunner(parseBase("127.0.0.1:8080"), context);
  }

  /**
   * Runs one exchange and reads its body.
   *
   * @throws {Error} If the body has another size than expected.
   */
  async exchange(): Promise<void> {
    const { method, init, bodyBytes } = this.#case;
    const { body } = await this.#runner.exchange(
      method,
      "/user/42?page=1",
      init,
    );
    const { length } = await body.bytes();
    if (length === bodyBytes) return;
    throw new Error(`Cannot count an exchange: its body has ${length} bytes`);
  }

  /** Runs exchanges one after the other. */
  async run(count: number): Promise<void> {
    for (let done = 0; done < count; done++) await this.exchange();
  }

  /** Closes the client. */
  close(): void {
    this.#runner.close();
  }
}
