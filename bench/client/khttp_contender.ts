/** The exchanges of our client, for each way of reading a body. */

import { Client, type ClientResponse } from "../../mod.ts";
import { bodyOf, type Contender } from "./contender.ts";

/**
 * Returns a contender with one client for all exchanges.
 *
 * @param read Reads a body; resolves with its size.
 */
export function contenderOf(
  read: (body: ClientResponse["body"]) => Promise<number>,
): Contender {
  return (port, clientCase, concurrency) => {
    const client = new Client(`127.0.0.1:${port}`);
    const { method, target } = clientCase;
    const body = bodyOf(clientCase);
    const init = body === undefined ? {} : { body };
    return Array.from({ length: concurrency }, () => async () => {
      const response = await client.exchange(method, target, init);
      return await read(response.body);
    });
  };
}
