/** Our client, with bodies that are read piece by piece instead of into one array. */

import { Client } from "../../mod.ts";
import { bodyOf, type Contender } from "./contender.ts";

/** One client for all exchanges. */
export const contender: Contender = (port, clientCase, concurrency) => {
  const client = new Client(`127.0.0.1:${port}`);
  const { method, target } = clientCase;
  const body = bodyOf(clientCase);
  const init = body === undefined ? {} : { body };
  return Array.from({ length: concurrency }, () => async () => {
    const response = await client.exchange(method, target, init);
    let size = 0;
    for await (const view of response.body.views()) size += view.length;
    return size;
  });
};
