/**
 * Runs the setup and teardown hooks of connections, in the same way for every
 * engine. The connection manager acts on their results.
 */

import {
  type Accepted,
  type Application,
  ConnectionSetupAction,
  type ConnectionSetupHook,
} from "../hooks.ts";
import type { Duplex } from "../duplex.ts";

/** The connection hooks of one application. */
export class ConnectionHooks {
  #app: Application;
  #onError: (error: unknown) => void;

  /**
   * Creates a runner for an application's hooks.
   *
   * @param onError Called with what a hook throws; serving continues.
   */
  constructor(app: Application, onError: (error: unknown) => void) {
    this.#app = app;
    this.#onError = onError;
  }

  /**
   * Asks the setup hook about an accepted connection. Without a hook, the
   * connection proceeds.
   *
   * @returns The hook's action, or a promise of it if the hook returned one. A
   * hook that throws drops the connection.
   */
  setUp(
    conn: Duplex,
  ): ConnectionSetupAction | Promise<ConnectionSetupAction> {
    const hook = this.#app.hooks.connectionSetup;
    if (hook === null) return ConnectionSetupAction.proceed(conn);
    // Reading the address can cost a system call, so only a hook pays for it.
    return this.#run(hook, { ok: true, conn, peer: conn.remoteAddr ?? null });
  }

  /** Reports a failed accept to the setup hook. Without a hook, serving continues. */
  setUpFailed(
    error: Error,
  ): ConnectionSetupAction | Promise<ConnectionSetupAction> {
    const hook = this.#app.hooks.connectionSetup;
    if (hook === null) return ConnectionSetupAction.drop;
    return this.#run(hook, { ok: false, error });
  }

  /** Whether there is a teardown hook. */
  get hasTearDown(): boolean {
    return this.#app.hooks.connectionTeardown !== null;
  }

  /** Runs the teardown hook; resolves when it is done, and never rejects. */
  async tearDown(conn: Duplex, error: Error | undefined): Promise<void> {
    const hook = this.#app.hooks.connectionTeardown;
    if (hook === null) return;
    try {
      await (error === undefined ? hook(conn) : hook(conn, error));
    } catch (thrown) {
      this.#onError(thrown);
    }
  }

  #run(
    hook: ConnectionSetupHook,
    accepted: Accepted,
  ): ConnectionSetupAction | Promise<ConnectionSetupAction> {
    try {
      const action = hook(accepted);
      if (!(action instanceof Promise)) return this.#checked(action);
      return action.then(
        (resolved) => this.#checked(resolved),
        (error) => this.#drop(error),
      );
    } catch (error) {
      return this.#drop(error);
    }
  }

  #checked(action: ConnectionSetupAction): ConnectionSetupAction {
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
