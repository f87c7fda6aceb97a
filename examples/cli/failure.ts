/** The ways in which the program fails. It uses curl's exit codes, so that scripts know them. */

import { ClientError, ProtocolError } from "@khttp/khttp";

/** The exit codes by name. */
export const EXIT = {
  OK: 0,
  UNKNOWN_SCHEME: 1,
  USAGE: 2,
  BAD_URL: 3,
  NOT_RESOLVED: 6,
  NOT_CONNECTED: 7,
  WEIRD_REPLY: 8,
  PARTIAL_BODY: 18,
  HTTP_ERROR: 22,
  CANNOT_WRITE: 23,
  CANNOT_READ: 26,
  TIMEOUT: 28,
  TLS_FAILED: 35,
  TOO_MANY_REDIRECTS: 47,
  EMPTY_REPLY: 52,
  CANNOT_SEND: 55,
  CANNOT_RECEIVE: 56,
  BAD_CERTIFICATE: 60,
} as const;

/** One of the exit codes. */
export type ExitCode = typeof EXIT[keyof typeof EXIT];

/** Ends the program with an exit code. */
export class Failure extends Error {
  readonly exitCode: ExitCode;

  constructor(exitCode: ExitCode, message: string) {
    super(message);
    this.exitCode = exitCode;
  }
}

/** Creates the failure for an invalid command line. */
export function usage(message: string): Failure {
  return new Failure(EXIT.USAGE, `${message} (see --help)`);
}

/** Returns the message of anything that was thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** Returns the failure for an expected error, or `null` for a bug. */
export function failureOf(error: unknown): Failure | null {
  if (error instanceof Failure) return error;
  if (error instanceof ClientError) return failureOfClient(error);
  if (error instanceof ProtocolError) return failureOfProtocol(error);
  return null;
}

/** Returns the failure for a connection that could not be made: by name, connect, certificate or TLS. */
export function connectFailure(error: unknown, isSecure: boolean): Failure {
  const why = messageOf(error);
  const message = `Cannot connect: ${why}`;
  if (/failed to lookup address|no such host|getaddrinfo/i.test(why)) {
    return new Failure(EXIT.NOT_RESOLVED, message);
  }
  if (isSecure && /certificate/i.test(why)) {
    return new Failure(EXIT.BAD_CERTIFICATE, message);
  }
  const { InvalidData, UnexpectedEof, ConnectionReset } = Deno.errors;
  const isTls = error instanceof InvalidData ||
    error instanceof UnexpectedEof || error instanceof ConnectionReset ||
    /\b(?:SSL|TLS)\b/.test(why); // errors of node:tls have no class
  return new Failure(
    isSecure && isTls ? EXIT.TLS_FAILED : EXIT.NOT_CONNECTED,
    message,
  );
}

function failureOfClient(error: ClientError): Failure {
  const { cause, message } = error;
  switch (error.code) {
    case "CONNECT_FAILED":
      // Without TLS, connecting does not fail with the errors that count as TLS's.
      return connectFailure(cause, true);
    case "PROXY_REFUSED":
      return new Failure(EXIT.CANNOT_RECEIVE, message);
    case "DEADLINE":
      return new Failure(EXIT.TIMEOUT, message);
    case "CLOSED":
      return cause === undefined
        ? new Failure(EXIT.EMPTY_REPLY, message)
        : new Failure(EXIT.CANNOT_RECEIVE, `${message}: ${messageOf(cause)}`);
    case "INCOMPLETE":
      return cause instanceof ProtocolError
        ? failureOfProtocol(cause)
        : new Failure(EXIT.CANNOT_RECEIVE, message);
    case "PROTOCOL":
      return cause instanceof ProtocolError
        ? failureOfProtocol(cause)
        : new Failure(EXIT.WEIRD_REPLY, message);
    case "BODY_FAILED":
      return cause instanceof Failure
        ? cause
        : new Failure(EXIT.CANNOT_READ, `${message}: ${messageOf(cause)}`);
    case "REDIRECT":
      return new Failure(EXIT.TOO_MANY_REDIRECTS, message);
    case "CLIENT_CLOSED":
      return new Failure(EXIT.NOT_CONNECTED, message);
  }
}

/** Like curl, uses "cannot receive" for invalid chunks and "weird reply" for invalid heads. */
function failureOfProtocol(error: ProtocolError): Failure {
  const { code, message } = error;
  if (code === "TRUNCATED_BODY") return new Failure(EXIT.PARTIAL_BODY, message);
  const isInBody = /CHUNK|TRAILER/.test(code) &&
    code !== "UNSUPPORTED_TRANSFER_CODING";
  return new Failure(
    isInBody ? EXIT.CANNOT_RECEIVE : EXIT.WEIRD_REPLY,
    message,
  );
}
