/**
 * The way of a connection in and out, the same for every engine: setup hook,
 * teardown exactly once for each that setup let in, and the count of those.
 */

import type { Application } from "../application.ts";
import {
  type Accepted,
  ConnectionSetupAction,
  type ConnectionSetupHook,
} from "../hooks.ts";
import type { Duplex } from "../duplex.ts";

/** Lets connections in and sees them out. */
export class ConnectionHooks {
  #app: Application;
  #onError: (error: unknown) => void;

  /**
   * Creates an admission.
   *
   * @param onError Told what a hook throws; the server goes on.
   */
  constructor(app: Application, onError: (error: unknown) => void) {
    this.#app = app;
    this.#onError = onError;
  }

  /**
   * Asks the setup hook about a connection; without one, it goes in.
   *
   * @returns The answer, or a promise of it if the hook gave one; a hook that
   * throws drops the connection.
   */
  setUp(
    conn: Duplex,
  ): ConnectionSetupAction | Promise<ConnectionSetupAction> {
    const hook = this.#app.hooks.connectionSetup;
    if (hook === null) return ConnectionSetupAction.proceed(conn);
    // The address is asked for only here: a socket may have to be asked for it.
    return this.#ask(hook, { ok: true, conn, peer: conn.remoteAddr ?? null });
  }

  /** Tells the setup hook of a failure; without one, serving goes on. */
  setUpFailed(
    error: Error,
  ): ConnectionSetupAction | Promise<ConnectionSetupAction> {
    const hook = this.#app.hooks.connectionSetup;
    if (hook === null) return ConnectionSetupAction.drop;
    return this.#ask(hook, { ok: false, error });
  }

  #ask(
    hook: ConnectionSetupHook,
    accepted: Accepted,
  ): ConnectionSetupAction | Promise<ConnectionSetupAction> {
    try {
      const action = hook(accepted);
      if (!(action instanceof Promise)) return this.#check(action);
      return action.then(
        (settled) => this.#check(settled),
        (error) => this.#drop(error),
      );
    } catch (error) {
      return this.#drop(error);
    }
  }

  /** Tells the teardown hook; resolves when it is done. */
  async tearDown(conn: Duplex, error: Error | undefined): Promise<void> {
    const hook = this.#app.hooks.connectionTeardown;
    if (hook === null) return;
    try {
      await (error === undefined ? hook(conn) : hook(conn, error));
    } catch (thrown) {
      this.#onError(thrown);
    }
  }

  #check(action: ConnectionSetupAction): ConnectionSetupAction {
    if (action instanceof ConnectionSetupAction) return action;
    return this.#drop(
      new TypeError(
        "Cannot set up connection: the hook returned no ConnectionSetupAction",
      ),
    );
  }

  #drop(error: unknown): ConnectionSetupAction {
    this.#onError(error);
    return ConnectionSetupAction.drop;
  }
}
