/** The `fetch` of our client. */

import { createFetch } from "../../mod.ts";
import { bodyOf, type Contender } from "./contender.ts";

/** All exchanges share the pools of one agent. */
export const contender: Contender = (port, clientCase, concurrency) => {
  const fetch = createFetch();
  const { method, target } = clientCase;
  const url = `http://127.0.0.1:${port}${target}`;
  const body = bodyOf(clientCase) as Uint8Array<ArrayBuffer> | undefined; // it is not shared
  const init = body === undefined ? { method } : { method, body };
  return Array.from({ length: concurrency }, () => async () => {
    const response = await fetch(url, init);
    return (await response.arrayBuffer()).byteLength;
  });
};
