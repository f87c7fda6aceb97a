/**
 * Makes one hook of several of the same kind. They run in the order of their
 * registration; each waits for the promise of the one before it.
 */

import {
  ConnectionSetupAction,
  type ConnectionSetupHook,
  type ConnectionTeardownHook,
  type ErrorHook,
  type Hooks,
  PreRoutingAction,
  type PreRoutingHook,
  type RefusalHook,
} from "./hooks.ts";

/** The hooks of an application, in the order of their registration. */
export class HookLists {
  readonly connectionSetup: ConnectionSetupHook[] = [];
  readonly preRouting: PreRoutingHook[] = [];
  readonly connectionTeardown: ConnectionTeardownHook[] = [];
  readonly error: ErrorHook[] = [];
  readonly refusal: RefusalHook[] = [];

  /** Makes one hook of each kind, or `null` where there is none. */
  join(): Hooks {
    return Object.freeze({
      connectionSetup: chainSetup(this.connectionSetup),
      preRouting: chainPreRouting(this.preRouting),
      connectionTeardown: chainTeardown(this.connectionTeardown),
      error: chainError(this.error),
      refusal: chainRefusal(this.refusal),
    });
  }
}

/**
 * Joins setup hooks. The first that drops a connection or stops accepting decides.
 * A connection that one replaces is what the next one gets, and options of
 * several are joined. All hooks are told of a failed accept.
 */
function chainSetup(
  hooks: readonly ConnectionSetupHook[],
): ConnectionSetupHook | null {
  return chain(hooks, (first, second) => (accepted) => {
    const proceed = (
      action: ConnectionSetupAction,
    ): ConnectionSetupAction | Promise<ConnectionSetupAction> => {
      if (!accepted.ok) {
        const decide = (later: ConnectionSetupAction): ConnectionSetupAction =>
          action === ConnectionSetupAction.stopAccepting ? action : later;
        return then(second(accepted), decide);
      }
      if (action?.kind !== "proceed" || action.conn === null) return action;
      const { conn, options } = action;
      const join = (later: ConnectionSetupAction): ConnectionSetupAction =>
        later?.kind === "proceed" && later.conn !== null
          ? ConnectionSetupAction.proceed(later.conn, {
            ...options,
            ...later.options,
          })
          : later;
      return then(second({ ...accepted, conn }), join);
    };
    return then(first(accepted), proceed);
  });
}

/** Joins pre-routing hooks. One that drops the request is the last that is called. */
function chainPreRouting(
  hooks: readonly PreRoutingHook[],
): PreRoutingHook | null {
  return chain(hooks, (first, second) => (req, res) =>
    then(
      first(req, res),
      (action) =>
        action === PreRoutingAction.proceed ? second(req, res) : action,
    ));
}

/** Joins teardown hooks. All are called, also after one that throws. */
function chainTeardown(
  hooks: readonly ConnectionTeardownHook[],
): ConnectionTeardownHook | null {
  return chain(
    hooks,
    (first, second) => (conn, error) =>
      error === undefined
        ? runBoth(() => first(conn), () => second(conn))
        : runBoth(() => first(conn, error), () => second(conn, error)),
  );
}

/** Joins error hooks. All are called, also after one that throws; the first response counts. */
function chainError(hooks: readonly ErrorHook[]): ErrorHook | null {
  return chain(
    hooks,
    (first, second) => (error, ctx, res) =>
      runBoth(() => first(error, ctx, res), () => second(error, ctx, res)),
  );
}

/** Joins refusal hooks. All are called, also after one that throws. */
function chainRefusal(
  hooks: readonly RefusalHook[],
): RefusalHook | null {
  return chain(
    hooks,
    (first, second) => (refusal, res) =>
      runBoth(() => first(refusal, res), () => second(refusal, res)),
  );
}

function chain<Hook>(
  [first, ...rest]: readonly Hook[],
  join: (first: Hook, second: Hook) => Hook,
): Hook | null {
  return first === undefined ? null : rest.reduce(join, first);
}

/** Continues with a value, or with that of a promise; a value causes no promise. */
function then<T, U>(
  value: T | Promise<T>,
  next: (value: T) => U | Promise<U>,
): U | Promise<U> {
  return value instanceof Promise ? value.then(next) : next(value);
}

/** Calls both, and throws what they threw. */
function runBoth(
  first: () => void | Promise<void>,
  second: () => void | Promise<void>,
): void | Promise<void> {
  let outcome: void | Promise<void>;
  try {
    outcome = first();
  } catch (error) {
    return then(second(), () => {
      throw error;
    });
  }
  if (!(outcome instanceof Promise)) return second();
  return outcome.then(second, async (error) => {
    await second();
    throw error;
  });
}
