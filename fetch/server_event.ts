/**
 * Encodes server-sent events (the HTML standard, section "Server-sent events",
 * `text/event-stream`).
 */

/** One event, or only a comment. */
export interface ServerEvent {
  /** The payload; each of its lines becomes a `data` field. Without it, the browser dispatches nothing. */
  readonly data?: string | undefined;
  /** The type for which the page listens. @default {"message"} */
  readonly event?: string | undefined;
  /** The browser sends the last one back as `Last-Event-ID` when it connects again. */
  readonly id?: string | undefined;
  /** How long the browser waits before it connects again, in ms. */
  readonly retry?: number | undefined;
  /** Text that the browser ignores. */
  readonly comment?: string | undefined;
}

/** The line ends of the format; each of them ends a field. */
const LINE_END = /\r\n|\r|\n/;

/** A comment that says nothing, which keeps the connection in use. */
export const EMPTY_COMMENT = ":\n\n";

/**
 * Encodes an event with the empty line that ends it.
 *
 * @param event The event; a string is its data.
 * @throws {TypeError} If the type or the identifier has a line end, which would
 * start another field, or the identifier has a NUL, for which browsers ignore it.
 * @throws {RangeError} If `retry` is no integer of at least 0.
 */
export function encodeEvent(event: ServerEvent | string): string {
  if (typeof event === "string") return `${linesOf("data", event)}\n`;
  const { data, event: type, id, retry, comment } = event;
  let text = "";
  if (comment !== undefined) text += linesOf("", comment);
  if (type !== undefined) text += lineOf("event", type);
  if (id !== undefined) text += lineOf("id", id);
  if (retry !== undefined) text += `retry: ${checkedRetry(retry)}\n`;
  if (data !== undefined) text += linesOf("data", data);
  return `${text}\n`;
}

function linesOf(field: string, value: string): string {
  return value.split(LINE_END).map((line) => `${field}: ${line}\n`).join("");
}

function lineOf(field: string, value: string): string {
  if (!LINE_END.test(value) && !value.includes("\0")) {
    return `${field}: ${value}\n`;
  }
  throw new TypeError(
    `Cannot send event: its ${field} ${
      JSON.stringify(value.slice(0, 64))
    } has a line end or a NUL`,
  );
}

function checkedRetry(retry: number): number {
  if (Number.isSafeInteger(retry) && retry >= 0) return retry;
  throw new RangeError(
    `Cannot send event: retry is ${retry}, not an integer of at least 0 (ms)`,
  );
}
