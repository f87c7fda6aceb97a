/** Opens connections over TCP, TLS or a Unix socket, each step with its deadline. */

import type { Clock } from "./clock.ts";
import type { ConnectionContext } from "./connection.ts";
import { ClientError } from "./errors.ts";
import type { ClientOptions } from "./options.ts";
import type { Origin } from "./origin.ts";

/** What limits one step of connecting. */
interface StepLimit {
  readonly clock: Clock;
  readonly durationMs: number;
  /** The option that sets the duration. */
  readonly option: string;
  readonly signal: AbortSignal;
}

/**
 * Connects to an origin.
 *
 * @throws {ClientError} `CONNECT_FAILED`, or `DEADLINE` in phase `connect`; retryable.
 * @throws {unknown} The reason of the signal, if that is aborted.
 */
export async function connect(
  origin: Origin,
  { options, clock }: Pick<ConnectionContext, "options" | "clock">,
  signal: AbortSignal,
): Promise<Deno.Conn> {
  signal.throwIfAborted();
  const attempt = new AbortController();
  const conn = await within(open(origin, options, attempt.signal), {
    clock,
    durationMs: options.connectTimeout,
    option: "connectTimeout",
    signal,
  }).catch((error) => {
    attempt.abort();
    throw error;
  });
  if (!origin.isSecure) {
    if ("setNoDelay" in conn) (conn as Deno.TcpConn).setNoDelay(true); // only TCP has it
    return conn;
  }
  try {
    const tls = conn as Deno.TlsConn; // `open` made one
    await within(tls.handshake().then(() => tls), {
      clock,
      durationMs: options.tlsTimeout,
      option: "tlsTimeout",
      signal,
    });
  } catch (error) {
    closeIfOpen(conn);
    throw error;
  }
  return conn;
}

function open(
  origin: Origin,
  options: ClientOptions,
  signal: AbortSignal,
): Promise<Deno.Conn> {
  const { hostname, port, path } = origin;
  if (path !== null) return Deno.connect({ transport: "unix", path });
  if (!origin.isSecure) return Deno.connect({ hostname, port, signal });
  const { cert, key } = options.identity ?? {};
  return Deno.connectTls({
    hostname,
    port,
    caCerts: [...options.caCerts],
    alpnProtocols: ["http/1.1"],
    ...(cert === undefined || key === undefined ? {} : { cert, key }),
  });
}

/** Waits for a connection up to a limit; one that is ready later is closed. */
async function within<T extends Deno.Conn>(
  opening: Promise<T>,
  { clock, durationMs, option, signal }: StepLimit,
): Promise<T> {
  const ended = Promise.withResolvers<never>();
  const abort = (): void => ended.reject(signal.reason);
  signal.addEventListener("abort", abort, { once: true });
  const expire = (): void => {
    const message =
      `Cannot connect: not done within ${durationMs} ms (${option})`;
    ended.reject(
      new ClientError(message, {
        phase: "connect",
        code: "DEADLINE",
        retryable: true,
      }),
    );
  };
  const stopTimer = durationMs === Infinity
    ? null
    : clock.after(durationMs, expire);
  let isLate = true;
  try {
    const conn = await Promise.race([opening, ended.promise]);
    isLate = false;
    return conn;
  } catch (error) {
    if (error instanceof ClientError || signal.aborted) throw error;
    isLate = false;
    const message = `Cannot connect: ${
      error instanceof Error ? error.message : error
    }`;
    throw new ClientError(message, {
      phase: "connect",
      code: "CONNECT_FAILED",
      retryable: true,
      cause: error,
    });
  } finally {
    stopTimer?.();
    signal.removeEventListener("abort", abort);
    // The caller has its error already; a late failure changes nothing.
    if (isLate) opening.then(closeIfOpen, () => {});
  }
}

/** Closes a connection that a failed handshake may have closed. */
function closeIfOpen(conn: Deno.Conn): void {
  try {
    conn.close();
  } catch {
    // It is closed already.
  }
}
