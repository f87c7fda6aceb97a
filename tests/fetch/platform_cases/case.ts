/** Cases of the public web-platform-tests, and the parts that their tables share. */

import { request as wireOf } from "../../support/serve.ts";

/** One case. The request is one that a fetch handler has received, or one of the runtime's own. */
export interface PlatformCase {
  /** The file under `fetch/api/`, and what it says. */
  readonly name: string;
  /** The request as it is received. */
  readonly wire: string;
  /** What a handler does with it; the result must be JSON. */
  readonly read: (request: Request) => unknown;
  readonly expect: unknown;
  /** What the runtime's own request gives, where it differs from the standard. */
  readonly runtime?: unknown;
}

/** A request without a body. */
export const GET: string = wireOf("GET /a?b", "A: 1\r\nB: 2\r\nA: 3\r\n");

/** A request with a body. */
export function post(body: string, type?: string): string {
  const field = type === undefined ? "" : `Content-Type: ${type}\r\n`;
  return wireOf("POST /", field, body);
}

/** What a call throws or its promise rejects with, by name; else its result. */
export async function outcome(run: () => unknown): Promise<unknown> {
  try {
    return await run();
  } catch (error) {
    return error instanceof Error ? error.name : String(error);
  }
}

/** The methods that read a body. */
export const READERS = [
  "arrayBuffer",
  "blob",
  "bytes",
  "formData",
  "json",
  "text",
] as const;
