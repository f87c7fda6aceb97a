/**
 * A server that follows a script byte for byte. It knows nothing about HTTP
 * except where a head ends. It records the bytes that it received and the end
 * of every connection. Strings hold one byte per character.
 */

import { decodeLatin1, encodeLatin1 } from "./latin1.ts";
import { turn } from "./turns.ts";

/** How long a connection may live before it is cut, in ms. */
const DEADLINE_MS = 20_000;

/** One step of a connection's script. */
export type Step = (peer: Peer) => Promise<void>;

/** The client closed the connection before the end of the script. */
class LeftError extends Error {}

/** The server's end of one connection. */
export class Peer {
  /** All bytes that were received. */
  received = "";
  /** The request heads that the script read, including their empty lines. */
  readonly heads: string[] = [];
  /** Settles at the end of the script. */
  readonly finished: Promise<void>;
  /** Settles when the client ended its direction or the whole connection. */
  readonly ended: Promise<void>;
  #conn: Deno.Conn;
  #rest = "";
  #timer: ReturnType<typeof setTimeout>;
  #isClosed = false;
  #closed = Promise.withResolvers<never>();
  #buffer = new Uint8Array(65_536);

  constructor(conn: Deno.Conn, script: readonly Step[]) {
    this.#conn = conn;
    this.#closed.promise.catch(() => {}); // only a waiting script needs it
    this.#timer = setTimeout(() => this.close(), DEADLINE_MS);
    const finished = Promise.withResolvers<void>();
    this.finished = finished.promise;
    this.ended = this.#run(script, finished.resolve);
  }

  /** Reads up to and including an empty line. */
  async readHead(): Promise<void> {
    for (;;) {
      const at = this.#rest.indexOf("\r\n\r\n");
      if (at !== -1) {
        this.heads.push(await this.readBytes(at + 4));
        return;
      }
      await this.#fill();
    }
  }

  /** Reads that many bytes. */
  async readBytes(size: number): Promise<string> {
    while (this.#rest.length < size) await this.#fill();
    const taken = this.#rest.slice(0, size);
    this.#rest = this.#rest.slice(size);
    return taken;
  }

  /** Waits without reading. */
  async wait(promise: Promise<unknown>): Promise<void> {
    await Promise.race([promise, this.#closed.promise]);
  }

  /** Sends a string. */
  async write(text: string): Promise<void> {
    let rest: Uint8Array = encodeLatin1(text);
    try {
      while (rest.length > 0) {
        rest = rest.subarray(await this.#conn.write(rest));
      }
    } catch (error) {
      throw new LeftError("The client stopped reading", { cause: error });
    }
  }

  /** Ends the server's direction. */
  async closeWrite(): Promise<void> {
    try {
      await this.#conn.closeWrite();
    } catch (error) {
      throw new LeftError("The client closed the connection before", {
        cause: error,
      });
    }
  }

  /** Closes the connection; unread bytes make that a reset. */
  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    clearTimeout(this.#timer);
    this.#closed.reject(new LeftError("The connection was closed"));
    this.#conn.close();
  }

  async #run(script: readonly Step[], finish: () => void): Promise<void> {
    try {
      for (const step of script) await step(this);
      finish();
      while (!this.#isClosed) await this.#fill();
    } catch (error) {
      if (!(error instanceof LeftError)) throw error;
    } finally {
      this.close();
    }
  }

  async #fill(): Promise<void> {
    let size: number | null = null;
    try {
      size = await this.#conn.read(this.#buffer);
    } catch {
      // A reset counts as an end.
    }
    if (size === null) throw new LeftError("The client ended the connection");
    const text = decodeLatin1(this.#buffer.subarray(0, size));
    this.received += text;
    this.#rest += text;
  }
}

/** How a server listens. */
export interface HostileOptions {
  /** Path of a Unix socket, instead of a port of 127.0.0.1. */
  readonly path?: string;
  /** Certificate and key as PEM text. */
  readonly tls?: { readonly cert: string; readonly key: string };
}

/** A scripted server; see the file's header. */
export class HostileServer implements AsyncDisposable {
  /** The connections so far, in order. */
  readonly peers: Peer[] = [];
  #listener: Deno.Listener;
  #scripts: (readonly Step[])[];
  #waiters: (() => void)[] = [];
  #accepting: Promise<void>;

  /** Listens. Each connection follows the next script; one without a script only reads. */
  constructor(
    scripts: readonly (readonly Step[])[],
    { path, tls }: HostileOptions = {},
  ) {
    this.#scripts = [...scripts];
    const address = { hostname: "127.0.0.1", port: 0 };
    if (path !== undefined) {
      this.#listener = Deno.listen({ transport: "unix", path });
    } else if (tls !== undefined) {
      this.#listener = Deno.listenTls({ ...address, ...tls });
    } else this.#listener = Deno.listen(address);
    this.#accepting = this.#accept();
  }

  /** Port of 127.0.0.1. */
  get port(): number {
    return (this.#listener.addr as Deno.NetAddr).port; // no Unix socket here
  }

  /** The origin for a client. */
  get origin(): string {
    return `127.0.0.1:${this.port}`;
  }

  /** Number of connections so far. */
  get count(): number {
    return this.peers.length;
  }

  /** Waits for a connection; the first has index 0. */
  async peer(index: number): Promise<Peer> {
    for (;;) {
      const peer = this.peers[index];
      if (peer !== undefined) return peer;
      await new Promise<void>((resolve) => this.#waiters.push(resolve));
    }
  }

  /** Closes everything. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#listener.close();
    for (const peer of this.peers) peer.close();
    await this.#accepting;
    await Promise.all(this.peers.map((peer) => peer.ended));
  }

  async #accept(): Promise<void> {
    try {
      for await (const conn of this.#listener) {
        if ("setNoDelay" in conn) (conn as Deno.TcpConn).setNoDelay(true); // only TCP has it
        this.peers.push(new Peer(conn, this.#scripts.shift() ?? []));
        for (const wake of this.#waiters.splice(0)) wake();
      }
    } catch (error) {
      if (!(error instanceof Deno.errors.BadResource)) throw error; // it was closed
    }
  }
}

/** Reads a request's head. */
export const head: Step = (peer) => peer.readHead();

/** Reads that many bytes of a body. */
export function body(size: number): Step {
  return async (peer) => void await peer.readBytes(size);
}

/** Sends a string in one write. */
export function send(text: string): Step {
  return (peer) => peer.write(text);
}

/** Sends a string byte by byte. */
export function sendEach(text: string): Step {
  return async (peer) => {
    for (const byte of text) {
      await peer.write(byte);
      await turn();
    }
  };
}

/** Sends a string in two parts, the second after `until` settles. */
export function sendCut(
  text: string,
  offset: number,
  until: Promise<unknown> = turn(),
): Step {
  return async (peer) => {
    await peer.write(text.slice(0, offset));
    await until;
    await peer.write(text.slice(offset));
  };
}

/** Ends the server's direction. */
export const halfClose: Step = (peer) => peer.closeWrite();

/** Closes the connection; a reset if bytes were not read. */
export const close: Step = (peer) => {
  peer.close();
  return Promise.resolve();
};

/** Waits without reading. */
export function until(promise: Promise<unknown>): Step {
  return (peer) => peer.wait(promise);
}
