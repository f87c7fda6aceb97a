/** A client whose clock moves only when the test moves it. */

import { Exchanges } from "../../client/exchanges.ts";
import { resolveClientOptions } from "../../client/options.ts";
import { parseBase } from "../../client/origin.ts";
import type { ClientOptions, ClientResponse, ExchangeInit } from "../../mod.ts";
import { FakeClock } from "./fake_clock.ts";
import { HostileServer, type Step } from "./hostile_server.ts";
import { turn, until } from "./turns.ts";

/** More than any deadline can be late, in ms, with any options. */
export const SWEEP_MS = 500;

/** As `Client`, but on a {@linkcode FakeClock}. */
export class TimedClient implements AsyncDisposable {
  readonly clock: FakeClock = new FakeClock();
  #exchanges: Exchanges;

  constructor(
    origin: string,
    options: Partial<ClientOptions> = {},
    random = Math.random,
  ) {
    this.#exchanges = new Exchanges(
      parseBase(origin),
      resolveClientOptions(options),
      { clock: this.clock, random },
    );
  }

  get connectionCount(): number {
    return this.#exchanges.connectionCount;
  }

  exchange(
    method: string,
    target: string,
    init: ExchangeInit = {},
  ): Promise<ClientResponse> {
    return this.#exchanges.exchange(method, target, init);
  }

  get(target: string, init?: ExchangeInit): Promise<ClientResponse> {
    return this.exchange("GET", target, init);
  }

  post(target: string, init?: ExchangeInit): Promise<ClientResponse> {
    return this.exchange("POST", target, init);
  }

  close(): void {
    this.#exchanges.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.close();
    return Promise.resolve();
  }
}

/** A scripted server and a timed client of it, for the length of a test. */
export interface TimedPair extends AsyncDisposable {
  readonly server: HostileServer;
  readonly client: TimedClient;
  readonly clock: FakeClock;
}

/** Starts both. */
export function timedPair(
  scripts: readonly (readonly Step[])[],
  options: Partial<ClientOptions> = {},
): TimedPair {
  const server = new HostileServer(scripts);
  const client = new TimedClient(server.origin, options);
  return {
    server,
    client,
    clock: client.clock,
    async [Symbol.asyncDispose](): Promise<void> {
      client.close();
      await server[Symbol.asyncDispose]();
    },
  };
}

/**
 * Lets fake time pass, one step a turn, until a promise settles.
 *
 * @returns The time that passed, in ms.
 */
export async function elapse(
  clock: FakeClock,
  promise: Promise<unknown>,
  stepMs = 50,
): Promise<number> {
  const startMs = clock.monotonicMs();
  let isSettled = false;
  const settle = (): void => {
    isSettled = true;
  };
  promise.then(settle, settle);
  await until(() => {
    if (!isSettled) clock.advance(stepMs);
    return isSettled;
  });
  return clock.monotonicMs() - startMs;
}

/** Whether a promise has not settled after everything else that is due has run. */
export async function isPending(promise: Promise<unknown>): Promise<boolean> {
  const pending = Symbol();
  const late = turn().then(() => pending);
  const first = await Promise.race([promise.catch(() => null), late]);
  return first === pending;
}
