/** Opens connections over TCP, TLS or a Unix socket, with a deadline for each step. */

import type { ClientConn } from "./client_conn.ts";
import type { Clock } from "./clock.ts";
import { ClientError } from "./errors.ts";
import type { ClientOptions } from "./options.ts";
import { type Origin, originUrl, type ProxyServer } from "./origin.ts";
import type { ByteConn } from "./tls_conn.ts";

/** One step of connecting, and what limits it. */
interface Step {
  readonly origin: Origin;
  /** Whether the origin is that of a proxy. */
  readonly isProxy: boolean;
  readonly durationMs: number;
  /** The option that sets the duration. */
  readonly option: string;
  readonly signal: AbortSignal;
}

/** TLS as `tls_conn.ts` provides it. */
interface Tls {
  /** Makes the TLS connection on another connection. */
  secure(conn: ByteConn, hostname: string): Promise<ByteConn>;
  isCertificateError(error: unknown): boolean;
}

/** Opens the connections of one client. */
export class Connector {
  #options: ClientOptions;
  #clock: Clock;
  /** Loaded with the first `https` origin. */
  #tls: Promise<Tls> | null = null;
  /**
   * By authority, whether the runtime's own TLS accepts a certificate that
   * `node:tls` does not, as with `--unsafely-ignore-certificate-errors`. This
   * is tried only once, because the runtime's TLS keeps a descriptor for each
   * unfinished handshake.
   */
  #isRuntimeNeeded: Map<string, boolean> = new Map();

  /** Creates a connector; it opens nothing yet. */
  constructor(options: ClientOptions, clock: Clock) {
    this.#options = options;
    this.#clock = clock;
  }

  /**
   * Connects to an origin.
   *
   * @throws {ClientError} `CONNECT_FAILED`, or `DEADLINE` in phase `connect`; retryable.
   * @throws {unknown} The reason of the signal, if that is aborted.
   */
  async connect(origin: Origin, signal: AbortSignal): Promise<ClientConn> {
    signal.throwIfAborted();
    const step: Step = {
      origin,
      isProxy: false,
      durationMs: this.#options.connectTimeout,
      option: "connectTimeout",
      signal,
    };
    const { path, authority, proxy } = origin;
    if (proxy !== null) return await this.#connectThrough(proxy, step);
    if (this.#isRuntimeNeeded.get(authority) === true && origin.isSecure) {
      return await this.#connectRuntimeTls(step);
    }
    if (path !== null) {
      return await this.#run(connectUnix(path, signal), step);
    }
    const tcp = await this.#connectTcp(step);
    tcp.setNoDelay(true);
    return origin.isSecure ? await this.#connectTls(tcp, step) : tcp;
  }

  /**
   * Connects to the proxy, and for an `https` origin through it. The runtime's own
   * TLS is not tried on a tunnel.
   */
  async #connectThrough(
    proxy: ProxyServer,
    step: Step,
  ): Promise<ByteConn> {
    const toProxy = { ...step, origin: proxy.origin, isProxy: true };
    const tcp = await this.#connectTcp(toProxy);
    tcp.setNoDelay(true);
    let conn: ByteConn = tcp;
    try {
      if (proxy.origin.isSecure) conn = await this.#secure(conn, toProxy);
      if (!step.origin.isSecure) return conn;
      await this.#openTunnel(conn, proxy, step);
      return await this.#secure(conn, step);
    } catch (error) {
      closeIfOpen(conn);
      throw error;
    }
  }

  async #openTunnel(
    conn: ByteConn,
    proxy: ProxyServer,
    step: Step,
  ): Promise<void> {
    const { origin } = step;
    const options = this.#options;
    const opening = import("./proxy_tunnel.ts")
      .then(({ openTunnel }) => openTunnel(conn, origin, proxy, options))
      .then(() => conn);
    await this.#run(opening, step);
  }

  async #secure(conn: ByteConn, step: Step): Promise<ByteConn> {
    this.#tls ??= loadTls(this.#options);
    const { hostname } = step.origin;
    const opening = this.#tls.then((tls) => tls.secure(conn, hostname));
    return await this.#run(opening, this.#handshakeOf(step));
  }

  async #connectTcp(step: Step): Promise<Deno.TcpConn> {
    const { hostname, port } = step.origin;
    const attempt = new AbortController();
    const { signal } = attempt;
    try {
      return await this.#run(connectTcp(hostname, port, signal), step);
    } catch (error) {
      attempt.abort();
      throw error;
    }
  }

  async #connectTls(tcp: Deno.TcpConn, step: Step): Promise<ClientConn> {
    const { authority } = step.origin;
    try {
      return await this.#secure(tcp, step);
    } catch (error) {
      closeIfOpen(tcp);
      const isCertificate = typeof Deno !== "undefined" &&
        error instanceof ClientError &&
        (await this.#tls?.catch(() => null))?.isCertificateError(error.cause);
      if (!isCertificate || this.#isRuntimeNeeded.has(authority)) throw error;
      this.#isRuntimeNeeded.set(authority, false);
      const conn = await this.#connectRuntimeTls(step).catch(() => {
        throw error; // this error explains the failure better
      });
      this.#isRuntimeNeeded.set(authority, true);
      return conn;
    }
  }

  async #connectRuntimeTls(step: Step): Promise<ClientConn> {
    const { hostname, port } = step.origin;
    const { caCerts, identity } = this.#options;
    const conn = await this.#run(
      Deno.connectTls({
        hostname,
        port,
        caCerts: [...caCerts],
        alpnProtocols: ["http/1.1"],
        ...identity,
      }),
      step,
    );
    const opening = conn.handshake().then(() => conn);
    try {
      return await this.#run(opening, this.#handshakeOf(step));
    } catch (error) {
      closeIfOpen(conn);
      throw error;
    }
  }

  #handshakeOf(step: Step): Step {
    const { tlsTimeout } = this.#options;
    return { ...step, durationMs: tlsTimeout, option: "tlsTimeout" };
  }

  /** Waits for a connection within the step's deadline; a connection that is ready later is closed. */
  async #run<T extends ClientConn>(
    opening: Promise<T>,
    step: Step,
  ): Promise<T> {
    const { durationMs, option, signal } = step;
    const ended = Promise.withResolvers<never>();
    const abort = (): void => ended.reject(signal.reason);
    signal.addEventListener("abort", abort, { once: true });
    if (signal.aborted) abort(); // it was aborted between two steps
    const expire = (): void =>
      ended.reject(
        connectError(step, `not done within ${durationMs} ms (${option})`, {
          code: "DEADLINE",
        }),
      );
    const stopTimer = durationMs === Infinity
      ? null
      : this.#clock.afterUnref(durationMs, expire);
    let isLate = true;
    try {
      const conn = await Promise.race([opening, ended.promise]);
      isLate = false;
      return conn;
    } catch (error) {
      if (error instanceof ClientError || signal.aborted) throw error;
      isLate = false;
      throw connectError(step, whyOf(error), {
        code: "CONNECT_FAILED",
        cause: error,
      });
    } finally {
      stopTimer?.();
      signal.removeEventListener("abort", abort);
      // The caller already has its error, so a later failure has no effect.
      if (isLate) opening.then(closeIfOpen, () => {});
    }
  }
}

async function connectUnix(
  path: string,
  signal: AbortSignal,
): Promise<ClientConn> {
  if (typeof Deno !== "undefined") {
    return await Deno.connect({ transport: "unix", path });
  }
  const { connectNode } = await import("./node_conn.ts");
  return await connectNode({ path }, signal);
}

async function connectTcp(
  hostname: string,
  port: number,
  signal: AbortSignal,
): Promise<Deno.TcpConn> {
  if (typeof Deno !== "undefined") {
    return await Deno.connect({ hostname, port, signal });
  }
  const { connectNode } = await import("./node_conn.ts");
  return await connectNode({ hostname, port }, signal);
}

/** Loads TLS, and parses the client's certificates. */
async function loadTls(options: ClientOptions): Promise<Tls> {
  const { ClientTlsConn, isCertificateError, secureContextOf } = await import(
    "./tls_conn.ts"
  );
  const context = secureContextOf(options);
  return {
    isCertificateError,
    async secure(inner, hostname): Promise<ByteConn> {
      const conn = new ClientTlsConn(inner, hostname, context);
      await conn.handshake();
      return conn;
    },
  };
}

/** Codes of `node:tls` for a certificate that no trusted authority has signed. */
const UNKNOWN_AUTHORITY: ReadonlySet<unknown> = new Set([
  ...["DEPTH_ZERO_SELF_SIGNED_CERT", "SELF_SIGNED_CERT_IN_CHAIN"],
  ...["UNABLE_TO_GET_ISSUER_CERT", "UNABLE_TO_GET_ISSUER_CERT_LOCALLY"],
  "UNABLE_TO_VERIFY_LEAF_SIGNATURE",
]);

/** Says why connecting failed, and what to do if the authority of a certificate is unknown. */
function whyOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const isUnknown = "code" in error && UNKNOWN_AUTHORITY.has(error.code);
  return isUnknown
    ? `${error.message}; to trust its authority, add that authority's certificate to the option caCerts`
    : error.message;
}

function connectError(
  { origin, isProxy }: Step,
  why: string,
  init: {
    readonly code: "DEADLINE" | "CONNECT_FAILED";
    readonly cause?: unknown;
  },
): ClientError {
  const where = origin.path === null
    ? originUrl(origin)
    : `unix:${origin.path}`;
  const target = isProxy ? `the proxy ${where}` : where;
  return new ClientError(`Cannot connect to ${target}: ${why}`, {
    ...init,
    phase: "connect",
    retryable: true,
  });
}

/** Closes a connection that a failed handshake may have closed. */
function closeIfOpen(conn: ClientConn): void {
  try {
    conn.close();
  } catch {
    // It is already closed.
  }
}
