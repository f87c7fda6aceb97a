/**
 * Decodes the header of the PROXY protocol, versions 1 and 2. With it, a load
 * balancer begins a connection, to name the client that it forwards. The
 * specification is HAProxy's document `proxy-protocol.txt`; section numbers here
 * are its.
 *
 * The decoder says how many bytes the rest of the header has at least. It never
 * asks for a byte that belongs to what follows, such as a TLS handshake, so no
 * received bytes have to be passed on.
 */

import { formatIpAddress, parseIpAddress } from "./ip_address.ts";

/** One end of the forwarded connection. */
export type ProxyAddress =
  | {
    readonly transport: "tcp";
    readonly hostname: string;
    readonly port: number;
  }
  | { readonly transport: "unix"; readonly path: string };

/** The ends of the forwarded connection. */
export interface ProxiedEnds {
  readonly source: ProxyAddress;
  readonly destination: ProxyAddress;
}

/** The bytes that version 2 begins with (§2.2). */
const SIGNATURE = [13, 10, 13, 10, 0, 13, 10, 0x51, 0x55, 0x49, 0x54, 10];
/** The bytes that version 1 begins with: `PROXY ` (§2.1). */
const LINE_START = [0x50, 0x52, 0x4f, 0x58, 0x59, 0x20];

/** The shortest header: `PROXY UNKNOWN` and CRLF. */
const MIN_BYTES = 15;
/** The longest line of version 1. */
const MAX_LINE_BYTES = 107;
/** The part of version 2 before the addresses. */
const FIXED_BYTES = 16;
/** Version 2 and the command for a connection of the balancer itself, such as a health check. */
const LOCAL = 0x20;
/** Version 2 and the command for a forwarded connection. */
const FORWARDED = 0x21;
/** The longest version 2 header after its fixed part. The addresses have at most 216 bytes; the rest are extensions, such as a client certificate. */
const MAX_VARIABLE_BYTES = 4096;
/** The size of a Unix socket's path in version 2. */
const PATH_BYTES = 108;

/** The shortest fields of a line: `PROXY`, the protocol, two addresses, two ports. */
const MIN_TCP4_FIELDS = [5, 4, 7, 7, 1, 1];
const MIN_TCP6_FIELDS = [5, 4, 2, 2, 1, 1];

/** Decodes one header. The caller fills `space` and calls `received` until `isComplete` or `fault`. */
export class ProxyHeaderDecoder {
  /** Whether the whole header was received and is valid. */
  isComplete = false;
  /** Why the bytes are not a valid header, or `null` as long as they may become one. */
  fault: string | null = null;
  /** The ends that the header names; `null` if it names none, so that those of the socket are meant. */
  ends: ProxiedEnds | null = null;
  #bytes: Uint8Array<ArrayBuffer> = new Uint8Array(MAX_LINE_BYTES);
  #count = 0;
  /** How many bytes the header has at least. */
  #expected = MIN_BYTES;

  /** How many bytes were received. */
  get count(): number {
    return this.#count;
  }

  /** Where to write the next bytes. The header has at least as many more as fit here. */
  get space(): Uint8Array<ArrayBuffer> {
    return this.#bytes.subarray(this.#count, this.#expected);
  }

  /**
   * Decodes bytes that were written to `space`.
   *
   * @param count At least 1, and at most the length of `space`.
   */
  received(count: number): void {
    this.#count += count;
    const bytes = this.#bytes;
    if (beginsLike(bytes, this.#count, SIGNATURE)) this.#decodeBinary();
    else if (beginsLike(bytes, this.#count, LINE_START)) this.#decodeLine();
    else this.fault = "it begins with other bytes than a PROXY header";
  }

  #decodeLine(): void {
    if (this.#count < MIN_BYTES) return;
    const line = String.fromCharCode(...this.#bytes.subarray(0, this.#count));
    if (line.endsWith("\r\n")) {
      this.isComplete = this.#readLine(line.slice(0, -2));
      return;
    }
    const rest = restOfLine(line);
    if (rest === 0) this.fault = `the line ${quote(line)} is not valid`;
    else if (line.length + rest > MAX_LINE_BYTES) {
      this.fault = `the line is longer than ${MAX_LINE_BYTES} bytes`;
    } else this.#expected = line.length + rest;
  }

  /** Reads a line without its end; returns whether it is valid. */
  #readLine(line: string): boolean {
    if (isUnknown(line)) return true;
    const [, protocol, from, to, fromPort, toPort] =
      /^PROXY (TCP[46]) ([^ ]+) ([^ ]+) ([0-9]+) ([0-9]+)$/.exec(line) ?? [];
    const size = protocol === "TCP4" ? 4 : 16;
    const source = tcpAddress(size, from, fromPort);
    const destination = tcpAddress(size, to, toPort);
    if (source === null || destination === null) {
      this.fault = `the line ${quote(line)} is not valid`;
      return false;
    }
    this.ends = { source, destination };
    return true;
  }

  #decodeBinary(): void {
    if (this.#count < this.#expected) return;
    if (this.#count < FIXED_BYTES) {
      this.#expected = FIXED_BYTES;
      return;
    }
    if (this.#count === FIXED_BYTES) {
      this.#checkFixed();
      if (this.fault !== null || this.#count < this.#expected) return;
    }
    this.#readAddresses();
    this.isComplete = true;
  }

  /** Checks the fixed part, and makes room for the rest. */
  #checkFixed(): void {
    const bytes = this.#bytes;
    // in range: the fixed part was received
    const [versionAndCommand, family] = [bytes[12]!, bytes[13]!];
    const length = bytes[14]! << 8 | bytes[15]!;
    const isLocal = versionAndCommand === LOCAL; // its family is ignored (§2.2)
    if (!isLocal && versionAndCommand !== FORWARDED) {
      this.fault = `version and command are 0x${hex(versionAndCommand)}`;
    } else if (!isLocal && (family >> 4 > 3 || (family & 0xf) > 2)) {
      this.fault = `the address family and protocol are 0x${hex(family)}`;
    } else if (length > MAX_VARIABLE_BYTES) {
      this.fault =
        `${length} bytes follow, which is more than ${MAX_VARIABLE_BYTES}`;
    } else if (
      !isLocal && length < addressBytes(family)
    ) {
      this.fault = `the addresses do not fit into ${length} bytes`;
    } else {
      this.#expected = FIXED_BYTES + length;
      this.#bytes = new Uint8Array(this.#expected);
      this.#bytes.set(bytes.subarray(0, FIXED_BYTES));
    }
  }

  /** Reads the addresses; extensions after them are ignored (§2.2). */
  #readAddresses(): void {
    const bytes = this.#bytes;
    const family = bytes[13]!;
    if (bytes[12] === LOCAL || addressBytes(family) === 0) return;
    const block = bytes.subarray(FIXED_BYTES);
    this.ends = family >> 4 === 3
      ? {
        source: unixAddress(block.subarray(0, PATH_BYTES)),
        destination: unixAddress(block.subarray(PATH_BYTES, 2 * PATH_BYTES)),
      }
      : ipEnds(block, family >> 4 === 1 ? 4 : 16);
  }
}

/** Whether the first bytes, as far as they were received, are those of `start`. */
function beginsLike(
  bytes: Uint8Array,
  count: number,
  start: readonly number[],
): boolean {
  return start.every((byte, at) => at >= count || bytes[at] === byte);
}

/** How many bytes follow a line's beginning at least, its end included; 0 if no continuation makes it valid. */
function restOfLine(line: string): number {
  const body = line.endsWith("\r") ? line.slice(0, -1) : line;
  if (/[\r\n]/.test(body)) return 0;
  const rest = isUnknown(body) ? 2 : restOfFields(body.split(" "));
  if (body === line) return rest;
  return rest === 2 ? 1 : 0; // a CR ends the last field
}

/** As {@linkcode restOfLine}, for a line with addresses. */
function restOfFields(fields: readonly string[]): number {
  const shortest = fields[1] === "TCP4" ? MIN_TCP4_FIELDS : MIN_TCP6_FIELDS;
  if (!/^TCP[46]$/.test(fields[1] ?? "")) return 0;
  if (fields.length > shortest.length) return 0;
  const started = Math.max(
    shortest[fields.length - 1]! - fields.at(-1)!.length,
    0,
  ); // in range
  return shortest.slice(fields.length)
    .reduce((sum, size) => sum + 1 + size, started + 2);
}

/** Whether a line says that the client is not known; what follows is ignored (§2.1). */
function isUnknown(line: string): boolean {
  return /^PROXY UNKNOWN(?: |$)/.test(line);
}

function tcpAddress(
  size: number,
  host: string | undefined,
  port: string | undefined,
): ProxyAddress | null {
  const bytes = parseIpAddress(host ?? "");
  if (bytes?.length !== size) return null;
  if (!/^(?:0|[1-9][0-9]{0,4})$/.test(port ?? "")) return null;
  if (Number(port) > 65_535) return null;
  return {
    transport: "tcp",
    hostname: formatIpAddress(bytes),
    port: Number(port),
  };
}

/** The size of both ends of version 2; 0 if the family or the protocol is unspecified. */
function addressBytes(family: number): number {
  if ((family & 0xf) === 0) return 0;
  return [0, 12, 36, 2 * PATH_BYTES][family >> 4] ?? 0;
}

/**
 * Reads two addresses, then two ports. A client that came over UDP (HTTP/3)
 * gets the transport of the connection that carries its requests here.
 */
function ipEnds(block: Uint8Array, size: number): ProxiedEnds {
  const view = new DataView(block.buffer, block.byteOffset);
  const end = (at: number): ProxyAddress => ({
    transport: "tcp",
    hostname: formatIpAddress(block.subarray(at * size, (at + 1) * size)),
    port: view.getUint16(2 * size + 2 * at),
  });
  return { source: end(0), destination: end(1) };
}

/** Reads a path, which ends at its first zero byte after the first; the names of abstract sockets begin with one. */
function unixAddress(bytes: Uint8Array): ProxyAddress {
  const end = bytes.indexOf(0, 1);
  const path = bytes.subarray(0, end < 0 ? bytes.length : end);
  const isUnnamed = path.length <= 1 && path[0] === 0;
  return {
    transport: "unix",
    path: isUnnamed ? "" : new TextDecoder().decode(path),
  };
}

/** Makes peer bytes safe to print. */
function quote(text: string): string {
  return JSON.stringify(text).replace(/[^\x20-\x7e]/g, "?");
}

function hex(byte: number): string {
  return byte.toString(16).padStart(2, "0");
}
