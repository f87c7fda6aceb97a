/**
 * Encodes server-sent events (the HTML standard, section "Server-sent events",
 * `text/event-stream`).
 */

import { typeName } from "../codec/shown.ts";

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

/** The names of an event's fields. */
const NAMES: ReadonlySet<string> = new Set([
  "data",
  "event",
  "id",
  "retry",
  "comment",
]);

/**
 * Encodes an event with the empty line that ends it.
 *
 * @param event The event; a string is its data.
 * @throws {TypeError} If it is neither a string nor an object with an event's
 * fields, or one of these is not a string; if the type or the identifier has a
 * line end, which would start another field; or if the identifier has a NUL,
 * since browsers ignore such an identifier.
 * @throws {RangeError} If `retry` is no integer of at least 0.
 */
export function encodeEvent(event: ServerEvent | string): string {
  if (typeof event === "string") return `${linesOf("data", event)}\n`;
  if (typeof event !== "object" || event === null) throw noEvent(event);
  const { data, event: type, id, retry, comment } = event;
  let text = "";
  if (comment !== undefined) text += linesOf("comment", comment, "");
  if (type !== undefined) text += lineOf("event", type);
  if (id !== undefined) text += lineOf("id", id);
  if (retry !== undefined) text += `retry: ${checkedRetry(retry)}\n`;
  if (data !== undefined) text += linesOf("data", data);
  if (text === "") refuseOther(event);
  return `${text}\n`;
}

/** @throws {TypeError} If an object has content, but no field of an event: bytes, or an object with a misspelled name. */
function refuseOther(event: object): void {
  if (ArrayBuffer.isView(event)) throw noEvent(event);
  const name = Object.keys(event).find((key) => !NAMES.has(key));
  if (name === undefined) return;
  throw new TypeError(
    `Cannot send event: it has ${
      JSON.stringify(name)
    }, but none of data, event, id, retry and comment`,
  );
}

function noEvent(value: unknown): TypeError {
  const kind = ArrayBuffer.isView(value) ? "bytes" : typeName(value);
  return new TypeError(
    `Cannot send event: it is of type ${kind}, not a string or an object such as { data }`,
  );
}

/** @throws {TypeError} If the value of a field is not a string, which programs without types may pass. */
function requireString(field: string, value: unknown): void {
  if (typeof value === "string") return;
  throw new TypeError(
    `Cannot send event: its ${field} is of type ${
      typeName(value)
    }, not a string; pass it through JSON.stringify() or String()`,
  );
}

function linesOf(field: string, value: string, written = field): string {
  requireString(field, value);
  return value.split(LINE_END).map((line) => `${written}: ${line}\n`).join("");
}

function lineOf(field: string, value: string): string {
  requireString(field, value);
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
