/**
 * Checks the responses of a target before it is timed. A target that does less
 * than the others is reported and not measured.
 */

import type { LoadCase } from "./cases.ts";
import { type RawResponse, RawResponseReader } from "./raw_response.ts";

const DEADLINE_MS = 10_000;

/**
 * Sends the requests of a case in one write, twice on one connection, and
 * compares every response.
 *
 * @param deadlineMs Time limit for the whole check, in ms.
 * @returns The fault, or `null`.
 */
export async function findFault(
  loadCase: LoadCase,
  port: number,
  deadlineMs: number = DEADLINE_MS,
): Promise<string | null> {
  let isLate = false;
  try {
    using conn = await Deno.connect({ hostname: "127.0.0.1", port });
    const timer = setTimeout(() => {
      isLate = true;
      conn.close();
    }, deadlineMs);
    try {
      for (let turn = 0; turn < 2; turn++) {
        for (const response of await ask(conn, loadCase)) {
          const fault = compare(loadCase, response);
          if (fault !== null) return fault;
        }
      }
    } finally {
      clearTimeout(timer);
    }
    return null;
  } catch (error) {
    if (isLate) return `it did not respond within ${deadlineMs} ms`;
    return error instanceof Error ? error.message : String(error);
  }
}

async function ask(
  conn: Deno.TcpConn,
  { request, pipelined }: LoadCase,
): Promise<readonly RawResponse[]> {
  const responses: RawResponse[] = [];
  const reader = new RawResponseReader(
    (response) => responses.push(response),
    { keepsBodies: true },
  );
  const writing = writeAll(conn, request.repeat(pipelined));
  const buffer = new Uint8Array(65_536);
  while (responses.length < pipelined) {
    const size = await conn.read(buffer);
    if (size === null) {
      throw new Error(`it closed after ${responses.length} responses`);
    }
    reader.push(buffer.subarray(0, size));
  }
  await writing;
  return responses;
}

async function writeAll(conn: Deno.TcpConn, text: string): Promise<void> {
  const bytes = new TextEncoder().encode(text);
  let at = 0;
  while (at < bytes.length) at += await conn.write(bytes.subarray(at));
}

function compare({ answer }: LoadCase, response: RawResponse): string | null {
  const { status, fields, body } = response;
  const field = (wanted: string): string | undefined =>
    fields.find(([name]) => name === wanted)?.[1];
  if (status !== 200) return `its status is ${status}`;
  const type = field("content-type")?.split(";")[0];
  if (type !== answer.type) return `its content-type is "${type}"`;
  const isChunked = field("transfer-encoding") !== undefined;
  if (isChunked !== answer.isChunked) {
    return isChunked
      ? "its response is chunked"
      : "its response is not chunked";
  }
  for (const [name, value] of answer.fields) {
    if (field(name) !== value) return `its field "${name}" is not "${value}"`;
  }
  if (body.length !== answer.body.length) {
    return `its body has ${body.length} bytes, not ${answer.body.length}`;
  }
  const differs = body.findIndex((byte, index) => byte !== answer.body[index]);
  return differs === -1 ? null : `its body differs at byte ${differs}`;
}
