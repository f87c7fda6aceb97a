/** What a fetch handler gets besides the request: the connection's addresses, and when the response was sent. */

import type { Addr, NetAddr } from "../codec/socket_address.ts";
import type { Duplex } from "../server/duplex.ts";
import type { FetchExchange } from "./fetch_exchange.ts";

/** The second argument of a fetch handler. */
export class FetchInfo<SocketAddr extends Addr = NetAddr> {
  #exchange: FetchExchange;

  /**
   * Creates the object for one request.
   *
   * @internal
   */
  constructor(exchange: FetchExchange) {
    this.#exchange = exchange;
  }

  /**
   * The client's address.
   *
   * @throws {TypeError} If the connection has none.
   */
  get remoteAddr(): SocketAddr {
    return addressOf<SocketAddr>(this.#exchange.ctx.conn.remoteAddr, "remote");
  }

  /**
   * The address that the client has connected to.
   *
   * @throws {TypeError} If the connection has none.
   */
  get localAddr(): SocketAddr {
    return addressOf<SocketAddr>(this.#exchange.ctx.conn.localAddr, "local");
  }

  /** Resolves when the system has taken the last byte of the response, and rejects with the reason if it cannot. */
  get completed(): Promise<void> {
    return this.#exchange.res.sent;
  }

  /** The connection, for its socket options. Reading from it or writing to it breaks the exchange. */
  get connection(): Duplex {
    return this.#exchange.ctx.conn;
  }
}

function addressOf<SocketAddr extends Addr>(
  addr: Addr | undefined,
  which: string,
): SocketAddr {
  if (addr !== undefined) return addr as SocketAddr; // the caller knows what the server listens on
  throw new TypeError(`Cannot read ${which} address: the connection has none`);
}
