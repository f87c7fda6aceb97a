/** Makes connections: TCP, TLS or a Unix socket, each step with its deadline. */

import { ClientError } from "./errors.ts";
import type { ClientOptions } from "./options.ts";
import type { Origin } from "./origin.ts";

/**
 * Connects to an origin.
 *
 * @throws {ClientError} `CONNECT_FAILED`, or `DEADLINE` in phase `connect`; retryable.
 */
export async function connect(
  origin: Origin,
  options: ClientOptions,
  signal: AbortSignal,
): Promise<Deno.Conn> {
  signal.throwIfAborted();
  const attempt = new AbortController();
  const conn = await within(
    open(origin, options, attempt.signal),
    options.connectTimeout,
    "connectTimeout",
    signal,
  ).catch((error) => {
    attempt.abort(); // nobody waits for it
    throw error;
  });
  if (!origin.isSecure) {
    if ("setNoDelay" in conn) (conn as Deno.TcpConn).setNoDelay(true); // only TCP has it
    return conn;
  }
  try {
    const tls = conn as Deno.TlsConn; // `open` made one
    await within(
      tls.handshake().then(() => tls),
      options.tlsTimeout,
      "tlsTimeout",
      signal,
    );
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

/** Waits for a connection; one that comes too late is closed. */
async function within<T extends Deno.Conn>(
  opening: Promise<T>,
  durationMs: number,
  option: string,
  signal: AbortSignal,
): Promise<T> {
  const ended = Promise.withResolvers<never>();
  const abort = (): void => ended.reject(signal.reason);
  signal.addEventListener("abort", abort, { once: true });
  const timer = durationMs === Infinity ? undefined : setTimeout(
    () =>
      ended.reject(
        new ClientError(
          `Cannot connect: not done within ${durationMs} ms (${option})`,
          { phase: "connect", code: "DEADLINE", retryable: true },
        ),
      ),
    durationMs,
  );
  let isLate = true;
  try {
    const conn = await Promise.race([opening, ended.promise]);
    isLate = false;
    return conn;
  } catch (error) {
    if (error instanceof ClientError || signal.aborted) throw error;
    isLate = false;
    throw new ClientError(
      `Cannot connect: ${error instanceof Error ? error.message : error}`,
      {
        phase: "connect",
        code: "CONNECT_FAILED",
        retryable: true,
        cause: error,
      },
    );
  } finally {
    clearTimeout(timer);
    signal.removeEventListener("abort", abort);
    if (isLate) opening.then(closeIfOpen, () => {}); // nobody waits for it
  }
}

/** Closes a connection that a failed handshake may have closed. */
function closeIfOpen(conn: Deno.Conn): void {
  try {
    conn.close();
  } catch {
    // It is closed, which is what is wanted.
  }
}
