/**
 * Status codes with their registered reason phrases (RFC 9110 §15, §16.2).
 * `framing.ts` and `response_framing.ts` decide what a status means for the
 * body.
 */

/** Matches a character that a reason phrase must not contain (RFC 9112 §4). */
const NOT_IN_REASON = /[^\t\x20-\x7e\x80-\xff]/;

function checkCode(code: unknown): void {
  if (Number.isInteger(code) && Number(code) >= 100 && Number(code) <= 599) {
    return;
  }
  const shown = typeof code === "string" ? JSON.stringify(code) : String(code);
  throw new RangeError(
    `Cannot create status: code ${shown} is not an integer from 100 to 599`,
  );
}

function checkReason(reason: unknown): void {
  if (typeof reason !== "string") {
    throw new TypeError("Cannot create status: reason is not a string");
  }
  const index = reason.search(NOT_IN_REASON);
  if (index < 0) return;
  throw new TypeError(
    `Cannot create status: reason has an invalid character at index ${index}`,
  );
}

/**
 * A status code with its reason phrase (RFC 9110 §15); instances are frozen.
 *
 * @example A registered code, and a custom one
 * ```ts
 * import { Status } from "@khttp/khttp";
 * import { assertEquals, assertStrictEquals } from "@std/assert";
 *
 * assertStrictEquals(Status.of(404), Status.NOT_FOUND);
 * assertEquals(Status.of(299, "Weird").reason, "Weird");
 * ```
 */
export class Status {
  /** An integer from 100 to 599. */
  readonly code: number;
  /** The reason phrase; may be empty. */
  readonly reason: string;

  /** 100 Continue (RFC 9110 §15.2.1). */
  static readonly CONTINUE: Status = new Status(100, "Continue");
  /** 101 Switching Protocols (RFC 9110 §15.2.2). */
  static readonly SWITCHING_PROTOCOLS: Status = new Status(
    101,
    "Switching Protocols",
  );
  /** 103 Early Hints (RFC 8297). */
  static readonly EARLY_HINTS: Status = new Status(103, "Early Hints");
  /** 200 OK (RFC 9110 §15.3.1). */
  static readonly OK: Status = new Status(200, "OK");
  /** 201 Created (RFC 9110 §15.3.2). */
  static readonly CREATED: Status = new Status(201, "Created");
  /** 202 Accepted (RFC 9110 §15.3.3). */
  static readonly ACCEPTED: Status = new Status(202, "Accepted");
  /** 203 Non-Authoritative Information (RFC 9110 §15.3.4). */
  static readonly NON_AUTHORITATIVE_INFORMATION: Status = new Status(
    203,
    "Non-Authoritative Information",
  );
  /** 204 No Content (RFC 9110 §15.3.5). */
  static readonly NO_CONTENT: Status = new Status(204, "No Content");
  /** 205 Reset Content (RFC 9110 §15.3.6). */
  static readonly RESET_CONTENT: Status = new Status(205, "Reset Content");
  /** 206 Partial Content (RFC 9110 §15.3.7). */
  static readonly PARTIAL_CONTENT: Status = new Status(206, "Partial Content");
  /** 207 Multi-Status (RFC 4918). */
  static readonly MULTI_STATUS: Status = new Status(207, "Multi-Status");
  /** 208 Already Reported (RFC 5842). */
  static readonly ALREADY_REPORTED: Status = new Status(
    208,
    "Already Reported",
  );
  /** 226 IM Used (RFC 3229). */
  static readonly IM_USED: Status = new Status(226, "IM Used");
  /** 300 Multiple Choices (RFC 9110 §15.4.1). */
  static readonly MULTIPLE_CHOICES: Status = new Status(
    300,
    "Multiple Choices",
  );
  /** 301 Moved Permanently (RFC 9110 §15.4.2). */
  static readonly MOVED_PERMANENTLY: Status = new Status(
    301,
    "Moved Permanently",
  );
  /** 302 Found (RFC 9110 §15.4.3). */
  static readonly FOUND: Status = new Status(302, "Found");
  /** 303 See Other (RFC 9110 §15.4.4). */
  static readonly SEE_OTHER: Status = new Status(303, "See Other");
  /** 304 Not Modified (RFC 9110 §15.4.5). */
  static readonly NOT_MODIFIED: Status = new Status(304, "Not Modified");
  /** 305 Use Proxy (RFC 9110 §15.4.6). */
  static readonly USE_PROXY: Status = new Status(305, "Use Proxy");
  /** 307 Temporary Redirect (RFC 9110 §15.4.8). */
  static readonly TEMPORARY_REDIRECT: Status = new Status(
    307,
    "Temporary Redirect",
  );
  /** 308 Permanent Redirect (RFC 9110 §15.4.9). */
  static readonly PERMANENT_REDIRECT: Status = new Status(
    308,
    "Permanent Redirect",
  );
  /** 400 Bad Request (RFC 9110 §15.5.1). */
  static readonly BAD_REQUEST: Status = new Status(400, "Bad Request");
  /** 401 Unauthorized (RFC 9110 §15.5.2). */
  static readonly UNAUTHORIZED: Status = new Status(401, "Unauthorized");
  /** 402 Payment Required (RFC 9110 §15.5.3). */
  static readonly PAYMENT_REQUIRED: Status = new Status(
    402,
    "Payment Required",
  );
  /** 403 Forbidden (RFC 9110 §15.5.4). */
  static readonly FORBIDDEN: Status = new Status(403, "Forbidden");
  /** 404 Not Found (RFC 9110 §15.5.5). */
  static readonly NOT_FOUND: Status = new Status(404, "Not Found");
  /** 405 Method Not Allowed (RFC 9110 §15.5.6). */
  static readonly METHOD_NOT_ALLOWED: Status = new Status(
    405,
    "Method Not Allowed",
  );
  /** 406 Not Acceptable (RFC 9110 §15.5.7). */
  static readonly NOT_ACCEPTABLE: Status = new Status(406, "Not Acceptable");
  /** 407 Proxy Authentication Required (RFC 9110 §15.5.8). */
  static readonly PROXY_AUTHENTICATION_REQUIRED: Status = new Status(
    407,
    "Proxy Authentication Required",
  );
  /** 408 Request Timeout (RFC 9110 §15.5.9). */
  static readonly REQUEST_TIMEOUT: Status = new Status(408, "Request Timeout");
  /** 409 Conflict (RFC 9110 §15.5.10). */
  static readonly CONFLICT: Status = new Status(409, "Conflict");
  /** 410 Gone (RFC 9110 §15.5.11). */
  static readonly GONE: Status = new Status(410, "Gone");
  /** 411 Length Required (RFC 9110 §15.5.12). */
  static readonly LENGTH_REQUIRED: Status = new Status(411, "Length Required");
  /** 412 Precondition Failed (RFC 9110 §15.5.13). */
  static readonly PRECONDITION_FAILED: Status = new Status(
    412,
    "Precondition Failed",
  );
  /** 413 Content Too Large (RFC 9110 §15.5.14). */
  static readonly CONTENT_TOO_LARGE: Status = new Status(
    413,
    "Content Too Large",
  );
  /** 414 URI Too Long (RFC 9110 §15.5.15). */
  static readonly URI_TOO_LONG: Status = new Status(414, "URI Too Long");
  /** 415 Unsupported Media Type (RFC 9110 §15.5.16). */
  static readonly UNSUPPORTED_MEDIA_TYPE: Status = new Status(
    415,
    "Unsupported Media Type",
  );
  /** 416 Range Not Satisfiable (RFC 9110 §15.5.17). */
  static readonly RANGE_NOT_SATISFIABLE: Status = new Status(
    416,
    "Range Not Satisfiable",
  );
  /** 417 Expectation Failed (RFC 9110 §15.5.18). */
  static readonly EXPECTATION_FAILED: Status = new Status(
    417,
    "Expectation Failed",
  );
  /** 421 Misdirected Request (RFC 9110 §15.5.20). */
  static readonly MISDIRECTED_REQUEST: Status = new Status(
    421,
    "Misdirected Request",
  );
  /** 422 Unprocessable Content (RFC 9110 §15.5.21). */
  static readonly UNPROCESSABLE_CONTENT: Status = new Status(
    422,
    "Unprocessable Content",
  );
  /** 423 Locked (RFC 4918). */
  static readonly LOCKED: Status = new Status(423, "Locked");
  /** 424 Failed Dependency (RFC 4918). */
  static readonly FAILED_DEPENDENCY: Status = new Status(
    424,
    "Failed Dependency",
  );
  /** 425 Too Early (RFC 8470). */
  static readonly TOO_EARLY: Status = new Status(425, "Too Early");
  /** 426 Upgrade Required (RFC 9110 §15.5.22). */
  static readonly UPGRADE_REQUIRED: Status = new Status(
    426,
    "Upgrade Required",
  );
  /** 428 Precondition Required (RFC 6585). */
  static readonly PRECONDITION_REQUIRED: Status = new Status(
    428,
    "Precondition Required",
  );
  /** 429 Too Many Requests (RFC 6585). */
  static readonly TOO_MANY_REQUESTS: Status = new Status(
    429,
    "Too Many Requests",
  );
  /** 431 Request Header Fields Too Large (RFC 6585). */
  static readonly REQUEST_HEADER_FIELDS_TOO_LARGE: Status = new Status(
    431,
    "Request Header Fields Too Large",
  );
  /** 451 Unavailable For Legal Reasons (RFC 7725). */
  static readonly UNAVAILABLE_FOR_LEGAL_REASONS: Status = new Status(
    451,
    "Unavailable For Legal Reasons",
  );
  /** 500 Internal Server Error (RFC 9110 §15.6.1). */
  static readonly INTERNAL_SERVER_ERROR: Status = new Status(
    500,
    "Internal Server Error",
  );
  /** 501 Not Implemented (RFC 9110 §15.6.2). */
  static readonly NOT_IMPLEMENTED: Status = new Status(501, "Not Implemented");
  /** 502 Bad Gateway (RFC 9110 §15.6.3). */
  static readonly BAD_GATEWAY: Status = new Status(502, "Bad Gateway");
  /** 503 Service Unavailable (RFC 9110 §15.6.4). */
  static readonly SERVICE_UNAVAILABLE: Status = new Status(
    503,
    "Service Unavailable",
  );
  /** 504 Gateway Timeout (RFC 9110 §15.6.5). */
  static readonly GATEWAY_TIMEOUT: Status = new Status(504, "Gateway Timeout");
  /** 505 HTTP Version Not Supported (RFC 9110 §15.6.6). */
  static readonly HTTP_VERSION_NOT_SUPPORTED: Status = new Status(
    505,
    "HTTP Version Not Supported",
  );
  /** 506 Variant Also Negotiates (RFC 2295). */
  static readonly VARIANT_ALSO_NEGOTIATES: Status = new Status(
    506,
    "Variant Also Negotiates",
  );
  /** 507 Insufficient Storage (RFC 4918). */
  static readonly INSUFFICIENT_STORAGE: Status = new Status(
    507,
    "Insufficient Storage",
  );
  /** 508 Loop Detected (RFC 5842). */
  static readonly LOOP_DETECTED: Status = new Status(508, "Loop Detected");
  /** 510 Not Extended (RFC 2774). */
  static readonly NOT_EXTENDED: Status = new Status(510, "Not Extended");
  /** 511 Network Authentication Required (RFC 6585). */
  static readonly NETWORK_AUTHENTICATION_REQUIRED: Status = new Status(
    511,
    "Network Authentication Required",
  );

  /**
   * Creates a status; {@linkcode Status.of} returns the constants instead.
   *
   * @param code An integer from 100 to 599.
   * @param reason The reason phrase; may be empty.
   * @throws {RangeError} If `code` is not an integer from 100 to 599.
   * @throws {TypeError} If `reason` is not a string, or contains a control
   * character other than HTAB or a code unit above 0xFF.
   */
  constructor(code: number, reason: string) {
    checkCode(code);
    checkReason(reason);
    this.code = code;
    this.reason = reason;
    Object.freeze(this);
  }

  /**
   * Returns the status for a code: a constant if the code is registered and the
   * reason is the registered one.
   *
   * @param code An integer from 100 to 599.
   * @param reason The reason phrase. @default {the registered phrase, or an empty string}
   * @returns A constant, or a new status.
   * @throws {RangeError} If `code` is not an integer from 100 to 599.
   * @throws {TypeError} If `reason` is not a string, or contains a control
   * character other than HTAB or a code unit above 0xFF.
   */
  static of(code: number, reason?: string): Status {
    const known = KNOWN.get(code);
    if (known !== undefined && (reason ?? known.reason) === known.reason) {
      return known;
    }
    return new Status(code, reason ?? "");
  }
}

/** The constants by their codes. */
const KNOWN: ReadonlyMap<number, Status> = new Map(
  Object.values(Status).map((status) => [status.code, status]),
);
