/** What a listener needs for TLS, and how it is read. */

/** A certificate chain and its private key, as PEM text or as files of it. */
export type TlsOptions =
  | { readonly cert: string; readonly key: string }
  | { readonly certFile: string; readonly keyFile: string };

/** A certificate chain and its private key, as PEM text. */
export interface TlsIdentity {
  readonly cert: string;
  readonly key: string;
}

/**
 * Reads the files, if they are files.
 *
 * @throws {TypeError} If something is missing, is no PEM text, or certificate
 * and key do not belong together.
 * @throws {Deno.errors.NotFound | Deno.errors.PermissionDenied} If a file cannot be read.
 */
export function readTlsIdentity(options: TlsOptions): TlsIdentity {
  if ("cert" in options && "key" in options) {
    return checked(options.cert, options.key);
  }
  if ("certFile" in options && "keyFile" in options) {
    return checked(
      Deno.readTextFileSync(options.certFile),
      Deno.readTextFileSync(options.keyFile),
    );
  }
  throw new TypeError(
    "Cannot use TLS: give cert and key, or certFile and keyFile",
  );
}

function checked(cert: string, key: string): TlsIdentity {
  for (const [name, text] of [["certificate", cert], ["key", key]]) {
    if (text?.includes("-----BEGIN ") === true) continue;
    throw new TypeError(`Cannot use TLS: the ${name} is not PEM text`);
  }
  checkPair(cert, key);
  return Object.freeze({ cert, key });
}

/** `node:tls` would notice a wrong pair only in the first handshake. */
function checkPair(cert: string, key: string): void {
  // perf: loaded here, since most programs use no TLS.
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
