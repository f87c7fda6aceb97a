/**
 * Reads the PROXY header of accepted connections before anything else of them:
 * before TLS begins and the setup hook runs, so that all of the program sees the
 * client's address. Closes connections of peers that are not trusted, without
 * reading from them, and those without a valid header.
 */

import type { Addr } from "../../codec/socket_address.ts";
import {
  type ProxiedEnds,
  ProxyHeaderDecoder,
} from "../../codec/proxy_header.ts";
import type { Clock } from "../connection/connections.ts";
import type { Duplex } from "../duplex.ts";
import type { TrustedPeers } from "../proxies/trusted_peers.ts";
import { toError } from "../to_error.ts";
import { CheckedDuplex } from "./checked_duplex.ts";
import { closeQuietly } from "./close_quietly.ts";
import { DeadlineTimer } from "./deadline_timer.ts";

/**
 * The shortest time between two reports of refused connections, in ms. Peers
 * cause them, and must not be able to fill a log or hide other reports.
 */
const REPORT_PERIOD_MS = 60_000;

/** What reading headers needs. */
export interface ProxyHeadersInit {
  /** The peers that send headers. */
  readonly trusted: TrustedPeers;
  /** How long a header may take, in ms. */
  readonly timeoutMs: number;
  /** The time source of reports. */
  readonly clock: Pick<Clock, "monotonicMs">;
  /** Called with errors that say why and how many connections were refused. */
  onError(error: unknown): void;
}

/** Why a connection is not served; `null` for a connection that needs no report. */
type Refusal = { readonly why: string | null };

/** See the file's header. */
export class ProxyHeaders {
  #init: ProxyHeadersInit;
  /** Ends the reading of a header, for each connection where it has begun. */
  #pending: Set<(refusal: Refusal) => void> = new Set();
  #isCut = false;
  #reportedMs = -Infinity;
  /** How many refused connections the last report does not count. */
  #unreportedCount = 0;

  /** Creates a reader for the connections of one server. */
  constructor(init: ProxyHeadersInit) {
    this.#init = init;
  }

  /**
   * Reads a connection's header, and gives the connection the addresses in it.
   *
   * @returns Whether to serve the connection. If not, it is closed. Never rejects.
   */
  async receive(conn: Duplex): Promise<boolean> {
    let from = "a peer";
    let refusal: Refusal | null;
    try {
      const addr = conn.remoteAddr;
      from = describe(addr);
      refusal = this.#init.trusted.has(addr)
        ? await this.#readHeader(conn)
        : { why: "it is not in the list of trusted peers" };
    } catch (error) {
      refusal = { why: toError(error).message }; // a duplex of the program failed
    }
    if (refusal === null) return true;
    closeQuietly(conn);
    if (refusal.why !== null) this.#report(from, refusal.why);
    return false;
  }

  /** Closes the connections whose headers are being read, and all later ones. */
  cut(): void {
    this.#isCut = true;
    for (const end of this.#pending) end({ why: null });
  }

  async #readHeader(conn: Duplex): Promise<Refusal | null> {
    if (this.#isCut) return { why: null };
    const { timeoutMs } = this.#init;
    const decoder = new ProxyHeaderDecoder();
    const { promise: ended, resolve: end } = Promise.withResolvers<Refusal>();
    this.#pending.add(end);
    const deadline = new DeadlineTimer(
      timeoutMs,
      () =>
        end({ why: `no PROXY header within ${timeoutMs} ms (headerTimeout)` }),
    );
    const refusal = await Promise.race([decode(conn, decoder), ended]);
    deadline.stop();
    this.#pending.delete(end);
    if (refusal === null && decoder.ends !== null) {
      setAddresses(conn, decoder.ends);
    }
    return refusal;
  }

  #report(from: string, why: string): void {
    const nowMs = this.#init.clock.monotonicMs();
    if (nowMs - this.#reportedMs < REPORT_PERIOD_MS) {
      this.#unreportedCount++;
      return;
    }
    const others = this.#unreportedCount === 0
      ? ""
      : `; ${this.#unreportedCount} others were refused since the last report`;
    this.#reportedMs = nowMs;
    this.#unreportedCount = 0;
    this.#init.onError(
      new Error(`Cannot accept connection from ${from}: ${why}${others}`),
    );
  }
}

/** Reads until the header is complete, and not a byte further; never rejects. */
async function decode(
  conn: Duplex,
  decoder: ProxyHeaderDecoder,
): Promise<Refusal | null> {
  const streams = new CheckedDuplex(conn);
  while (!decoder.isComplete) {
    // A failed connection ends as one that the peer has closed.
    const size = await streams.read(decoder.space).catch(() => null);
    if (size === null) {
      // A health check may connect and send nothing.
      const isSilent = decoder.count === 0;
      return { why: isSilent ? null : "it ended within its PROXY header" };
    }
    if (size > 0) decoder.received(size);
    if (decoder.fault !== null) return { why: decoder.fault };
  }
  return null;
}

/**
 * Replaces the addresses of a connection. They are set on the connection itself,
 * since an engine serves a duplex that wraps another one less efficiently.
 */
function setAddresses(
  conn: Duplex,
  { source, destination }: ProxiedEnds,
): void {
  Object.defineProperties(conn, {
    remoteAddr: { value: source, configurable: true, enumerable: true },
    localAddr: { value: destination, configurable: true, enumerable: true },
  });
}

function describe(addr: Addr | undefined): string {
  if (addr === undefined) return "a peer without an address";
  return "hostname" in addr ? addr.hostname : "a Unix socket";
}
