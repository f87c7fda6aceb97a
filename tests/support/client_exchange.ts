/** What tests of the client share: failures in short, and exchanges with a script. */

import { assert, assertEquals, assertRejects } from "@std/assert";
import {
  Client,
  ClientError,
  type ClientOptions,
  type ExchangeInit,
  ProtocolError,
} from "../../mod.ts";
import { HostileServer, type Step } from "./hostile_server.ts";

/** A `ClientError` in short: phase, code, and the cause's code if it is a `ProtocolError`. */
export type Failure = readonly [phase: string, code: string, cause?: string];

/** A response without a body that leaves the connection open. */
export const EMPTY = "HTTP/1.1 204 \r\n\r\n";

/** A response with a body that leaves the connection open. */
export const HELLO = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello";

/** What a promise fails with. */
export function failureOf(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(() => assert(false, "It did not fail"), (error) => error);
}

/** Waits for a `ClientError` and gives it in short. */
export async function clientFailure(
  promise: Promise<unknown>,
): Promise<Failure> {
  const error = await assertRejects(() => promise, ClientError);
  const { phase, code, cause } = error;
  return cause instanceof ProtocolError
    ? [phase, code, cause.code]
    : [phase, code];
}

/** Sees a `ClientError`. */
export async function fails(
  promise: Promise<unknown>,
  ...expected: Failure
): Promise<void> {
  assertEquals(await clientFailure(promise), expected);
}

/** A server with scripts and a client of it, for the length of a test. */
export interface Pair extends AsyncDisposable {
  readonly server: HostileServer;
  readonly client: Client;
}

/** Starts both. */
export function pair(
  scripts: readonly (readonly Step[])[],
  options: Partial<ClientOptions> = {},
): Pair {
  const server = new HostileServer(scripts);
  const client = new Client(server.origin, options);
  return {
    server,
    client,
    async [Symbol.asyncDispose](): Promise<void> {
      client.close();
      await server[Symbol.asyncDispose]();
    },
  };
}

/** Sends GET and reads status and body. */
export async function getText(
  client: Client,
  target = "/",
  init: ExchangeInit = {},
): Promise<[number, string]> {
  const response = await client.get(target, init);
  return [response.status, await response.body.text()];
}

/** Sees that the client kept nothing, and that the server was told. */
export async function isGone(
  { client, server }: Pair,
  index = 0,
): Promise<void> {
  assertEquals(client.connectionCount, 0);
  await (await server.peer(index)).ended;
}

/** An async iterable of pieces; notes how far it was read, and whether it was let go. */
export class Pieces implements AsyncIterable<string> {
  /** Pieces that were taken. */
  taken = 0;
  /** Settles when it was let go before its end. */
  readonly cancelled: Promise<void>;
  #pieces: readonly (string | Promise<string>)[];
  #cancel: () => void;

  constructor(pieces: readonly (string | Promise<string>)[]) {
    this.#pieces = pieces;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.cancelled = promise;
    this.#cancel = resolve;
  }

  [Symbol.asyncIterator](): AsyncIterator<string> {
    return {
      next: async () => {
        const piece = await this.#pieces[this.taken];
        if (piece === undefined) return { done: true, value: undefined };
        this.taken++;
        return { done: false, value: piece };
      },
      return: () => {
        this.#cancel();
        return Promise.resolve({ done: true, value: undefined });
      },
    };
  }
}

/** A promise that never settles. */
export const NEVER: Promise<never> = new Promise(() => {});
