/** The certificates and keys of TLS listeners, what they expect of clients, and the check of both. */

import type { PeerCertificate } from "./duplex.ts";

/** A certificate chain and its private key, as PEM text or as paths of PEM files. */
export type TlsPair =
  | { readonly cert: string; readonly key: string }
  | { readonly certFile: string; readonly keyFile: string };

/** Settings of HTTPS besides the certificate and the key. */
export interface TlsSettings {
  /**
   * Certificates for some names that clients ask for (RFC 6066 §3). A name may
   * begin with `*.`, which stands for one label. Clients that ask for no name, or
   * for another one, get the certificate of the server itself. On Bun, it
   * cannot be combined with PROXY headers.
   */
  readonly certificates?: Readonly<Record<string, TlsPair>> | undefined;
  /**
   * Asks clients for a certificate: with `"required"`, a handshake without one
   * fails. A certificate must in both cases come from one of `ca`, and be valid now.
   *
   * @default {clients are not asked}
   */
  readonly requestCert?: "required" | "optional" | undefined;
  /** Certificates of authorities that may sign those of clients, as PEM text. */
  readonly ca?: string | readonly string[] | undefined;
  /** Called with a valid certificate of a client; `false` refuses it, such as when it was revoked. */
  readonly acceptCert?:
    | ((certificate: PeerCertificate) => boolean)
    | undefined;
  /**
   * The secret of session tickets, 48 random bytes. With it, a client can resume
   * its session (RFC 8446 §2.2) after a restart, or at another worker or machine
   * that has the same bytes. To rotate the secret, write other bytes into the
   * array: later handshakes use them, and older tickets are no longer accepted.
   * Node.js only; elsewhere, it must be left out.
   *
   * @default {the runtime's own, for this process}
   */
  readonly ticketKeys?: Uint8Array | undefined;
}

/** The certificates of a server, and what it expects of clients. */
export type TlsOptions = TlsPair & TlsSettings;

/** A certificate chain and its private key, as PEM text. */
export interface TlsKeys {
  readonly cert: string;
  readonly key: string;
}

/** What the server asks of clients. */
export interface TlsClientRules {
  readonly isRequired: boolean;
  readonly ca: readonly string[];
  readonly accept: (certificate: PeerCertificate) => boolean;
}

/** The checked options. */
export interface TlsIdentity extends TlsKeys {
  /** By name, in lower case. */
  readonly certificates: ReadonlyMap<string, TlsKeys>;
  /** `null` if clients are not asked for certificates. */
  readonly clients: TlsClientRules | null;
  /** `null` if the runtime uses its own. The program may change the bytes. */
  readonly ticketKeys: Uint8Array | null;
}

const SETTINGS: ReadonlySet<string> = new Set([
  ...["cert", "key", "certFile", "keyFile"],
  ...["certificates", "requestCert", "ca", "acceptCert", "ticketKeys"],
]);

/**
 * Reads the files, if paths are given, and checks certificates and keys.
 *
 * @throws {TypeError} If one is missing or is not valid PEM text, if a
 * certificate and its key do not belong together, or if a setting is unknown or wrong.
 * @throws {Deno.errors.NotFound | Deno.errors.PermissionDenied} If a file cannot be read.
 */
export function readTlsIdentity(options: TlsOptions): TlsIdentity {
  requireObject(options);
  for (const name of Object.keys(options)) {
    if (!SETTINGS.has(name)) throw bad(`there is no option ${name}`);
  }
  const { cert, key } = readPair(options);
  const clients = clientRules(options);
  const certificates = new Map(
    Object.entries(options.certificates ?? {}).map(([name, pair]) => [
      checkName(name),
      readPair(pair),
    ]),
  );
  const ticketKeys = checkTicketKeys(options.ticketKeys);
  return Object.freeze({ cert, key, certificates, clients, ticketKeys });
}

/** @throws {TypeError} If it is anything but an object, such as a path. */
function requireObject(pair: unknown): void {
  if (typeof pair === "object" && pair !== null) return;
  throw bad("pass an object such as { certFile, keyFile }");
}

function readPair(options: TlsPair): TlsKeys {
  requireObject(options);
  if ("cert" in options && "key" in options) {
    return checked(options.cert, options.key);
  }
  if ("certFile" in options && "keyFile" in options) {
    return checked(readText(options.certFile), readText(options.keyFile));
  }
  throw bad("give cert and key, or certFile and keyFile");
}

function clientRules(
  { requestCert, ca, acceptCert }: TlsSettings,
): TlsClientRules | null {
  if (requestCert === undefined) {
    if (ca === undefined && acceptCert === undefined) return null;
    throw bad("ca and acceptCert need requestCert");
  }
  if (requestCert !== "required" && requestCert !== "optional") {
    throw bad('requestCert is neither "required" nor "optional"');
  }
  const authorities = typeof ca === "string" ? [ca] : ca ?? [];
  if (authorities.length === 0) throw bad("requestCert needs ca");
  const { X509Certificate } = process.getBuiltinModule("node:crypto");
  for (const text of authorities) {
    parsed("certificate in ca", () => new X509Certificate(text));
  }
  return Object.freeze({
    isRequired: requestCert === "required",
    ca: Object.freeze([...authorities]),
    accept: acceptCert ?? ((): boolean => true),
  });
}

/** How many bytes `node:tls` requires: the name of the keys, and two keys. */
const TICKET_KEYS_BYTES = 48;

function checkTicketKeys(keys: Uint8Array | undefined): Uint8Array | null {
  if (keys === undefined) return null;
  const runtime = typeof Deno !== "undefined"
    ? "Deno"
    : "Bun" in globalThis
    ? "Bun"
    : null;
  if (runtime !== null) {
    throw bad(
      `${runtime} cannot take keys for session tickets; leave out ticketKeys`,
    );
  }
  if (keys instanceof Uint8Array && keys.length === TICKET_KEYS_BYTES) {
    return keys;
  }
  throw bad(`ticketKeys is not a Uint8Array of ${TICKET_KEYS_BYTES} bytes`);
}

function checkName(name: string): string {
  if (/^(?:\*\.)?[a-z0-9-]+(?:\.[a-z0-9-]+)*$/i.test(name)) {
    return name.toLowerCase();
  }
  throw bad(`${JSON.stringify(name)} in certificates is not a host name`);
}

function bad(why: string): TypeError {
  return new TypeError(`Cannot use TLS: ${why}`);
}

function readText(path: string): string {
  if (typeof Deno !== "undefined") return Deno.readTextFileSync(path);
  return process.getBuiltinModule("node:fs").readFileSync(path, "utf8");
}

function checked(cert: string, key: string): TlsKeys {
  for (const [name, text] of [["certificate", cert], ["key", key]]) {
    const isText = typeof text === "string";
    if (isText && text.includes("-----BEGIN ")) continue;
    throw bad(
      `the ${name} is not PEM text; use certFile and keyFile for paths`,
    );
  }
  checkPair(cert, key);
  return Object.freeze({ cert, key });
}

/** Without this check, `node:tls` would detect a mismatch only in the first handshake. */
function checkPair(cert: string, key: string): void {
  // Loaded here, since most programs use no TLS.
  const crypto = process.getBuiltinModule("node:crypto");
  const certificate = parsed(
    "certificate",
    () => new crypto.X509Certificate(cert),
  );
  const privateKey = parsed("key", () => crypto.createPrivateKey(key));
  if (certificate.checkPrivateKey(privateKey)) return;
  throw new TypeError(
    "Cannot use TLS: the key does not belong to the certificate",
  );
}

function parsed<T>(name: string, parse: () => T): T {
  try {
    return parse();
  } catch (cause) {
    throw new TypeError(`Cannot use TLS: the ${name} cannot be read`, {
      cause,
    });
  }
}
