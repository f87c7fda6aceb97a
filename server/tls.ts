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
 * @throws {TypeError} If something is missing.
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
  return Object.freeze({ cert, key });
}
