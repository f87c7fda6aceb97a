/**
 * Responses as a client reads them from the server's whole output (RFC 9112
 * §6.3). Written independently of the codec, so that a framing error there is
 * noticed.
 */

/** One response as it was on the wire. */
export interface WireResponse {
  readonly status: number;
  readonly reason: string;
  /** Lower-case names; lines of one name joined with `, `. */
  readonly headers: ReadonlyMap<string, string>;
  /** The payload, without chunk framing. */
  readonly body: string;
}

/**
 * Parses consecutive responses.
 *
 * @param methods Methods of the requests in order; GET where none is given.
 * @param isClosed Whether the server has closed, which ends a body without a length.
 * @returns The complete responses, and the text after the last of them.
 */
export function parseResponses(
  output: string,
  methods: readonly string[] = [],
  isClosed = false,
): { responses: WireResponse[]; rest: string } {
  const responses: WireResponse[] = [];
  let rest = output;
  let finals = 0;
  for (;;) {
    const end = rest.indexOf("\r\n\r\n");
    if (end === -1) return { responses, rest };
    const [statusLine = "", ...lines] = rest.slice(0, end).split("\r\n");
    const match = /^HTTP\/1\.1 ([1-5][0-9]{2}) ([\t -~\x80-\xff]*)$/
      .exec(statusLine);
    if (match === null) return { responses, rest };
    const [, code = "", reason = ""] = match;
    const status = Number(code);
    const headers = new Map<string, string>();
    for (const line of lines) {
      const [, name, value] = /^([^\s:]+): ?(.*)$/.exec(line) ?? [];
      if (name === undefined || value === undefined) return { responses, rest };
      const lower = name.toLowerCase();
      const before = headers.get(lower);
      headers.set(lower, before === undefined ? value : `${before}, ${value}`);
    }
    const isBare = status < 200 || status === 204 || status === 304 ||
      methods[finals] === "HEAD";
    const body = isBare
      ? { text: "", size: 0 }
      : readBody(rest.slice(end + 4), headers, isClosed);
    if (body === null) return { responses, rest };
    if (status >= 200) finals++;
    responses.push({ status, reason, headers, body: body.text });
    rest = rest.slice(end + 4 + body.size);
  }
}

function readBody(
  text: string,
  headers: ReadonlyMap<string, string>,
  isClosed: boolean,
): { text: string; size: number } | null {
  if (headers.get("transfer-encoding") === "chunked") return readChunks(text);
  const length = headers.get("content-length");
  if (length === undefined) {
    return isClosed ? { text, size: text.length } : null;
  }
  const size = Number(length);
  return text.length < size ? null : { text: text.slice(0, size), size };
}

function readChunks(text: string): { text: string; size: number } | null {
  let payload = "";
  let at = 0;
  for (;;) {
    const [line, digits = ""] = /^([0-9a-f]+)\r\n/i.exec(text.slice(at)) ?? [];
    if (line === undefined) return null;
    at += line.length;
    const size = parseInt(digits, 16);
    if (size === 0) {
      const end = text.startsWith("\r\n", at)
        ? at - 2
        : text.indexOf("\r\n\r\n", at);
      return end < 0 ? null : { text: payload, size: end + 4 };
    }
    if (text.slice(at + size, at + size + 2) !== "\r\n") return null;
    payload += text.slice(at, at + size);
    at += size + 2;
  }
}
