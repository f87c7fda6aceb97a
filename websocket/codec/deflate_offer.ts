/**
 * Parses `Sec-WebSocket-Extensions` (RFC 6455 §9.1) and negotiates
 * permessage-deflate on the server's side (RFC 7692 §5.1, §7.1).
 */

/** One extension in the field, with its parameters in order; a parameter without a value has `null`. */
export interface ExtensionOffer {
  readonly name: string;
  readonly params: readonly (readonly [name: string, value: string | null])[];
}

/** What the server allows and asks for. */
export interface DeflateSettings {
  /** Whether the server compresses each message on its own, which it may without being asked (RFC 7692 §7.1.1.1). */
  readonly serverNoContextTakeover: boolean;
  /** Whether the client must compress each message on its own. */
  readonly clientNoContextTakeover: boolean;
  /** Largest window of the server, as a power of two from 9 to 15. */
  readonly serverMaxWindowBits: number;
  /** Largest window of the client, as a power of two from 8 to 15; clients that cannot limit it are used without compression. */
  readonly clientMaxWindowBits: number;
}

/** An offer that was accepted. */
export interface AcceptedDeflate extends DeflateSettings {
  /** The value of `Sec-WebSocket-Extensions` in the response. */
  readonly field: string;
}

/** Extensions and parameters in a field, together. */
const MAX_PARTS = 32;

const PART =
  /\s*([!#$%&'*+\-.^_`|~0-9A-Za-z]+)(?:\s*=\s*(?:([!#$%&'*+\-.^_`|~0-9A-Za-z]+)|"((?:[^"\\]|\\.)*)"))?\s*(;|,|$)/y;

/** An element of the list without content, which recipients accept (RFC 9110 §5.6.1.2), or the end. */
const EMPTY = /\s*(?:,|$)/y;

const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;

/**
 * Parses the field's value.
 *
 * @returns The extensions in order, or `null` if the value is invalid or lists more than 32 extensions or parameters.
 */
export function parseExtensions(value: string): ExtensionOffer[] | null {
  const offers: ExtensionOffer[] = [];
  let params: [string, string | null][] | null = null;
  PART.lastIndex = 0;
  for (let count = 0; count < MAX_PARTS; count++) {
    if (params === null) {
      EMPTY.lastIndex = PART.lastIndex;
      const empty = EMPTY.exec(value)?.[0];
      if (empty !== undefined) {
        if (!empty.endsWith(",")) return offers;
        PART.lastIndex = EMPTY.lastIndex;
        continue;
      }
    }
    const part = PART.exec(value);
    if (part === null) return null;
    const [, name = "", token, quoted, end] = part;
    const text = token ?? quoted?.replaceAll(/\\(.)/g, "$1") ?? null;
    if (params !== null) {
      if (text !== null && !TOKEN.test(text)) return null;
      params.push([name.toLowerCase(), text]);
    } else {
      if (text !== null) return null; // an extension's name has no value
      params = [];
      offers.push({ name: name.toLowerCase(), params });
    }
    if (end === "") return offers;
    if (end === ",") params = null;
  }
  return null;
}

/**
 * Accepts the first offer of permessage-deflate that the settings allow (RFC
 * 7692 §5.1).
 *
 * @returns The parameters for both directions, or `null` if no offer is acceptable.
 */
export function acceptDeflate(
  offers: readonly ExtensionOffer[],
  settings: DeflateSettings,
): AcceptedDeflate | null {
  for (const offer of offers) {
    if (offer.name !== "permessage-deflate") continue;
    const accepted = acceptOffer(offer, settings);
    if (accepted !== null) return accepted;
  }
  return null;
}

function acceptOffer(
  { params }: ExtensionOffer,
  settings: DeflateSettings,
): AcceptedDeflate | null {
  const given = new Map(params);
  if (given.size < params.length) return null; // a parameter occurs twice
  for (const [name, value] of given) {
    if (!isValidParam(name, value)) return null;
  }
  const serverBits = Number(given.get("server_max_window_bits") ?? 15);
  if (serverBits < 9) return null; // zlib's smallest window for raw DEFLATE is 9
  const clientBits = Number(given.get("client_max_window_bits") ?? 15);
  const maySetClientBits = given.has("client_max_window_bits");
  if (!maySetClientBits && settings.clientMaxWindowBits < 15) return null;
  const accepted: DeflateSettings = {
    serverNoContextTakeover: settings.serverNoContextTakeover ||
      given.has("server_no_context_takeover"),
    clientNoContextTakeover: settings.clientNoContextTakeover ||
      given.has("client_no_context_takeover"),
    serverMaxWindowBits: Math.min(serverBits, settings.serverMaxWindowBits),
    clientMaxWindowBits: Math.min(clientBits, settings.clientMaxWindowBits),
  };
  return { ...accepted, field: encodeAccepted(accepted) };
}

/** Whether a parameter is known and has a valid value (RFC 7692 §7.1). */
function isValidParam(name: string, value: string | null): boolean {
  switch (name) {
    case "server_no_context_takeover":
    case "client_no_context_takeover":
      return value === null;
    case "server_max_window_bits":
      return value !== null && isWindowBits(value);
    case "client_max_window_bits":
      return value === null || isWindowBits(value);
    default:
      return false;
  }
}

function isWindowBits(value: string): boolean {
  return /^(?:[89]|1[0-5])$/.test(value);
}

/** A window of 15 bits is the default and not written, which clients that sent no parameter require. */
function encodeAccepted(accepted: DeflateSettings): string {
  const parts = ["permessage-deflate"];
  const { serverMaxWindowBits, clientMaxWindowBits } = accepted;
  if (accepted.serverNoContextTakeover) {
    parts.push("server_no_context_takeover");
  }
  if (accepted.clientNoContextTakeover) {
    parts.push("client_no_context_takeover");
  }
  if (serverMaxWindowBits < 15) {
    parts.push(`server_max_window_bits=${serverMaxWindowBits}`);
  }
  if (clientMaxWindowBits < 15) {
    parts.push(`client_max_window_bits=${clientMaxWindowBits}`);
  }
  return parts.join("; ");
}
