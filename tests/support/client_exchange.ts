/** Shared by tests of the client: exchanges with a scripted server, and short forms of failures. */

import { assert, assertEquals, assertRejects } from "@std/assert";
import {
  Client,
  ClientError,
  type ClientOptions,
  type ExchangeInit,
  ProtocolError,
} from "../../mod.ts";
import { HostileServer, type Step } from "./hostile_server.ts";

/** A `ClientError` as phase, code, and the cause's code if that is a `ProtocolError`. */
export type Failure = readonly [phase: string, code: string, cause?: string];

/** A response without a body that leaves the connection open. */
export const EMPTY = "HTTP/1.1 204 \r\n\r\n";

/** A response with a body that leaves the connection open. */
export const HELLO = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello";

/** Returns the reason that a promise rejects with. */
export function failureOf(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(() => assert(false, "It did not fail"), (error) => error);
}

/** Waits for a `ClientError` and returns its short form. */
export async function clientFailure(
  promise: Promise<unknown>,
): Promise<Failure> {
  const error = await assertRejects(() => promise, ClientError);
  const { phase, code, cause } = error;
  return cause instanceof ProtocolError
    ? [phase, code, cause.code]
    : [phase, code];
}

/** Checks that a promise rejects with a certain `ClientError`. */
export async function fails(
  promise: Promise<unknown>,
  ...expected: Failure
): Promise<void> {
  assertEquals(await clientFailure(promise), expected);
}

/** What these helpers need from a client, which runs on real or fake time. */
export type AnyClient = Pick<Client, "get" | "connectionCount">;

/** A scripted server and a client of it, for the length of a test. */
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

/** Sends GET and returns status and body. */
export async function getText(
  client: AnyClient,
  target = "/",
  init: ExchangeInit = {},
): Promise<[number, string]> {
  const response = await client.get(target, init);
  return [response.status, await response.body.text()];
}

/** Checks that the client holds no connection, and waits until the server has seen the end of one. */
export async function isGone(
  { client, server }: {
    readonly client: AnyClient;
    readonly server: HostileServer;
  },
  index = 0,
): Promise<void> {
  assertEquals(client.connectionCount, 0);
  await (await server.peer(index)).ended;
}

/** An async iterable that records how far it was read, and whether it was cancelled. */
export class Pieces implements AsyncIterable<string> {
  /** Pieces that were read. */
  taken = 0;
  /** Settles when it is cancelled before its end. */
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
