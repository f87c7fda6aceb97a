/** The certificate and key of TLS listeners, and their check. */

/** A certificate chain and its private key, as PEM text or as paths of PEM files. */
export type TlsOptions =
  | { readonly cert: string; readonly key: string }
  | { readonly certFile: string; readonly keyFile: string };

/** A certificate chain and its private key, as PEM text. */
export interface TlsIdentity {
  readonly cert: string;
  readonly key: string;
}

/**
 * Reads the files, if paths are given, and checks certificate and key.
 *
 * @throws {TypeError} If one is missing or is not valid PEM text, or if the two
 * do not belong together.
 * @throws {Deno.errors.NotFound | Deno.errors.PermissionDenied} If a file cannot be read.
 */
export function readTlsIdentity(options: TlsOptions): TlsIdentity {
  if ("cert" in options && "key" in options) {
    return checked(options.cert, options.key);
  }
  if ("certFile" in options && "keyFile" in options) {
    return checked(
      readText(options.certFile),
      readText(options.keyFile),
    );
  }
  throw new TypeError(
    "Cannot use TLS: give cert and key, or certFile and keyFile",
  );
}

function readText(path: string): string {
  if (typeof Deno !== "undefined") return Deno.readTextFileSync(path);
  return process.getBuiltinModule("node:fs").readFileSync(path, "utf8");
}

function checked(cert: string, key: string): TlsIdentity {
  for (const [name, text] of [["certificate", cert], ["key", key]]) {
    if (text?.includes("-----BEGIN ") === true) continue;
    throw new TypeError(`Cannot use TLS: the ${name} is not PEM text`);
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
