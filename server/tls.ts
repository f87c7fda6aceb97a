/** The certificates and keys of TLS listeners, what they expect of clients, and the check of both. */

import type { PeerCertificate } from "./duplex.ts";
import { runtimeName } from "./engines/runtime.ts";
import { accessError } from "./open_file.ts";

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
 * @throws {Deno.errors.NotFound | Deno.errors.PermissionDenied | Deno.errors.NotCapable} If a file cannot be read.
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
      readPair(pair, ` in certificates[${JSON.stringify(name)}]`),
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

/** A PEM text, and what messages call it. */
interface Pem {
  readonly text: string;
  readonly name: string;
}

/** What a PEM text has to contain. */
const CERTIFICATE = "CERTIFICATE";
const PRIVATE_KEY = "PRIVATE KEY";

/** @param where Where the pair is, unless it is that of the server itself. */
function readPair(options: TlsPair, where = ""): TlsKeys {
  requireObject(options);
  if ("cert" in options && "key" in options) {
    return checked(
      givenText(options.cert, `the certificate${where}`),
      givenText(options.key, `the key${where}`),
    );
  }
  if ("certFile" in options && "keyFile" in options) {
    return checked(
      readFile(options.certFile, "certFile", where),
      readFile(options.keyFile, "keyFile", where),
    );
  }
  throw bad(`give cert and key, or certFile and keyFile${where}`);
}

function givenText(text: string, name: string): Pem {
  if (typeof text === "string" && labelsOf(text).length > 0) {
    return { text, name };
  }
  throw bad(
    `${name} is not PEM text, which begins with -----BEGIN; read the file first, or give its path to tls() as certFile or keyFile`,
  );
}

/** @throws {Error} If the file cannot be read; the message says why, alike on all runtimes. */
function readFile(path: string, option: string, where: string): Pem {
  const isPath = typeof path === "string" || (path as unknown) instanceof URL;
  if (!isPath) throw bad(`${option}${where} is ${typeof path}, not a path`);
  const quoted = JSON.stringify(String(path));
  const name = `${option} ${quoted}${where}`;
  const fs = process.getBuiltinModule("node:fs");
  let text: string;
  try {
    text = fs.readFileSync(path, "utf8");
  } catch (cause) {
    throw unreadable(name, quoted, cause);
  }
  if (labelsOf(text).length > 0) return { text, name };
  throw bad(
    `${name} is not PEM text, which begins with -----BEGIN; convert it with openssl`,
  );
}

function unreadable(name: string, path: string, cause: unknown): unknown {
  if (cause instanceof Error && "code" in cause && cause.code === "EISDIR") {
    return bad(`${name} is a folder; name the file in it`);
  }
  return accessError(`use TLS with ${name}`, cause, {
    forbidden: `reading it is not allowed. Run with --allow-read=${path}`,
    missing:
      "it does not exist; a relative path begins at the working directory of the process",
  });
}

/** The kinds of the parts of a PEM text, such as `CERTIFICATE` (RFC 7468 §2). */
function labelsOf(text: string): string[] {
  return [...text.matchAll(/-----BEGIN ([A-Z0-9 ]+)-----/g)].map(
    ([, label = ""]) => label,
  );
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
    parsed("a certificate in ca", () => new X509Certificate(text));
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
  const runtime = runtimeName();
  if (runtime !== "Node.js") {
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

function checked(cert: Pem, key: Pem): TlsKeys {
  requireLabel(cert, CERTIFICATE);
  requireLabel(key, PRIVATE_KEY);
  const isEncrypted = labelsOf(key.text).includes("ENCRYPTED PRIVATE KEY") ||
    key.text.includes("Proc-Type: 4,ENCRYPTED");
  if (isEncrypted) {
    throw bad(
      `${key.name} is encrypted, and there is no option for its passphrase; decrypt it with "openssl pkey -in encrypted.pem -out key.pem"`,
    );
  }
  checkPair(cert, key);
  return Object.freeze({ cert: cert.text, key: key.text });
}

function requireLabel({ text, name }: Pem, wanted: string): void {
  const labels = labelsOf(text);
  if (labels.some((label) => label.endsWith(wanted))) return;
  throw bad(`${name} contains no ${wanted}, but ${labels.join(", ")}`);
}

/** Without this check, `node:tls` would detect a mismatch only in the first handshake. */
function checkPair(cert: Pem, key: Pem): void {
  // Loaded here, since most programs use no TLS.
  const crypto = process.getBuiltinModule("node:crypto");
  const certificate = parsed(
    cert.name,
    () => new crypto.X509Certificate(cert.text),
  );
  const privateKey = parsed(key.name, () => crypto.createPrivateKey(key.text));
  if (certificate.checkPrivateKey(privateKey)) return;
  throw bad(`${key.name} does not belong to ${cert.name}`);
}

function parsed<T>(name: string, parse: () => T): T {
  try {
    return parse();
  } catch (cause) {
    throw new TypeError(`Cannot use TLS: ${name} cannot be parsed`, { cause });
  }
}
