/** The npm package got, with an agent that keeps connections. */

import { Agent } from "node:http";
import got from "npm:got@16.1.0";
import { bodyOf, type Contender } from "./contender.ts";

/** One agent for all exchanges. Options that cost time, such as retries, are off. */
export const contender: Contender = (port, clientCase, concurrency) => {
  const { method, target } = clientCase;
  const url = `http://127.0.0.1:${port}${target}`;
  const body = bodyOf(clientCase);
  const client = got.extend({
    method,
    agent: { http: new Agent({ keepAlive: true, maxSockets: concurrency }) },
    retry: { limit: 0 },
    decompress: false,
    responseType: "buffer",
    ...(body === undefined ? {} : { body }),
  });
  return Array.from({ length: concurrency }, () => async () => {
    const response = await client(url);
    return (response.body as Uint8Array).length; // see `responseType`
  });
};
