/** The `fetch` of the npm package undici. */

import { Agent, fetch } from "npm:undici@8.12.4";
import { bodyOf, type Contender } from "./contender.ts";

/** One agent for all exchanges. */
export const contender: Contender = (port, clientCase, concurrency) => {
  const { method, target } = clientCase;
  const url = `http://127.0.0.1:${port}${target}`;
  const dispatcher = new Agent({ connections: concurrency });
  const body = bodyOf(clientCase);
  const init = {
    method,
    dispatcher,
    ...(body === undefined ? {} : { body }),
  };
  return Array.from({ length: concurrency }, () => async () => {
    const response = await fetch(url, init);
    return (await response.arrayBuffer()).byteLength;
  });
};
