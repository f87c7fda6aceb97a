/** The certificate that a client shows in a TLS handshake, and whether it is accepted. */

import type { PeerCertificate as NodeCertificate, TLSSocket } from "node:tls";
import type { PeerCertificate } from "../../duplex.ts";
import type { TlsClientRules } from "../../tls.ts";
import { toError } from "../../to_error.ts";

interface TlsInternals {
  /** Returns what is wrong with the peer's certificate; missing in Bun. */
  readonly _handle?: { verifyError?(): unknown } | null;
}

/** Returns the peer's certificate; `null` if it has shown none. */
export function peerCertificate(stream: TLSSocket): PeerCertificate | null {
  const certificate: Partial<NodeCertificate> | null = stream
    .getPeerCertificate();
  const { subject, issuer, raw } = certificate ?? {};
  if (raw === undefined) return null; // an empty object
  return Object.freeze({
    subject: { ...subject } as PeerCertificate["subject"], // its type lists some names only
    issuer: { ...issuer } as PeerCertificate["issuer"], // as above
    subjectAltName: certificate?.subjectaltname ?? null,
    serialNumber: certificate?.serialNumber ?? "",
    fingerprint256: certificate?.fingerprint256 ?? "",
    raw: new Uint8Array(raw),
  });
}

/**
 * Checks the client's certificate after a handshake.
 *
 * @returns Why it is refused; `null` if it is accepted.
 */
export function refusalOf(
  stream: TLSSocket,
  { isRequired, accept }: TlsClientRules,
): Error | null {
  const certificate = peerCertificate(stream);
  if (certificate === null) return isRequired ? refused("it has none") : null;
  const fault = faultOf(stream);
  if (fault !== null) return refused(fault);
  try {
    return accept(certificate) === true ? null : refused("acceptCert() did");
  } catch (error) {
    return toError(error);
  }
}

function faultOf(stream: TLSSocket): string | null {
  const { _handle } = stream as TlsInternals; // see above
  if (_handle?.verifyError === undefined) {
    return stream.authorized ? null : String(stream.authorizationError);
  }
  const error = _handle.verifyError();
  if (!error) return null;
  return error instanceof Error && "code" in error
    ? String(error.code)
    : String(error);
}

function refused(why: string): Error {
  const error = new Error(`Refused the client's certificate: ${why}`);
  return Object.assign(error, { code: "CLIENT_CERTIFICATE_REFUSED" });
}
